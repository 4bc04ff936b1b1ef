//! Packet loss concealment by pitch repetition, after ITU-T G.711 Appendix I: the last pitch period is repeated and faded out.

/// Full level for 10 ms, silent after 60 ms.
const FULL_MS: usize = 10;
const SILENT_MS: usize = 60;
/// Longest pitch period and correlation window, ms.
const LONGEST_MS: usize = 15;
const SHORTEST_MS: usize = 5;
const HISTORY_MS: usize = 40;
/// Good audio takes over from concealment within this time.
const MERGE_MS: usize = 4;

#[derive(Debug)]
pub struct Concealment {
    per_ms: usize,
    history: Vec<f32>,
    lag: usize,
    /// Samples concealed since the last good one; 0 when nothing is concealed.
    concealed: usize,
}

impl Concealment {
    pub fn new(rate: u32) -> Self {
        let per_ms = rate as usize / 1000;
        Self { per_ms, history: vec![0.0; HISTORY_MS * per_ms], lag: 1, concealed: 0 }
    }

    /// Notes good audio; its beginning is merged with the concealment it ends.
    pub fn good(&mut self, samples: &mut [f32]) {
        if self.concealed > 0 {
            let merge = (MERGE_MS * self.per_ms).min(samples.len());
            for (index, sample) in samples.iter_mut().take(merge).enumerate() {
                let weight = index as f32 / merge as f32;
                *sample = *sample * weight + self.repeated(self.concealed + index) * (1.0 - weight);
            }
            self.concealed = 0;
        }
        let length = self.history.len();
        if samples.len() >= length {
            self.history.copy_from_slice(&samples[samples.len() - length..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[length - samples.len()..].copy_from_slice(samples);
        }
    }

    /// Appends `count` concealed samples.
    pub fn conceal_into(&mut self, count: usize, out: &mut Vec<f32>) {
        if self.concealed == 0 {
            self.lag = self.pitch();
        }
        out.extend((0..count).map(|index| self.repeated(self.concealed + index)));
        self.concealed += count;
    }

    /// Silence that the sender meant: no concealment, and a clean start afterwards.
    pub fn silence_into(&mut self, count: usize, out: &mut Vec<f32>) {
        if count > 0 {
            self.history.fill(0.0);
            self.concealed = 0;
            out.resize(out.len() + count, 0.0);
        }
    }

    fn repeated(&self, index: usize) -> f32 {
        let gain = match index / self.per_ms {
            ms if ms < FULL_MS => 1.0,
            ms if ms >= SILENT_MS => return 0.0,
            _ => (SILENT_MS * self.per_ms - index) as f32 / ((SILENT_MS - FULL_MS) * self.per_ms) as f32,
        };
        gain * self.history[self.history.len() - self.lag + index % self.lag]
    }

    /// The lag at which the newest 20 ms resemble what came before most.
    fn pitch(&self) -> usize {
        let window = 20 * self.per_ms;
        let stride = (self.per_ms / 8).max(1);
        let newest = &self.history[self.history.len() - window..];
        let mut best = (SHORTEST_MS * self.per_ms, f32::MIN);
        for lag in (SHORTEST_MS * self.per_ms..=LONGEST_MS * self.per_ms).step_by(stride) {
            let earlier = &self.history[self.history.len() - window - lag..][..window];
            let score = super::stretch::resemblance(newest, earlier, stride);
            if score > best.1 {
                best = (lag, score);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level;

    #[test]
    fn a_lost_frame_of_a_tone_is_hardly_heard_and_a_long_loss_is_silent() {
        let tone = |n: usize| 0.5 * (std::f32::consts::TAU * 200.0 * n as f32 / 8000.0).sin();
        let mut concealment = Concealment::new(8000);
        let mut good: Vec<f32> = (0..800).map(tone).collect();
        concealment.good(&mut good);
        let mut out = Vec::new();
        concealment.conceal_into(160, &mut out);
        let error = out.iter().take(80).enumerate().map(|(n, s)| (s - tone(800 + n)).abs()).fold(0.0, f32::max);
        assert!(error < 0.05, "{error}");
        concealment.conceal_into(800, &mut out);
        assert_eq!(level(&out[480..]), 0.0);
        let mut back: Vec<f32> = (0..160).map(tone).collect();
        concealment.good(&mut back);
        assert_eq!(back[100], tone(100));
        assert_eq!(back[0], 0.0, "merged from silence");
    }
}
