//! One stream's way from packets to frames: buffer, decoder, concealment, and the care that delay neither starves nor creeps.

use super::buffer::{Arrival, Buffer, Next};
use super::delay::Delays;
use super::plc::Concealment;
use super::stretch;
use crate::codec::{Coding, Decoder};
use crate::dsp;
use crate::ids::{FRAMES_PER_SECOND, Micros};
use crate::rtp::timestamp_distance;

/// Frames without a packet after which the stream counts as paused and is buffered anew.
const PAUSE_FRAMES: u32 = 10;
/// Below −45 dBov a frame is silence and may be shortened without being heard.
const SILENCE: f32 = 0.0056;
/// Frames over which the lowest level is taken.
const WINDOW: u32 = 25;
/// Speech is shortened at most once in so many frames.
const SPEECH_INTERVAL: u32 = 5;

/// What a frame was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    Played,
    Concealed,
    /// Nothing is being received.
    Idle,
}

/// Owned by the port; created when somebody first needs its samples.
pub struct Playout {
    coding: Coding,
    decoder: Decoder,
    buffer: Buffer,
    delays: Delays,
    concealment: Concealment,
    /// Decoded and not yet played, oldest first.
    samples: Vec<f32>,
    scratch: Vec<f32>,
    min_ms: f32,
    max_ms: f32,
    empty_frames: u32,
    lowest_ms: f32,
    lowest_next_ms: f32,
    mean_ms: f32,
    frames: u32,
    since_shortened: u32,
    /// The newest timestamp, extended over its wraps.
    media_time: i64,
    /// The packet with which the newest frame began, see `began_with`.
    began_with: Option<u64>,
    /// Packets that came too late to be played, and duplicates, since creation.
    pub late: u64,
    pub concealed_ms: u64,
}

impl Playout {
    /// `None` when the codec library refuses.
    pub fn new(coding: Coding, min_ms: u32, max_ms: u32) -> Option<Self> {
        Some(Self {
            coding,
            decoder: Decoder::new(coding)?,
            buffer: Buffer::new(coding.clock()),
            delays: Delays::default(),
            concealment: Concealment::new(coding.decoded_rate()),
            samples: Vec::with_capacity(coding.decoded_rate() as usize / 4),
            scratch: Vec::with_capacity(coding.decoded_rate() as usize / 8),
            min_ms: min_ms as f32,
            max_ms: max_ms.max(min_ms) as f32,
            empty_frames: 0,
            lowest_ms: 0.0,
            lowest_next_ms: f32::MAX,
            mean_ms: 0.0,
            frames: 0,
            since_shortened: 0,
            media_time: 0,
            began_with: None,
            late: 0,
            concealed_ms: 0,
        })
    }

    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Mean time that audio spends here, ms.
    pub fn delay_ms(&self) -> f64 {
        f64::from(self.mean_ms)
    }

    /// Takes a packet. `audio` is empty for packets that only hold a sequence number.
    pub fn push(&mut self, sequence: u64, timestamp: u32, audio: &[u8], now: Micros) {
        let ticks = if audio.is_empty() { 0 } else { self.coding.ticks(audio).unwrap_or(0) };
        if !audio.is_empty() && ticks == 0 {
            return;
        }
        match self.buffer.push(sequence, timestamp, ticks, audio) {
            Arrival::Late => self.late += 1,
            Arrival::Resynchronised => self.delays.restart(),
            Arrival::Stored | Arrival::Duplicate => (),
        }
        if !audio.is_empty() {
            self.media_time =
                self.media_time.wrapping_add(i64::from(timestamp_distance(timestamp, self.media_time as u32)));
            self.delays.arrival(self.media_time * 1_000_000 / i64::from(self.coding.clock()), now);
        }
    }

    /// Decodes what was heard elsewhere already: decoder and concealment know how the stream sounds, nothing is played.
    pub fn prime(&mut self, heard: &[u8]) {
        self.scratch.clear();
        if self.decoder.decode_into(heard, &mut self.scratch) {
            self.concealment.good(&mut self.scratch);
        }
    }

