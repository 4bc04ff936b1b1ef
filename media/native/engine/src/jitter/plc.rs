//! Packet loss concealment by pitch repetition, after ITU-T G.711 Appendix I: the last pitch period, later the last two and
//! three, are repeated with overlapping ends, and fade out. Without the Appendix's delay of 3.75 ms: what was played is played,
//! so the first repetition leads from the last sample into the period instead.

use super::noise::Comfort;

/// Full level for 10 ms, silent after 60 ms.
const FULL_MS: usize = 10;
const SILENT_MS: usize = 60;
/// After so long the repeated piece gets one period more.
const GROW_MS: usize = 10;
const MOST_PERIODS: usize = 3;
const SHORTEST_MS: usize = 5;
/// Longest pitch period, ms.
const LONGEST_MS: usize = 15;
/// Three periods and the overlap before them.
const HISTORY_MS: usize = 50;
/// Good audio takes over from concealment within this time, 4 ms more for every 10 ms that were lost, at most 10 ms.
const MERGE_MS: usize = 4;
const MERGE_MOST_MS: usize = 10;
/// Below this resemblance there is no pitch: the longest period buzzes least.
const VOICED: f32 = 0.5;

#[derive(Debug)]
pub struct Concealment {
    per_ms: usize,
    history: Vec<f32>,
    lag: usize,
    /// Periods in the piece that is repeated, the place in it, and the place in the piece before while that fades.
    periods: usize,
    position: usize,
    former: usize,
    fading: usize,
    /// From the last good sample to where its period began: led over at the start.
    step: f32,
    /// Samples concealed since the last good one; 0 when nothing is concealed.
    concealed: usize,
    /// Those samples, as many as are heard before silence.
    imagined: Vec<f32>,
}

impl Concealment {
    pub fn new(rate: u32) -> Self {
        let per_ms = rate as usize / 1000;
        Self {
            per_ms,
            history: vec![0.0; HISTORY_MS * per_ms],
            lag: SHORTEST_MS * per_ms,
            periods: 1,
            position: 0,
            former: 0,
            fading: 0,
            step: 0.0,
            concealed: 0,
            imagined: Vec::with_capacity(SILENT_MS * per_ms),
        }
    }

    /// Concealment for another rate that goes on from what was heard here.
    pub fn at_rate(&self, rate: u32) -> Self {
        let mut other = Self::new(rate);
        let heard = crate::dsp::resample::convert(&self.history, self.per_ms as u32 * 1000, rate);
        other.note(&heard);
        other
    }

    /// So much was lost that nothing of the old sound is left.
    pub fn is_faded(&self) -> bool {
        self.concealed > SILENT_MS * self.per_ms
    }

    /// What was heard last, concealment included, and `ahead` samples more of it.
    pub fn heard_into(&mut self, ahead: usize, comfort: &mut Comfort, out: &mut Vec<f32>) {
        out.extend_from_slice(&self.history);
        out.extend_from_slice(&self.imagined);
        let state = (self.periods, self.position, self.former, self.fading, self.concealed);
        out.extend((0..ahead).map(|_| self.next(comfort)));
        (self.periods, self.position, self.former, self.fading, self.concealed) = state;
    }

    /// Notes good audio; its beginning is merged with the concealment it ends.
    pub fn good(&mut self, samples: &mut [f32], comfort: &mut Comfort) {
        if self.concealed > 0 {
            let lost_ms = self.concealed / self.per_ms;
            let merge_ms = (MERGE_MS + 4 * (lost_ms.saturating_sub(1) / 10)).min(MERGE_MOST_MS);
            let merge = (merge_ms * self.per_ms).min(samples.len());
            for (index, sample) in samples.iter_mut().take(merge).enumerate() {
                let weight = (index as f32 + 0.5) / merge as f32;
                *sample = *sample * weight + self.next(comfort) * (1.0 - weight);
            }
        }
        self.note(samples);
    }

