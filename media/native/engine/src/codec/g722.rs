//! G.722 in integers as the Recommendation has it, 16 kHz samples, one octet for two of them. RTP carries mode 1 (64 kbit/s).
//! The block names (SUBTRA, QUANTL, …) are the Recommendation's. Its state after a reset is that of `Default`.

use super::{Decode, Encode, to_f32, to_i16};

/// Bits of an octet that carry sound: the lowest ones may have been used for data (G.722 §1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// 64 kbit/s.
    #[default]
    One,
    /// 56 kbit/s.
    Two,
    /// 48 kbit/s.
    Three,
}

/// Every other coefficient of the quadrature mirror filter (table 11), scaled by 2¹³; the others are the same from the end.
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// Decision levels of the lower band's quantiser (table 14, Q6).
const DECISIONS: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];
/// Decision level of the higher band's quantiser.
const DECISION_HIGH: i32 = 564;
/// Inverse quantisers of four, five and six bits (tables 15 to 17); the codes of each sign count down.
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM5: [i32; 32] = [
    -280, -280, -23352, -17560, -14120, -11664, -9752, -8184, -6864, -5712, -4696, -3784, -2960, -2208, -1520, -880,
    23352, 17560, 14120, 11664, 9752, 8184, 6864, 5712, 4696, 3784, 2960, 2208, 1520, 880, 280, -280,
];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];
/// Steps of the logarithmic scale factor by code (W_L by IL4, W_H by IH2).
const WL: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];
const WH: [i32; 4] = [798, -214, 798, -214];
/// 2^(i/32), scaled by 2¹¹ (table 18).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// An entry of a table; indices are masked codes, so one is always there.
fn entry<const N: usize>(table: &[i32; N], index: i32) -> i32 {
    table.get(index as usize).copied().unwrap_or_default()
}

fn saturate(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// The range of a sub-band's samples (LIMIT).
fn limit(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// Adaptive state of one sub-band; the newest of a history first.
struct Band {
    /// Logarithmic and linear scale factor.
    nb: i32,
    det: i32,
    /// Predictor: two poles, six zeros, and what they work on.
    a: [i32; 2],
    b: [i32; 6],
    d: [i32; 6],
    p: [i32; 2],
    r: i32,
    sz: i32,
    /// What the predictor expects.
    s: i32,
}

impl Band {
    const fn new(det: i32) -> Self {
        Self { nb: 0, det, a: [0; 2], b: [0; 6], d: [0; 6], p: [0; 2], r: 0, sz: 0, s: 0 }
    }

    /// A quantised difference of `level` (scaled by 2¹⁵) in the present scale.
    fn scaled(&self, level: i32) -> i32 {
        (self.det * level) >> 15
    }

    /// LOGSCL, SCALEL, LOGSCH, SCALEH: the scale follows the code; `most` bounds it, `base` is the band's.
    fn rescale(&mut self, step: i32, most: i32, base: i32) {
        self.nb = (((self.nb * 127) >> 7) + step).clamp(0, most);
        let mantissa = entry(&ILB, (self.nb >> 6) & 31);
        let shift = base - (self.nb >> 11);
        self.det = (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2;
    }

    /// Block 4: adapts the predictor to the quantised difference `d`.
    fn adapt(&mut self, d: i32) {
        let r = saturate(self.s + d); // RECONS
        let p = saturate(self.sz + d); // PARREC
        let [a1, a2] = self.a;
        let [p1, p2] = self.p;
        let alike = |other: i32| (p < 0) == (other < 0);
        // UPPOL2
        let turned = saturate(a1 << 2);
        let turned = saturate(if alike(p1) { -turned } else { turned });
        let a2 = ((turned >> 7) + if alike(p2) { 128 } else { -128 } + ((a2 * 32_512) >> 15)).clamp(-12_288, 12_288);
        // UPPOL1
        let bound = 15_360 - a2;
        let a1 = (if alike(p1) { 192 } else { -192 } + ((a1 * 32_640) >> 15)).clamp(-bound, bound);
        // UPZERO and FILTEZ; the difference of a zero's own time decides about it
        let push = if d == 0 { 0 } else { 128 };
        let (mut sz, mut newer) = (0, d);
        for (b, old) in self.b.iter_mut().zip(&mut self.d) {
            let pushed = if (*old < 0) == (d < 0) { push } else { -push };
            *b = saturate(pushed + ((*b * 32_640) >> 15));
            std::mem::swap(old, &mut newer); // DELAYA
            sz = saturate(sz + ((*b * saturate(2 * *old)) >> 15));
        }
        // FILTEP, PREDIC
        let sp = saturate(((a1 * saturate(2 * r)) >> 15) + ((a2 * saturate(2 * self.r)) >> 15));
        (self.a, self.p, self.r, self.sz) = ([a1, a2], [p, p1], r, sz);
        self.s = saturate(sp + sz);
    }

    fn low(&mut self, code: i32) {
        let code = code >> 2;
        let difference = self.scaled(entry(&QM4, code));
        self.rescale(entry(&WL, code), 18_432, 8);
        self.adapt(difference);
    }

    fn high(&mut self, code: i32) -> i32 {
        let difference = self.scaled(entry(&QM2, code));
        self.rescale(entry(&WH, code), 22_528, 10);
        difference
    }
}

/// The quadrature mirror filter's two halves, each over every other sample of the last 24; the newest pair first.
#[derive(Default)]
struct Mirror([(i32, i32); 12]);

impl Mirror {
    fn push(&mut self, newest: (i32, i32)) -> (i32, i32) {
        self.0.copy_within(..11, 1);
        if let Some(first) = self.0.first_mut() {
            *first = newest;
        }
        let (mut even, mut odd) = (0, 0);
        for (((x, y), ahead), back) in self.0.iter().zip(QMF).zip(QMF.iter().rev()) {
            even += ahead * x;
            odd += back * y;
        }
        (even, odd)
    }
}

pub struct Decoder {
    mode: Mode,
    low: Band,
    high: Band,
    mirror: Mirror,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Mode::One)
    }
}

impl Decoder {
    /// A decoder after a reset.
    pub fn new(mode: Mode) -> Self {
        Self { mode, low: Band::new(32), high: Band::new(8), mirror: Mirror::default() }
    }

    /// The two samples of an octet.
    pub fn octet(&mut self, octet: u8) -> [i16; 2] {
        let (low_code, high_code) = (i32::from(octet & 0x3f), i32::from(octet >> 6));
        let level = match self.mode {
            Mode::One => entry(&QM6, low_code),
            Mode::Two => entry(&QM5, low_code >> 1),
            Mode::Three => entry(&QM4, low_code >> 2),
        };
        let low = limit(self.low.s + self.low.scaled(level));
        self.low.low(low_code);
        let difference = self.high.high(high_code);
        let high = limit(self.high.s + difference);
        self.high.adapt(difference);
        let (first, second) = self.mirror.push((low - high, low + high));
        [saturate(first >> 11) as i16, saturate(second >> 11) as i16]
    }
}

impl Decode for Decoder {
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        for &octet in payload {
            out.extend(self.octet(octet).map(to_f32));
        }
        true
    }

    fn relearns(&self) -> Option<usize> {
        Some(DELAY)
    }

    /// Brings the adaptive state to where the far end's would be had it sent what was heard: a fresh coder and decoder hear it
    /// together. After a loss the old state belongs to a sound of some time ago.
    fn relearn(&mut self, heard: &[f32]) {
        let mut encoder = Encoder::default();
        *self = Self::new(self.mode);
        for pair in heard.chunks_exact(2) {
            if let [first, second] = *pair {
                self.octet(encoder.pair(to_i16(first), to_i16(second)));
            }
        }
    }
}

