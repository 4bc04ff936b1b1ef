//! Shortening audio by one pitch period, so that a full buffer drains without a click (WSOLA with one splice).

const SHORTEST_US: usize = 2500;
const LONGEST_US: usize = 12_500;

/// Normalised correlation of two equally long pieces, looking at every `stride`th sample.
pub fn resemblance(a: &[f32], b: &[f32], stride: usize) -> f32 {
    let (mut cross, mut energy) = (0.0f32, 1e-9f32);
    for (x, y) in a.iter().zip(b).step_by(stride) {
        cross += x * y;
        energy += y * y;
    }
    cross / energy.sqrt()
}

/// Removes one pitch period from the front of `samples`; returns how many samples went. 0 when there is too little audio.
pub fn shorten(samples: &mut Vec<f32>, rate: u32) -> usize {
    let per = |us: usize| rate as usize * us / 1_000_000;
    let (shortest, longest) = (per(SHORTEST_US), per(LONGEST_US));
    if samples.len() < 2 * longest {
        return 0;
    }
    let stride = (rate as usize / 8000).max(1);
    let audio = &mut samples[..];
    let mut best = (shortest, f32::MIN);
    for lag in (shortest..=longest).step_by(stride) {
        let score = resemblance(&audio[..shortest * 2], &audio[lag..lag + shortest * 2], stride);
        if score > best.1 {
            best = (lag, score);
        }
    }
    let lag = best.0;
    for index in 0..lag {
        let weight = index as f32 / lag as f32;
        audio[lag + index] = audio[index] * (1.0 - weight) + audio[lag + index] * weight;
    }
    samples.drain(..lag);
    lag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_shortened_without_a_click() {
        let tone: Vec<f32> =
            (0..640).map(|n| 0.5 * (std::f32::consts::TAU * 250.0 * n as f32 / 8000.0).sin()).collect();
        let mut samples = tone;
        let removed = shorten(&mut samples, 8000);
        assert!(removed >= 20, "{removed}");
        assert_eq!(samples.len(), 640 - removed);
        let steepest = samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.13, "{steepest}"); // a 250 Hz tone of 0.5 moves by at most 0.098 per sample
        assert_eq!(shorten(&mut vec![0.0; 50], 8000), 0);
    }
}
