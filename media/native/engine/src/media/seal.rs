//! Encryption of a recording while it grows: AES-256-GCM in records that are only ever appended.
//!
//! A file is `SSWREC1\n`, a length (u16 LE) and an envelope of that many octets that says nothing to the engine (the wrapped
//! file key, put there by whoever chose the key), then records: a word (u32 LE: length of the plain text in the low 24 bits,
//! flags in the high 8), the cipher text, the tag of 16 octets. The nonce is flags, three zeros, the record's number (u64
//! LE); the associated data is the SHA-256 of all that stands before the first record. The last record carries `FINAL`, so a
//! file that was cut off is known as such; the first one may be written a second time, then with `REWRITTEN`. No nonce is used
//! for two plain texts: octets that could not be written are kept as cipher text and tried again as they are.

use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, KeyInit};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What each encrypted recording begins with.
pub const MAGIC: &[u8; 8] = b"SSWREC1\n";
/// Longest envelope that is taken.
pub const MAX_ENVELOPE: usize = 4096;
/// Longest plain text of a record.
const MAX_RECORD: usize = 64 * 1024;
/// Octets of a record beside its plain text.
pub const OVERHEAD: usize = 4 + 16;

const FINAL: u8 = 1;
const REWRITTEN: u8 = 2;

/// The key of one file and what is written in front of it. Never shown.
#[derive(Clone)]
pub struct FileKey {
    key: Zeroizing<[u8; 32]>,
    pub envelope: Vec<u8>,
}

impl FileKey {
    /// `None` when the key has another length than 32.
    pub fn new(key: &[u8], envelope: Vec<u8>) -> Option<Self> {
        Some(Self { key: Zeroizing::new(key.try_into().ok()?), envelope })
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("FileKey")
    }
}

pub struct Seal {
    cipher: Aes256Gcm,
    digest: [u8; 32],
    next: u64,
}

impl Seal {
    /// The seal, and the head of the file.
    pub fn new(file_key: &FileKey) -> (Self, Vec<u8>) {
        let mut head = MAGIC.to_vec();
        let envelope = file_key.envelope.get(..MAX_ENVELOPE).unwrap_or(&file_key.envelope);
        head.extend((envelope.len() as u16).to_le_bytes());
        head.extend(envelope);
        let cipher = Aes256Gcm::new(file_key.key.as_ref().into());
        (Self { cipher, digest: Sha256::digest(&head).into(), next: 0 }, head)
    }

    /// Seals `plain` into as many records as it needs.
    pub fn append(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        for part in plain.chunks(MAX_RECORD) {
            self.record(self.next, 0, part, out);
            self.next += 1;
        }
    }

    /// The empty record that ends the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.record(self.next, FINAL, &[], out);
        self.next += 1;
    }

    /// The first record anew; `plain` has the length that it had. To be called once.
    pub fn rewrite_first(&self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(plain.len() + OVERHEAD);
        self.record(0, REWRITTEN, plain, &mut out);
        out
    }

    fn record(&self, number: u64, flags: u8, plain: &[u8], out: &mut Vec<u8>) {
        let mut nonce = [0u8; 12];
        nonce[0] = flags;
        nonce[4..].copy_from_slice(&number.to_le_bytes());
        out.extend((plain.len() as u32 | u32::from(flags) << 24).to_le_bytes());
        let start = out.len();
        out.extend(plain);
        // Refuses only plain texts of 64 GiB.
        if let Ok(tag) = self.cipher.encrypt_in_place_detached(&nonce.into(), &self.digest, &mut out[start..]) {
            out.extend(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_apart_by_number_and_flag_and_nothing_stays_readable() {
        let key = FileKey::new(&[7; 32], b"who".to_vec()).unwrap();
        let (mut seal, head) = Seal::new(&key);
        assert_eq!(head, b"SSWREC1\n\x03\x00who");
        let (mut first, mut second, mut last) = (Vec::new(), Vec::new(), Vec::new());
        seal.append(b"secret words", &mut first);
        seal.append(b"secret words", &mut second);
        seal.finish(&mut last);
        assert_eq!((first.len(), last.len()), (12 + OVERHEAD, OVERHEAD));
        assert_ne!(first[4..], second[4..]);
        assert_ne!(first[4..], seal.rewrite_first(b"secret words")[4..]);
        assert!(!first.windows(6).any(|part| part == b"secret"));
        let mut long = Vec::new();
        seal.append(&vec![0; MAX_RECORD + 1], &mut long);
        assert_eq!(long.len(), MAX_RECORD + 1 + 2 * OVERHEAD);
    }
}
