//! Why nothing is heard of a party that should be: the newest reason for which its packets were refused, or that none came.

use std::net::SocketAddr;

use crate::ids::Micros;

/// So long nothing may be heard before it is told.
pub const PATIENCE_US: Micros = 2_000_000;

/// Why packets do not reach the ear; the words of `PortStats.one_way`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// All is well, or nothing is expected.
    #[default]
    None,
    /// Packets come, but their tags are wrong.
    Keys,
    /// A payload type that was not agreed.
    Codec,
    /// An address that was not agreed.
    Source,
    /// ICE found no way.
    Path,
    /// The DTLS handshake did not end.
    Handshake,
    /// Packets came and ceased.
    Stopped,
    /// Not one came.
    Packets,
}

impl Cause {
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Keys => "keys",
            Self::Codec => "codec",
            Self::Source => "source",
            Self::Path => "no_path",
            Self::Handshake => "handshake",
            Self::Stopped => "stopped",
            Self::Packets => "no_packets",
        }
    }
}

/// What was refused since a packet was last accepted.
#[derive(Debug, Default)]
pub struct Refused {
    newest: Cause,
    payload_type: u8,
    source: Option<SocketAddr>,
}

impl Refused {
    pub fn keys(&mut self) {
        self.newest = Cause::Keys;
    }

    pub fn codec(&mut self, payload_type: u8) {
        (self.newest, self.payload_type) = (Cause::Codec, payload_type);
    }

    pub fn source(&mut self, source: SocketAddr) {
        (self.newest, self.source) = (Cause::Source, Some(source));
    }

    pub fn accepted(&mut self) {
        self.newest = Cause::None;
    }

    pub fn cause(&self) -> Cause {
        self.newest
    }

    /// What a person needs beside the word: the codec or the address.
    pub fn detail(&self) -> String {
        match (self.newest, self.source) {
            (Cause::Codec, _) => payload_name(self.payload_type),
            (Cause::Source, Some(source)) => source.to_string(),
            _ => String::new(),
        }
    }
}

/// Static payload types by name (RFC 3551 §6), others by number.
fn payload_name(payload_type: u8) -> String {
    match payload_type {
        0 => "PCMU".into(),
        3 => "GSM".into(),
        4 => "G723".into(),
        8 => "PCMA".into(),
        9 => "G722".into(),
        13 => "CN".into(),
        18 => "G729".into(),
        other => other.to_string(),
    }
}
