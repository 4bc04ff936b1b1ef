//! Linear PCM, 16 bit, big endian (RFC 3551 §4.5.11). Stereo is averaged in and doubled out.

use super::{Coding, Decode, Encode, to_f32, to_i16};

/// A packet must pass Ethernet, so its payload has no more octets.
const MOST_OCTETS: u32 = 1400;

/// Rates and channels that we code.
pub fn carries(clock: u32, channels: u8) -> bool {
    matches!(clock, 8000 | 16_000 | 24_000 | 44_100 | 48_000) && (1..=2).contains(&channels)
}

fn form(coding: Coding) -> Option<(u32, u8)> {
    match coding {
        Coding::L16 { rate, channels } => Some((rate, channels)),
        _ => None,
    }
}

pub fn ticks(coding: Coding, payload: &[u8]) -> Option<u32> {
    let (_, channels) = form(coding)?;
    Some((payload.len() / (2 * usize::from(channels))) as u32)
}

/// The longest packet time, not above the agreed one, that fits into a datagram.
pub fn packet_ms(coding: Coding, wanted: u32) -> u32 {
    let Some((rate, channels)) = form(coding) else { return wanted };
    let octets = |ms: u32| rate * ms / 1000 * 2 * u32::from(channels);
    (1..=wanted / 10).rev().map(|tens| 10 * tens).find(|ms| octets(*ms) <= MOST_OCTETS).unwrap_or(10)
}

/// Both ways; the number of channels is all there is to know.
pub struct Linear(u8);

impl Linear {
    pub fn of(coding: Coding) -> Option<Self> {
        form(coding).map(|(_, channels)| Self(channels))
    }
}

impl Decode for Linear {
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        let sample = |pair: &[u8]| pair.first_chunk::<2>().map_or(0.0, |&pair| to_f32(i16::from_be_bytes(pair)));
        if self.0 == 2 {
            out.extend(payload.chunks_exact(4).map(|quad| 0.5 * (sample(quad) + quad.get(2..).map_or(0.0, sample))));
        } else {
            out.extend(payload.chunks_exact(2).map(sample));
        }
        true
    }
}

impl Encode for Linear {
    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        let size = 2 * usize::from(self.0);
        let out = out.get_mut(..samples.len() * size)?;
        for (octets, &sample) in out.chunks_exact_mut(size).zip(samples) {
            for pair in octets.chunks_exact_mut(2) {
                pair.copy_from_slice(&to_i16(sample).to_be_bytes());
            }
        }
        Some(out.len())
    }
}
