//! Prompts, players and recorders, and the disk thread that feeds and drains them.

pub mod disk;
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
pub mod wav;
