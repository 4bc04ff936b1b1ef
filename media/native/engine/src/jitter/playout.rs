//! One stream's way from packets to frames: buffer, decoder, concealment, and the care that delay neither starves nor creeps.
//!
//! Delay is steered by one figure, the margin: what will be in store beyond the frame that is due even when packets are as
//! late as 99 % of them are. It is known without waiting for packets, because the fastest way (`Delays::base`), the lateness
//! and the packets' rhythm are; so a change of the line or a drift of the sender's clock shows before anything is missing.

use super::buffer::{Arrival, Buffer, Kind, Next};
use super::delay::Delays;
use super::noise::Comfort;
use super::plc::Concealment;
use super::steer::{Steering, Step};
use super::stretch;
use super::timeline::{Place, Timeline};
use crate::codec::{Coding, Decoder};
use crate::dsp;
use crate::dsp::floor::Floor;
use crate::ids::{FRAME_US, FRAMES_PER_SECOND, Micros};

const FRAME_MS: f32 = FRAME_US as f32 / 1000.0;
/// Frames without a packet after which the stream counts as paused and is buffered anew.
const PAUSE_FRAMES: u32 = 10;
/// Below −45 dBov a frame is silence and may be changed without being heard; so may one near the room's own noise below −34.
const SILENCE: f32 = 0.0056;
const NEARLY_SILENCE: f32 = 0.02;
/// Frames over which the lowest level is taken for the room's noise.
const FLOOR_WINDOW: u32 = 100;
/// More margin than the maximum by so much is not stretched away but left out.
const DROP_MS: f32 = 100.0;
/// Packets are expected so much later than they come, ms: a clock that drifts is seen before it is heard.
const SAFETY_MS: f32 = 1.0;
/// A packet that is late by more than this beyond the line's usual is not worth a wait.
const GRACE_LATE_MS: f32 = 10.0;

/// What a frame was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    Played,
    Concealed,
    /// Nothing is being received, or the sender is silent.
    Idle,
}

/// Owned by the port; created when somebody first needs its samples.
pub struct Playout {
    coding: Coding,
    decoder: Decoder,
    rate: u32,
    clock: u32,
    timeline: Timeline,
    buffer: Buffer,
    delays: Delays,
    steering: Steering,
    concealment: Concealment,
    comfort: Comfort,
    /// Decoded and not yet played, oldest first.
    samples: Vec<f32>,
    scratch: Vec<f32>,
    packet: Vec<u8>,
    min_ms: f32,
    max_ms: f32,
    /// Length and end of the newest audio packet, ticks.
    ticks: u32,
    newest_end: i64,
    empty_frames: u32,
    /// The sender said that it is silent, or sends an event: an empty buffer is no loss.
    silent: bool,
    /// Something was played here, or by a playout before.
    begun: bool,
    quiet: bool,
    room: Floor,
    mean_ms: f32,
    /// The packet with which the newest frame began, see `began_with`.
    began_with: Option<u64>,
    concealed: u64,
    /// Packets that came too late to be played, since creation.
    pub late: u64,
}

impl Playout {
    /// Bounds of the delay in ms. `None` when the codec library refuses.
    pub fn new(coding: Coding, min_ms: u32, max_ms: u32) -> Option<Self> {
        let rate = coding.decoded_rate();
        Some(Self {
            coding,
            decoder: Decoder::new(coding)?,
            rate,
            clock: coding.clock(),
            timeline: Timeline::new(coding.clock()),
            buffer: Buffer::default(),
            delays: Delays::default(),
            steering: Steering::default(),
            concealment: Concealment::new(rate),
            comfort: Comfort::default(),
            samples: Vec::with_capacity(rate as usize / 4),
            scratch: Vec::with_capacity(rate as usize / 8),
            packet: Vec::with_capacity(256),
            min_ms: min_ms as f32,
            max_ms: max_ms.max(min_ms) as f32,
            ticks: coding.clock() / FRAMES_PER_SECOND as u32,
            newest_end: 0,
            empty_frames: 0,
            silent: false,
            begun: false,
            quiet: true,
            room: Floor::new(FLOOR_WINDOW),
            mean_ms: 0.0,
            began_with: None,
            concealed: 0,
            late: 0,
        })
    }

