//! Sound files read piece by piece, mono at 16 kHz: WAV and Ogg/Opus (RFC 7845).

use std::io::{Read, Seek, SeekFrom};

use ogg::PacketReader;
use thiserror::Error;

use super::wav::{self, Format, WavError};
use crate::codec::Decode as _;
use crate::codec::opus;
use crate::dsp::resample::{self, Resampler};

/// Samples per second of what is read.
pub const RATE: u32 = 16_000;
/// Frames that are taken from a WAV file at once.
const PIECE: usize = 4096;
/// Longest file: a day.
const MAX_MS: u64 = 24 * 3_600_000;

#[derive(Debug, Error)]
pub enum SourceError {
    #[error("neither WAV nor Ogg/Opus")]
    Unknown,
    #[error(transparent)]
    Wav(#[from] WavError),
    #[error("Ogg: {0}")]
    Ogg(#[from] ogg::OggReadError),
    #[error("Opus: {0}")]
    Opus(&'static str),
    #[error("longer than a day")]
    TooLong,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A file that is being read.
pub enum Source<R: Read + Seek> {
    Wav(Box<Wav<R>>),
    Opus(Box<Opus<R>>),
}

impl<R: Read + Seek> Source<R> {
    pub fn open(mut file: R) -> Result<Self, SourceError> {
        let mut magic = [0u8; 4];
        file.read_exact(&mut magic).map_err(|_| SourceError::Unknown)?;
        file.seek(SeekFrom::Start(0))?;
        let source = match &magic {
            b"RIFF" => Self::Wav(Box::new(Wav::open(file)?)),
            b"OggS" => Self::Opus(Box::new(Opus::open(file)?)),
            _ => return Err(SourceError::Unknown),
        };
        if source.duration_ms() > MAX_MS { Err(SourceError::TooLong) } else { Ok(source) }
    }

    pub fn duration_ms(&self) -> u64 {
        match self {
            Self::Wav(wav) => wav.frames * 1000 / u64::from(wav.format.rate.max(1)),
            Self::Opus(opus) => opus.samples / u64::from(RATE / 1000),
        }
    }

    /// Appends the next piece; false when there is no more.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, SourceError> {
        match self {
            Self::Wav(wav) => wav.read(out),
            Self::Opus(opus) => opus.read(out),
        }
    }

    /// Goes on at a place; beyond the end there is no more.
    pub fn seek(&mut self, ms: u64) -> Result<(), SourceError> {
        match self {
            Self::Wav(wav) => wav.seek(ms),
            Self::Opus(opus) => opus.seek(ms),
        }
    }
}

pub struct Wav<R> {
    file: R,
    format: Format,
    /// Where the samples begin, octets.
    start: u64,
    frames: u64,
    at: u64,
    octets: Vec<u8>,
    resampler: Option<Resampler>,
}

impl<R: Read + Seek> Wav<R> {
    fn open(mut file: R) -> Result<Self, SourceError> {
        let size = file.seek(SeekFrom::End(0))?;
        let (format, start, length) = wav::find(&mut file, size)?;
        format.check()?;
        let frames = length / format.frame_octets();
        let resampler = Resampler::new(format.rate, RATE);
        Ok(Self { file, format, start, frames, at: 0, octets: Vec::new(), resampler })
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, SourceError> {
        let count = (self.frames - self.at).min(PIECE as u64);
        if count == 0 {
            return Ok(false);
        }
        self.octets.resize((count * self.format.frame_octets()) as usize, 0);
        self.file.read_exact(&mut self.octets)?;
        self.at += count;
        let samples = self.format.decode(&self.octets)?;
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(&samples, out),
            None => out.extend(samples),
        }
        Ok(true)
    }

    fn seek(&mut self, ms: u64) -> Result<(), SourceError> {
        self.at = (ms * u64::from(self.format.rate) / 1000).min(self.frames);
        self.resampler = Resampler::new(self.format.rate, RATE);
        self.file.seek(SeekFrom::Start(self.start + self.at * self.format.frame_octets()))?;
        Ok(())
    }
}

/// What the first packet of an Ogg/Opus stream says.
struct Head {
    serial: u32,
    /// Samples at 16 kHz that are thrown away at the begin.
    skip: u64,
    gain: f32,
}

pub struct Opus<R: Read + Seek> {
    packets: PacketReader<R>,
    head: Head,
    decoder: opus::Decoder,
    /// Length at 16 kHz.
    samples: u64,
    /// Place at 16 kHz; what is decoded before `from` is thrown away.
    at: u64,
    from: u64,
}

impl<R: Read + Seek> Opus<R> {
    fn open(file: R) -> Result<Self, SourceError> {
        let mut packets = PacketReader::new(file);
        let head = Self::head(&mut packets)?;
        let (mut ticks, mut last) = (0u64, None);
        while let Some(packet) = packets.read_packet()? {
            if packet.stream_serial() == head.serial {
                ticks += u64::from(opus::ticks(&packet.data).unwrap_or(0));
                last = Some(packet.absgp_page());
            }
        }
        // The last page's position is shorter than the packets when the end is to be trimmed.
        let ticks = last.filter(|position| *position > 0 && *position < ticks).unwrap_or(ticks);
        let decoder = opus::Decoder::new(RATE).ok_or(SourceError::Opus("no decoder"))?;
        let samples = (ticks / 3).saturating_sub(head.skip);
        let mut opened = Self { packets, head, decoder, samples, at: 0, from: 0 };
        opened.seek(0)?;
        Ok(opened)
    }

    fn head(packets: &mut PacketReader<R>) -> Result<Head, SourceError> {
        let first = packets.read_packet()?.ok_or(SourceError::Unknown)?;
        let data = &first.data;
        let word = |at: usize| Some(u16::from_le_bytes(data.get(at..at + 2)?.try_into().ok()?));
        if data.get(..8) != Some(b"OpusHead") {
            return Err(SourceError::Unknown);
        }
        if data.get(18) != Some(&0) {
            return Err(SourceError::Opus("more than two channels"));
        }
        let (skip, gain) = word(10).zip(word(16)).ok_or(SourceError::Opus("short header"))?;
        let gain = 10f32.powf(f32::from(gain as i16) / 256.0 / 20.0);
        Ok(Head { serial: first.stream_serial(), skip: u64::from(skip) / 3, gain })
    }

    fn read(&mut self, out: &mut Vec<f32>) -> Result<bool, SourceError> {
        let end = self.samples + self.head.skip;
        while self.at < end {
            let Some(packet) = self.packets.read_packet()? else { break };
            if packet.stream_serial() != self.head.serial || packet.data.starts_with(b"Opus") {
                continue;
            }
            let begin = out.len();
            self.decoder.decode_into(&packet.data, out);
            let count = (out.len() - begin) as u64;
            let drop = self.from.saturating_sub(self.at).min(count) as usize;
            let keep = count.min(end - self.at) as usize;
            self.at += count;
            out.truncate(begin + keep);
            out.drain(begin..begin + drop.min(keep));
            out.iter_mut().skip(begin).for_each(|sample| *sample *= self.head.gain);
            if out.len() > begin {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decodes 80 ms ahead of the place, so that the decoder has settled there (RFC 7845 §4.6).
    fn seek(&mut self, ms: u64) -> Result<(), SourceError> {
        self.packets.seek_bytes(SeekFrom::Start(0))?;
        self.packets.delete_unread_packets();
        self.from = (ms * u64::from(RATE) / 1000).min(self.samples) + self.head.skip;
        self.at = 0;
        self.decoder = opus::Decoder::new(RATE).ok_or(SourceError::Opus("no decoder"))?;
        let settled = self.from.saturating_sub(u64::from(RATE) * 80 / 1000);
        while self.at < settled {
            let Some(packet) = self.packets.read_packet()? else { break };
            if packet.stream_serial() == self.head.serial {
                self.at += u64::from(opus::ticks(&packet.data).unwrap_or(0)) / 3;
            }
        }
        Ok(())
    }
}

/// A whole file.
pub struct Whole {
    pub rate: u32,
    pub samples: Vec<f32>,
}

impl Whole {
    pub fn at_rate(&self, rate: u32) -> Vec<f32> {
        resample::convert(&self.samples, self.rate, rate)
    }
}

/// Reads a file of at most `most_ms` at its own rate.
pub fn read_all<R: Read + Seek>(mut source: Source<R>, most_ms: u64) -> Result<Whole, SourceError> {
    if source.duration_ms() > most_ms {
        return Err(SourceError::TooLong);
    }
    let mut samples = Vec::new();
    let rate = match &mut source {
        Source::Wav(wav) => {
            wav.resampler = None;
            wav.format.rate
        }
        Source::Opus(_) => RATE,
    };
    while source.read(&mut samples)? {}
    Ok(Whole { rate, samples })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::codec::to_f32;
    use crate::dsp::level;
    use crate::media::ogg::OpusFile;

    fn tone(rate: u32, ms: u64) -> Vec<i16> {
        let turn = std::f32::consts::TAU * 500.0 / rate as f32;
        (0..u64::from(rate) * ms / 1000).map(|n| (8000.0 * (turn * n as f32).sin()) as i16).collect()
    }

    fn wave(rate: u32, samples: &[i16]) -> Cursor<Vec<u8>> {
        let mut file = wav::header(rate, 1, samples.len() as u64 * 2).to_vec();
        file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        Cursor::new(file)
    }

    #[test]
    fn a_wave_file_comes_in_pieces_and_from_any_place() {
        let samples = tone(16_000, 3000);
        let file = wave(16_000, &samples);
        let all = read_all(Source::open(file.clone()).unwrap(), 3000).unwrap().samples;
        assert!(matches!(read_all(Source::open(file.clone()).unwrap(), 2999), Err(SourceError::TooLong)));
        let mut source = Source::open(file).unwrap();
        assert_eq!(source.duration_ms(), 3000);
        assert_eq!(all.len(), 48_000);
        source.seek(1000).unwrap();
        let mut rest = Vec::new();
        while source.read(&mut rest).unwrap() {}
        assert_eq!(rest, all[16_000..]);
        source.seek(9000).unwrap();
        assert!(!source.read(&mut rest).unwrap(), "beyond the end there is nothing");
    }

    #[test]
    fn other_rates_become_16_khz() {
        let file = wave(44_100, &tone(44_100, 1000));
        let mut pieces = Vec::new();
        let mut source = Source::open(file.clone()).unwrap();
        while source.read(&mut pieces).unwrap() {}
        assert!((15_900..=16_001).contains(&pieces.len()), "{}", pieces.len());
        let all = read_all(Source::open(file).unwrap(), 2000).unwrap().at_rate(16_000);
        assert_eq!(all.len(), 16_000);
        assert!((level(&pieces[1000..]) - level(&all[1000..])).abs() < 0.001);
        assert!((level(&all[1000..]) - to_f32(8000) * std::f32::consts::FRAC_1_SQRT_2).abs() < 0.01);
    }

    #[test]
    fn opus_keeps_its_length_and_its_places() {
        let mut file = OpusFile::new(16_000, 1, 7, 5).unwrap();
        let mut bytes = Vec::new();
        file.put(&tone(16_000, 2000), &mut bytes);
        file.finish(32_000, &mut bytes);
        let mut source = Source::open(Cursor::new(bytes.clone())).unwrap();
        assert_eq!(source.duration_ms(), 2000);
        let all = read_all(Source::open(Cursor::new(bytes)).unwrap(), 3000).unwrap().samples;
        assert!((level(&all[8000..24_000]) - to_f32(8000) * std::f32::consts::FRAC_1_SQRT_2).abs() < 0.03);
        source.seek(1500).unwrap();
        let mut rest = Vec::new();
        while source.read(&mut rest).unwrap() {}
        assert_eq!(rest.len(), all.len() - 24_000);
    }

    #[test]
    fn hostile_files_are_errors() {
        let whole = wave(8000, &tone(8000, 100)).into_inner();
        for length in 0..44 {
            assert!(Source::open(Cursor::new(whole[..length].to_vec())).is_err(), "{length}");
        }
        assert!(Source::open(Cursor::new(b"OggS\0\0\0\0".to_vec())).is_err());
        assert!(Source::open(Cursor::new(b"ID3\x04 music".to_vec())).is_err());
    }
}
