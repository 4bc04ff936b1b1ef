//! Limiter of a sum: looks over the whole frame before it speaks, so that peaks are lowered, not clipped.

const CEILING: f32 = 0.98;
/// Gain comes back by this factor per frame (about 6 dB in 300 ms).
const RELEASE: f32 = 1.05;

#[derive(Debug, Clone, Copy)]
pub struct Limiter {
    gain: f32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Limiter {
    pub fn process(&mut self, frame: &mut [f32]) {
        let peak = frame.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        if self.gain == 1.0 && peak <= CEILING {
            return;
        }
        let wanted = if peak > CEILING { CEILING / peak } else { 1.0 };
        let target = wanted.min(self.gain * RELEASE);
        // The gain falls within the first quarter of the frame; a peak inside that quarter is clamped.
        let steps = (frame.len() / 4).max(1);
        let step = (target - self.gain) / steps as f32;
        for (index, sample) in frame.iter_mut().enumerate() {
            if index < steps {
                self.gain += step;
            }
            *sample = (*sample * self.gain).clamp(-CEILING, CEILING);
        }
        self.gain = target;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_sums_are_lowered_and_quiet_ones_left_alone() {
        let mut limiter = Limiter::default();
        let quiet = [0.5f32; 160];
        let mut frame = quiet;
        limiter.process(&mut frame);
        assert_eq!(frame, quiet);
        for _ in 0..3 {
            let mut loud = [2.0f32; 160];
            limiter.process(&mut loud);
            assert!(loud.iter().all(|sample| sample.abs() <= CEILING));
        }
        for _ in 0..30 {
            frame = quiet;
            limiter.process(&mut frame);
        }
        assert_eq!(frame, quiet, "the gain comes back");
    }
}