/// Samples by which coder and decoder together delay (two filters of 24 taps).
const DELAY: usize = 22;

pub struct Encoder {
    low: Band,
    high: Band,
    mirror: Mirror,
}

impl Default for Encoder {
    /// An encoder after a reset.
    fn default() -> Self {
        Self { low: Band::new(32), high: Band::new(8), mirror: Mirror::default() }
    }
}

impl Encoder {
    /// The octet of two samples.
    pub fn pair(&mut self, first: i16, second: i16) -> u8 {
        let (even, odd) = self.mirror.push((i32::from(second), i32::from(first)));
        let (low, high) = (limit((even + odd) >> 14), limit((even - odd) >> 14));
        let low_code = self.quantise_low(saturate(low - self.low.s));
        self.low.low(low_code);
        let high_code = self.quantise_high(saturate(high - self.high.s));
        let difference = self.high.high(high_code);
        self.high.adapt(difference);
        (high_code << 6 | low_code) as u8
    }

    /// QUANTL. Codes of a sign count down from the smallest difference; two of them are out of the sequence (table 14).
    fn quantise_low(&self, difference: i32) -> i32 {
        let magnitude = if difference < 0 { -(difference + 1) } else { difference };
        let beyond = |level: &i32| magnitude >= (level * self.low.det) >> 12;
        let interval = DECISIONS.iter().skip(1).take_while(|level| beyond(level)).count() as i32 + 1;
        match (difference < 0, interval) {
            (false, _) => 62 - interval,
            (true, 1 | 2) => 64 - interval,
            (true, _) => 34 - interval,
        }
    }

    /// QUANTH.
    fn quantise_high(&self, difference: i32) -> i32 {
        let magnitude = if difference < 0 { -(difference + 1) } else { difference };
        let outer = magnitude >= (DECISION_HIGH * self.high.det) >> 12;
        match (difference < 0, outer) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }
    }
}

impl Encode for Encoder {
    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..samples.len() / 2)?;
        for (octet, pair) in out.iter_mut().zip(samples.chunks_exact(2)) {
            if let [first, second] = *pair {
                *octet = self.pair(to_i16(first), to_i16(second));
            }
        }
        Some(out.len())
    }
}
