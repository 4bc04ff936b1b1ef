//! An inject: a source that plays what is put into it, and tells when each mark has been heard.

use std::collections::VecDeque;

use crate::codec::g711::Law;
use crate::codec::{to_f32, to_i16};
use crate::command::{OpenInject, SampleFormat};
use crate::dsp::resample::Resampler;
use crate::error::Refusal;
use crate::ids::{FRAMES_PER_SECOND, MAX_FRAME, NodeId};
use crate::route::ABSENT;

pub const LONGEST_QUEUE_MS: u32 = 600_000;
const MOST_MARKS: usize = 1000;
pub const LONGEST_MARK: usize = 256;
/// What begins after silence waits until it has so many frames, or for so long: its sender's jitter makes no holes.
const HEAD_START: usize = 3;

/// A mark that is told: with how much was played before it, and how much waits, ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub mark: String,
    pub played_ms: u64,
    pub queued_ms: u64,
}

pub struct Inject {
    pub id: NodeId,
    /// Its frame in the group's arena; set by the plan.
    pub frame: u32,
    rate: u32,
    format: SampleFormat,
    most: usize,
    queue: VecDeque<i16>,
    /// Place in the stream of samples that were put, and the mark there; in order.
    marks: VecDeque<(u64, String)>,
    put: u64,
    played: u64,
    /// Nothing was there to play; so many frames were waited since something came.
    dry: Option<usize>,
    resampler: Option<Resampler>,
    to_rate: u32,
    taken: Vec<f32>,
    made: Vec<f32>,
}

impl Inject {
    pub fn new(open: &OpenInject) -> Self {
        Self {
            id: open.inject,
            frame: ABSENT,
            rate: open.rate,
            format: open.format,
            most: open.rate as usize / 1000 * open.queue_ms as usize,
            queue: VecDeque::new(),
            marks: VecDeque::new(),
            put: 0,
            played: 0,
            dry: Some(0),
            resampler: None,
            to_rate: 0,
            taken: Vec::new(),
            made: Vec::new(),
        }
    }

    /// Queues samples and a mark behind them. All or nothing: what does not fit is refused.
    pub fn put(&mut self, data: &[u8], mark: String) -> Result<(), Refusal> {
        let count = data.len() / self.format.octets();
        if self.queue.len() + count > self.most || (!mark.is_empty() && self.marks.len() >= MOST_MARKS) {
            return Err(Refusal::Limit);
        }
        match self.format {
            SampleFormat::Pcm16 => {
                let pairs = data.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
                self.queue.extend(pairs.map(i16::from_le_bytes));
            }
            SampleFormat::Pcmu => self.queue.extend(data.iter().map(|octet| Law::Mu.decode_i16(*octet))),
        }
        self.put += count as u64;
        if !mark.is_empty() {
            self.marks.push_back((self.put, mark));
        }
        Ok(())
    }

    /// Forgets what waits, except for 5 ms in which it fades, and tells all marks.
    pub fn clear(&mut self, mut reached: impl FnMut(Reached)) {
        let fade = self.rate as usize / 200;
        self.queue.truncate(fade);
        for (index, sample) in self.queue.iter_mut().enumerate() {
            *sample = to_i16(to_f32(*sample) * (1.0 - index as f32 / fade as f32));
        }
        self.put = self.played + self.queue.len() as u64;
        while let Some((_, mark)) = self.marks.pop_front() {
            reached(Reached { mark, played_ms: self.milliseconds(self.played), queued_ms: 0 });
        }
    }

    /// The next frame, and the marks that were heard with the frames before it.
    pub fn pull(&mut self, out: &mut [f32], rate: u32, mut reached: impl FnMut(Reached)) {
        while self.marks.front().is_some_and(|(at, _)| *at <= self.played)
            && let Some((at, mark)) = self.marks.pop_front()
        {
            let queued_ms = self.milliseconds(self.queue.len() as u64);
            reached(Reached { mark, played_ms: self.milliseconds(at), queued_ms });
        }
        let wanted = self.rate as usize / FRAMES_PER_SECOND;
        if let Some(waited) = &mut self.dry
            && !self.queue.is_empty()
        {
            if self.queue.len() < HEAD_START * wanted && *waited < HEAD_START {
                *waited += 1;
            } else {
                self.dry = None;
            }
        }
        let count = if self.dry.is_some() { 0 } else { wanted.min(self.queue.len()) };
        self.taken.clear();
        self.taken.extend(self.queue.drain(..count).map(to_f32));
        self.taken.resize(wanted, 0.0);
        self.played += count as u64;
        if self.queue.is_empty() && self.dry.is_none() {
            self.dry = Some(0);
        }
        self.convert(out, rate);
    }

    fn convert(&mut self, out: &mut [f32], rate: u32) {
        if self.to_rate != rate {
            self.resampler = Resampler::new(self.rate, rate);
            self.to_rate = rate;
        }
        let made = match &mut self.resampler {
            Some(resampler) => {
                self.made.clear();
                self.made.reserve(MAX_FRAME);
                resampler.process_into(&self.taken, &mut self.made);
                &self.made
            }
            None => &self.taken,
        };
        for (index, target) in out.iter_mut().enumerate() {
            *target = made.get(index).copied().unwrap_or(0.0);
        }
    }

    fn milliseconds(&self, samples: u64) -> u64 {
        samples * 1000 / u64::from(self.rate)
    }
}
