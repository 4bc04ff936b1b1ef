//! Prompts, players and recorders with the disk thread that feeds and drains them; taps and injects.

pub mod disk;
pub mod inject;
pub mod loudness;
mod manifest;
pub mod notify;
mod ogg;
mod outline;
mod part;
pub mod player;
pub mod prompt;
pub mod recorder;
mod recording;
pub mod seal;
pub mod source;
pub mod stream;
pub mod tap;
pub mod wav;
