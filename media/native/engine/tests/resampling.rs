//! What resampling does to sound: flatness, what is gone beyond the band, and delay.

use engine::dsp::resample::Resampler;

const PAIRS: [(u32, u32); 6] =
    [(8000, 16_000), (16_000, 8000), (8000, 48_000), (48_000, 8000), (16_000, 48_000), (48_000, 16_000)];

/// The amplitude of `hertz` in `samples`, over whole periods of 50 Hz.
fn amplitude(samples: &[f32], rate: u32, hertz: f64) -> f64 {
    let count = samples.len() / (rate as usize / 50) * (rate as usize / 50);
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples[..count].iter().enumerate() {
        let angle = std::f64::consts::TAU * hertz * n as f64 / f64::from(rate);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / count as f64
}

fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.max(1e-9).log10()
}

/// A tone of full scale through the resampler in frames of 20 ms, without its first tenth of a second.
fn through(from: u32, to: u32, hertz: f64) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to).expect("different rates");
    let tone: Vec<f32> =
        (0..from / 2).map(|n| (std::f64::consts::TAU * hertz * f64::from(n) / f64::from(from)).sin() as f32).collect();
    let mut out = Vec::new();
    tone.chunks(from as usize / 50).for_each(|frame| resampler.process_into(frame, &mut out));
    out.split_off(to as usize / 10)
}

#[test]
fn speech_passes_flat() {
    for (from, to) in PAIRS {
        let edge = f64::from(from.min(to)) * 0.425; // 3.4 kHz at 8 kHz, 6.8 at 16
        for step in 1..=20 {
            let hertz = (edge * f64::from(step) / 20.0 / 50.0).round() * 50.0;
            let level = decibels(amplitude(&through(from, to, hertz), to, hertz));
            assert!(level.abs() < 0.5, "{from} to {to}: {level:.2} dB at {hertz} Hz");
        }
    }
}

#[test]
fn nothing_is_heard_where_it_does_not_belong() {
    for (from, to) in PAIRS {
        let lower = f64::from(from.min(to));
        for part in [0.58, 0.65, 0.75, 0.9] {
            // Downwards: a tone beyond the new band folds. Upwards: one inside it has images.
            let (hertz, heard) = if from > to {
                let hertz = (lower * part / 50.0).round() * 50.0;
                (hertz, lower - hertz)
            } else {
                let image = (lower * part / 50.0).round() * 50.0;
                (lower - image, image)
            };
            let level = decibels(amplitude(&through(from, to, hertz), to, heard.abs()));
            assert!(level < -60.0, "{from} to {to}: {level:.1} dB of {hertz} Hz at {heard} Hz");
        }
    }
}

#[test]
fn the_delay_is_a_millisecond_and_a_half_between_narrow_and_wide() {
    for (from, to) in PAIRS {
        let mut resampler = Resampler::new(from, to).expect("different rates");
        let mut out = Vec::new();
        let mut impulse = vec![0.0; from as usize / 50];
        impulse[0] = 1.0;
        resampler.process_into(&impulse, &mut out);
        let peak = (0..out.len()).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).expect("samples");
        let ms = 1000.0 * peak as f64 / f64::from(to);
        assert!(ms <= 2.6, "{from} to {to}: {ms:.2} ms");
    }
}
