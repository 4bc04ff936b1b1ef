//! Tone generator: several frequencies sounded together with a cadence of one or more beats.

use crate::command::{Beat, Tone};

/// Generates samples on demand; owns its phase, so frames join without clicks.
#[derive(Debug, Clone)]
pub struct Generator {
    beats: Vec<Beat>,
    /// Power of the sum, 1.0 being a full-scale square wave.
    power: f32,
    rate: u32,
    position: u64,
}

impl Generator {
    /// The tone of a command. A cadence without any pause and without further beats sounds without end.
    pub fn of(tone: &Tone, rate: u32) -> Self {
        let first = Beat { hertz: tone.hertz.clone(), on_ms: tone.on_ms, off_ms: tone.off_ms };
        let beats = std::iter::once(first).chain(tone.then.iter().cloned()).collect();
        // dBov of a sine: 0 dBov is the power of a full-scale square wave (RFC 6464 §3), −3 dBov a full-scale sine.
        Self { beats, power: 10f32.powf(tone.level.min(0.0) / 10.0), rate, position: 0 }
    }

    /// `level` is the level of the sum in dBov; sounds without a break.
    pub fn steady(hertz: &[f32], level: f32, rate: u32) -> Self {
        Self::of(&Tone { hertz: hertz.to_vec(), level, on_ms: 1000, off_ms: 0, then: Vec::new() }, rate)
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The same tone at another rate, at the same place in time.
    pub fn at_rate(mut self, rate: u32) -> Self {
        self.position = self.position * u64::from(rate) / u64::from(self.rate);
        self.rate = rate;
        self
    }

    pub fn skip(&mut self, ms: u32) {
        self.position += self.samples(ms);
    }

    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.next_sample();
        }
    }

    fn samples(&self, ms: u32) -> u64 {
        u64::from(ms) * u64::from(self.rate) / 1000
    }

    /// The frequencies that sound at the present position, none in a pause.
    fn sounding(&self) -> &[f32] {
        if let [only] = self.beats.as_slice()
            && only.off_ms == 0
        {
            return &only.hertz;
        }
        let cycle: u64 = self.beats.iter().map(|beat| self.samples(beat.on_ms) + self.samples(beat.off_ms)).sum();
        let mut at = self.position % cycle.max(1);
        for beat in &self.beats {
            let (on, off) = (self.samples(beat.on_ms), self.samples(beat.off_ms));
            if at < on {
                return &beat.hertz;
            }
            if at < on + off {
                return &[];
            }
            at -= on + off;
        }
        &[]
    }

    fn next_sample(&mut self) -> f32 {
        let at = self.position as f64 / f64::from(self.rate);
        let hertz = self.sounding();
        let amplitude = (2.0 * self.power / hertz.len().max(1) as f32).sqrt();
        // f64 and a fraction of a turn: a tone may sound for days.
        let turns = |hertz: f32| (f64::from(hertz) * at).fract();
        let sum: f64 = hertz.iter().map(|&hertz| (std::f64::consts::TAU * turns(hertz)).sin()).sum();
        self.position += 1;
        amplitude * sum as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::{goertzel, level};

    #[test]
    fn level_and_cadence_are_kept() {
        let tone = Tone { hertz: vec![440.0, 480.0], level: -20.0, on_ms: 200, off_ms: 300, then: vec![] };
        let mut samples = vec![0.0; 8000];
        Generator::of(&tone, 8000).fill(&mut samples);
        let on = level(&samples[..1600]);
        assert!((on - 0.1).abs() < 0.01, "{on}");
        assert_eq!(level(&samples[1600..4000]), 0.0);
        assert!(level(&samples[4000..5600]) > 0.05);
    }

    #[test]
    fn beats_follow_each_other_with_their_own_frequencies_at_any_rate() {
        let beat = |hertz: f32, off_ms: u32| Beat { hertz: vec![hertz], on_ms: 100, off_ms };
        let then = vec![beat(1400.0, 0), beat(1800.0, 200)];
        let tone = Tone { hertz: vec![950.0], level: -10.0, on_ms: 100, off_ms: 0, then };
        for rate in [8000, 16_000, 48_000] {
            let mut samples = vec![0.0; rate as usize];
            let mut generator = Generator::of(&tone, 8000);
            generator.skip(500); // one cycle
            generator.at_rate(rate).fill(&mut samples);
            let part = rate as usize / 10;
            for (index, hertz) in [950.0, 1400.0, 1800.0].into_iter().enumerate() {
                let power = goertzel::power(&samples[index * part..(index + 1) * part], hertz, rate);
                assert!((power - 0.2).abs() < 0.02, "{hertz} {power}");
            }
            assert_eq!(level(&samples[3 * part..5 * part]), 0.0);
        }
    }

    #[test]
    fn a_steady_tone_has_no_seam() {
        let mut samples = vec![0.0; 16_000];
        Generator::steady(&[425.0], -13.0, 8000).fill(&mut samples);
        assert!(samples.chunks(160).all(|frame| level(frame) > 0.2));
    }
}
