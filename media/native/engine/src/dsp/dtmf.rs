//! In-band DTMF (ITU-T Q.23, Q.24): windows of 20 ms, one each 5 ms, with rules for level, twist, purity, and the frequency
//! itself, which the advance of the phase tells more finely than any window of that length.

use std::f32::consts::TAU;

use crate::ids::Micros;

pub const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];

/// A window is so many pieces of 5 ms, the outer ones with half weight: that keeps row and column out of each other.
const PIECES: usize = 4;
const PIECE_MS: u32 = 5;
const WEIGHTS: [f32; PIECES] = [0.5, 1.0, 1.0, 0.5];
const WEIGHT: f32 = 3.0;
/// Shortest digit in windows: those that a 40 ms digit (Q.24) fills; one of 23 ms has three.
const SHORTEST: u32 = 5;
/// Windows without it that end a digit; an interruption of 10 ms has fewer.
const PAUSE: u32 = 4;
/// −36 dB below full scale, each tone.
const FLOOR: f32 = 2.5e-4;
/// The column may be 10 dB below, or 6 dB above the row: 2 dB more than Q.24 wants to pass.
const REVERSE_TWIST: f32 = 4.0;
const TWIST: f32 = 10.0;
/// Both tones together hold this share of the window's power.
const PURITY: f32 = 0.72;
/// A tone is so much stronger than the next of its group.
const ALONE: f32 = 5.0;
/// Passes what is 1.8 % off (Q.24: 1.5 % and 2 Hz), never what is 3.5 % off.
const TOLERANCE: f32 = 0.025;
/// The same for one window, whose estimate is coarser.
const WINDOW_TOLERANCE: f32 = 0.04;

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

#[derive(Debug, Clone, Copy, Default)]
struct Complex {
    re: f32,
    im: f32,
}

impl Complex {
    fn plus(self, other: Self, weight: f32) -> Self {
        Self { re: self.re + weight * other.re, im: self.im + weight * other.im }
    }

    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    /// The conjugate of `self` times `other`: how far the phase went on between them.
    fn advance_to(self, other: Self) -> Self {
        Self { re: self.re * other.re + self.im * other.im, im: self.re * other.im - self.im * other.re }
    }

    fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    fn angle(self) -> f32 {
        self.im.atan2(self.re)
    }
}

/// The spectrum of one 5 ms piece at the eight frequencies, and its energy.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    bins: [Complex; 8],
    energy: f32,
}

/// One of the eight frequencies: a phasor that never stops, so that pieces can be added and compared.
#[derive(Debug, Clone, Copy)]
struct Oscillator {
    phasor: Complex,
    turn: Complex,
}

impl Oscillator {
    fn new(hertz: f32, rate: u32) -> Self {
        let (sin, cos) = (-TAU * hertz / rate as f32).sin_cos();
        Self { phasor: Complex { re: 1.0, im: 0.0 }, turn: Complex { re: cos, im: sin } }
    }

    /// Keeps rounding from changing its length.
    fn settle(&mut self) {
        let length = self.phasor.power().sqrt().max(f32::MIN_POSITIVE);
        self.phasor = Complex { re: self.phasor.re / length, im: self.phasor.im / length };
    }
}

/// What a window holds: a place on the keypad, and how far the phase of its tones went on in 10 ms.
#[derive(Debug, Clone, Copy)]
struct Found {
    row: usize,
    column: usize,
    row_advance: Complex,
    column_advance: Complex,
}

impl Found {
    fn is_same(&self, other: &Self) -> bool {
        (self.row, self.column) == (other.row, other.column)
    }

    /// Whether both tones are as near to their frequencies as `tolerance`.
    fn is_near(&self, tolerance: f32) -> bool {
        let near = |advance: Complex, hertz: f32| offset(advance).abs() <= tolerance * hertz;
        near(self.row_advance, ROWS[self.row]) && near(self.column_advance, COLUMNS[self.column])
    }
}

/// The difference in Hz that makes the phase go on like this in half a window.
fn offset(advance: Complex) -> f32 {
    advance.angle() / (TAU * 0.001 * (PIECE_MS * 2) as f32)
}

