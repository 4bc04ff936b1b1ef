//! The worker's half of a recording: channels are listeners, the frame clock is the time line, silence fills what is absent.

use rtrb::Producer;

use super::disk::{Disk, Format, Job, Note};
use crate::codec::to_i16;
use crate::command::Record;
use crate::dsp::resample::Resampler;
use crate::ids::{Micros, NodeId};
use crate::route::EdgeSet;

/// Amplitude and length of the tone that marks a pause, and its frequency.
const BEEP: (f32, u64, f32) = (0.1, 100, 1000.0);

/// Seconds of audio between worker and disk: what is coded at a low priority may be late for longer.
pub const fn ring_seconds(format: Format) -> usize {
    match format {
        Format::Wav => 2,
        Format::Opus => 4,
    }
}

/// One channel: who is heard in it.
#[derive(Default)]
pub struct Channel {
    pub edges: EdgeSet,
    resampler: Option<Resampler>,
    from_rate: u32,
    samples: Vec<f32>,
}

impl Channel {
    pub fn new(edges: EdgeSet) -> Self {
        Self { edges, ..Self::default() }
    }

    /// Takes a frame at the group's rate.
    pub fn put(&mut self, frame: &[f32], from: u32, to: u32) {
        if self.from_rate != from {
            self.resampler = Resampler::new(from, to);
            self.from_rate = from;
        }
        self.samples.clear();
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(frame, &mut self.samples),
            None => self.samples.extend_from_slice(frame),
        }
    }
}

pub struct Recorder {
    pub id: NodeId,
    pub rate: u32,
    pub channels: Vec<Channel>,
    ring: Producer<i16>,
    started: Micros,
    /// Samples per channel handed over, silence included.
    written: u64,
    pub paused: bool,
    overrun_from: Option<u64>,
    gaps: Vec<(u64, u64)>,
    interleaved: Vec<i16>,
    lane: usize,
    beep_ms: u64,
}

impl Recorder {
    /// `lane` is the disk thread that has the other half.
    pub fn new(record: &Record, lane: usize, channels: Vec<Channel>, ring: Producer<i16>, now: Micros) -> Self {
        Self {
            id: record.recorder,
            rate: record.rate,
            channels,
            ring,
            started: now,
            written: 0,
            paused: false,
            overrun_from: None,
            gaps: Vec::new(),
            interleaved: Vec::new(),
            lane,
            beep_ms: u64::from(record.beep_ms),
        }
    }

    /// The disk could not open the file: nobody reads.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }

    pub fn position_ms(&self, now: Micros) -> u64 {
        now.saturating_sub(self.started) / 1000
    }

    fn samples_at(&self, at: Micros) -> u64 {
        at.saturating_sub(self.started) * u64::from(self.rate) / 1_000_000
    }

    /// Writes what the channels hold as the frame that was due at `at`. True when the ring became full by it.
    pub fn write(&mut self, at: Micros) -> bool {
        let due = self.samples_at(at);
        let behind = due.saturating_sub(self.written);
        // One sample of rounding is no gap.
        if behind > 1 && !self.silence(behind) {
            return self.overrun(due);
        }
        let frame = self.channels.first().map_or(0, |channel| channel.samples.len());
        let width = self.channels.len();
        self.interleave(frame, width);
        let Ok(mut chunk) = self.ring.write_chunk(frame * width) else { return self.overrun(due) };
        let (first, second) = chunk.as_mut_slices();
        let (head, tail) = self.interleaved.split_at(first.len());
        first.copy_from_slice(head);
        second.copy_from_slice(tail);
        chunk.commit_all();
        self.written += frame as u64;
        if let Some(from) = self.overrun_from.take() {
            self.gaps.push((from, due * 1000 / u64::from(self.rate)));
        }
        false
    }

    /// The frame as it is written: what the channels hold, or what a pause sounds like.
    fn interleave(&mut self, frame: usize, width: usize) {
        self.interleaved.resize(frame * width, 0);
        match (self.channels.as_slice(), self.paused) {
            (_, true) => self.pause_into(width),
            ([left, right], _) => {
                let pairs = self.interleaved.chunks_exact_mut(2).zip(left.samples.iter().zip(&right.samples));
                for (pair, (left, right)) in pairs {
                    pair.copy_from_slice(&[to_i16(*left), to_i16(*right)]);
                }
            }
            (channels, _) => {
                for (index, channel) in channels.iter().enumerate() {
                    let targets = self.interleaved.iter_mut().skip(index).step_by(width);
                    for (target, &sample) in targets.zip(&channel.samples) {
                        *target = to_i16(sample);
                    }
                }
            }
        }
    }

    fn pause_into(&mut self, width: usize) {
        self.interleaved.fill(0);
        if self.beep_ms == 0 {
            return;
        }
        let (amplitude, length, hertz) = BEEP;
        let rate = u64::from(self.rate);
        for (at, samples) in (self.written..).zip(self.interleaved.chunks_exact_mut(width.max(1))) {
            let in_period = at % (self.beep_ms * rate / 1000).max(1);
            if in_period < length * rate / 1000 {
                let phase = std::f32::consts::TAU * hertz * in_period as f32 / self.rate as f32;
                samples.fill(to_i16(amplitude * phase.sin()));
            }
        }
    }

    fn silence(&mut self, samples: u64) -> bool {
        let width = self.channels.len().max(1);
        let count = (samples as usize).min(self.ring.slots() / width);
        let Ok(chunk) = self.ring.write_chunk(count * width) else { return false };
        chunk.commit_all(); // fresh chunks hold the default value, 0
        self.written += count as u64;
        count as u64 == samples
    }

    fn overrun(&mut self, due: u64) -> bool {
        if self.overrun_from.is_some() {
            return false;
        }
        self.overrun_from = Some(due * 1000 / u64::from(self.rate));
        true
    }

    /// Tells the disk where the recording ends; exact to the sample of `now`.
    pub fn close(mut self, disk: &Disk, now: Micros) {
        let samples = self.samples_at(now);
        if let Some(from) = self.overrun_from.take() {
            self.gaps.push((from, samples * 1000 / u64::from(self.rate)));
        }
        disk.send_to(self.lane, Job::Close { recorder: self.id, samples, gaps: self.gaps });
    }

    pub fn note(&self, disk: &Disk, note: Note) {
        disk.send_to(self.lane, Job::Note { recorder: self.id, note });
    }
}
