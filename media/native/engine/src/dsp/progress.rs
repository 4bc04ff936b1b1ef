//! Call-progress tones: which frames hold a steady tone, and of which frequency; `cadence` gives them their names.

use super::cadence::{Burst, Classifier};
use crate::ids::{FRAME_MS, FRAME_US, Micros};

/// Bins of 50 Hz, which a frame of 20 ms tells apart exactly: 200 to 2300 Hz.
const FIRST: usize = 4;
const LAST: usize = 46;
const BINS: usize = LAST - FIRST + 1;
const BIN_HERTZ: f32 = 50.0;
/// Tones below −45 dBov are nobody's; what is below −50 dBov is a pause.
const TONE: f32 = 3.2e-5 * 2.0;
const PAUSE: f32 = 1e-5 * 2.0;
/// One tone and what leaks beside it hold this share of the power.
const ONE: f32 = 0.9;
/// Two tones of the network, in so many bins together.
const TWO: f32 = 0.88;
const STRONGEST: usize = 6;
/// A frame belongs to a burst when it is so near to its mean.
const SAME_HERTZ: f32 = 35.0;
/// Frames in a row that are something else before a burst is thought broken off.
const TOLERATED: u32 = 1;
/// Shorter bursts are no tones.
const SHORTEST_FRAMES: u32 = 3;

/// A tone that got its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    pub tone: &'static str,
    pub hertz: f32,
    pub at: Micros,
    pub duration_ms: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Quiet,
    Tone { hertz: f32, single: bool },
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Sounding {
    hertz: f32,
    singles: u32,
    frames: u32,
    since: Micros,
    odd: u32,
    gap_ms: u32,
}

impl Sounding {
    fn is_single(&self) -> bool {
        self.singles * 4 > self.frames * 3
    }
}

#[derive(Debug)]
pub struct Progress {
    rate: u32,
    /// Cosines and sines of each bin over one frame.
    waves: Vec<(f32, f32)>,
    burst: Option<Sounding>,
    quiet_frames: u32,
    last: (f32, Micros, u32),
    classifier: Classifier,
}

impl Progress {
    pub fn new(rate: u32) -> Self {
        let length = (rate * FRAME_MS / 1000) as usize;
        let wave = |bin: usize| {
            (0..length).map(move |at| {
                // Whole turns are taken off first: f32 keeps the phase.
                let turn = (bin * at % length) as f32 / length as f32;
                let (sin, cos) = (std::f32::consts::TAU * turn).sin_cos();
                (cos, sin)
            })
        };
        Self {
            rate,
            waves: (FIRST..=LAST).flat_map(wave).collect(),
            burst: None,
            quiet_frames: 9999,
            last: (0.0, 0, 0),
            classifier: Classifier::default(),
        }
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes one 20 ms frame; a tone that can be named is told at once.
    pub fn input(&mut self, frame: &[f32], now: Micros) -> Option<Heard> {
        let kind = self.kind(frame);
        let name = match (&mut self.burst, kind) {
            (Some(burst), Kind::Tone { hertz, single }) if (hertz - burst.hertz).abs() < SAME_HERTZ => {
                burst.frames += 1 + std::mem::take(&mut burst.odd);
                burst.singles += u32::from(single);
                burst.hertz += (hertz - burst.hertz) / burst.frames.min(20) as f32;
                let (hertz, on_ms, single) = (burst.hertz, burst.frames * FRAME_MS, burst.is_single());
                self.last = (hertz, burst.since, on_ms);
                self.classifier.sounding(hertz, on_ms, single)
            }
            (Some(burst), Kind::Other | Kind::Tone { .. }) if burst.odd < TOLERATED => {
                burst.odd += 1;
                None
            }
            (Some(_), kind) => {
                let ended = self.end(kind, now);
                self.begin(kind, now);
                ended
            }
            (None, kind) => self.between(kind, now),
        };
        let (hertz, at, duration_ms) = self.last;
        name.map(|tone| Heard { tone, hertz, at, duration_ms })
    }

    fn between(&mut self, kind: Kind, now: Micros) -> Option<&'static str> {
        match kind {
            Kind::Quiet => {
                self.quiet_frames = self.quiet_frames.saturating_add(1);
                self.classifier.quiet(self.quiet_frames.saturating_mul(FRAME_MS))
            }
            Kind::Other => {
                // The edges of a burst are no tone either: one such frame is a pause.
                self.quiet_frames = self.quiet_frames.saturating_add(1);
                None
            }
            Kind::Tone { .. } => {
                self.begin(kind, now);
                None
            }
        }
    }

