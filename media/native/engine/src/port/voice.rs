//! The mixing sender: frames of the group's rate become packets of the agreed codec and length.

use crate::codec::{Coding, Encoder};
use crate::dsp::limiter::Limiter;
use crate::dsp::resample::Resampler;

pub struct Voice {
    coding: Coding,
    group_rate: u32,
    ptime_ms: u32,
    encoder: Encoder,
    resampler: Option<Resampler>,
    limiter: Limiter,
    pending: Vec<f32>,
    packet_samples: usize,
}

impl Voice {
    /// `None` when the codec library refuses.
    pub fn new(coding: Coding, group_rate: u32, ptime_ms: u32) -> Option<Self> {
        let rate = coding.encoded_rate(group_rate);
        // libopus knows 10, 20, 40 and 60 ms.
        let ptime_ms = if coding == Coding::Opus && ptime_ms == 30 { 20 } else { ptime_ms };
        Some(Self {
            coding,
            group_rate,
            ptime_ms,
            encoder: Encoder::new(coding, rate)?,
            resampler: Resampler::new(group_rate, rate),
            limiter: Limiter::default(),
            pending: Vec::with_capacity(rate as usize / 10),
            packet_samples: (rate * ptime_ms / 1000) as usize,
        })
    }

    pub fn fits(&self, coding: Coding, group_rate: u32, ptime_ms: u32) -> bool {
        let same_length =
            self.ptime_ms == ptime_ms || (coding == Coding::Opus && ptime_ms == 30 && self.ptime_ms == 20);
        self.coding == coding && self.group_rate == group_rate && same_length
    }

    /// Ticks of the RTP clock in one packet.
    pub fn ticks(&self) -> u32 {
        self.coding.clock() / 1000 * self.ptime_ms
    }

    /// Takes one frame (it is limited in place) and calls `each` with every payload that became complete.
    pub fn frame(&mut self, frame: &mut [f32], payload: &mut [u8], mut each: impl FnMut(&[u8])) {
        self.limiter.process(frame);
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(frame, &mut self.pending),
            None => self.pending.extend_from_slice(frame),
        }
        while self.pending.len() >= self.packet_samples {
            if let Some(length) = self.encoder.encode_into(&self.pending[..self.packet_samples], payload) {
                each(&payload[..length]);
            }
            self.pending.drain(..self.packet_samples);
        }
    }

    /// No packet is half full.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes a frame as heard already, so that the resampler goes on from it.
    pub fn prime(&mut self, frame: &[f32]) {
        if let Some(resampler) = &mut self.resampler {
            resampler.process_into(frame, &mut self.pending);
            self.pending.clear();
        }
    }

    /// What was begun is dropped: the path changed.
    pub fn clear(&mut self) {
        self.pending.clear();
    }
}
