//! RTP (RFC 3550 §5): parsing, writing and sequence arithmetic. Never panics on input.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

pub mod telephone_event;

/// Length of the fixed header, octets.
pub const HEADER_LEN: usize = 12;

/// What the engine needs of a received header; `payload` is the octet range of the media in the datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: std::ops::Range<usize>,
}

/// Kinds of datagram on one port by the first octet (RFC 7983 §7) and, for RTP against RTCP, the second (RFC 5761 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

pub fn kind(packet: &[u8]) -> Kind {
    match packet.first() {
        Some(0..=3) => Kind::Stun,
        Some(20..=63) => Kind::Dtls,
        Some(128..=191) => match packet.get(1) {
            Some(192..=223) => Kind::Rtcp,
            Some(_) => Kind::Rtp,
            None => Kind::Unknown,
        },
        _ => Kind::Unknown,
    }
}

fn be16(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?))
}

fn be32(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}

impl Header {
    /// Reads a header, its CSRC list, extension and padding (RFC 3550 §5.1, §5.3.1). `None` when it is not RTP.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        if first >> 6 != 2 {
            return None;
        }
        let second = *packet.get(1)?;
        let mut start = HEADER_LEN + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let words = usize::from(be16(packet, start + 2)?);
            start += 4 + 4 * words;
        }
        let mut end = packet.len();
        if first & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            if padding == 0 {
                return None;
            }
            end = end.checked_sub(padding)?;
        }
        if start > end {
            return None;
        }
        Some(Self {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: be16(packet, 2)?,
            timestamp: be32(packet, 4)?,
            ssrc: be32(packet, 8)?,
            payload: start..end,
        })
    }
}

/// Writes a fixed header and the payload into `out`; returns the length, `None` when it does not fit.
pub fn write_into(
    out: &mut [u8],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: &[u8],
) -> Option<usize> {
    let length = HEADER_LEN + payload.len();
    let out = out.get_mut(..length)?;
    let (head, body) = out.split_at_mut(HEADER_LEN);
    let mut fixed = [0u8; HEADER_LEN];
    let [version, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = &mut fixed;
    *version = 0x80;
    *second = (u8::from(marker) << 7) | (payload_type & 0x7f);
    [*s0, *s1] = sequence.to_be_bytes();
    [*t0, *t1, *t2, *t3] = timestamp.to_be_bytes();
    [*r0, *r1, *r2, *r3] = ssrc.to_be_bytes();
    head.copy_from_slice(&fixed);
    body.copy_from_slice(payload);
    Some(length)
}

/// Extends a 16-bit sequence number to the nearest 64-bit one around `reference` (RFC 3550 appendix A.1, simplified).
pub fn extend_sequence(reference: u64, sequence: u16) -> u64 {
    let delta = sequence.wrapping_sub(reference as u16) as i16;
    reference.wrapping_add_signed(i64::from(delta))
}

/// Signed distance of two RTP timestamps, `a − b`, across the wrap.
pub fn timestamp_distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_written_packet_is_read_back() {
        let mut buffer = [0u8; 64];
        let length = write_into(&mut buffer, true, 101, 65535, 0xdead_beef, 7, b"media").unwrap();
        let header = Header::parse(&buffer[..length]).unwrap();
        assert_eq!((header.marker, header.payload_type, header.sequence), (true, 101, 65535));
        assert_eq!((header.timestamp, header.ssrc), (0xdead_beef, 7));
        assert_eq!(&buffer[header.payload], b"media");
    }

    #[test]
    fn csrc_extension_and_padding_are_not_media() {
        let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([9; 8]); // two CSRC
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]); // one extension word
        packet.extend(b"xyz");
        packet.extend([0, 0, 3]); // padding
        let header = Header::parse(&packet).unwrap();
        assert_eq!(&packet[header.payload], b"xyz");
    }

    #[test]
    fn truncations_and_lies_about_length_are_refused() {
        assert!(Header::parse(&[]).is_none());
        assert!(Header::parse(&[0x80, 0, 0]).is_none());
        assert!(Header::parse(&[0xa0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 200]).is_none(), "padding longer than the packet");
        assert!(Header::parse(&[0x8f, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]).is_none(), "CSRC list missing");
        assert!(Header::parse(&[0x40; 20]).is_none(), "version 1");
    }

    #[test]
    fn sequences_extend_across_the_wrap_both_ways() {
        assert_eq!(extend_sequence(65_535, 0), 65_536);
        assert_eq!(extend_sequence(65_536, 65_535), 65_535);
        assert_eq!(extend_sequence(131_072 + 5, 3), 131_072 + 3);
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_octets() {
        for (packet, expected) in [
            (&[0u8, 1][..], Kind::Stun),
            (&[22, 254], Kind::Dtls),
            (&[0x80, 200], Kind::Rtcp),
            (&[0x80, 0], Kind::Rtp),
            (&[0x80, 96 | 0x80], Kind::Rtp),
            (&[0x80], Kind::Unknown),
            (&[255, 1], Kind::Unknown),
            (&[], Kind::Unknown),
        ] {
            assert_eq!(kind(packet), expected, "{packet:?}");
        }
    }
}
