//! Why the engine refuses.

use thiserror::Error;

/// Errors of the façade's own calls. Everything that happens later is an event.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Draining, full, overloaded, or no free port in the range.
    #[error("no capacity: {0}")]
    NoCapacity(&'static str),
    #[error("bad listen address {0:?}: an IP address is expected")]
    BadAddress(String),
    #[error("bad port range {0}-{1}: an even lower bound and at least one pair are expected")]
    BadRange(u16, u16),
    #[error("the engine is closed")]
    Closed,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reason words of `CommandFailed`, a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownId,
    DuplicateId,
    BadToken,
    CrossGroup,
    NoCapacity,
    CodecUnsupported,
    KeyInvalid,
    FileError,
    Limit,
    MoveTimeout,
    Draining,
    Busy,
    Internal,
}

impl Refusal {
    pub const fn word(self) -> &'static str {
        match self {
            Refusal::UnknownId => "unknown_id",
            Refusal::DuplicateId => "duplicate_id",
            Refusal::BadToken => "bad_token",
            Refusal::CrossGroup => "cross_group",
            Refusal::NoCapacity => "no_capacity",
            Refusal::CodecUnsupported => "codec_unsupported",
            Refusal::KeyInvalid => "key_invalid",
            Refusal::FileError => "file_error",
            Refusal::Limit => "limit",
            Refusal::MoveTimeout => "move_timeout",
            Refusal::Draining => "draining",
            Refusal::Busy => "busy",
            Refusal::Internal => "internal",
        }
    }
}