    fn begin(&mut self, kind: Kind, now: Micros) {
        if let Kind::Tone { hertz, single } = kind {
            let gap_ms = self.quiet_frames.saturating_mul(FRAME_MS);
            let singles = u32::from(single);
            self.burst = Some(Sounding { hertz, singles, frames: 1, since: now, odd: 0, gap_ms });
        }
    }

    /// Ends the burst; too short ones are noise. Frames that were tolerated at its end belong to the pause.
    fn end(&mut self, kind: Kind, now: Micros) -> Option<&'static str> {
        let burst = self.burst.take()?;
        let begins = matches!(kind, Kind::Tone { .. });
        self.quiet_frames = burst.odd + u32::from(!begins);
        if burst.frames < SHORTEST_FRAMES {
            self.classifier.disturbed();
            return None;
        }
        let on_ms = burst.frames * FRAME_MS;
        self.last = (burst.hertz, now.saturating_sub(u64::from(burst.frames + burst.odd) * FRAME_US), on_ms);
        let single = burst.is_single();
        self.classifier.ended(Burst { hertz: burst.hertz, on_ms, gap_ms: burst.gap_ms, single })
    }

    fn kind(&self, frame: &[f32]) -> Kind {
        let total = 2.0 * super::level(frame).powi(2);
        if total < PAUSE {
            return Kind::Quiet;
        }
        let mut powers = [0.0f32; BINS];
        let scale = 4.0 / (frame.len() * frame.len()) as f32;
        for (power, waves) in powers.iter_mut().zip(self.waves.chunks_exact(frame.len().max(1))) {
            let (mut re, mut im) = (0.0f32, 0.0f32);
            for (&sample, &(cos, sin)) in frame.iter().zip(waves) {
                re += sample * cos;
                im += sample * sin;
            }
            *power = scale * (re * re + im * im);
        }
        if total < TONE {
            return Kind::Other;
        }
        one_tone(&powers, total).or_else(|| two_tones(&powers, total)).unwrap_or(Kind::Other)
    }
}

fn hertz_of(bin: usize) -> f32 {
    (bin + FIRST) as f32 * BIN_HERTZ
}

/// A single tone: one bin and the two on each side hold nearly all.
fn one_tone(powers: &[f32; BINS], total: f32) -> Option<Kind> {
    let (peak, _) = powers.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1))?;
    let low = peak.saturating_sub(2);
    let near = powers.get(low..(peak + 3).min(BINS))?;
    let sum: f32 = near.iter().sum();
    // Leakage of a tone between two bins falls with the square; two tones 100 Hz apart have two peaks.
    let (left, right) =
        (powers.get(peak.wrapping_sub(1)).copied().unwrap_or(0.0), powers.get(peak + 1).copied().unwrap_or(0.0));
    let beside =
        powers.get(peak.wrapping_sub(2)).copied().unwrap_or(0.0).max(powers.get(peak + 2).copied().unwrap_or(0.0));
    if sum < ONE * total || beside > left.max(right).max(0.06 * powers[peak]) {
        return None;
    }
    // Between two bins a tone shows its distance from the stronger one by the ratio of the two amplitudes.
    let (other, sign) = if right > left { (right, 1.0) } else { (left, -1.0) };
    let ratio = (other / powers[peak].max(f32::MIN_POSITIVE)).sqrt();
    let hertz = hertz_of(peak) + sign * BIN_HERTZ * ratio / (1.0 + ratio);
    Some(Kind::Tone { hertz, single: true })
}

