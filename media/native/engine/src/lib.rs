//! The media engine: commands become sound, sound becomes events. Knows nothing of SIP, tenants or queues.
#![forbid(unsafe_code)]

pub mod codec;
pub mod command;
pub mod dsp;
pub mod dtls;
pub mod engine;
pub mod error;
pub mod event;
pub mod ice;
pub mod ids;
pub mod jitter;
pub mod media;
pub mod pool;
pub mod port;
pub mod quality;
pub mod route;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod worker;

pub use command::Command;
pub use engine::{Config, Engine, Reservation};
pub use error::EngineError;
pub use event::Event;
