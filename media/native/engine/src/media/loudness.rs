//! Loudness of a prompt by EBU R128 (ITU-R BS.1770), and the same at a wanted level.

use std::io::Cursor;

use ebur128::{EbuR128, Mode};
use thiserror::Error;

use super::source::{self, RATE, Source, SourceError};
use super::wav;
use crate::codec::to_i16;

/// More than this is not made louder: it would be noise.
const MOST_GAIN_DB: f64 = 24.0;
/// The gate needs blocks of 400 ms; what is shorter is measured in repetition.
const LEAST_SAMPLES: usize = RATE as usize / 2;
/// The limiter looks at blocks of 1 ms, so many before and after.
const BLOCK: usize = RATE as usize / 1000;
const AROUND: usize = 5;

#[derive(Debug, Error)]
pub enum LevelError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("there is no sound in it")]
    Silent,
    #[error("loudness: {0}")]
    Meter(#[from] ebur128::Error),
}

/// A prompt at its level.
#[derive(Debug)]
pub struct Levelled {
    /// A WAV file, PCM16, mono, 16 kHz.
    pub file: Vec<u8>,
    pub duration_ms: u64,
    /// What it was, LUFS, and what was added, dB.
    pub loudness: f64,
    pub gain: f64,
}

/// Reads a WAV or Ogg/Opus file of at most `most_ms` and brings it to `target` LUFS with true peaks below `ceiling` dB.
pub fn level(file: &[u8], most_ms: u64, target: f64, ceiling: f64) -> Result<Levelled, LevelError> {
    let mut samples = source::read_all(Source::open(Cursor::new(file))?, most_ms)?.at_rate(RATE);
    let (loudness, _) = measure(&samples)?;
    if !loudness.is_finite() {
        return Err(LevelError::Silent);
    }
    let gain = (target - loudness).min(MOST_GAIN_DB);
    let factor = 10f64.powf(gain / 20.0) as f32;
    samples.iter_mut().for_each(|sample| *sample *= factor);
    let most = 10f64.powf(ceiling / 20.0) as f32;
    limit(&mut samples, most);
    let (_, peak) = measure(&samples)?;
    if peak as f32 > most {
        let rest = most / peak as f32; // between the samples it is a little more
        samples.iter_mut().for_each(|sample| *sample *= rest);
    }
    let mut out = wav::header(RATE, 1, samples.len() as u64 * 2).to_vec();
    out.extend(samples.iter().flat_map(|&sample| to_i16(sample).to_le_bytes()));
    Ok(Levelled { file: out, duration_ms: samples.len() as u64 * 1000 / u64::from(RATE), loudness, gain })
}

/// Integrated loudness in LUFS and the true peak as a factor.
fn measure(samples: &[f32]) -> Result<(f64, f64), ebur128::Error> {
    let mut meter = EbuR128::new(1, RATE, Mode::I | Mode::TRUE_PEAK)?;
    let times = if samples.is_empty() { 0 } else { LEAST_SAMPLES.div_ceil(samples.len()) };
    for _ in 0..times {
        meter.add_frames_f32(samples)?;
    }
    Ok((meter.loudness_global()?, meter.true_peak(0)?))
}

/// Lowers what is above `most`, from 5 ms before it to 5 ms after it.
fn limit(samples: &mut [f32], most: f32) {
    let needed: Vec<f32> = samples
        .chunks(BLOCK)
        .map(|block| most / block.iter().fold(most, |peak, sample| peak.max(sample.abs())))
        .collect();
    if needed.iter().all(|gain| *gain >= 1.0) {
        return;
    }
    let around = |values: &[f32], index: usize| {
        values.get(index.saturating_sub(AROUND)..(index + AROUND + 1).min(values.len())).unwrap_or_default().to_vec()
    };
    let least: Vec<f32> =
        (0..needed.len()).map(|index| around(&needed, index).into_iter().fold(1.0f32, f32::min)).collect();
    let mean = |index: usize| {
        let values = around(&least, index);
        values.iter().sum::<f32>() / values.len().max(1) as f32
    };
    let gains: Vec<f32> = (0..least.len()).map(mean).collect();
    for (index, block) in samples.chunks_mut(BLOCK).enumerate() {
        let here = gains.get(index).copied().unwrap_or(1.0);
        let next = gains.get(index + 1).copied().unwrap_or(here);
        for (place, sample) in block.iter_mut().enumerate() {
            *sample = (*sample * (here + (next - here) * place as f32 / BLOCK as f32)).clamp(-most, most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::to_f32;

    fn file(samples: impl Iterator<Item = f32>) -> Vec<u8> {
        let octets: Vec<u8> = samples.flat_map(|sample| to_i16(sample).to_le_bytes()).collect();
        let mut file = wav::header(RATE, 1, octets.len() as u64).to_vec();
        file.extend(octets);
        file
    }

    fn sine(count: usize, amplitude: f32) -> impl Iterator<Item = f32> {
        (0..count).map(move |n| amplitude * (std::f32::consts::TAU * 997.0 * n as f32 / RATE as f32).sin())
    }

    fn heard(file: &[u8]) -> (f64, f64) {
        measure(&source::read_all(Source::open(Cursor::new(file)).unwrap(), 60_000).unwrap().samples).unwrap()
    }

    #[test]
    fn a_full_sine_is_minus_3_lufs_and_every_level_becomes_the_same() {
        for amplitude in [0.999, 0.1, 0.03] {
            let levelled = level(&file(sine(32_000, amplitude)), 5000, -23.0, -2.0).unwrap();
            let was = -3.01 + 20.0 * f64::from(amplitude).log10();
            assert!((levelled.loudness - was).abs() < 0.2, "{} {was}", levelled.loudness);
            assert!((heard(&levelled.file).0 + 23.0).abs() < 0.2);
            assert_eq!(levelled.duration_ms, 2000);
        }
    }

    #[test]
    fn a_short_word_is_measured_too_and_noise_is_not_blown_up() {
        let levelled = level(&file(sine(1600, 0.05)), 5000, -23.0, -2.0).unwrap();
        assert!((heard(&levelled.file).0 + 23.0).abs() < 0.5);
        let soft = level(&file(sine(32_000, 0.002)), 5000, -23.0, -2.0).unwrap();
        assert!((soft.gain - MOST_GAIN_DB).abs() < 0.01);
        assert!(matches!(level(&file(std::iter::repeat_n(0.0, 16_000)), 5000, -23.0, -2.0), Err(LevelError::Silent)));
    }

    #[test]
    fn true_peaks_stay_below_the_ceiling() {
        // Soft speech with a knock of 20 ms every half second.
        let knocks =
            sine(48_000, 0.05).enumerate().map(|(n, sample)| if n % 8000 < 320 { 16.0 * sample } else { sample });
        let levelled = level(&file(knocks), 5000, -14.0, -6.0).unwrap();
        let (_, peak) = heard(&levelled.file);
        assert!(20.0 * peak.log10() <= -5.9, "{peak}");
        assert!(to_f32(i16::MAX) > peak as f32);
    }

    #[test]
    fn limits_and_garbage_are_errors() {
        let long = file(sine(16_000, 0.1));
        assert!(matches!(level(&long, 999, -23.0, -2.0), Err(LevelError::Source(SourceError::TooLong))));
        assert!(level(b"RIFF", 999, -23.0, -2.0).is_err());
    }
}