/// A pair of the network (350 + 440, 440 + 480, 480 + 620 Hz): few bins of 300 to 650 Hz hold nearly all.
fn two_tones(powers: &[f32; BINS], total: f32) -> Option<Kind> {
    let band = powers.get(1..=10)?; // 250 to 700 Hz
    let mut sorted = [0.0f32; 10];
    sorted.copy_from_slice(band);
    sorted.sort_by(|one, other| other.total_cmp(one));
    if sorted.iter().take(STRONGEST).sum::<f32>() < TWO * total {
        return None;
    }
    let sum: f32 = band.iter().sum();
    let centre = band.iter().enumerate().map(|(bin, power)| hertz_of(bin + 1) * power).sum::<f32>() / sum;
    Some(Kind::Tone { hertz: centre, single: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Beat, Tone};
    use crate::dsp::tone::Generator;

    fn listen(samples: &[f32], rate: u32) -> Vec<Heard> {
        let mut progress = Progress::new(rate);
        let frames = samples.chunks_exact(rate as usize / 50).enumerate();
        frames.filter_map(|(index, frame)| progress.input(frame, index as u64 * 20_000)).collect()
    }

    fn sound(hertz: &[f32], on_ms: u32, off_ms: u32, seconds: usize, rate: u32) -> Vec<f32> {
        let tone = Tone { hertz: hertz.to_vec(), level: -20.0, on_ms, off_ms, then: vec![] };
        let mut samples = vec![0.0; rate as usize * seconds];
        Generator::of(&tone, rate).fill(&mut samples);
        samples
    }

    #[test]
    fn tones_of_the_network_are_named_at_both_rates() {
        let cases: [(&str, &[f32], u32, u32); 10] = [
            ("ringback", &[450.0], 1000, 4000),
            ("ringback", &[440.0, 480.0], 2000, 4000),
            ("ringback", &[425.0], 1000, 4000),
            ("busy", &[450.0], 350, 350),
            ("busy", &[480.0, 620.0], 500, 500),
            ("congestion", &[450.0], 700, 700),
            ("congestion", &[480.0, 620.0], 250, 250),
            ("dial", &[350.0, 440.0], 1000, 0),
            ("cng", &[1100.0], 500, 3000),
            ("ced", &[2100.0], 3000, 3000),
        ];
        for (name, hertz, on_ms, off_ms) in cases {
            for rate in [8000, 16_000] {
                let heard = listen(&sound(hertz, on_ms, off_ms, 8, rate), rate);
                let names: Vec<&str> = heard.iter().map(|each| each.tone).collect();
                assert_eq!(names, [name], "{hertz:?} {on_ms}/{off_ms} at {rate}");
            }
        }
    }

    #[test]
    fn special_information_tones_and_the_beep_of_a_machine_are_named() {
        let beat = |hertz: f32, off_ms: u32| Beat { hertz: vec![hertz], on_ms: 330, off_ms };
        let then = vec![beat(1400.0, 0), beat(1800.0, 1000)];
        let sit = Tone { hertz: vec![950.0], level: -20.0, on_ms: 330, off_ms: 0, then };
        let mut samples = vec![0.0; 12_000];
        Generator::of(&sit, 8000).fill(&mut samples);
        assert_eq!(listen(&samples, 8000).iter().map(|each| each.tone).collect::<Vec<_>>(), ["sit"]);
        for hertz in [800.0, 1000.0, 1385.0] {
            let heard = listen(&sound(&[hertz], 400, 3000, 2, 8000), 8000);
            assert_eq!(heard.len(), 1, "{heard:?}");
            assert_eq!(heard[0].tone, "beep");
            assert!((heard[0].hertz - hertz).abs() < 10.0, "{heard:?}");
            assert!((380..=420).contains(&heard[0].duration_ms), "{heard:?}");
        }
    }

    #[test]
    fn noise_and_digits_are_no_tones() {
        let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5;
        assert_eq!(listen(&(0..80_000).map(noise).collect::<Vec<f32>>(), 8000), []);
        assert_eq!(listen(&sound(&[770.0, 1336.0], 200, 300, 4, 8000), 8000), []);
    }
}