    /// Goes on for a stream of another clock: what is known of the line stays, and the change is not heard.
    pub fn succeed(&mut self, former: Playout) {
        (self.late, self.concealed) = (former.late, former.concealed_ms() * u64::from(self.rate) / 1000);
        self.delays = former.delays;
        self.delays.restart();
        self.concealment = former.concealment.at_rate(self.rate);
        self.comfort = former.comfort;
        self.begun = former.begun;
    }

    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Whether packets of this coding can follow here: those of the same RTP clock.
    pub fn takes(&self, coding: Coding) -> bool {
        coding.clock() == self.clock
    }

    /// Rate of the samples that `pull_into` gave last, Hz.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Mean time that audio spends here, ms.
    pub fn delay_ms(&self) -> f64 {
        f64::from(self.mean_ms)
    }

    /// The delay that is aimed at, ms.
    pub fn target_ms(&self) -> f64 {
        f64::from(self.lateness_ms() + FRAME_MS)
    }

    /// By how much the sender's clock is faster than ours, ppm.
    pub fn drift_ppm(&self) -> f64 {
        self.delays.drift_ppm()
    }

    pub fn concealed_ms(&self) -> u64 {
        self.concealed * 1000 / u64::from(self.rate)
    }

    /// Takes a packet. The payload of an event says nothing here.
    pub fn push(&mut self, kind: Kind, sequence: u64, timestamp: u32, payload: &[u8], now: Micros) {
        let ticks = match kind {
            Kind::Audio(coding) if self.takes(coding) => coding.ticks(payload).unwrap_or(0),
            _ => 0,
        };
        if ticks == 0 && matches!(kind, Kind::Audio(_)) {
            return; // cannot be what it says
        }
        let time = match self.timeline.place(sequence, timestamp, ticks, now) {
            Place::At(time) => time,
            Place::New(time) => {
                self.begin_anew();
                time
            }
        };
        match self.buffer.push(sequence, time, ticks, kind, payload) {
            Arrival::Late => self.late += 1,
            Arrival::Duplicate => return,
            Arrival::Stored => (),
        }
        if ticks > 0 {
            let end = time + i64::from(ticks);
            if end >= self.newest_end || !self.delays.is_known() {
                (self.newest_end, self.ticks) = (end, ticks);
            }
            self.delays.arrival(self.timeline.micros(end), now);
        }
    }