/// The share of its power that a tone so many Hz beside a bin shows there.
fn shown(offset: f32) -> f32 {
    let half = std::f32::consts::PI * offset * 0.001 * PIECE_MS as f32;
    let within = if half.abs() < 1e-3 { 1.0 } else { half.sin() / half };
    let across = (2.0 * WEIGHTS[0] * (3.0 * half).cos() + 2.0 * WEIGHTS[1] * half.cos()) / WEIGHT;
    (within * across).powi(2).max(0.3)
}

/// A run of windows that hold the same two tones.
#[derive(Debug, Clone, Copy)]
struct Run {
    sum: Found,
    windows: u32,
    misses: u32,
    /// It was told as a digit.
    certain: bool,
}

/// Finds digits in a stream of frames.
pub struct Detector {
    rate: u32,
    length: usize,
    oscillators: [Oscillator; 8],
    pieces: [Piece; PIECES],
    filled: usize,
    run: Option<Run>,
}

impl Detector {
    pub fn new(rate: u32) -> Self {
        let mut oscillators = [Oscillator::new(ROWS[0], rate); 8];
        for (oscillator, hertz) in oscillators.iter_mut().zip(ROWS.into_iter().chain(COLUMNS)) {
            *oscillator = Oscillator::new(hertz, rate);
        }
        let length = (rate * PIECE_MS / 1000).max(1) as usize;
        Self { rate, length, oscillators, pieces: [Piece::default(); PIECES], filled: 0, run: None }
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes a frame; calls `started` when a digit is certain and `ended` when it is over.
    pub fn input(&mut self, frame: &[f32], now: Micros, mut started: impl FnMut(char), mut ended: impl FnMut(Heard)) {
        let mut rest = frame;
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(self.length - self.filled));
            self.analyse(part);
            rest = after;
            if self.filled == self.length {
                let found = self.window();
                self.step(found, now, &mut started, &mut ended);
                self.pieces.rotate_left(1);
                self.pieces[PIECES - 1] = Piece::default();
                self.filled = 0;
                self.oscillators.iter_mut().for_each(Oscillator::settle);
            }
        }
    }

    /// Adds samples to the newest piece.
    fn analyse(&mut self, samples: &[f32]) {
        let piece = &mut self.pieces[PIECES - 1];
        for (oscillator, bin) in self.oscillators.iter_mut().zip(&mut piece.bins) {
            let (mut phasor, turn, mut sum) = (oscillator.phasor, oscillator.turn, *bin);
            for &sample in samples {
                sum = sum.plus(phasor, sample);
                phasor = phasor.times(turn);
            }
            (oscillator.phasor, *bin) = (phasor, sum);
        }
        piece.energy += samples.iter().map(|sample| sample * sample).sum::<f32>();
        self.filled += samples.len();
    }

    /// The powers of a full-scale sine are 1.0 here.
    fn window(&self) -> Option<Found> {
        let samples = WEIGHT * self.length as f32;
        let energy: f32 = self.pieces.iter().zip(WEIGHTS).map(|(piece, weight)| weight * piece.energy).sum();
        let total = 2.0 * energy / samples;
        if total < 2.0 * FLOOR {
            return None;
        }
        let power = |bin: usize| {
            let add = |sum: Complex, (piece, weight): (&Piece, f32)| sum.plus(piece.bins[bin], weight);
            let sum = self.pieces.iter().zip(WEIGHTS).fold(Complex::default(), add);
            sum.power() * 4.0 / (samples * samples)
        };
        let (row, row_power, row_second) = strongest(power);
        let (column, column_power, column_second) = strongest(|index| power(index + 4));
        if row_power < FLOOR || column_power < FLOOR || row_power + column_power < 0.3 * PURITY * total {
            return None;
        }
        let found = Found { row, column, row_advance: self.advance(row), column_advance: self.advance(column + 4) };
        // A tone beside its bin shows less than it has.
        let row_power = row_power / shown(offset(found.row_advance));
        let column_power = column_power / shown(offset(found.column_advance));
        let twist = row_power < column_power * TWIST && column_power < row_power * REVERSE_TWIST;
        let alone = row_power > ALONE * row_second && column_power > ALONE * column_second;
        let pure = row_power + column_power > PURITY * total;
        (twist && alone && pure && found.is_near(WINDOW_TOLERANCE)).then_some(found)
    }

    fn advance(&self, bin: usize) -> Complex {
        let [first, second, third, fourth] = &self.pieces;
        let early = first.bins[bin].plus(second.bins[bin], 1.0);
        early.advance_to(third.bins[bin].plus(fourth.bins[bin], 1.0))
    }

    fn step(
        &mut self,
        found: Option<Found>,
        now: Micros,
        started: &mut impl FnMut(char),
        ended: &mut impl FnMut(Heard),
    ) {
        match (&mut self.run, found) {
            (Some(run), Some(found)) if run.sum.is_same(&found) => {
                run.sum.row_advance = run.sum.row_advance.plus(found.row_advance, 1.0);
                run.sum.column_advance = run.sum.column_advance.plus(found.column_advance, 1.0);
                let missed = std::mem::take(&mut run.misses);
                run.windows += 1 + if run.certain { missed } else { 0 };
                if !run.certain && run.windows >= SHORTEST && run.sum.is_near(TOLERANCE) {
                    run.certain = true;
                    started(KEYS[run.sum.row][run.sum.column]);
                }
            }
            // A digit goes on through what is no longer than an interruption; what is none yet does not.
            (Some(run), None) if run.misses + 1 < if run.certain { PAUSE } else { 2 } => run.misses += 1,
            (run, found) => {
                if let Some(run) = run.take().filter(|run| run.certain) {
                    // Windows that are cut by an end, but hold enough of the digit, make up for their length.
                    let duration_ms = run.windows * PIECE_MS;
                    ended(Heard { digit: KEYS[run.sum.row][run.sum.column], duration_ms, at: now });
                }
                self.run = found.map(|sum| Run { sum, windows: 1, misses: 0, certain: false });
            }
        }
    }
}

