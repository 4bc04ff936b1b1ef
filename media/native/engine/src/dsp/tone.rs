//! Tone generator: several frequencies sounded together with a cadence.

/// Generates samples on demand; owns its phase, so frames join without clicks.
#[derive(Debug, Clone)]
pub struct Generator {
    hertz: Vec<f32>,
    amplitude: f32,
    on: u64,
    off: u64,
    rate: u32,
    position: u64,
}

impl Generator {
    /// `level` is the level of the sum in dBov, `on`/`off` are ms; `off` 0 sounds without a break.
    pub fn new(hertz: &[f32], level: f32, on_ms: u32, off_ms: u32, rate: u32) -> Self {
        // dBov of a sine: 0 dBov is the power of a full-scale square wave (RFC 6464 §3), −3 dBov a full-scale sine.
        let power = 10f32.powf(level.min(0.0) / 10.0);
        let amplitude = (2.0 * power / hertz.len().max(1) as f32).sqrt();
        let samples = |ms: u32| u64::from(ms) * u64::from(rate) / 1000;
        Self { hertz: hertz.to_vec(), amplitude, on: samples(on_ms), off: samples(off_ms), rate, position: 0 }
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The same tone at another rate, at the same place in time.
    pub fn at_rate(mut self, rate: u32) -> Self {
        let scale = |value: u64| value * u64::from(rate) / u64::from(self.rate);
        (self.on, self.off, self.position) = (scale(self.on), scale(self.off), scale(self.position));
        self.rate = rate;
        self
    }

    pub fn skip(&mut self, ms: u32) {
        self.position += u64::from(ms) * u64::from(self.rate) / 1000;
    }

    pub fn fill(&mut self, out: &mut [f32]) {
        for sample in out {
            *sample = self.next_sample();
        }
    }

    fn next_sample(&mut self) -> f32 {
        let at = self.position;
        self.position += 1;
        if self.off > 0 && at % (self.on + self.off).max(1) >= self.on {
            return 0.0;
        }
        // f64 and a fraction of a turn: a tone may sound for days.
        let turns = |hertz: f32| (f64::from(hertz) * at as f64 / f64::from(self.rate)).fract();
        let sum: f64 = self.hertz.iter().map(|&hertz| (std::f64::consts::TAU * turns(hertz)).sin()).sum();
        self.amplitude * sum as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level;

    #[test]
    fn level_and_cadence_are_kept() {
        let mut generator = Generator::new(&[440.0, 480.0], -20.0, 200, 300, 8000);
        let mut samples = vec![0.0; 8000];
        generator.fill(&mut samples);
        let on = level(&samples[..1600]);
        assert!((on - 0.1).abs() < 0.01, "{on}");
        assert_eq!(level(&samples[1600..4000]), 0.0);
        assert!(level(&samples[4000..5600]) > 0.05);
    }
}
