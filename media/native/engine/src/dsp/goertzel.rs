//! Energy of one frequency in a block (Goertzel), and a detector of steady tones.

use crate::ids::Micros;

/// Power of `hertz` in `samples`, normalised so that a full-scale sine gives 1.0.
pub fn power(samples: &[f32], hertz: f32, rate: u32) -> f32 {
    let coefficient = 2.0 * (std::f32::consts::TAU * hertz / rate as f32).cos();
    let (mut s1, mut s2) = (0.0f32, 0.0f32);
    for &sample in samples {
        let s0 = sample + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    let count = samples.len().max(1) as f32;
    (s1 * s1 + s2 * s2 - coefficient * s1 * s2) * 4.0 / (count * count)
}

/// A tone that was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    pub hertz: f32,
    pub at: Micros,
    pub duration_ms: u32,
}

#[derive(Debug, Clone, Copy)]
struct Watch {
    hertz: f32,
    since: Option<Micros>,
    frames: u32,
    missing: u32,
}

/// Reports each of a set of frequencies once it has sounded, when it ends; a tone that goes on is reported each 5 s.
#[derive(Debug, Default)]
pub struct ToneDetector {
    watches: Vec<Watch>,
}

/// A tone must hold this share of the frame's power, and be above −50 dBov.
const SHARE: f32 = 0.25;
const FLOOR: f32 = 1e-5;
const SHORTEST: u32 = 3;
const LONGEST: u32 = 250;

impl ToneDetector {
    pub fn new(hertz: &[f32]) -> Self {
        let watch = |&hertz: &f32| Watch { hertz, since: None, frames: 0, missing: 0 };
        Self { watches: hertz.iter().map(watch).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Takes one 20 ms frame; calls `heard` for tones that ended or went on for long.
    pub fn input(&mut self, frame: &[f32], rate: u32, now: Micros, mut heard: impl FnMut(Heard)) {
        if self.watches.is_empty() {
            return;
        }
        let total = 2.0 * super::level(frame).powi(2);
        for watch in &mut self.watches {
            let share = power(frame, watch.hertz, rate);
            if share > FLOOR && share > SHARE * total {
                watch.since.get_or_insert(now);
                watch.frames += 1;
                watch.missing = 0;
                if watch.frames < LONGEST {
                    continue;
                }
            } else {
                watch.missing += 1;
                if watch.since.is_some() && watch.missing < 2 {
                    continue; // one bad frame does not end a tone
                }
            }
            if let Some(at) = watch.since.take()
                && watch.frames >= SHORTEST
            {
                heard(Heard { hertz: watch.hertz, at, duration_ms: watch.frames * 20 });
            }
            watch.frames = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f32, count: usize) -> Vec<f32> {
        (0..count).map(|n| 0.3 * (std::f32::consts::TAU * hertz * n as f32 / 8000.0).sin()).collect()
    }

    #[test]
    fn power_of_a_tone_and_beside_it() {
        assert!((power(&sine(1000.0, 160), 1000.0, 8000) - 0.09).abs() < 0.01);
        assert!(power(&sine(1000.0, 160), 1400.0, 8000) < 0.001);
    }

    #[test]
    fn a_tone_is_heard_once_when_it_ends_and_speech_like_noise_is_not() {
        let mut detector = ToneDetector::new(&[1000.0, 440.0]);
        let mut heard = Vec::new();
        let mut now = 0;
        let mut feed = |samples: Vec<f32>, heard: &mut Vec<Heard>| {
            for frame in samples.chunks(160) {
                detector.input(frame, 8000, now, |tone| heard.push(tone));
                now += 20_000;
            }
        };
        feed(sine(1000.0, 8000), &mut heard);
        assert!(heard.is_empty());
        let noise = (0..8000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5).collect();
        feed(noise, &mut heard);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!((heard[0].hertz, heard[0].at), (1000.0, 0));
        assert!((980..=1020).contains(&heard[0].duration_ms));
    }
}
