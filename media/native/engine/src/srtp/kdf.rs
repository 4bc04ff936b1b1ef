//! Key derivation (RFC 3711 §4.3, with AES-256 as RFC 6188 §3 and the short salt of RFC 7714 §11).

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128Enc, Aes256Enc};

use super::SrtpError;

/// What a session key is for; the value is the label of RFC 3711 §4.3.1 and §4.3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// Fills `out` with the session key for `label`; the key derivation rate is 0, as DTLS-SRTP and SDES use it.
///
/// `master_key` has 16 or 32 octets, `master_salt` at most 14 (a shorter one counts as padded with zeros at the end).
pub fn derive(master_key: &[u8], master_salt: &[u8], label: Label, out: &mut [u8]) -> Result<(), SrtpError> {
    let mut block = [0u8; 16];
    let salt = block.get_mut(..master_salt.len()).filter(|slot| slot.len() <= 14).ok_or(SrtpError::KeyLength)?;
    salt.copy_from_slice(master_salt);
    block[7] ^= label as u8;
    match master_key.len() {
        16 => fill(&Aes128Enc::new_from_slice(master_key).map_err(|_| SrtpError::KeyLength)?, block, out),
        32 => fill(&Aes256Enc::new_from_slice(master_key).map_err(|_| SrtpError::KeyLength)?, block, out),
        _ => return Err(SrtpError::KeyLength),
    }
    Ok(())
}

/// The pseudo-random function: the counter-mode key stream that starts at `block`, whose last two octets are the counter.
fn fill<C: BlockEncrypt<BlockSize = aes::cipher::consts::U16>>(cipher: &C, mut block: [u8; 16], out: &mut [u8]) {
    for (counter, chunk) in (0u16..).zip(out.chunks_mut(16)) {
        let [high, low] = counter.to_be_bytes();
        (block[14], block[15]) = (high, low);
        let mut stream = block.into();
        cipher.encrypt_block(&mut stream);
        for (to, from) in chunk.iter_mut().zip(stream.iter()) {
            *to = *from;
        }
    }
}
