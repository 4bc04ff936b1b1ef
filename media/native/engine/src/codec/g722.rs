//! G.722 at 64 kbit/s (mode 1), 16 kHz samples; the ADPCM itself is `ezk-g722`.

use ezk_g722::libg722::{Bitrate, decoder, encoder};

use super::{to_f32, to_i16};

pub struct Decoder(decoder::Decoder);

impl Default for Decoder {
    fn default() -> Self {
        Self(decoder::Decoder::new(Bitrate::Mode1_64000, false, false))
    }
}

impl Decoder {
    pub fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) {
        out.extend(self.0.decode(payload).into_iter().map(to_f32));
    }

    /// Brings the adaptive state to where the far end's would be had it sent what was heard: a fresh coder and decoder hear it
    /// together. After a loss the old state belongs to a sound of some time ago.
    pub fn relearn(&mut self, heard: &[f32]) {
        let samples: Vec<i16> = heard.iter().map(|&sample| to_i16(sample)).collect();
        let coded = encoder::Encoder::new(Bitrate::Mode1_64000, false, false).encode(&samples);
        *self = Self::default();
        self.0.decode(&coded);
    }
}

/// Samples by which coder and decoder together delay (two filters of 24 taps).
pub const DELAY: usize = 22;

pub struct Encoder {
    encoder: encoder::Encoder,
    samples: Vec<i16>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { encoder: encoder::Encoder::new(Bitrate::Mode1_64000, false, false), samples: Vec::new() }
    }
}

impl Encoder {
    pub fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        self.samples.clear();
        self.samples.extend(samples.iter().map(|&sample| to_i16(sample)));
        let coded = self.encoder.encode(&self.samples);
        out.get_mut(..coded.len())?.copy_from_slice(&coded);
        Some(coded.len())
    }
}
