//! Ids and units that every module shares.

/// A node of the routing matrix: port, player, bus or recorder. One name space, chosen by the caller, never reused.
pub type NodeId = u64;
/// Nodes that may hear each other share a group; a group lives on one worker.
pub type GroupId = u64;
/// A decoded prompt in the cache.
pub type PromptId = u64;
/// Index of a live port in its worker's table.
pub type Slot = u32;

/// Engine monotonic time in microseconds since the engine started.
pub type Micros = u64;

/// One frame of the engine's clock, 20 ms.
pub const FRAME_US: Micros = 20_000;
pub const FRAME_MS: u32 = 20;
pub const FRAMES_PER_SECOND: usize = 50;
/// Highest rate inside a group, Hz.
pub const MAX_GROUP_RATE: u32 = 16_000;
/// Samples of one frame at the highest group rate.
pub const MAX_FRAME: usize = MAX_GROUP_RATE as usize / FRAMES_PER_SECOND;
/// Largest datagram that is read or sent.
pub const MAX_DATAGRAM: usize = 1500;

/// Whole and fractional seconds, as events report times.
pub fn seconds(at: Micros) -> f64 {
    at as f64 / 1e6
}

/// Linear factor of a gain in dB; −120 dB and less is silence.
pub fn linear(gain_db: f32) -> f32 {
    if gain_db <= -120.0 || gain_db.is_nan() { 0.0 } else { 10f32.powf(gain_db.min(24.0) / 20.0) }
}
