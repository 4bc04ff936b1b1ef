//! Jitter buffer: packets in, frames on the engine's clock out.

mod buffer;
mod delay;
mod playout;
mod plc;
mod stretch;

pub use playout::{Playout, Pulled};
