//! Linear PCM, 16 bit, big endian (RFC 3551 §4.5.11). Stereo is averaged in and doubled out.

use super::{to_f32, to_i16};

pub fn decode_into(payload: &[u8], channels: u8, out: &mut Vec<f32>) {
    let sample = |pair: &[u8]| pair.first_chunk::<2>().map_or(0.0, |&pair| to_f32(i16::from_be_bytes(pair)));
    if channels == 2 {
        out.extend(payload.chunks_exact(4).map(|quad| 0.5 * (sample(quad) + quad.get(2..).map_or(0.0, sample))));
    } else {
        out.extend(payload.chunks_exact(2).map(sample));
    }
}

pub fn encode_into(samples: &[f32], channels: u8, out: &mut [u8]) -> Option<usize> {
    let size = 2 * usize::from(channels);
    let out = out.get_mut(..samples.len() * size)?;
    for (octets, &sample) in out.chunks_exact_mut(size).zip(samples) {
        for pair in octets.chunks_exact_mut(2) {
            pair.copy_from_slice(&to_i16(sample).to_be_bytes());
        }
    }
    Some(samples.len() * size)
}
