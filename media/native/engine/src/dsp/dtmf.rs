//! In-band DTMF (ITU-T Q.23, Q.24): detection by Goertzel in 12.75 ms blocks with rules for energy, twist and purity.

use super::{goertzel, level};
use crate::ids::Micros;

pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// Shortest digit, in blocks: 3 × 12.75 ms ≈ the 40 ms of Q.24 less the edges.
const SHORTEST_BLOCKS: u32 = 3;
/// −36 dBov per tone.
const FLOOR: f32 = 2.5e-4;
/// Column may be 8 dB below, or 6 dB above the row.
const REVERSE_TWIST: f32 = 6.3;
const TWIST: f32 = 4.0;
/// Both tones together hold this share of the block's power.
const PURITY: f32 = 0.6;

/// The two frequencies of a digit.
pub fn frequencies(digit: char) -> Option<(f32, f32)> {
    let digit = digit.to_ascii_uppercase();
    KEYS.iter().zip(ROWS).find_map(|(keys, row)| {
        keys.iter().zip(COLUMNS).find(|(key, _)| **key == digit).map(|(_, column)| (row, column))
    })
}

/// A digit that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    pub digit: char,
    pub duration_ms: u32,
    pub at: Micros,
}

/// Finds digits in a stream of frames.
pub struct Detector {
    rate: u32,
    block: Vec<f32>,
    length: usize,
    current: Option<char>,
    blocks: u32,
    candidate: Option<char>,
    misses: u32,
}

impl Detector {
    pub fn new(rate: u32) -> Self {
        let length = (rate as usize * 102) / 8000;
        let block = Vec::with_capacity(length);
        Self { rate, block, length, current: None, blocks: 0, candidate: None, misses: 0 }
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes a frame; calls `started` when a digit is certain and `ended` when it is over.
    pub fn input(&mut self, frame: &[f32], now: Micros, mut started: impl FnMut(char), mut ended: impl FnMut(Heard)) {
        for &sample in frame {
            self.block.push(sample);
            if self.block.len() == self.length {
                let found = classify(&self.block, self.rate);
                self.block.clear();
                self.step(found, now, &mut started, &mut ended);
            }
        }
    }

    fn step(
        &mut self,
        found: Option<char>,
        now: Micros,
        started: &mut impl FnMut(char),
        ended: &mut impl FnMut(Heard),
    ) {
        if found.is_some() && found == self.candidate {
            self.blocks += 1;
            self.misses = 0;
            if self.blocks == SHORTEST_BLOCKS && self.current != found {
                self.current = found;
                if let Some(digit) = found {
                    started(digit);
                }
            }
            return;
        }
        if self.current.is_some() && self.misses == 0 && found.is_none() {
            self.misses = 1; // one spoilt block does not cut a digit in two
            return;
        }
        if let Some(digit) = self.current.take() {
            ended(Heard { digit, duration_ms: self.blocks * 1275 / 100, at: now });
        }
        self.candidate = found;
        self.blocks = u32::from(found.is_some());
        self.misses = 0;
    }
}

fn strongest(block: &[f32], hertz: &[f32; 4], rate: u32) -> (usize, f32, f32) {
    let mut best = (0, 0.0f32, 0.0f32);
    for (index, &hertz) in hertz.iter().enumerate() {
        let power = goertzel::power(block, hertz, rate);
        if power > best.1 {
            best = (index, power, best.1);
        } else if power > best.2 {
            best.2 = power;
        }
    }
    best
}

fn classify(block: &[f32], rate: u32) -> Option<char> {
    let total = 2.0 * level(block).powi(2);
    if total < 2.0 * FLOOR {
        return None;
    }
    let (row, row_power, row_second) = strongest(block, &ROWS, rate);
    let (column, column_power, column_second) = strongest(block, &COLUMNS, rate);
    let strong = row_power > FLOOR && column_power > FLOOR;
    let twist = row_power < column_power * REVERSE_TWIST && column_power < row_power * TWIST;
    let alone = row_power > 4.0 * row_second && column_power > 4.0 * column_second;
    let pure = row_power + column_power > PURITY * total;
    (strong && twist && alone && pure).then(|| KEYS[row][column])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(digit: char, rate: u32, ms: usize, level: f32) -> Vec<f32> {
        let (low, high) = frequencies(digit).unwrap();
        (0..rate as usize * ms / 1000)
            .map(|n| {
                let t = std::f32::consts::TAU * n as f32 / rate as f32;
                level * ((low * t).sin() + (high * t).sin())
            })
            .collect()
    }

    fn listen(samples: &[f32], rate: u32) -> Vec<Heard> {
        let mut detector = Detector::new(rate);
        let mut heard = Vec::new();
        for (index, frame) in samples.chunks(rate as usize / 50).enumerate() {
            detector.input(frame, index as u64 * 20_000, |_| (), |digit| heard.push(digit));
        }
        heard
    }

    #[test]
    fn every_digit_is_heard_once_at_both_rates() {
        for rate in [8000, 16_000] {
            for digit in "0123456789*#ABCD".chars() {
                let mut samples = tone(digit, rate, 100, 0.2);
                samples.extend(vec![0.0; rate as usize / 10]);
                let heard = listen(&samples, rate);
                assert_eq!(heard.len(), 1, "{digit}: {heard:?}");
                assert_eq!(heard[0].digit, digit);
                assert!((70..=110).contains(&heard[0].duration_ms), "{heard:?}");
            }
        }
    }

    #[test]
    fn short_bursts_single_tones_and_noise_are_no_digits() {
        let mut samples = tone('5', 8000, 20, 0.2);
        samples.extend(vec![0.0; 800]);
        samples.extend((0..8000).map(|n| 0.4 * (std::f32::consts::TAU * 770.0 * n as f32 / 8000.0).sin()));
        let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5;
        samples.extend((0..80_000).map(noise));
        assert_eq!(listen(&samples, 8000), []);
    }
}
