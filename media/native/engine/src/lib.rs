//! The media engine: commands become sound, sound becomes events. Knows nothing of SIP, tenants or queues.
#![forbid(unsafe_code)]

pub mod dtls;
pub mod ice;
pub mod srtp;
