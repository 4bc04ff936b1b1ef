//! Protection profiles: what a name in SDP or in the DTLS `use_srtp` extension means in bytes.

/// An SRTP protection profile (RFC 3711, RFC 6188, RFC 7714).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// AES-128 counter mode, HMAC-SHA1 with a tag of 80 bits: what every peer supports.
    Aes128CmSha1_80,
    /// As above with a tag of 32 bits on RTP; RTCP keeps 80 bits (RFC 4568 §6.2.2).
    Aes128CmSha1_32,
    /// AES-256 counter mode (RFC 6188), tag of 80 bits.
    Aes256CmSha1_80,
    /// AES-256 counter mode (RFC 6188), tag of 32 bits on RTP.
    Aes256CmSha1_32,
    /// AES-128 Galois/counter mode (RFC 7714), tag of 128 bits.
    AeadAes128Gcm,
    /// AES-256 Galois/counter mode (RFC 7714), tag of 128 bits.
    AeadAes256Gcm,
}

impl Profile {
    /// Every profile, strongest first.
    pub const ALL: [Self; 6] = [
        Self::AeadAes256Gcm,
        Self::AeadAes128Gcm,
        Self::Aes256CmSha1_80,
        Self::Aes128CmSha1_80,
        Self::Aes256CmSha1_32,
        Self::Aes128CmSha1_32,
    ];

    /// Reads a crypto-suite name of SDES (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2).
    ///
    /// `AES_CM_256_…` is the spelling of an early draft that several desk phones still send.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "AES_CM_128_HMAC_SHA1_80" => Self::Aes128CmSha1_80,
            "AES_CM_128_HMAC_SHA1_32" => Self::Aes128CmSha1_32,
            "AES_256_CM_HMAC_SHA1_80" | "AES_CM_256_HMAC_SHA1_80" => Self::Aes256CmSha1_80,
            "AES_256_CM_HMAC_SHA1_32" | "AES_CM_256_HMAC_SHA1_32" => Self::Aes256CmSha1_32,
            "AEAD_AES_128_GCM" => Self::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => Self::AeadAes256Gcm,
            _ => return None,
        })
    }

    /// The crypto-suite name, as written in SDP and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128CmSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256CmSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256CmSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key (and of the session encryption key).
    pub fn key_len(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes128CmSha1_32 | Self::AeadAes128Gcm => 16,
            Self::Aes256CmSha1_80 | Self::Aes256CmSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt (and of the session salt).
    pub fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets that protection adds to an RTP packet.
    pub fn rtp_overhead(self) -> usize {
        match self {
            Self::Aes128CmSha1_80 | Self::Aes256CmSha1_80 => 10,
            Self::Aes128CmSha1_32 | Self::Aes256CmSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    /// Octets that protection adds to an RTCP packet: the tag and the word with the E bit and the index.
    pub fn rtcp_overhead(self) -> usize {
        4 + if self.is_aead() { 16 } else { 10 }
    }

    /// Whether one primitive both encrypts and authenticates.
    pub fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
    }
}
