//! The part of STUN (RFC 8489) that an ICE-lite agent needs: reading Binding requests and writing their responses, and the other
//! way round for its own few checks.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

const HEADER: usize = 20;
const MAGIC_COOKIE: u32 = 0x2112_A442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
/// Attributes below this must be understood (RFC 8489 §14).
const OPTIONAL: u16 = 0x8000;
/// Octets of MESSAGE-INTEGRITY with its header, and of FINGERPRINT with its header.
const INTEGRITY_LEN: usize = 24;
const FINGERPRINT_LEN: usize = 8;
/// Unknown attributes are listed in a 420 response up to this number.
const MAX_UNKNOWN: usize = 8;

/// Why a datagram was not taken as a Binding request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    #[error("not a STUN message")]
    Format,
    #[error("not a Binding request")]
    Kind,
    #[error("FINGERPRINT does not match")]
    Fingerprint,
    #[error("no USERNAME or no MESSAGE-INTEGRITY")]
    Incomplete,
}

/// A Binding request, syntactically sound, not authenticated yet: call [`Request::authentic`].
#[derive(Debug)]
pub struct Request<'a> {
    message: &'a [u8],
    transaction: [u8; 12],
    /// Both halves of USERNAME: the fragment of the receiver, then that of the sender.
    pub username: (&'a str, &'a str),
    pub priority: u32,
    pub use_candidate: bool,
    /// The sender believes to be in the controlled role.
    pub controlled: bool,
    /// Attributes that must be understood and are not.
    pub unknown: Vec<u16>,
    integrity_at: usize,
    integrity: [u8; 20],
}

/// What stands in the attributes while they are read.
#[derive(Default)]
struct Attributes<'a> {
    username: Option<&'a [u8]>,
    priority: u32,
    use_candidate: bool,
    controlled: bool,
    unknown: Vec<u16>,
    integrity: Option<(usize, [u8; 20])>,
}

