//! Rational polyphase resampler: Kaiser-windowed sinc, delay of half the filter (1.5 ms between 8 and 16 kHz).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Taps per phase at the lower of both rates.
const TAPS: usize = 24;
const KAISER_BETA: f64 = 7.0;

type Bank = Arc<[f32]>;

/// Converts a stream of samples from one rate to another, frame by frame.
pub struct Resampler {
    up: usize,
    down: usize,
    taps: usize,
    bank: Bank,
    /// The last `taps − 1` inputs, then the current frame.
    history: Vec<f32>,
    /// Position of the next output in units of 1/up input samples, relative to the current frame's first input.
    phase: usize,
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-12 * sum {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Filters of all phases: `bank[phase * taps + tap]`, newest input first.
fn build(up: usize, down: usize, taps: usize) -> Bank {
    let length = up * taps;
    let cutoff = 0.5 / up.max(down) as f64 * 0.97;
    let centre = length as f64 / 2.0;
    let prototype = |n: usize| {
        let x = n as f64 - centre;
        let sinc = if x.abs() < 1e-9 {
            2.0 * cutoff
        } else {
            (std::f64::consts::TAU * cutoff * x).sin() / (std::f64::consts::PI * x)
        };
        let edge = 1.0 - (x / centre).powi(2);
        sinc * bessel_i0(KAISER_BETA * edge.max(0.0).sqrt()) / bessel_i0(KAISER_BETA) * up as f64
    };
    let mut bank = Vec::with_capacity(length);
    for phase in 0..up {
        bank.extend((0..taps).map(|tap| prototype(tap * up + phase) as f32));
    }
    bank.into()
}

/// Banks are shared: a thousand ports have one filter per pair of rates.
fn bank(up: usize, down: usize, taps: usize) -> Bank {
    static BANKS: Mutex<Option<HashMap<(usize, usize), Bank>>> = Mutex::new(None);
    let mut banks = BANKS.lock().unwrap_or_else(PoisonError::into_inner);
    banks.get_or_insert_with(HashMap::new).entry((up, down)).or_insert_with(|| build(up, down, taps)).clone()
}

impl Resampler {
    /// Rates in Hz. Equal rates need no resampler: `None`.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        if from == to || from == 0 || to == 0 {
            return None;
        }
        let divisor = gcd(from, to);
        let (up, down) = ((to / divisor) as usize, (from / divisor) as usize);
        let taps = TAPS * down.div_ceil(up).max(1);
        Some(Self { up, down, taps, bank: bank(up, down, taps), history: vec![0.0; taps - 1], phase: 0 })
    }

    /// Appends the converted `input` to `out`.
    pub fn process_into(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.history.extend_from_slice(input);
        let end = input.len() * self.up;
        while self.phase < end {
            let newest = self.phase / self.up + self.taps - 1;
            let filter = &self.bank[self.phase % self.up * self.taps..][..self.taps];
            let window = &self.history[newest + 1 - self.taps..=newest];
            out.push(window.iter().rev().zip(filter).map(|(sample, tap)| sample * tap).sum());
            self.phase += self.down;
        }
        self.phase -= end;
        let keep = self.history.len() - (self.taps - 1);
        self.history.drain(..keep);
    }
}

/// Converts a whole recording, trimmed so that its delay is removed.
pub fn convert(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let Some(mut resampler) = Resampler::new(from, to) else { return samples.to_vec() };
    let wanted = (samples.len() as u64 * u64::from(to) / u64::from(from)) as usize;
    let delay = (resampler.up * resampler.taps + resampler.down) / (2 * resampler.down);
    let mut out = Vec::with_capacity(wanted + delay);
    resampler.process_into(samples, &mut out);
    resampler.process_into(&vec![0.0; resampler.taps], &mut out);
    out.drain(..delay.min(out.len()));
    out.resize(wanted, 0.0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level;

    fn sine(hertz: f32, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (std::f32::consts::TAU * hertz * n as f32 / rate as f32).sin()).collect()
    }

    #[test]
    fn tones_keep_their_level_and_frames_their_length() {
        for (from, to) in
            [(8000, 16_000), (16_000, 8000), (16_000, 48_000), (48_000, 16_000), (8000, 48_000), (48_000, 8000)]
        {
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut out = Vec::new();
            for frame in sine(1000.0, from, from as usize / 2).chunks(from as usize / 50) {
                let before = out.len();
                resampler.process_into(frame, &mut out);
                assert_eq!(out.len() - before, to as usize / 50, "{from} to {to}");
            }
            let steady = level(&out[to as usize / 10..]);
            assert!((steady - std::f32::consts::FRAC_1_SQRT_2).abs() < 0.01, "{from} to {to}: {steady}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        let mut resampler = Resampler::new(16_000, 8000).unwrap();
        let mut out = Vec::new();
        resampler.process_into(&sine(5500.0, 16_000, 8000), &mut out);
        assert!(level(&out[500..]) < 0.003, "{}", level(&out[500..]));
    }

    #[test]
    fn a_converted_file_stays_in_time() {
        for from in [16_000u32, 24_000, 44_100, 48_000] {
            let source = sine(400.0, from, from as usize);
            let out = convert(&source, from, 8000);
            let direct = sine(400.0, 8000, 8000);
            assert_eq!(out.len(), 8000);
            let error = out.iter().zip(&direct).skip(100).take(7800).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(error < 0.03, "{from}: {error}");
        }
    }
}
