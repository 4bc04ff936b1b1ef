//! The certificate fingerprint of SDP (RFC 8122 §5): the only thing by which the peer of a handshake is known.

use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// A digest of a certificate as signalled, with the name of its hash function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    hash: Hash,
    digest: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// The text is not a fingerprint with a hash function that is still considered safe (SHA-1 and MD5 are not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fingerprint must be sha-256, sha-384 or sha-512 and its octets in hexadecimal, separated by colons")]
pub struct FingerprintError;

impl Fingerprint {
    /// Reads `sha-256 AA:BB:…`; letters of either case.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let (name, octets) = text.trim().split_once(' ').ok_or(FingerprintError)?;
        let (hash, length) = match name.to_ascii_lowercase().as_str() {
            "sha-256" => (Hash::Sha256, 32),
            "sha-384" => (Hash::Sha384, 48),
            "sha-512" => (Hash::Sha512, 64),
            _ => return Err(FingerprintError),
        };
        let octet = |pair: &str| match pair.as_bytes() {
            [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => u8::from_str_radix(pair, 16).ok(),
            _ => None,
        };
        let digest: Option<Vec<u8>> = octets.trim().split(':').take(length + 1).map(octet).collect();
        match digest {
            Some(digest) if digest.len() == length => Ok(Self { hash, digest }),
            _ => Err(FingerprintError),
        }
    }

    /// Whether `certificate` (DER) is the one that was signalled; compared in constant time.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        let digest = match self.hash {
            Hash::Sha256 => Sha256::digest(certificate).to_vec(),
            Hash::Sha384 => Sha384::digest(certificate).to_vec(),
            Hash::Sha512 => Sha512::digest(certificate).to_vec(),
        };
        digest.ct_eq(&self.digest).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" (FIPS 180-2 appendix B.1).
    const ABC: &str = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";

    #[test]
    fn it_matches_only_its_certificate() {
        for text in [format!("sha-256 {ABC}"), format!("SHA-256 {}", ABC.to_lowercase())] {
            let fingerprint = Fingerprint::parse(&text).unwrap();
            assert!(fingerprint.matches(b"abc"));
            assert!(!fingerprint.matches(b"abd"));
        }
        let long = Fingerprint::parse(&format!("sha-512 {}", ["5A"; 64].join(":"))).unwrap();
        assert!(!long.matches(b"abc"));
    }

    #[test]
    fn anything_else_is_refused() {
        let short = ABC.rsplit_once(':').unwrap().0;
        for text in ["", "sha-256", &format!("sha-1 {ABC}"), &format!("sha-256 {short}"), &format!("sha-256 {ABC}:00")]
        {
            assert_eq!(Fingerprint::parse(text), Err(FingerprintError), "{text}");
        }
        for octet in ["+1", "1", "1FF", "GG", "é"] {
            assert!(Fingerprint::parse(&format!("sha-256 {octet}:{}", short)).is_err(), "{octet}");
        }
    }
}