impl<'a> Request<'a> {
    /// Reads a whole datagram. Anything that is not exactly one Binding request with credentials is an error.
    pub fn parse(message: &'a [u8]) -> Result<Self, StunError> {
        let (header, body) = message.split_first_chunk::<HEADER>().ok_or(StunError::Format)?;
        let &[t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE || length != body.len() || length % 4 != 0 {
            return Err(StunError::Format);
        }
        if u16::from_be_bytes([t0, t1]) != BINDING_REQUEST {
            return Err(StunError::Kind);
        }
        let found = Attributes::read(message, body)?;
        let username = found.username.ok_or(StunError::Incomplete)?;
        let username = std::str::from_utf8(username).map_err(|_| StunError::Format)?;
        let (integrity_at, integrity) = found.integrity.ok_or(StunError::Incomplete)?;
        Ok(Self {
            message,
            transaction,
            username: username.split_once(':').ok_or(StunError::Format)?,
            priority: found.priority,
            use_candidate: found.use_candidate,
            controlled: found.controlled,
            unknown: found.unknown,
            integrity_at,
            integrity,
        })
    }

    /// Whether the sender knew `password`.
    pub fn authentic(&self, password: &str) -> bool {
        authentic(self.message, self.integrity_at, &self.integrity, password)
    }

    /// The success response, which tells the sender the address its request came from.
    pub fn success(&self, source: SocketAddr, password: &str) -> Vec<u8> {
        let mut response = message(BINDING_SUCCESS, &self.transaction);
        push(&mut response, XOR_MAPPED_ADDRESS, &xor_address(source, &self.transaction));
        seal(response, password)
    }

    /// 487: we are lite, so the sender has to be the controlling side (RFC 8445 §6.1.1).
    pub fn role_conflict(&self, password: &str) -> Vec<u8> {
        self.error([4, 87], "Role Conflict", password)
    }

    /// 420: there are attributes in the request that must be understood and are not.
    pub fn unknown_attributes(&self, password: &str) -> Vec<u8> {
        self.error([4, 20], "Unknown Attribute", password)
    }

    fn error(&self, [class, number]: [u8; 2], reason: &str, password: &str) -> Vec<u8> {
        let mut response = message(BINDING_ERROR, &self.transaction);
        push(&mut response, ERROR_CODE, &[&[0, 0, class, number], reason.as_bytes()].concat());
        if !self.unknown.is_empty() {
            let list: Vec<u8> = self.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            push(&mut response, UNKNOWN_ATTRIBUTES, &list);
        }
        seal(response, password)
    }
}

/// A Binding request of our own as the controlled side (RFC 8445 §7.1), authenticated by the peer's password.
pub fn check(transaction: &[u8; 12], username: &str, priority: u32, password: &str) -> Vec<u8> {
    let mut request = message(BINDING_REQUEST, transaction);
    push(&mut request, USERNAME, username.as_bytes());
    push(&mut request, PRIORITY, &priority.to_be_bytes());
    // A lite agent is never controlling, so its tie-breaker decides nothing.
    push(&mut request, ICE_CONTROLLED, &[0; 8]);
    seal(request, password)
}

/// The transaction of a Binding success response that was written by who knows `password`.
pub fn answered(packet: &[u8], password: &str) -> Option<[u8; 12]> {
    let (header, body) = packet.split_first_chunk::<HEADER>()?;
    let &[t0, t1, l0, l1, c0, c1, c2, c3, transaction @ ..] = header;
    let sound = u16::from_be_bytes([t0, t1]) == BINDING_SUCCESS
        && u32::from_be_bytes([c0, c1, c2, c3]) == MAGIC_COOKIE
        && usize::from(u16::from_be_bytes([l0, l1])) == body.len();
    let (at, tag) = if sound { Attributes::read(packet, body).ok()?.integrity? } else { return None };
    authentic(packet, at, &tag, password).then_some(transaction)
}

/// Whether MESSAGE-INTEGRITY at `at` was made with `password`; compared in constant time.
fn authentic(packet: &[u8], at: usize, tag: &[u8; 20], password: &str) -> bool {
    let signed = packet.get(..at).unwrap_or_default();
    bool::from(hmac(password, signed, at - HEADER + INTEGRITY_LEN).ct_eq(tag))
}

fn message(kind: u16, transaction: &[u8; 12]) -> Vec<u8> {
    let mut message = Vec::with_capacity(128);
    message.extend(kind.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE.to_be_bytes());
    message.extend(transaction);
    message
}

impl<'a> Attributes<'a> {
    fn read(message: &'a [u8], body: &'a [u8]) -> Result<Self, StunError> {
        let mut found = Self::default();
        let mut rest = body;
        while let Some((head, tail)) = rest.split_first_chunk::<4>() {
            let &[k0, k1, l0, l1] = head;
            let (kind, length) = (u16::from_be_bytes([k0, k1]), usize::from(u16::from_be_bytes([l0, l1])));
            let value = tail.get(..length).ok_or(StunError::Format)?;
            let at = message.len() - rest.len();
            rest = tail.get(length.next_multiple_of(4)..).ok_or(StunError::Format)?;
            if kind == FINGERPRINT {
                let expected = (crc32(message.get(..at).unwrap_or_default()) ^ 0x5354_554E).to_be_bytes();
                if value != expected || !rest.is_empty() {
                    return Err(StunError::Fingerprint);
                }
            } else if found.integrity.is_none() {
                found.take(kind, value, at)?;
            } // what follows MESSAGE-INTEGRITY is not authenticated and does not count (RFC 8489 §14.5)
        }
        Ok(found)
    }

