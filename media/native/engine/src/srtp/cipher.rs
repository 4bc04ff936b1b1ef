//! The two families of transforms over one packet in place: counter mode with HMAC-SHA1, and Galois/counter mode.
//!
//! The caller knows where header, payload and trailer are; here are only keys, nonces and tags.

use aes::cipher::consts::{U12, U16};
use aes::cipher::{BlockCipher, BlockEncrypt, InnerIvInit, StreamCipher, StreamCipherCoreWrapper};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{AesGcm, KeyInit};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::kdf::{self, Label};
use super::{Profile, SrtpError};

/// Octets of the HMAC-SHA1 session key.
const AUTHENTICATION_KEY: usize = 20;
/// Octets of a GCM tag.
pub const GCM_TAG: usize = 16;

/// The session keys of one direction for RTP or for RTCP, key schedules expanded once.
pub enum Cipher {
    Counter(CounterMode),
    Galois(GaloisMode),
}

/// AES counter mode and HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1).
pub struct CounterMode {
    block: CounterBlock,
    salt: [u8; 14],
    /// Keyed once; cloned for each packet.
    mac: Hmac<Sha1>,
}

/// AES-GCM (RFC 7714).
pub struct GaloisMode {
    aead: GaloisBlock,
    salt: [u8; 12],
}

/// Boxed: an expanded key has room for the implementation without AES instructions, 0.7 to 1 KiB.
enum CounterBlock {
    Aes128(Box<Aes128Enc>),
    Aes256(Box<Aes256Enc>),
}

enum GaloisBlock {
    Aes128(Box<AesGcm<Aes128Enc, U12>>),
    Aes256(Box<AesGcm<Aes256Enc, U12>>),
}

/// Which packets the keys are for; it selects the labels of the derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Rtp,
    Rtcp,
}

impl Cipher {
    /// Derives the session keys from `master`, which is the master key followed by the master salt.
    pub fn new(profile: Profile, master: &[u8], stream: Stream) -> Result<Self, SrtpError> {
        if master.len() != profile.key_len() + profile.salt_len() {
            return Err(SrtpError::KeyLength);
        }
        let (key, salt) = master.split_at(profile.key_len());
        let [encryption, authentication, salting] = match stream {
            Stream::Rtp => [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt],
            Stream::Rtcp => [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt],
        };
        let mut session = Zeroizing::new(vec![0u8; profile.key_len()]);
        kdf::derive(key, salt, encryption, &mut session)?;
        if profile.is_aead() {
            let mut session_salt = [0u8; 12];
            kdf::derive(key, salt, salting, &mut session_salt)?;
            return Ok(Self::Galois(GaloisMode { aead: GaloisBlock::new(&session)?, salt: session_salt }));
        }
        let mut session_salt = [0u8; 14];
        kdf::derive(key, salt, salting, &mut session_salt)?;
        let mut mac_key = Zeroizing::new([0u8; AUTHENTICATION_KEY]);
        kdf::derive(key, salt, authentication, mac_key.as_mut())?;
        let mac = <Hmac<Sha1> as Mac>::new_from_slice(mac_key.as_ref()).map_err(|_| SrtpError::KeyLength)?;
        Ok(Self::Counter(CounterMode { block: CounterBlock::new(&session)?, salt: session_salt, mac }))
    }
}

impl CounterMode {
    /// Encrypts or decrypts `data` with the key stream of (`ssrc`, `index`); the index has 48 bits for RTP, 31 for RTCP.
    pub fn apply(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0u8; 16];
        for (to, from) in iv.iter_mut().zip(self.salt) {
            *to = from;
        }
        // RFC 3711 §4.1.1: (salt · 2^16) xor (SSRC · 2^64) xor (index · 2^16)
        let [.., a, b, c, d, e, f] = index.to_be_bytes();
        for (to, from) in iv.iter_mut().skip(4).zip(ssrc.to_be_bytes().into_iter().chain([a, b, c, d, e, f])) {
            *to ^= from;
        }
        match &self.block {
            CounterBlock::Aes128(block) => apply_stream(&**block, iv, data),
            CounterBlock::Aes256(block) => apply_stream(&**block, iv, data),
        }
    }

    /// The full HMAC over `packet` and the `trailer` that is not sent (the rollover counter of RTP; empty for RTCP).
    pub fn tag(&self, packet: &[u8], trailer: &[u8]) -> [u8; 20] {
        let mut mac = self.mac.clone();
        mac.update(packet);
        mac.update(trailer);
        mac.finalize().into_bytes().into()
    }

    /// Compares the received, truncated `tag` in constant time.
    pub fn verify(&self, packet: &[u8], trailer: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        let expected = self.tag(packet, trailer);
        let expected = expected.get(..tag.len()).ok_or(SrtpError::Authentication)?;
        if bool::from(expected.ct_eq(tag)) { Ok(()) } else { Err(SrtpError::Authentication) }
    }
}

impl GaloisMode {
    /// Encrypts `data` and returns the tag. `counter` is the 48-bit value behind the SSRC in the nonce (RFC 7714 §8.1, §9.1).
    pub fn seal(&self, ssrc: u32, counter: u64, aad: &[u8], data: &mut [u8]) -> Result<[u8; GCM_TAG], SrtpError> {
        let nonce = self.nonce(ssrc, counter).into();
        let tag = match &self.aead {
            GaloisBlock::Aes128(aead) => aead.encrypt_in_place_detached(&nonce, aad, data),
            GaloisBlock::Aes256(aead) => aead.encrypt_in_place_detached(&nonce, aad, data),
        };
        tag.map(Into::into).map_err(|_| SrtpError::Length)
    }