    /// The sequence of the packet with which the newest frame began; `None` while nothing plays.
    pub fn began_with(&self) -> Option<u64> {
        self.began_with
    }

    /// The packets that are not played yet, in order: sequence, timestamp, payload.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        self.buffer.waiting()
    }

    /// A new stream begins.
    pub fn restart(&mut self) {
        self.buffer.clear();
        self.delays.restart();
    }

    fn samples_of(&self, ticks: u32) -> usize {
        (u64::from(ticks) * u64::from(self.coding.decoded_rate()) / u64::from(self.buffer.clock())) as usize
    }

    fn ticks_of(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.buffer.clock()) / u64::from(self.coding.decoded_rate())) as u32
    }

    fn ms(&self, samples: usize) -> f32 {
        samples as f32 * 1000.0 / self.coding.decoded_rate() as f32
    }

    /// Audio that waits, ms.
    fn level_ms(&self) -> f32 {
        self.ms(self.samples.len()) + self.buffer.level() as f32 * 1000.0 / self.buffer.clock() as f32
    }

    fn target_ms(&self) -> f32 {
        (self.delays.quantile_ms() + self.min_ms).clamp(self.min_ms, self.max_ms)
    }

    /// Writes the next 20 ms at the codec's rate (`decoded_rate / 50` samples) into `out`, replacing what was there.
    pub fn pull_into(&mut self, out: &mut Vec<f32>) -> Pulled {
        let frame = self.coding.decoded_rate() as usize / FRAMES_PER_SECOND;
        out.clear();
        if !self.buffer.is_playing() {
            if self.level_ms() < self.target_ms() || self.buffer.is_empty() {
                self.began_with = None;
                out.resize(frame, 0.0);
                return Pulled::Idle;
            }
            self.buffer.start();
            self.samples.clear();
            (self.lowest_ms, self.lowest_next_ms, self.mean_ms) = (0.0, f32::MAX, self.level_ms());
        }
        self.observe();
        self.began_with = self.buffer.position();
        let pulled = self.fill(frame);
        if self.excess() {
            self.shorten(frame);
        }
        let ready = frame.min(self.samples.len());
        if let Some(samples) = self.samples.get(..ready) {
            out.extend_from_slice(samples);
        }
        self.samples.drain(..ready);
        out.resize(frame, 0.0);
        pulled
    }

    fn observe(&mut self) {
        let level = self.level_ms();
        self.mean_ms += (level - self.mean_ms) * 0.02;
        self.lowest_next_ms = self.lowest_next_ms.min(level);
        self.frames += 1;
        self.since_shortened += 1;
        if self.frames >= WINDOW {
            (self.lowest_ms, self.lowest_next_ms, self.frames) = (self.lowest_next_ms, f32::MAX, 0);
        }
        if level > self.max_ms + 100.0 {
            let keep = self.target_ms() as u32 * (self.buffer.clock() / 1000);
            self.buffer.shorten_to(keep);
        }
    }

    /// Decodes or conceals until one frame is there.
    fn fill(&mut self, frame: usize) -> Pulled {
        let mut pulled = Pulled::Played;
        // Bounded: each turn either consumes a packet, of which there are at most 32, or yields audio.
        for _ in 0..128 {
            if self.samples.len() >= frame {
                break;
            }
            if let Some(kind) = self.take(frame - self.samples.len(), frame) {
                pulled = kind;
            }
        }
        pulled
    }

    /// Takes the next piece; `missing` samples are wanted. Returns `Some` when it was not plain audio.
    fn take(&mut self, missing: usize, frame: usize) -> Option<Pulled> {
        let most = self.ticks_of(frame).max(1);
        self.scratch.clear();
        // An overtaken packet is waited for while there is less than the line's jitter in store; a lost one is not.
        let wait = self.buffer.is_missing() && self.level_ms() < self.target_ms();
        let next = if wait { Next::Empty } else { self.buffer.next(most) };
        let step = match next {
            Next::Packet(payload) => {
                self.empty_frames = 0;
                if self.decoder.decode_into(payload, &mut self.scratch) {
                    self.concealment.good(&mut self.scratch);
                    None
                } else {
                    Some((frame, false))
                }
            }
            Next::Lost { ticks, following } => {
                let count = (u64::from(ticks) * u64::from(self.coding.decoded_rate()) / u64::from(self.coding.clock()))
                    as usize;
                let own = self.decoder.conceal_into(following, count, &mut self.scratch);
                Some((count, own))
            }
            Next::Silence { ticks } => {
                let count = self.samples_of(ticks);
                self.concealment.silence_into(count, &mut self.scratch);
                self.samples.extend_from_slice(&self.scratch);
                return None;
            }
            Next::Empty => {
                let own = self.decoder.conceal_into(None, missing, &mut self.scratch);
                let ticks = self.ticks_of(missing);
                self.buffer.concealed(ticks);
                self.empty_frames += u32::from(!wait);
                if self.empty_frames >= PAUSE_FRAMES {
                    self.buffer.pause();
                    self.empty_frames = 0;
                }
                Some((missing, own))
            }
        };
        let Some((count, own)) = step else {
            self.samples.extend_from_slice(&self.scratch);
            return None;
        };
        if !own {
            self.concealment.conceal_into(count, &mut self.scratch);
        }
        self.scratch.resize(count, 0.0);
        self.samples.extend_from_slice(&self.scratch);
        self.concealed_ms += self.ms(count) as u64;
        Some(Pulled::Concealed)
    }

    /// More waits than jitter asks for, and has for a while.
    fn excess(&self) -> bool {
        self.lowest_ms > 30.0 && self.mean_ms > self.target_ms() + 25.0
    }

    fn shorten(&mut self, frame: usize) {
        let rate = self.coding.decoded_rate();
        let needed = frame + rate as usize / 40;
        self.fill(needed);
        let quiet = dsp::level(&self.samples) < SILENCE;
        if !quiet && self.since_shortened < SPEECH_INTERVAL {
            return;
        }
        let removed = stretch::shorten(&mut self.samples, rate);
        self.since_shortened = 0;
        let removed_ms = self.ms(removed);
        self.mean_ms -= removed_ms;
        self.lowest_ms -= removed_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Encoder;

    struct Line {
        playout: Playout,
        encoder: Encoder,
        phase: u64,
        heard: Vec<f32>,
        kinds: Vec<Pulled>,
    }

    impl Line {
        fn new(coding: Coding) -> Self {
            let encoder = Encoder::new(coding, 16_000.min(coding.decoded_rate())).unwrap();
            Self { playout: Playout::new(coding, 20, 200).unwrap(), encoder, phase: 0, heard: vec![], kinds: vec![] }
        }

        fn packet(&mut self, hertz: f32) -> Vec<u8> {
            let rate = self.playout.coding().decoded_rate();
            let samples: Vec<f32> = (0..rate as u64 / 50)
                .map(|n| 0.4 * (std::f32::consts::TAU * hertz * (self.phase + n) as f32 / rate as f32).sin())
                .collect();
            self.phase += samples.len() as u64;
            let mut out = vec![0; 2000];
            let length = self.encoder.encode_into(&samples, &mut out).unwrap();
            out.truncate(length);
            out
        }

        /// Sends `count` packets with the given delay in ms each (`None` is lost), pulling each 20 ms.
        fn run(&mut self, count: u64, mut delay: impl FnMut(u64) -> Option<u64>) {
            let ticks = self.playout.coding().clock() / 50;
            let mut flying: Vec<(u64, u64, Vec<u8>)> = Vec::new();
            for index in 0..count {
                let packet = self.packet(400.0);
                if let Some(ms) = delay(index) {
                    flying.push((index * 20 + ms, index, packet));
                }
            }
            flying.sort_by_key(|(at, ..)| *at);
            let mut flying = flying.into_iter().peekable();
            let mut frame = Vec::new();
            for tick in 0..count {
                let now = tick * 20 + 3;
                while let Some((at, index, packet)) = flying.next_if(|(at, ..)| *at <= now) {
                    self.playout.push(1000 + index, (index as u32).wrapping_mul(ticks), &packet, at * 1000);
                }
                self.kinds.push(self.playout.pull_into(&mut frame));
                self.heard.extend(&frame);
            }
        }

        fn concealed(&self) -> usize {
            self.kinds.iter().filter(|kind| **kind == Pulled::Concealed).count()
        }
    }

    #[test]
    fn a_clean_stream_is_heard_bit_by_bit_with_one_frame_of_delay() {
        let mut line = Line::new(Coding::Pcma);
        line.run(100, |_| Some(0));
        assert_eq!(line.concealed(), 0);
        assert!(line.playout.delay_ms() <= 25.0, "{}", line.playout.delay_ms());
    }

    #[test]
    fn jitter_is_absorbed_after_a_short_while() {
        for coding in [Coding::Pcmu, Coding::Opus] {
            let mut line = Line::new(coding);
            line.run(500, |index| Some(index.wrapping_mul(7919) % 50));
            let late: usize = line.kinds.iter().skip(100).filter(|kind| **kind == Pulled::Concealed).count();
            assert!(late < 8, "{coding:?}: {late}");
            assert!(line.playout.delay_ms() < 110.0, "{}", line.playout.delay_ms());
        }
    }

    #[test]
    fn loss_is_concealed_without_growing_the_delay() {
        let mut line = Line::new(Coding::Pcmu);
        line.run(1000, |index| (index % 20 != 7).then_some(0));
        assert!((45..=60).contains(&line.concealed()), "{}", line.concealed());
        assert!(line.playout.delay_ms() < 60.0, "{}", line.playout.delay_ms());
        assert!(dsp::level(&line.heard[1600..]) > 0.25);
    }

    #[test]
    fn a_burst_of_delay_does_not_stay_in_the_ear() {
        let mut line = Line::new(Coding::Pcmu);
        // 300 ms of everything held back at once, then a calm line.
        line.run(1500, |index| Some(if (100..115).contains(&index) { (115 - index) * 20 } else { 0 }));
        assert!(line.playout.delay_ms() < 70.0, "{}", line.playout.delay_ms());
    }

    #[test]
    fn a_fast_sender_does_not_fill_the_buffer() {
        let mut line = Line::new(Coding::Pcmu);
        let mut frame = Vec::new();
        // 1 % fast: every hundredth frame two packets come.
        let mut sequence = 0u64;
        for tick in 0..5000u64 {
            for _ in 0..if tick % 100 == 0 { 2 } else { 1 } {
                let packet = line.packet(300.0);
                line.playout.push(1000 + sequence, sequence as u32 * 160, &packet, tick * 20_000);
                sequence += 1;
            }
            line.playout.pull_into(&mut frame);
        }
        assert!(line.playout.delay_ms() < 90.0, "{}", line.playout.delay_ms());
    }

    #[test]
    fn the_wrap_of_the_timestamp_is_not_heard() {
        let mut line = Line::new(Coding::Pcmu);
        let mut frame = Vec::new();
        let mut concealed = 0;
        for index in 0..200u64 {
            let packet = line.packet(300.0);
            let timestamp = (u32::MAX - 100 * 160).wrapping_add(index as u32 * 160);
            line.playout.push(1000 + index, timestamp, &packet, index * 20_000);
            concealed += usize::from(line.playout.pull_into(&mut frame) == Pulled::Concealed);
        }
        assert_eq!(concealed, 0);
        assert!(line.playout.delay_ms() < 30.0, "{}", line.playout.delay_ms());
    }
}