    /// Remembers what was heard, wherever it came from.
    pub fn note(&mut self, samples: &[f32]) {
        self.concealed = 0;
        let length = self.history.len();
        if samples.len() >= length {
            self.history.copy_from_slice(&samples[samples.len() - length..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[length - samples.len()..].copy_from_slice(samples);
        }
    }

    /// Appends `count` concealed samples that end in the room's noise.
    pub fn conceal_into(&mut self, count: usize, comfort: &mut Comfort, out: &mut Vec<f32>) {
        self.begin();
        let from = out.len();
        out.extend((0..count).map(|_| self.next(comfort)));
        let room = (SILENT_MS * self.per_ms).saturating_sub(self.imagined.len());
        self.imagined.extend(out[from..].iter().take(room));
    }

    /// Prepares the next `good` to be led into smoothly although nothing was concealed (audio was left out).
    pub fn begin(&mut self) {
        if self.concealed > 0 {
            return;
        }
        let (lag, resemblance) = self.pitch();
        self.lag = if resemblance < VOICED { LONGEST_MS * self.per_ms } else { lag };
        (self.periods, self.position, self.fading, self.concealed) = (1, 0, 0, 1);
        self.imagined.clear();
        let end = self.history.len();
        self.step = self.history[end - 1] - self.history[end - 1 - self.lag];
    }

    /// One more concealed sample.
    fn next(&mut self, comfort: &mut Comfort) -> f32 {
        let index = self.concealed - 1;
        self.concealed += 1;
        if index >= SILENT_MS * self.per_ms {
            return comfort.sample();
        }
        let quarter = self.lag / 4;
        if self.periods < MOST_PERIODS && index == self.periods * GROW_MS * self.per_ms {
            (self.former, self.fading) = (self.position, quarter);
            self.position %= self.lag;
            self.periods += 1;
        }
        let mut sample = self.repeated(self.periods, self.position);
        self.position = (self.position + 1) % (self.periods * self.lag);
        if self.fading > 0 {
            let weight = self.fading as f32 / quarter as f32;
            sample = sample * (1.0 - weight) + self.repeated(self.periods - 1, self.former) * weight;
            self.former = (self.former + 1) % ((self.periods - 1) * self.lag);
            self.fading -= 1;
        }
        if index < quarter {
            sample += self.step * (1.0 - (index + 1) as f32 / quarter as f32);
        }
        let gain = if index < FULL_MS * self.per_ms {
            1.0
        } else {
            (SILENT_MS * self.per_ms - index) as f32 / ((SILENT_MS - FULL_MS) * self.per_ms) as f32
        };
        sample * gain + if gain < 1.0 { comfort.sample() * (1.0 - gain) } else { 0.0 }
    }

    /// A sample of the repeated piece; its last quarter period is merged with what came before the piece, so that the end
    /// leads into the beginning.
    fn repeated(&self, periods: usize, position: usize) -> f32 {
        let (length, quarter) = (periods * self.lag, self.lag / 4);
        let start = self.history.len() - length;
        let sample = self.history[start + position];
        let left = length - position;
        if left > quarter {
            return sample;
        }
        let weight = left as f32 / (quarter + 1) as f32;
        sample * weight + self.history[start - left] * (1.0 - weight)
    }

    /// The lag at which the newest 20 ms resemble what came before most, and how much (1 is equal).
    fn pitch(&self) -> (usize, f32) {
        let window = 20 * self.per_ms;
        let stride = (self.per_ms / 8).max(1);
        let newest = &self.history[self.history.len() - window..];
        let score = |lag: usize, stride: usize| {
            let earlier = &self.history[self.history.len() - window - lag..][..window];
            super::stretch::resemblance(newest, earlier, stride)
        };
        let (shortest, longest) = (SHORTEST_MS * self.per_ms, LONGEST_MS * self.per_ms);
        let mut best = (shortest, f32::MIN);
        for lag in (shortest..=longest).step_by(stride) {
            let found = score(lag, stride);
            if found > best.1 {
                best = (lag, found);
            }
        }
        if stride > 1 {
            let near = (best.0 - (stride - 1)).max(shortest)..=(best.0 + stride - 1).min(longest);
            best = near.map(|lag| (lag, score(lag, 1))).fold((best.0, f32::MIN), |a, b| if b.1 > a.1 { b } else { a });
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level;

    fn steepest(samples: &[f32]) -> f32 {
        samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_lost_frame_of_a_tone_is_hardly_heard_and_a_long_loss_is_silent() {
        for rate in [8000u32, 16_000] {
            let per_ms = rate as usize / 1000;
            let tone = |n: usize| 0.5 * (std::f32::consts::TAU * 200.0 * n as f32 / rate as f32).sin();
            let (mut concealment, mut comfort) = (Concealment::new(rate), Comfort::default());
            let mut good: Vec<f32> = (0..100 * per_ms).map(tone).collect();
            concealment.good(&mut good, &mut comfort);
            let mut out = Vec::new();
            concealment.conceal_into(20 * per_ms, &mut comfort, &mut out);
            let difference = |(n, s): (usize, &f32)| (s - tone(100 * per_ms + n)).abs();
            let error = out.iter().take(10 * per_ms).enumerate().map(difference).fold(0.0, f32::max);
            assert!(error < 0.05, "{error}");
            concealment.conceal_into(100 * per_ms, &mut comfort, &mut out);
            assert_eq!(level(&out[60 * per_ms..]), 0.0);
            let mut back: Vec<f32> = (0..20 * per_ms).map(tone).collect();
            concealment.good(&mut back, &mut comfort);
            assert_eq!(back[12 * per_ms], tone(12 * per_ms));
            assert!(back[0].abs() < 0.01, "merged from silence");
        }
    }

    #[test]
    fn no_step_is_heard_at_either_end_of_a_loss() {
        // A voice-like sum whose period is no whole number of samples.
        let voice = |n: usize| {
            let turn = std::f32::consts::TAU * 137.3 * n as f32 / 8000.0;
            0.2 * turn.sin() + 0.15 * (2.0 * turn).sin() + 0.1 * (3.0 * turn).sin()
        };
        let (mut concealment, mut comfort) = (Concealment::new(8000), Comfort::default());
        let mut heard: Vec<f32> = (0..800).map(voice).collect();
        let usual = steepest(&heard);
        concealment.good(&mut heard.clone(), &mut comfort);
        concealment.conceal_into(320, &mut comfort, &mut heard);
        let mut back: Vec<f32> = (1120..1440).map(voice).collect();
        concealment.good(&mut back, &mut comfort);
        heard.extend(back);
        assert!(steepest(&heard) < 1.5 * usual, "{} against {usual}", steepest(&heard));
    }
}