/// The strongest of four, its power, and the power of the next.
fn strongest(power: impl Fn(usize) -> f32) -> (usize, f32, f32) {
    let mut best = (0, 0.0f32, 0.0f32);
    for index in 0..4 {
        let power = power(index);
        if power > best.1 {
            best = (index, power, best.1);
        } else if power > best.2 {
            best.2 = power;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(digit: char, rate: u32, ms: usize, level: f32) -> Vec<f32> {
        let (low, high) = frequencies(digit).unwrap();
        (0..rate as usize * ms / 1000)
            .map(|n| {
                let t = TAU * n as f32 / rate as f32;
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
    fn every_digit_is_heard_once_at_every_rate() {
        for rate in [8000, 16_000, 48_000] {
            for digit in "0123456789*#ABCD".chars() {
                let mut samples = tone(digit, rate, 100, 0.2);
                samples.extend(vec![0.0; rate as usize / 10]);
                let heard = listen(&samples, rate);
                assert_eq!(heard.len(), 1, "{digit}: {heard:?}");
                assert_eq!(heard[0].digit, digit);
                assert!((90..=110).contains(&heard[0].duration_ms), "{heard:?}");
            }
        }
    }

    #[test]
    fn an_interruption_of_10_ms_does_not_cut_a_digit_and_a_pause_of_40_ms_does() {
        for (pause, expected) in [(10, 1), (40, 2)] {
            let mut samples = tone('7', 8000, 60, 0.2);
            samples.extend(vec![0.0; pause * 8]);
            samples.extend(tone('7', 8000, 60, 0.2));
            samples.extend(vec![0.0; 800]);
            assert_eq!(listen(&samples, 8000).len(), expected, "{pause} ms");
        }
    }

    #[test]
    fn short_bursts_single_tones_and_noise_are_no_digits() {
        let mut samples = tone('5', 8000, 20, 0.2);
        samples.extend(vec![0.0; 800]);
        samples.extend((0..8000).map(|n| 0.4 * (TAU * 770.0 * n as f32 / 8000.0).sin()));
        let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5;
        samples.extend((0..80_000).map(noise));
        assert_eq!(listen(&samples, 8000), []);
    }
}
