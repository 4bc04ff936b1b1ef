//! Prompts, players and recorders, and the disk thread that feeds and drains them.

pub mod disk;
pub mod notify;
pub mod player;
pub mod prompt;
pub mod recorder;
mod recording;
pub mod wav;