    /// Decodes what was heard elsewhere already: decoder and concealment know how the stream sounds, nothing is played.
    pub fn prime(&mut self, heard: &[u8]) {
        self.scratch.clear();
        if self.decoder.decode_into(heard, &mut self.scratch) {
            self.concealment.note(&self.scratch);
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

    /// A new stream begins (another SSRC).
    pub fn restart(&mut self) {
        self.timeline.clear();
        self.begin_anew();
    }

    fn begin_anew(&mut self) {
        self.buffer.clear();
        self.delays.restart();
        self.steering.clear();
        self.silent = false;
    }

    fn samples_of(&self, ticks: u32) -> usize {
        (u64::from(ticks) * u64::from(self.rate) / u64::from(self.clock)) as usize
    }

    fn ticks_of(&self, samples: usize) -> u32 {
        (samples as u64 * u64::from(self.clock) / u64::from(self.rate)) as u32
    }

    fn ms(&self, samples: usize) -> f32 {
        samples as f32 * 1000.0 / self.rate as f32
    }

    fn samples_in(&self, ms: f32) -> usize {
        (ms * self.rate as f32 / 1000.0) as usize
    }

    fn frame(&self) -> usize {
        self.rate as usize / FRAMES_PER_SECOND
    }

    /// Audio that waits, ms.
    fn level_ms(&self) -> f32 {
        self.ms(self.samples.len()) + self.buffer.level() as f32 * 1000.0 / self.clock as f32
    }

    /// Lateness of packets that is provided for, ms.
    fn lateness_ms(&self) -> f32 {
        let (least, most) = (self.min_ms - FRAME_MS, self.max_ms - FRAME_MS);
        (self.delays.quantile_ms() + SAFETY_MS).clamp(least.max(0.0), most.max(0.0))
    }

    /// Sender's time of the last sample that can be here at `due` when packets are late by `late_ms`, ticks.
    fn horizon(&self, due: Micros, late_ms: f32) -> i64 {
        let micros = due as i64 - self.delays.base() - (late_ms * 1000.0) as i64;
        micros * i64::from(self.clock) / 1_000_000
    }

    /// What will be in store beyond one frame at `due` when the sample of time `at` plays then, ms.
    fn margin_ms(&self, due: Micros, at: i64) -> f32 {
        if !self.delays.is_known() {
            return 0.0;
        }
        let step = i64::from(self.ticks.max(1));
        let whole = (self.horizon(due, self.lateness_ms()) - self.newest_end).div_euclid(step) * step;
        (self.newest_end + whole - at) as f32 * 1000.0 / self.clock as f32 - FRAME_MS
    }

    /// Time of the next sample to be played.
    fn position(&self) -> i64 {
        self.buffer.expected() - i64::from(self.ticks_of(self.samples.len()))
    }

    /// A talker's packet is missing that may come any moment: a short wait may save a hole.
    pub fn awaits_packet(&self, due: Micros) -> bool {
        let needed = self.buffer.is_playing()
            && self.buffer.is_empty()
            && self.samples.len() < self.frame()
            && !self.silent
            && !self.quiet
            && self.empty_frames == 0;
        needed && {
            let awaited = self.newest_end + i64::from(self.ticks);
            let late = (self.horizon(due, self.lateness_ms()) - awaited) as f32 * 1000.0 / self.clock as f32;
            late < GRACE_LATE_MS
        }
    }

    /// Writes the 20 ms that are due into `out` at the codec's rate, replacing what was there.
    pub fn pull_into(&mut self, due: Micros, out: &mut Vec<f32>) -> Pulled {
        out.clear();
        let playing = self.is_playing(due);
        self.began_with = self.buffer.position();
        let pulled = if playing {
            self.observe(due);
            let pulled = self.fill();
            self.steer();
            pulled
        } else {
            self.rest();
            Pulled::Idle
        };
        let ready = self.frame().min(self.samples.len());
        out.extend_from_slice(self.samples.get(..ready).unwrap_or_default());
        self.samples.drain(..ready);
        out.resize(self.frame(), 0.0);
        if pulled == Pulled::Played {
            self.listen(out);
        }
        pulled
    }

    /// Whether there is something to play; begins when enough is there.
    fn is_playing(&mut self, due: Micros) -> bool {
        if self.buffer.is_playing() {
            return true;
        }
        while let Some((time, kind)) = self.buffer.first() {
            match kind {
                Kind::Noise => self.comfort.describe(self.buffer.skip_first(), self.rate),
                Kind::Event => {
                    self.buffer.skip_first();
                }
                Kind::Audio(_) => {
                    let waiting = i64::from(self.ticks_of(self.samples.len()));
                    if self.margin_ms(due, time - waiting) < 0.0 && self.level_ms() < self.max_ms {
                        return false;
                    }
                    self.buffer.start();
                    self.begun = true;
                    self.steering.clear();
                    self.empty_frames = 0;
                    self.mean_ms = if self.mean_ms == 0.0 { self.level_ms() } else { self.mean_ms };
                    return true;
                }
            }
        }
        false
    }

    fn rest(&mut self) {
        if !self.begun {
            return; // what was heard elsewhere must not sound again, and what comes now begins as it is
        }
        self.be_silent(self.frame().saturating_sub(self.samples.len()));
    }

    /// The room's noise, by the codec itself when the sender described it so.
    fn be_silent(&mut self, count: usize) {
        self.scratch.clear();
        if self.silent && self.decoder.rest_into(count, &mut self.scratch) {
            self.concealment.good(&mut self.scratch, &mut self.comfort);
            self.samples.extend_from_slice(&self.scratch);
        } else {
            self.concealment.conceal_into(count, &mut self.comfort, &mut self.samples);
        }
    }

    fn observe(&mut self, due: Micros) {
        let level = self.level_ms();
        self.mean_ms += (level - self.mean_ms) * 0.02;
        let margin = self.margin_ms(due, self.position());
        self.steering.note(margin);
        if margin > self.max_ms + DROP_MS && level > margin {
            // Left out rather than played for seconds; concealment leads over.
            let keep = (level - margin - self.ms(self.samples.len())).max(FRAME_MS);
            self.concealment.begin();
            self.buffer.shorten_to((keep * self.clock as f32 / 1000.0) as u32);
            self.steering.clear();
        }
    }

    /// Decodes or conceals until one frame is there.
    fn fill(&mut self) -> Pulled {
        let mut pulled = Pulled::Played;
        // Bounded: each turn either consumes a packet, of which there are at most 64, or yields audio.
        for _ in 0..160 {
            if self.samples.len() >= self.frame() {
                break;
            }
            if let Some(kind) = self.take() {
                pulled = kind;
            }
        }
        pulled
    }

    /// Takes the next piece. Returns `Some` when it was not plain audio.
    fn take(&mut self) -> Option<Pulled> {
        let most = self.ticks_of(self.frame()).max(1);
        self.scratch.clear();
        // An overtaken packet is waited for while less is in store than the line asks for; a lost one is not.
        let wait = self.buffer.is_missing() && self.steering.margin() < -FRAME_MS / 2.0;
        match if wait { Next::Empty } else { self.buffer.next(most) } {
            Next::Packet(coding, payload) => {
                self.packet.clear();
                self.packet.extend_from_slice(payload);
                self.empty_frames = 0;
                self.play(coding)
            }
            Next::Lost { ticks, following } => {
                let count = (u64::from(ticks) * u64::from(self.rate) / u64::from(self.clock)) as usize;
                let following = following.filter(|(coding, _)| *coding == self.coding).map(|(_, payload)| payload);
                let own = self.decoder.conceal_into(following, count, &mut self.scratch);
                Some(self.imagine(count, own))
            }
            Next::Silence { ticks } => {
                self.be_silent(self.samples_of(ticks));
                None
            }
            Next::Noise(payload) => {
                self.comfort.describe(payload, self.rate);
                self.silent = true;
                None
            }
            Next::Event => {
                self.silent = true;
                None
            }
            Next::Empty => Some(self.starve(wait)),
        }
    }

    /// Decodes `self.packet`.
    fn play(&mut self, coding: Coding) -> Option<Pulled> {
        if coding != self.coding && !self.switch(coding) {
            return None;
        }
        let ticks = coding.ticks(&self.packet).unwrap_or(0);
        self.silent = coding.tells_silence(&self.packet);
        if !self.silent {
            self.comfort.forget();
        }
        // Measured with PESQ: up to 60 ms the old state serves better than one that was taught the concealment.
        if self.concealment.is_faded()
            && let Some(ahead) = self.decoder.relearns()
        {
            self.concealment.heard_into(ahead, &mut self.comfort, &mut self.scratch);
            self.decoder.relearn(&self.scratch);
            self.scratch.clear();
        }
        if self.decoder.decode_into(&self.packet, &mut self.scratch) {
            self.concealment.good(&mut self.scratch, &mut self.comfort);
            self.samples.extend_from_slice(&self.scratch);
            return None;
        }
        Some(self.imagine(self.samples_of(ticks), false))
    }

    /// The sender changed its codec; the clock is the same. False when the codec library refuses.
    fn switch(&mut self, coding: Coding) -> bool {
        let Some(decoder) = Decoder::new(coding) else { return false };
        (self.decoder, self.coding) = (decoder, coding);
        let rate = coding.decoded_rate();
        if rate != self.rate {
            self.samples = dsp::resample::convert(&self.samples, self.rate, rate);
            self.concealment = self.concealment.at_rate(rate);
            self.concealed = self.concealed * u64::from(rate) / u64::from(self.rate);
            self.rate = rate;
        }
        self.concealment.begin();
        true
    }

    /// `count` samples are not there; `own` when the decoder has put its concealment into `scratch`.
    fn imagine(&mut self, count: usize, own: bool) -> Pulled {
        if own {
            self.concealment.good(&mut self.scratch, &mut self.comfort);
            self.samples.extend_from_slice(&self.scratch);
        } else {
            self.concealment.conceal_into(count, &mut self.comfort, &mut self.samples);
        }
        self.concealed += count as u64;
        Pulled::Concealed
    }

    /// Nothing is there for the rest of the frame.
    fn starve(&mut self, wait: bool) -> Pulled {
        if self.silent {
            self.buffer.rest();
            self.rest();
            return Pulled::Idle;
        }
        let missing = self.frame().saturating_sub(self.samples.len());
        let own = self.decoder.conceal_into(None, missing, &mut self.scratch);
        let count = if own { self.scratch.len() } else { missing };
        self.buffer.concealed(self.ticks_of(count));
        self.empty_frames += u32::from(!wait);
        if self.empty_frames >= PAUSE_FRAMES {
            self.buffer.rest();
            self.empty_frames = 0;
        }
        self.imagine(count, own)
    }

    /// Leaves out or repeats a piece of what is about to be played, when the delay asks for it.
    fn steer(&mut self) {
        let frame = self.frame();
        let Some(ahead) = self.samples.get(..frame) else { return };
        let level = dsp::level(ahead);
        self.quiet = level < SILENCE || (level < NEARLY_SILENCE && level < 2.0 * self.room.settled());
        let changed = match self.steering.step(self.quiet) {
            Step::Keep => return,
            Step::ShortenQuiet(ms) => self.shorten(ms, None),
            Step::ShortenSpeech(alike) => self.shorten(0.0, Some(alike)),
            Step::LengthenQuiet(ms) => self.lengthen(ms, None),
            Step::LengthenSpeech(alike) => self.lengthen(0.0, Some(alike)),
        };
        let speech = !self.quiet;
        self.steering.changed(changed, speech);
    }

    /// Leaves out `ms`, or a pitch period of at least the given resemblance. Returns the change in ms.
    fn shorten(&mut self, ms: f32, alike: Option<f32>) -> f32 {
        let frame = self.frame();
        let longest = self.samples_in(12.5);
        while self.samples.len() < frame + 2 * longest && self.buffer.is_ready() {
            self.take();
        }
        let spare = self.samples.len().saturating_sub(frame);
        let lag = self.lag(ms, alike, spare);
        let removed = stretch::leave_out(&mut self.samples, lag);
        -self.ms(removed)
    }

    fn lengthen(&mut self, ms: f32, alike: Option<f32>) -> f32 {
        let most = self.samples.len() / 2;
        let lag = self.lag(ms, alike, most);
        let added = stretch::repeat(&mut self.samples, lag);
        self.ms(added)
    }

    /// How many samples to leave out or to repeat, at most `most`; 0 when no pitch period is alike enough.
    fn lag(&self, ms: f32, alike: Option<f32>, most: usize) -> usize {
        let Some(alike) = alike else { return self.samples_in(ms).min(most) };
        match stretch::period(&self.samples, self.rate, most) {
            Some((lag, found)) if found >= alike => lag,
            _ => 0,
        }
    }

    /// Measures the room's noise: the lowest level of the last two to four seconds.
    fn listen(&mut self, frame: &[f32]) {
        if self.room.input(dsp::level(frame)) {
            self.comfort.measured(self.room.settled());
        }
    }
}

#[cfg(test)]
#[path = "playout_tests.rs"]
mod tests;
