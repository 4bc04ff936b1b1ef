//! Jitter buffer: packets in, frames on the engine's clock out.

mod buffer;
mod delay;
mod noise;
mod playout;
mod plc;
mod steer;
mod stretch;
mod timeline;

pub use buffer::Kind;
pub use playout::{Playout, Pulled};
