//! The receiver's side of a port: counters, flood limit, digits, and the way to samples when somebody needs them.

use crate::codec::Coding;
use crate::command::Detect;
use crate::dsp;
use crate::dsp::goertzel::ToneDetector;
use crate::dsp::progress::{self, Progress};
use crate::dsp::resample::Resampler;
use crate::dsp::vad::{self, Vad};
use crate::ids::Micros;
use crate::jitter::{Kind, Playout};
use crate::quality::flow::{Cause, Refused};
use crate::rtcp::session::Reception;
use crate::rtp::telephone_event;

/// Packets per second that a port takes: four times the nominal 50 of 20 ms, more for shorter packets.
const FLOOD_FACTOR: u64 = 4;
/// Packets that may come at once, after a stall of the network.
const FLOOD_BURST: u64 = 150;
/// In-band digits wait so long for the same digit by RFC 4733, which wins.
const INBAND_WAIT_US: Micros = 100_000;

/// Token bucket in µs of packets.
#[derive(Debug)]
pub struct Flood {
    cost: u64,
    level: u64,
    at: Micros,
}

impl Flood {
    pub fn new(ptime_ms: u32) -> Self {
        let cost = u64::from(ptime_ms.clamp(10, 60)) * 1000 / FLOOD_FACTOR;
        Self { cost, level: cost * FLOOD_BURST, at: 0 }
    }

    pub fn admits(&mut self, now: Micros) -> bool {
        self.level = (self.level + now.saturating_sub(self.at)).min(self.cost * FLOOD_BURST);
        self.at = now;
        if self.level < self.cost {
            return false;
        }
        self.level -= self.cost;
        true
    }
}

/// The newest audio packet, so that a decoder that starts later knows how the stream sounded.
#[derive(Debug, Default)]
pub struct Newest {
    pub sequence: u64,
    pub timestamp: u32,
    pub at: Micros,
    pub payload: Vec<u8>,
}

/// Which detectors listen to the port.
#[derive(Default)]
pub struct Detectors {
    pub rfc4733: bool,
    pub inband: Option<dsp::dtmf::Detector>,
    pub want_inband: bool,
    pub tones: ToneDetector,
    /// Edges of talk are told.
    pub speech: bool,
    /// A player stops when the port talks; set by the plan.
    pub watched: bool,
    vad: Option<Vad>,
    want_progress: bool,
    progress: Option<Box<Progress>>,
}

impl Detectors {
    /// Takes a complete new set; what goes on listening keeps what it has learned.
    pub fn set(&mut self, wanted: &Detect) {
        (self.rfc4733, self.want_inband, self.inband) = (wanted.dtmf_rfc4733, wanted.dtmf_inband, None);
        self.tones = ToneDetector::new(&wanted.tones);
        (self.speech, self.want_progress) = (wanted.speech, wanted.progress);
        if !wanted.progress {
            self.progress = None;
        }
    }

    pub fn need_samples(&self) -> bool {
        self.want_inband || !self.tones.is_empty() || self.speech || self.watched || self.want_progress
    }

    /// Who talks, in a frame. What is learned of the line's noise stays with the port: it goes on between two prompts while
    /// the port is decoded for anybody, and waits when it is not.
    pub fn talk(&mut self, frame: &[f32], playing: bool, now: Micros) -> vad::Heard {
        if !self.speech && !self.watched && self.vad.is_none() {
            return vad::Heard::default();
        }
        let heard = self.vad.get_or_insert_default().input(frame, playing, now);
        if self.speech || self.watched { heard } else { vad::Heard::default() }
    }

    /// A call-progress tone that a frame made certain.
    pub fn progress(&mut self, frame: &[f32], rate: u32, now: Micros) -> Option<progress::Heard> {
        if !self.want_progress {
            return None;
        }
        if self.progress.as_ref().is_none_or(|progress| progress.rate() != rate) {
            self.progress = Some(Box::new(Progress::new(rate)));
        }
        self.progress.as_mut()?.input(frame, now)
    }
}

