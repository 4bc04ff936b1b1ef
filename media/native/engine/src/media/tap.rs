//! A tap: a listener whose sound leaves the engine in chunks, through a queue that drops the oldest and says so.
//!
//! The worker never waits for whoever reads: the queue is locked only for as long as chunks are moved in or out, and a worker
//! that finds it locked keeps its chunk until the next frame.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crate::codec::g711::Law;
use crate::codec::to_i16;
use crate::command::{OpenTap, SampleFormat};
use crate::dsp::resample::Resampler;
use crate::ids::{Micros, NodeId};
use crate::route::EdgeSet;

/// Chunks are whole frames, of at most so many ms.
pub const LONGEST_CHUNK_MS: u32 = 200;
pub const LONGEST_QUEUE_MS: u32 = 60_000;

/// Some ms of sound; `at` is when its first sample was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    pub at: Micros,
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Chunk>,
    dropped: u64,
}

/// What waits for the reader; bounded.
pub struct Queue {
    waiting: Mutex<Waiting>,
    most: usize,
    chunk_ms: u64,
}

impl Queue {
    pub fn new(open: &OpenTap) -> Arc<Self> {
        let most = (open.queue_ms / open.chunk_ms.max(1)).max(1) as usize;
        Arc::new(Self { waiting: Mutex::default(), most, chunk_ms: u64::from(open.chunk_ms) })
    }

    /// What has come since the last call, oldest first, and how many ms were dropped before it.
    pub fn take(&self) -> (Vec<Chunk>, u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = std::mem::take(&mut waiting.dropped);
        (waiting.chunks.drain(..).collect(), dropped * self.chunk_ms)
    }

    /// Moves chunks in, unless the reader is just moving them out.
    fn offer(&self, chunks: &mut VecDeque<Chunk>) {
        let mut waiting = match self.waiting.try_lock() {
            Ok(waiting) => waiting,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        waiting.chunks.append(chunks);
        while waiting.chunks.len() > self.most {
            waiting.chunks.pop_front();
            waiting.dropped += 1;
        }
    }
}

pub struct Tap {
    pub id: NodeId,
    pub edges: EdgeSet,
    /// It hears what this port hears, whatever that is; 0: only its own sources.
    pub ear: NodeId,
    rate: u32,
    format: SampleFormat,
    resampler: Option<Resampler>,
    from_rate: u32,
    samples: Vec<f32>,
    chunk: Vec<u8>,
    chunk_octets: usize,
    began: Micros,
    ready: VecDeque<Chunk>,
    queue: Arc<Queue>,
}

impl Tap {
    pub fn new(open: &OpenTap, queue: Arc<Queue>) -> Self {
        let samples = (open.rate / 1000 * open.chunk_ms) as usize;
        Self {
            id: open.tap,
            edges: EdgeSet::at_once(&open.sources),
            ear: open.ear,
            rate: open.rate,
            format: open.format,
            resampler: None,
            from_rate: 0,
            samples: Vec::new(),
            chunk: Vec::new(),
            chunk_octets: samples * open.format.octets(),
            began: 0,
            ready: VecDeque::new(),
            queue,
        }
    }

    /// Takes the frame that was due at `at`, in the group's rate. True when a chunk became complete.
    pub fn put(&mut self, frame: &[f32], from: u32, at: Micros) -> bool {
        if self.from_rate != from {
            self.resampler = Resampler::new(from, self.rate);
            self.from_rate = from;
        }
        self.samples.clear();
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(frame, &mut self.samples),
            None => self.samples.extend_from_slice(frame),
        }
        if self.chunk.is_empty() {
            self.chunk.reserve_exact(self.chunk_octets);
            self.began = at;
        }
        for &sample in &self.samples {
            match self.format {
                SampleFormat::Pcm16 => self.chunk.extend(to_i16(sample).to_le_bytes()),
                SampleFormat::Pcmu => self.chunk.push(Law::Mu.encode_i16(to_i16(sample))),
            }
        }
        if self.chunk.len() < self.chunk_octets {
            return false;
        }
        self.ready.push_back(Chunk { at: self.began, data: std::mem::take(&mut self.chunk) });
        self.queue.offer(&mut self.ready);
        true
    }
}