    fn take(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), StunError> {
        match kind {
            USERNAME => self.username = Some(value),
            PRIORITY => self.priority = u32::from_be_bytes(value.try_into().map_err(|_| StunError::Format)?),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLED => self.controlled = true,
            MESSAGE_INTEGRITY => self.integrity = Some((at, value.try_into().map_err(|_| StunError::Format)?)),
            unknown if unknown < OPTIONAL && self.unknown.len() < MAX_UNKNOWN => self.unknown.push(unknown),
            _ => {}
        }
        Ok(())
    }
}

/// Appends an attribute, padded to a multiple of four octets.
fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Appends MESSAGE-INTEGRITY and FINGERPRINT and writes the final length.
fn seal(mut message: Vec<u8>, password: &str) -> Vec<u8> {
    let tag = hmac(password, &message, message.len() - HEADER + INTEGRITY_LEN);
    push(&mut message, MESSAGE_INTEGRITY, &tag);
    let length = (message.len() - HEADER + FINGERPRINT_LEN) as u16;
    for (to, from) in message.iter_mut().skip(2).zip(length.to_be_bytes()) {
        *to = from;
    }
    let crc = crc32(&message) ^ 0x5354_554E;
    push(&mut message, FINGERPRINT, &crc.to_be_bytes());
    message
}

/// HMAC-SHA1 over `signed`, in whose header the length is read as `length`: up to and with MESSAGE-INTEGRITY.
fn hmac(password: &str, signed: &[u8], length: usize) -> [u8; 20] {
    let Ok(mut mac) = <Hmac<Sha1> as Mac>::new_from_slice(password.as_bytes()) else {
        return [0; 20]; // HMAC takes keys of any length
    };
    mac.update(signed.get(..2).unwrap_or_default());
    mac.update(&(length as u16).to_be_bytes());
    mac.update(signed.get(4..).unwrap_or_default());
    mac.finalize().into_bytes().into()
}

/// The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2). An IPv4 address that came through an IPv6 socket counts as IPv4.
fn xor_address(address: SocketAddr, transaction: &[u8; 12]) -> Vec<u8> {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let (family, octets) = match address.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(octets.iter().zip(cookie.iter().chain(transaction)).map(|(octet, mask)| octet ^ mask));
    value
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler; octet < 256")]
        {
            table[octet] = value;
        }
        octet += 1;
    }
    table
};

/// CRC-32 of ITU V.42, as FINGERPRINT uses it.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, octet| {
        let slot = usize::from(*octet ^ crc as u8);
        crc >> 8 ^ CRC_TABLE.get(slot).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample request of RFC 5769 §2.1.
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
        \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";
    const SAMPLE_PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn rfc_5769_sample_request() {
        let request = Request::parse(SAMPLE).unwrap();
        assert_eq!(request.username, ("evtj", "h6vY"));
        assert_eq!(request.priority, 0x6e00_01ff);
        assert!(request.controlled && !request.use_candidate && request.unknown.is_empty());
        assert!(request.authentic(SAMPLE_PASSWORD));
        assert!(!request.authentic("VOkJxbRl1RmTxUk/WvJxBu"));
    }

    #[test]
    fn rfc_5769_mapped_addresses() {
        let transaction = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
        let v4 = xor_address("192.0.2.1:32853".parse().unwrap(), &transaction);
        assert_eq!(v4, b"\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        let v6 = xor_address("[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap(), &transaction);
        assert_eq!(v6, b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9");
        let mapped = xor_address("[::ffff:192.0.2.1]:32853".parse().unwrap(), &transaction);
        assert_eq!(mapped, v4);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        // FINGERPRINT follows MESSAGE-INTEGRITY and may be absent: another type in its place is as good as none.
        let fingerprint_type = (SAMPLE.len() - 8) * 8..(SAMPLE.len() - 6) * 8;
        for position in (0..SAMPLE.len() * 8).filter(|position| !fingerprint_type.contains(position)) {
            let mut changed = SAMPLE.to_vec();
            changed[position / 8] ^= 1 << (position % 8);
            assert!(
                !Request::parse(&changed).is_ok_and(|request| request.authentic(SAMPLE_PASSWORD)),
                "bit {position}"
            );
        }
        for length in 0..SAMPLE.len() {
            assert!(Request::parse(&SAMPLE[..length]).is_err(), "length {length}");
        }
    }
}