/// Counters that only grow.
#[derive(Debug, Default)]
pub struct Counters {
    pub packets: u64,
    pub octets: u64,
    pub duplicates: u64,
    pub discarded: u64,
    pub flooded: u64,
    pub srtp_failures: u64,
    /// Loss of streams that ended by a change of SSRC.
    pub lost_before: u64,
    /// Of playouts that are gone.
    pub late: u64,
    pub concealed_ms: u64,
}

pub struct Receiver {
    pub reception: Reception,
    /// What the peer sends now; the first agreed codec until it sends.
    pub coding: Coding,
    /// The mode in which the peer wants to be sent (AMR), once it asked.
    pub request: Option<u8>,
    pub counters: Counters,
    pub flood: Flood,
    /// Of packets whose source is not known: they must not use up what the peer may send.
    pub strangers: Flood,
    pub events: telephone_event::Receiver,
    pub event_clock: u32,
    pub started: bool,
    pub silent: bool,
    pub last_at: Micros,
    /// Packets are expected since then; 0 while they are not.
    pub awaited_since: Micros,
    pub refused: Refused,
    /// The newest cause of silence that was told.
    pub told: Cause,
    pub newest: Newest,
    pub playout: Option<Box<Playout>>,
    pub resampler: Option<Resampler>,
    resampled: (u32, u32),
    pub detectors: Detectors,
    last_digit: Option<(char, Micros)>,
    waiting: Option<dsp::dtmf::Heard>,
    decoded: Vec<f32>,
    pub samples: Vec<f32>,
    pub mean_delay_ms: f64,
}

impl Receiver {
    pub fn new(coding: Coding, ptime_ms: u32) -> Self {
        Self {
            reception: Reception::default(),
            coding,
            request: None,
            counters: Counters::default(),
            flood: Flood::new(ptime_ms),
            strangers: Flood::new(ptime_ms),
            events: telephone_event::Receiver::default(),
            event_clock: 8000,
            started: false,
            silent: false,
            last_at: 0,
            awaited_since: 0,
            refused: Refused::default(),
            told: Cause::None,
            newest: Newest::default(),
            playout: None,
            resampler: None,
            resampled: (0, 0),
            detectors: Detectors { rfc4733: true, ..Detectors::default() },
            last_digit: None,
            waiting: None,
            decoded: Vec::new(),
            samples: Vec::new(),
            mean_delay_ms: 0.0,
        }
    }

    /// Begins to decode. The newest packet was heard where packets are passed on, so it is not played again; but the decoder
    /// has heard it too.
    pub fn observe(&mut self, min_ms: u32, max_ms: u32, now: Micros) {
        if self.playout.as_ref().is_some_and(|playout| playout.takes(self.coding)) {
            return;
        }
        let Some(mut playout) = Playout::new(self.coding, min_ms, max_ms) else {
            self.release();
            return;
        };
        let goes_on = self.playout.is_some();
        if let Some(former) = self.playout.take() {
            playout.succeed(*former);
        }
        let newest = &self.newest;
        if !newest.payload.is_empty() && now.saturating_sub(newest.at) < 60_000 {
            if goes_on {
                // The codec changed while somebody listened: this packet is the first of the new one.
                playout.push(Kind::Audio(self.coding), newest.sequence, newest.timestamp, &newest.payload, newest.at);
            } else {
                playout.prime(&newest.payload);
            }
        }
        self.playout = Some(Box::new(playout));
    }

