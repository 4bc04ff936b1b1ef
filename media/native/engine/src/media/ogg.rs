//! Ogg/Opus (RFC 7845): each channel is coded for itself, so that nobody is heard in the channel of another.

use ogg::{PacketWriteEndInfo, PacketWriter};
use opusic_c::{Application, Bitrate, Channels, Encoder, SampleRate};

use crate::codec::to_f32;

/// Frames of a page: with the writer's turn of 300 ms less than a second is in memory at any time.
const PAGE_FRAMES: u64 = 30;
const FRAMES_PER_SECOND: u32 = 50;
const MAX_PACKET: usize = 1275;
/// Bits per second and channel at 8 kHz; wideband needs more. No DTX: what is silent in the file was silent, not left out.
const NARROW_BITS: u32 = 14_000;
const WIDE_BITS: u32 = 24_000;

fn sample_rate(rate: u32) -> Option<SampleRate> {
    Some(match rate {
        8000 => SampleRate::Hz8000,
        16_000 => SampleRate::Hz16000,
        24_000 => SampleRate::Hz24000,
        48_000 => SampleRate::Hz48000,
        _ => return None,
    })
}

/// One channel's encoder and its last packet.
struct Voice {
    encoder: Encoder,
    samples: Vec<f32>,
    packet: Vec<u8>,
    length: usize,
}

impl Voice {
    fn new(rate: u32, complexity: u8) -> Option<Self> {
        let mut encoder = Encoder::new(Channels::Mono, sample_rate(rate)?, Application::Voip).ok()?;
        encoder.set_complexity(complexity).ok()?;
        encoder.set_bitrate(Bitrate::Value(if rate > 8000 { WIDE_BITS } else { NARROW_BITS })).ok()?;
        Some(Self { encoder, samples: Vec::new(), packet: vec![0; MAX_PACKET], length: 0 })
    }

    fn encode(&mut self) {
        // What cannot be coded is a frame without content: its length stays.
        self.length = self.encoder.encode_float_to_slice(&self.samples, &mut self.packet).unwrap_or(0);
        if self.length == 0 {
            (self.packet[0], self.length) = (EMPTY_FRAME, 1);
        }
    }
}

/// A table of contents for SILK narrowband, 20 ms, one frame; without a frame behind it the decoder fades to silence.
const EMPTY_FRAME: u8 = 1 << 3;

pub struct OpusFile {
    rate: u32,
    voices: Vec<Voice>,
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    /// Interleaved samples that do not fill a frame yet.
    pending: Vec<i16>,
    /// The packet that is held back: only with the next one is it known not to be the last.
    held: Option<Vec<u8>>,
    frames: u64,
    /// Samples at 48 kHz that the decoder throws away at the begin.
    skip: u64,
}

impl OpusFile {
    /// `None` for what libopus does not take.
    pub fn new(rate: u32, channels: u16, serial: u32, complexity: u8) -> Option<Self> {
        let mut voices: Vec<Voice> =
            (0..channels).map(|_| Voice::new(rate, complexity)).collect::<Option<Vec<Voice>>>()?;
        let ahead = voices.first_mut()?.encoder.get_look_ahead().ok()?;
        let skip = u64::from(ahead) * u64::from(48_000 / rate);
        let mut file = Self {
            rate,
            voices,
            pages: PacketWriter::new(Vec::new()),
            serial,
            pending: Vec::new(),
            held: None,
            frames: 0,
            skip,
        };
        let head = file.head();
        file.write(head, PacketWriteEndInfo::EndPage, 0);
        file.write(tags(), PacketWriteEndInfo::EndPage, 0);
        Some(file)
    }

    /// The identification header (RFC 7845 §5.1); channels are uncoupled, beyond two without a meaning of their own.
    fn head(&self) -> Vec<u8> {
        let channels = self.voices.len() as u8;
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend((self.skip as u16).to_le_bytes());
        head.extend(self.rate.to_le_bytes());
        head.extend([0, 0]); // gain
        match channels {
            1 => head.push(0),
            _ => {
                head.extend([if channels == 2 { 1 } else { 255 }, channels, 0]);
                head.extend(0..channels);
            }
        }
        head
    }

