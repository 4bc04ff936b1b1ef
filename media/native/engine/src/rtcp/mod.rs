//! RTCP (RFC 3550 §6): sender and receiver reports, SDES CNAME, BYE, and VoIP metrics (RFC 3611). Reads compound and
//! reduced-size packets (RFC 5506).
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

pub mod session;
pub mod xr;

use xr::VoipMetrics;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const EXTENDED: u8 = 207;
const CNAME: u8 = 1;

/// One report block (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    pub ssrc: u32,
    /// Fraction lost since the last report, of 256.
    pub fraction: u8,
    pub lost: i32,
    pub highest: u32,
    pub jitter: u32,
    pub last_sr: u32,
    pub delay: u32,
}

/// Sender information (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sender {
    pub ntp: u64,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// One packet of a compound that the engine acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Sender { ssrc: u32, sender: Sender },
    Block { from: u32, block: Block },
    Bye { ssrc: u32 },
    Voip { from: u32, metrics: VoipMetrics },
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Calls `each` for what a compound packet says. Returns false when the framing is broken; what came before still counts.
pub fn parse(mut packet: &[u8], mut each: impl FnMut(Report)) -> bool {
    while !packet.is_empty() {
        let Some(&[first, kind, high, low]) = packet.first_chunk::<4>() else { return false };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let Some(body) = packet.get(4..length) else { return false };
        if first >> 6 != 2 {
            return false;
        }
        one(kind, usize::from(first & 0x1f), body, &mut each);
        packet = packet.get(length..).unwrap_or_default();
    }
    true
}

fn one(kind: u8, count: usize, body: &[u8], each: &mut impl FnMut(Report)) {
    let Some(ssrc) = be32(body, 0) else { return };
    let blocks_at = match kind {
        SENDER_REPORT => {
            if let Some(sender) = sender(body) {
                each(Report::Sender { ssrc, sender });
            }
            24
        }
        RECEIVER_REPORT => 4,
        BYE => {
            each(Report::Bye { ssrc });
            return;
        }
        EXTENDED => {
            xr::parse(body.get(4..).unwrap_or_default(), |metrics| each(Report::Voip { from: ssrc, metrics }));
            return;
        }
        _ => return,
    };
    for index in 0..count {
        let Some(block) = body.get(blocks_at + 24 * index..).and_then(block) else { return };
        each(Report::Block { from: ssrc, block });
    }
}

fn sender(body: &[u8]) -> Option<Sender> {
    Some(Sender {
        ntp: u64::from(be32(body, 4)?) << 32 | u64::from(be32(body, 8)?),
        timestamp: be32(body, 12)?,
        packets: be32(body, 16)?,
        octets: be32(body, 20)?,
    })
}

fn block(bytes: &[u8]) -> Option<Block> {
    let word = be32(bytes, 4)?;
    Some(Block {
        ssrc: be32(bytes, 0)?,
        fraction: (word >> 24) as u8,
        lost: ((word << 8) as i32) >> 8,
        highest: be32(bytes, 8)?,
        jitter: be32(bytes, 12)?,
        last_sr: be32(bytes, 16)?,
        delay: be32(bytes, 20)?,
    })
}

/// Appends a packet: header, then 32-bit words and octets written by `fill`, padded to words.
fn packet(out: &mut Vec<u8>, count: u8, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0x80 | count, kind, 0, 0]);
    fill(out);
    while !(out.len() - start).is_multiple_of(4) {
        out.push(0);
    }
    let words = ((out.len() - start) / 4 - 1) as u16;
    if let Some(length) = out.get_mut(start + 2..start + 4) {
        length.copy_from_slice(&words.to_be_bytes());
    }
}

/// Appends SR (with sender information) or RR, each with at most one block, and the CNAME.
pub fn write_report(out: &mut Vec<u8>, ssrc: u32, sender: Option<Sender>, block: Option<Block>, cname: &str) {
    let count = u8::from(block.is_some());
    packet(out, count, if sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }, |out| {
        out.extend(ssrc.to_be_bytes());
        if let Some(sender) = sender {
            out.extend(sender.ntp.to_be_bytes());
            out.extend(sender.timestamp.to_be_bytes());
            out.extend(sender.packets.to_be_bytes());
            out.extend(sender.octets.to_be_bytes());
        }
        if let Some(block) = block {
            out.extend(block.ssrc.to_be_bytes());
            out.extend((u32::from(block.fraction) << 24 | (block.lost as u32 & 0x00ff_ffff)).to_be_bytes());
            out.extend(block.highest.to_be_bytes());
            out.extend(block.jitter.to_be_bytes());
            out.extend(block.last_sr.to_be_bytes());
            out.extend(block.delay.to_be_bytes());
        }
    });
    packet(out, 1, SDES, |out| {
        let name = cname.as_bytes().get(..cname.len().min(255)).unwrap_or_default();
        out.extend(ssrc.to_be_bytes());
        out.extend([CNAME, name.len() as u8]);
        out.extend(name);
        out.push(0); // end of the chunk (RFC 3550 §6.5); the padding follows
    });
}

/// Appends an extended report with one block of VoIP metrics (RFC 3611 §4.7).
pub fn write_voip(out: &mut Vec<u8>, ssrc: u32, metrics: &VoipMetrics) {
    packet(out, 0, EXTENDED, |out| {
        out.extend(ssrc.to_be_bytes());
        xr::write(out, metrics);
    });
}

/// Appends BYE (RFC 3550 §6.6).
pub fn write_bye(out: &mut Vec<u8>, ssrc: u32) {
    packet(out, 1, BYE, |out| out.extend(ssrc.to_be_bytes()));
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_back() {
        let sender = Sender { ntp: 0x1122_3344_5566_7788, timestamp: 9, packets: 3, octets: 480 };
        let block = Block { ssrc: 5, fraction: 64, lost: -2, highest: 70_000, jitter: 12, last_sr: 3, delay: 4 };
        let mut out = Vec::new();
        write_report(&mut out, 1, Some(sender), Some(block), "a@b");
        write_bye(&mut out, 1);
        assert_eq!(out.len() % 4, 0);
        let mut seen = Vec::new();
        assert!(parse(&out, |report| seen.push(report)));
        assert_eq!(
            seen,
            [Report::Sender { ssrc: 1, sender }, Report::Block { from: 1, block }, Report::Bye { ssrc: 1 }]
        );
    }

    #[test]
    fn a_lone_packet_is_enough() {
        // RFC 5506: no report in front, no CNAME behind.
        let mut out = Vec::new();
        write_voip(&mut out, 4, &VoipMetrics { ssrc: 9, mos_cq: 41, ..VoipMetrics::default() });
        let mut seen = Vec::new();
        assert!(parse(&out, |report| seen.push(report)));
        let metrics = VoipMetrics { ssrc: 9, mos_cq: 41, ..VoipMetrics::default() };
        assert_eq!(seen, [Report::Voip { from: 4, metrics }]);
    }

    #[test]
    fn every_truncation_is_survived() {
        let mut out = Vec::new();
        write_report(&mut out, 1, Some(Sender::default()), Some(Block::default()), "name");
        write_voip(&mut out, 1, &VoipMetrics::default());
        for length in 1..out.len() {
            parse(&out[..length], |_| ());
        }
        assert!(!parse(&[0x80, 200, 255, 255], |_| ()));
    }
}