    /// Takes a packet of what the peer sends now: to be played, or kept until somebody listens.
    pub fn take(&mut self, kind: Kind, sequence: u64, timestamp: u32, payload: &[u8], now: Micros) {
        match &mut self.playout {
            Some(playout) if playout.takes(self.coding) => playout.push(kind, sequence, timestamp, payload, now),
            _ if matches!(kind, Kind::Audio(_)) => {
                let newest = &mut self.newest;
                (newest.sequence, newest.timestamp, newest.at) = (sequence, timestamp, now);
                newest.payload.clear();
                newest.payload.extend_from_slice(payload);
            }
            _ => (),
        }
    }

    /// Stops decoding; what was counted stays.
    pub fn release(&mut self) {
        if let Some(playout) = self.playout.take() {
            self.counters.late += playout.late;
            self.counters.concealed_ms += playout.concealed_ms();
            self.mean_delay_ms = playout.delay_ms();
        }
        (self.resampler, self.resampled) = (None, (0, 0));
    }

    /// Pulls the frame that is due at the group's rate into `self.samples`.
    pub fn pull(&mut self, rate: u32, due: Micros) {
        let count = rate as usize / crate::ids::FRAMES_PER_SECOND;
        self.samples.clear();
        let Some(playout) = &mut self.playout else {
            self.samples.resize(count, 0.0);
            return;
        };
        playout.pull_into(due, &mut self.decoded);
        let rates = (playout.rate(), rate);
        if self.resampled != rates {
            (self.resampler, self.resampled) = (Resampler::new(rates.0, rates.1), rates);
        }
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(&self.decoded, &mut self.samples),
            None => self.samples.extend_from_slice(&self.decoded),
        }
        self.samples.resize(count, 0.0);
    }

    /// Nothing plays yet, but packets come: the buffer is filling.
    pub fn is_about_to_play(&self, now: Micros) -> bool {
        let fresh = self.last_at > 0 && now.saturating_sub(self.last_at) < 60_000;
        fresh && self.playout.as_ref().is_some_and(|playout| playout.began_with().is_none())
    }

    /// A packet is awaited that saves the frame that is due.
    pub fn awaits_packet(&self, due: Micros) -> bool {
        self.playout.as_ref().is_some_and(|playout| playout.awaits_packet(due))
    }

    /// Notes a digit by RFC 4733; an in-band one that waits is the same.
    pub fn note_digit(&mut self, digit: char, now: Micros) {
        self.last_digit = Some((digit, now));
        if self.waiting.is_some_and(|waiting| waiting.digit == digit) {
            self.waiting = None;
        }
    }

    /// Runs the in-band detector over `self.samples`. True when a digit has begun.
    pub fn detect_inband(&mut self, rate: u32, now: Micros) -> bool {
        if !self.detectors.want_inband {
            return false;
        }
        if self.detectors.inband.as_ref().is_none_or(|detector| detector.rate() != rate) {
            self.detectors.inband = Some(dsp::dtmf::Detector::new(rate));
        }
        let (mut began, mut ended) = (false, None);
        if let Some(detector) = &mut self.detectors.inband {
            detector.input(&self.samples, now, |_| began = true, |heard| ended = Some(heard));
        }
        if let Some(heard) = ended {
            let same = self.last_digit.is_some_and(|(digit, at)| digit == heard.digit && now < at + 3 * INBAND_WAIT_US);
            if !same && !self.events.is_active() {
                self.waiting = Some(heard);
            }
        }
        began
    }

    /// An in-band digit that nobody repeated by RFC 4733.
    pub fn ripe_inband(&mut self, now: Micros) -> Option<dsp::dtmf::Heard> {
        if now < self.waiting?.at + INBAND_WAIT_US {
            return None;
        }
        self.waiting.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_times_the_nominal_rate_passes_and_no_more() {
        let mut flood = Flood::new(20);
        let admitted = (0..10_000u64).filter(|index| flood.admits(index * 1000)).count(); // 1000 per second for 10 s
        assert!((2000..=2200).contains(&admitted), "{admitted}");
        let mut calm = Flood::new(20);
        assert!((0..1000u64).all(|index| calm.admits(index * 20_000)));
    }
}