    /// Decrypts `data`, which stays as it was when the tag is wrong.
    pub fn open(
        &self,
        ssrc: u32,
        counter: u64,
        aad: &[u8],
        data: &mut [u8],
        tag: [u8; GCM_TAG],
    ) -> Result<(), SrtpError> {
        let (nonce, tag) = (self.nonce(ssrc, counter).into(), tag.into());
        let opened = match &self.aead {
            GaloisBlock::Aes128(aead) => aead.decrypt_in_place_detached(&nonce, aad, data, &tag),
            GaloisBlock::Aes256(aead) => aead.decrypt_in_place_detached(&nonce, aad, data, &tag),
        };
        opened.map_err(|_| SrtpError::Authentication)
    }

    fn nonce(&self, ssrc: u32, counter: u64) -> [u8; 12] {
        let mut nonce = self.salt;
        let [.., a, b, c, d, e, f] = counter.to_be_bytes();
        for (to, from) in nonce.iter_mut().skip(2).zip(ssrc.to_be_bytes().into_iter().chain([a, b, c, d, e, f])) {
            *to ^= from;
        }
        nonce
    }
}

impl CounterBlock {
    fn new(key: &[u8]) -> Result<Self, SrtpError> {
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).map(|block| Self::Aes128(Box::new(block))),
            _ => Aes256Enc::new_from_slice(key).map(|block| Self::Aes256(Box::new(block))),
        }
        .map_err(|_| SrtpError::KeyLength)
    }
}

impl GaloisBlock {
    fn new(key: &[u8]) -> Result<Self, SrtpError> {
        match key.len() {
            16 => AesGcm::new_from_slice(key).map(|aead| Self::Aes128(Box::new(aead))),
            _ => AesGcm::new_from_slice(key).map(|aead| Self::Aes256(Box::new(aead))),
        }
        .map_err(|_| SrtpError::KeyLength)
    }
}

/// Borrowing the expanded key instead of cloning it saves about 15 ns per packet.
fn apply_stream<C>(block: &C, iv: [u8; 16], data: &mut [u8])
where
    C: BlockCipher + BlockEncrypt<BlockSize = U16>,
{
    let core = CtrCore::<&C, Ctr128BE>::inner_iv_init(block, &iv.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

impl Drop for CounterMode {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

impl Drop for GaloisMode {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// RFC 7714 gives session keys, not master keys: the octets 0, 1, 2 … and the salt "Quid pro quo".
    fn galois(key_len: u8) -> GaloisMode {
        let key: Vec<u8> = (0..key_len).collect();
        GaloisMode { aead: GaloisBlock::new(&key).unwrap(), salt: *b"Quid pro quo" }
    }

    #[test]
    fn rfc_7714_section_16_rtp() {
        let plain = bytes(
            "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465
             73207472 6573",
        );
        let sealed_128 = "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d
                          7f27beb1 6a9152cf 765ee439 0cce";
        let sealed_256 = "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3
                          db36dfff d6b0f9bb 7878d7a7 6c13";
        for (key_len, sealed) in [(16, bytes(sealed_128)), (32, bytes(sealed_256))] {
            let (head, payload) = plain.split_at(12);
            let mut data = payload.to_vec();
            let tag = galois(key_len).seal(0x5501_a0b2, 0xf17b, head, &mut data).unwrap();
            assert_eq!([data.as_slice(), tag.as_slice()].concat(), sealed);
            galois(key_len).open(0x5501_a0b2, 0xf17b, head, &mut data, tag).unwrap();
            assert_eq!(data, payload);
        }
    }

    #[test]
    fn rfc_7714_section_17_rtcp() {
        let plain = bytes(
            "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef
             deadbeef deadbeef",
        );
        let sealed_128 = "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
                          0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade";
        let sealed_256 = "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047
                          6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be";
        for (key_len, sealed) in [(16, bytes(sealed_128)), (32, bytes(sealed_256))] {
            let (head, body) = plain.split_at(8);
            let aad = [head, &bytes("800005d4")].concat();
            let mut data = body.to_vec();
            let tag = galois(key_len).seal(0x4d61_7273, 0x5d4, &aad, &mut data).unwrap();
            assert_eq!([data.as_slice(), tag.as_slice()].concat(), sealed);
        }
    }

    #[test]
    fn rfc_3711_appendix_b2_key_stream() {
        let block = CounterBlock::new(&bytes("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let salt = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
        let mac = <Hmac<Sha1> as Mac>::new_from_slice(&[0; 20]).unwrap();
        let mut stream = vec![0; 48];
        CounterMode { block, salt, mac }.apply(0, 0, &mut stream);
        let expected =
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
        assert_eq!(stream, bytes(expected));
    }

    #[test]
    fn rfc_6188_section_7_key_stream() {
        let key = "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98";
        let salt = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd").try_into().unwrap();
        let mac = <Hmac<Sha1> as Mac>::new_from_slice(&[0; 20]).unwrap();
        let mut stream = vec![0; 32];
        CounterMode { block: CounterBlock::new(&bytes(key)).unwrap(), salt, mac }.apply(0, 0, &mut stream);
        assert_eq!(stream, bytes("92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac"));
    }
}