    fn write(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, granule: u64) {
        // Writing into memory does not fail.
        let _ = self.pages.write_packet(packet, self.serial, end, granule);
    }

    fn frame(&self) -> usize {
        (self.rate / FRAMES_PER_SECOND) as usize
    }

    /// Samples at 48 kHz that a decoder has given out after `frames` frames, the thrown away among them.
    fn granule(frames: u64) -> u64 {
        frames * 960
    }

    /// Takes interleaved samples; whole pages come out.
    pub fn put(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        self.pending.extend_from_slice(samples);
        let step = self.frame() * self.voices.len();
        let mut at = 0;
        while let Some(frame) = self.pending.get(at..at + step) {
            let width = self.voices.len();
            for (index, voice) in self.voices.iter_mut().enumerate() {
                voice.samples.clear();
                voice.samples.extend(frame.iter().skip(index).step_by(width).map(|&sample| to_f32(sample)));
                voice.encode();
            }
            at += step;
            self.keep_packet();
        }
        self.pending.drain(..at);
        self.take(out);
    }

    /// Silence of so many samples per channel, without coding it.
    pub fn silence(&mut self, mut samples: u64, out: &mut Vec<u8>) {
        let width = self.voices.len();
        let fill = (self.frame() - self.pending.len() / width) as u64 % self.frame() as u64;
        let first = fill.min(samples) as usize;
        self.put(&vec![0; first * width], out);
        samples -= first as u64;
        while samples >= self.frame() as u64 {
            for voice in &mut self.voices {
                (voice.packet[0], voice.length) = (EMPTY_FRAME, 1);
            }
            self.keep_packet();
            samples -= self.frame() as u64;
        }
        self.put(&vec![0; samples as usize * width], out);
    }

    /// Joins the voices' packets (RFC 6716 appendix B) and lets the one before go.
    fn keep_packet(&mut self) {
        let mut packet = Vec::with_capacity(self.voices.iter().map(|voice| voice.length + 2).sum());
        let last = self.voices.len().saturating_sub(1);
        for (index, voice) in self.voices.iter().enumerate() {
            let own = voice.packet.get(..voice.length).unwrap_or_default();
            match own.split_first() {
                Some((contents, frame)) if index < last => {
                    packet.push(*contents);
                    match frame.len() {
                        short @ 0..252 => packet.push(short as u8),
                        long => {
                            let low = 252 + (long & 3);
                            packet.extend([low as u8, ((long - low) >> 2) as u8]);
                        }
                    }
                    packet.extend_from_slice(frame);
                }
                _ => packet.extend_from_slice(own),
            }
        }
        self.release(false);
        self.held = Some(packet);
        self.frames += 1;
    }

    fn release(&mut self, forced: bool) {
        let Some(packet) = self.held.take() else { return };
        let ends = forced || self.frames.is_multiple_of(PAGE_FRAMES);
        let end = if ends { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.write(packet, end, Self::granule(self.frames));
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        out.append(self.pages.inner_mut());
    }

    /// Ends the stream after exactly `samples` per channel were given: the last page says how much of it counts.
    pub fn finish(&mut self, samples: u64, out: &mut Vec<u8>) {
        let end = samples * u64::from(48_000 / self.rate) + self.skip;
        let missing = end.saturating_sub(Self::granule(self.frames)).div_ceil(960) * self.frame() as u64;
        let rest = missing as usize * self.voices.len() - self.pending.len().min(missing as usize * self.voices.len());
        self.put(&vec![0; rest], out);
        if let Some(packet) = self.held.take() {
            self.write(packet, PacketWriteEndInfo::EndStream, end);
        }
        self.take(out);
    }
}

/// The comment header (RFC 7845 §5.2).
fn tags() -> Vec<u8> {
    let vendor = b"softswitch";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0u32.to_le_bytes());
    tags
}
