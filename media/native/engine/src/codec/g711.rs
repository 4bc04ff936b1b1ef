//! G.711 A-law and µ-law, as in the reference of ITU-T G.191, by table.

use std::sync::LazyLock;

use super::{Decode, Encode, to_f32, to_i16};

/// The two companding laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    A,
    Mu,
}

/// µ-law uses the upper 14 bits of a sample, A-law 12; both fit a table of 2^14.
static ENCODE_A: LazyLock<Box<[u8]>> = LazyLock::new(|| encode_table(compress_a));
static ENCODE_MU: LazyLock<Box<[u8]>> = LazyLock::new(|| encode_table(compress_mu));
static DECODE_A: [i16; 256] = decode_table(Law::A);
static DECODE_MU: [i16; 256] = decode_table(Law::Mu);

fn encode_table(compress: fn(i16) -> u8) -> Box<[u8]> {
    (0..1u32 << 14).map(|index| compress(((index << 2) as u16) as i16)).collect()
}

const fn decode_table(law: Law) -> [i16; 256] {
    let mut table = [0i16; 256];
    let mut octet = 0;
    #[allow(clippy::indexing_slicing)] // a constant of known size, checked by the compiler
    while octet < 256 {
        table[octet] = match law {
            Law::A => expand_a(octet as u8),
            Law::Mu => expand_mu(octet as u8),
        };
        octet += 1;
    }
    table
}

fn compress_a(sample: i16) -> u8 {
    let mut magnitude = if sample < 0 { !sample >> 4 } else { sample >> 4 };
    if magnitude > 15 {
        let mut exponent = 1;
        while magnitude > 31 {
            magnitude >>= 1;
            exponent += 1;
        }
        magnitude = magnitude - 16 + (exponent << 4);
    }
    let sign = if sample >= 0 { 0x80 } else { 0 };
    (magnitude as u8 | sign) ^ 0x55
}

const fn expand_a(octet: u8) -> i16 {
    let code = (octet ^ 0x55) & 0x7f;
    let exponent = code >> 4;
    let mut mantissa = (code & 0x0f) as i16;
    if exponent > 0 {
        mantissa += 16;
    }
    mantissa = (mantissa << 4) + 8;
    if exponent > 1 {
        mantissa <<= exponent - 1;
    }
    if octet > 127 { mantissa } else { -mantissa }
}

fn compress_mu(sample: i16) -> u8 {
    let magnitude = ((if sample < 0 { !sample >> 2 } else { sample >> 2 }) + 33).min(0x1fff);
    let mut segment = 1;
    let mut rest = magnitude >> 6;
    while rest != 0 {
        segment += 1;
        rest >>= 1;
    }
    let high = 8 - segment;
    let low = 0x0f - ((magnitude >> segment) & 0x0f);
    ((high << 4) | low) as u8 | if sample >= 0 { 0x80 } else { 0 }
}

const fn expand_mu(octet: u8) -> i16 {
    let inverted = !octet;
    let exponent = (inverted >> 4) & 7;
    let mantissa = (inverted & 0x0f) as i32;
    let step = 4i32 << (exponent + 1);
    let value = (0x80i32 << exponent) + step * mantissa + step / 2 - 4 * 33;
    (if octet < 0x80 { -value } else { value }) as i16
}

impl Law {
    /// The octet of full silence.
    pub const fn silence(self) -> u8 {
        match self {
            Law::A => 0xd5,
            Law::Mu => 0xff,
        }
    }

    pub fn decode_i16(self, octet: u8) -> i16 {
        let table = match self {
            Law::A => &DECODE_A,
            Law::Mu => &DECODE_MU,
        };
        table.get(usize::from(octet)).copied().unwrap_or_default()
    }

    pub fn encode_i16(self, sample: i16) -> u8 {
        let table = match self {
            Law::A => &*ENCODE_A,
            Law::Mu => &*ENCODE_MU,
        };
        table.get(usize::from(sample as u16 >> 2)).copied().unwrap_or(self.silence())
    }

    pub fn decode(self, octet: u8) -> f32 {
        to_f32(self.decode_i16(octet))
    }

    pub fn encode(self, sample: f32) -> u8 {
        self.encode_i16(to_i16(sample))
    }
}

impl Decode for Law {
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        out.extend(payload.iter().map(|&octet| self.decode(octet)));
        true
    }
}

impl Encode for Law {
    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..samples.len())?;
        for (octet, &sample) in out.iter_mut().zip(samples) {
            *octet = self.encode(sample);
        }
        Some(samples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tandem_coding_changes_nothing() {
        for law in [Law::A, Law::Mu] {
            for octet in 0..=255u8 {
                let again = law.encode(law.decode(octet));
                assert_eq!(law.decode_i16(again), law.decode_i16(octet), "{law:?} {octet}");
            }
        }
    }

    #[test]
    fn known_values_of_the_recommendation() {
        assert_eq!(Law::A.encode_i16(0), 0xd5);
        assert_eq!(Law::Mu.encode_i16(0), 0xff);
        assert_eq!(Law::A.decode_i16(0xaa), 32_256);
        assert_eq!(Law::Mu.decode_i16(0x80), 32_124);
        assert_eq!(Law::Mu.decode_i16(0x00), -32_124);
    }
}
