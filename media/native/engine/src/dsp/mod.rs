//! Signal processing on mono f32 frames.

pub mod cadence;
pub mod dtmf;
pub mod floor;
pub mod goertzel;
pub mod limiter;
pub mod progress;
pub mod resample;
pub mod tone;
pub mod vad;

/// Root mean square of a frame, 1.0 is full scale.
pub fn level(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
}
