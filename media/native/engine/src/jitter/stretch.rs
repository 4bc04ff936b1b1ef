//! Leaving out or repeating one pitch period, so that delay shrinks or grows without a click (WSOLA with one splice).

const SHORTEST_US: usize = 2500;
const LONGEST_US: usize = 12_500;
/// Pieces of this length are compared.
const WINDOW_US: usize = 7500;

/// Sums that are added up side by side: floating-point order forbids the compiler to do so by itself.
const LANES: usize = 8;

/// Normalised correlation of two equally long pieces (1 is equal, whatever the level), looking at every `stride`th sample.
pub fn resemblance(a: &[f32], b: &[f32], stride: usize) -> f32 {
    let (mut cross, mut of_a, mut of_b) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    let (blocks_a, blocks_b) = (a.chunks_exact(LANES * stride), b.chunks_exact(LANES * stride));
    let rest = blocks_a.remainder().iter().zip(blocks_b.remainder()).step_by(stride);
    for (lane, (x, y)) in rest.enumerate() {
        (cross[lane], of_a[lane], of_b[lane]) = (x * y, x * x, y * y);
    }
    for (a, b) in blocks_a.zip(blocks_b) {
        for lane in 0..LANES {
            let (x, y) = (a[lane * stride], b[lane * stride]);
            cross[lane] += x * y;
            of_a[lane] += x * x;
            of_b[lane] += y * y;
        }
    }
    let sum = |lanes: [f32; LANES]| lanes.iter().sum::<f32>();
    sum(cross) / ((sum(of_a) + 1e-9) * (sum(of_b) + 1e-9)).sqrt()
}

/// The pitch period at the front of `samples`, up to `most`, and how well the next one resembles it. `None`: too little audio.
pub fn period(samples: &[f32], rate: u32, most: usize) -> Option<(usize, f32)> {
    let per = |us: usize| rate as usize * us / 1_000_000;
    let (shortest, window) = (per(SHORTEST_US), per(WINDOW_US));
    let longest = per(LONGEST_US).min(most).min(samples.len().saturating_sub(window));
    if longest < shortest {
        return None;
    }
    let stride = (rate as usize / 8000).max(1);
    let first = samples.get(..window)?;
    let score = |lag: usize| samples.get(lag..lag + window).map_or(f32::MIN, |later| resemblance(first, later, stride));
    (shortest..=longest).step_by(stride).map(|lag| (lag, score(lag))).max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Leaves `lag` samples out at the front: the first piece fades into the one after it. 0 when there is too little audio.
pub fn leave_out(samples: &mut Vec<f32>, lag: usize) -> usize {
    if lag == 0 || samples.len() < 2 * lag {
        return 0;
    }
    for index in 0..lag {
        let weight = (index as f32 + 0.5) / lag as f32;
        samples[lag + index] = samples[index] * (1.0 - weight) + samples[lag + index] * weight;
    }
    samples.drain(..lag);
    lag
}

/// Repeats the first `lag` samples: they are played, then the piece after them fades back into them. Returns what was added.
pub fn repeat(samples: &mut Vec<f32>, lag: usize) -> usize {
    if lag == 0 || samples.len() < 2 * lag {
        return 0;
    }
    let length = samples.len();
    samples.resize(length + lag, 0.0);
    samples.copy_within(lag..length, 2 * lag);
    // Now: first, (room), second …; the room becomes second → first, so that second follows it as it followed first.
    for index in 0..lag {
        let weight = (index as f32 + 0.5) / lag as f32;
        samples[lag + index] = samples[2 * lag + index] * (1.0 - weight) + samples[index] * weight;
    }
    lag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steepest(samples: &[f32]) -> f32 {
        samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_tone_is_shortened_and_lengthened_without_a_click() {
        let tone: Vec<f32> =
            (0..640).map(|n| 0.5 * (std::f32::consts::TAU * 250.0 * n as f32 / 8000.0).sin()).collect();
        let (lag, alike) = period(&tone, 8000, 640).unwrap();
        assert!(lag % 32 == 0 && alike > 0.99, "{lag} {alike}");
        let (mut short, mut long) = (tone.clone(), tone);
        assert_eq!(leave_out(&mut short, lag), lag);
        assert_eq!(repeat(&mut long, lag), lag);
        assert_eq!((short.len(), long.len()), (640 - lag, 640 + lag));
        // A 250 Hz tone of 0.5 moves by at most 0.098 per sample.
        assert!(steepest(&short) < 0.11 && steepest(&long) < 0.11, "{} {}", steepest(&short), steepest(&long));
        assert_eq!(leave_out(&mut vec![0.0; 50], 40), 0);
        assert!(period(&[0.0; 50], 8000, 50).is_none());
    }
}
