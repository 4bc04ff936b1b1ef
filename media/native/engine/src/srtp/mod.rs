//! SRTP and SRTCP (RFC 3711; AES-256 RFC 6188; GCM RFC 7714), over the RustCrypto primitives.
//!
//! Own code because no crate works in place without allocation for all SDES profiles; see `DECISIONS.md`. MKI, key
//! derivation rates and encrypted header extensions are not offered, so they never occur.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cipher;
pub mod context;
pub mod kdf;
pub mod profile;
pub mod replay;

use zeroize::{Zeroize, ZeroizeOnDrop};

pub use context::{Context, MAX_SOURCES};
pub use profile::Profile;

/// Master keys of both directions, each the key followed by the salt. Wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SrtpKeys {
    #[zeroize(skip)]
    pub profile: Profile,
    /// Key and salt for what we send.
    pub send: Vec<u8>,
    /// Key and salt for what we receive.
    pub receive: Vec<u8>,
}

impl std::fmt::Debug for SrtpKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SrtpKeys").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Why a packet was not protected or not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    #[error("packet too short or its header longer than the packet")]
    Length,
    #[error("not RTP version 2")]
    Version,
    #[error("authentication tag does not match")]
    Authentication,
    #[error("packet was already seen")]
    Replay,
    #[error("packet is older than the replay window")]
    TooOld,
    #[error("no room for the authentication tag")]
    BufferTooSmall,
    #[error("key material does not have the length of the profile")]
    KeyLength,
    #[error("the key has been used for as many packets as it may")]
    KeyExhausted,
    #[error("more sources than a context remembers")]
    TooManySources,
    #[error("the keys are not agreed yet")]
    NoKey,
}
