//! The sender's side of a port: own SSRC, sequence and timestamp, continuous over every change of path.

use crate::ids::{Micros, NodeId};
use crate::rtp::Header;

/// How the numbers of the next packet are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// After a change of path: by the time that passed.
    Fresh,
    /// By offset from the relayed source; `first` is its sequence at the switch.
    Relay { source: NodeId, ssrc: u32, sequence_offset: u16, timestamp_offset: u32, first: u16 },
    /// One packet of own making after another; the next timestamp.
    Own { next: u32 },
}

/// The numbers of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
}

#[derive(Debug)]
pub struct Sender {
    pub ssrc: u32,
    sequence: u16,
    timestamp: u32,
    sent_at: Micros,
    mode: Mode,
    pub packets: u64,
    pub octets: u64,
    /// An event being passed on in the mix path: source, its timestamp, ours, and since when.
    event: Option<(NodeId, u32, u32)>,
    /// Own audio is muted until then, because an event is being sent.
    pub muted_until: Micros,
}

impl Sender {
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            sent_at: 0,
            mode: Mode::Fresh,
            packets: 0,
            octets: 0,
            event: None,
            muted_until: 0,
        }
    }

    /// The path changes: the next packet is placed by the clock.
    pub fn break_off(&mut self) {
        self.mode = Mode::Fresh;
    }

    /// RTP time now in a clock of `clock` Hz, at least one tick after the last packet.
    fn elapsed(&self, clock: u32, now: Micros) -> u32 {
        if self.packets == 0 {
            return 0;
        }
        let ticks = now.saturating_sub(self.sent_at) * u64::from(clock) / 1_000_000;
        self.timestamp.wrapping_add((ticks as u32).max(clock / 1000))
    }

    /// RTP time as a sender report states it.
    pub fn timestamp_at(&self, clock: u32, now: Micros) -> u32 {
        let ticks = now.saturating_sub(self.sent_at) * u64::from(clock) / 1_000_000;
        self.timestamp.wrapping_add(ticks as u32)
    }

    fn advance(&mut self, sequence: u16, timestamp: u32, now: Micros) {
        if sequence.wrapping_sub(self.sequence) as i16 > 0 || self.packets == 0 {
            (self.sequence, self.timestamp, self.sent_at) = (sequence, timestamp, now);
        }
    }

    /// Numbers for a packet relayed from `source`. Gaps are preserved, so that the far end conceals. `None` for packets
    /// older than the switch to this source.
    pub fn relay(&mut self, source: NodeId, header: &Header, clock: u32, now: Micros) -> Option<Numbers> {
        let mut marker = header.marker;
        let same =
            matches!(self.mode, Mode::Relay { source: known, ssrc, .. } if known == source && ssrc == header.ssrc);
        if !same {
            let timestamp = if self.packets == 0 { self.timestamp } else { self.elapsed(clock, now) };
            self.mode = Mode::Relay {
                source,
                ssrc: header.ssrc,
                sequence_offset: self.sequence.wrapping_add(1).wrapping_sub(header.sequence),
                timestamp_offset: timestamp.wrapping_sub(header.timestamp),
                first: header.sequence,
            };
            marker = true;
        }
        let Mode::Relay { sequence_offset, timestamp_offset, first, .. } = self.mode else { return None };
        let behind = first.wrapping_sub(header.sequence) as i16;
        let sequence = header.sequence.wrapping_add(sequence_offset);
        if behind > 0 && behind < 100 && self.sequence.wrapping_sub(sequence) as i16 >= 0 {
            return None;
        }
        let timestamp = header.timestamp.wrapping_add(timestamp_offset);
        self.advance(sequence, timestamp, now);
        if header.sequence.wrapping_sub(first) > 0x4000 {
            // Keep `first` near, so that the comparison above does not wrap in a long call.
            self.mode = Mode::Relay {
                source,
                ssrc: header.ssrc,
                sequence_offset,
                timestamp_offset,
                first: header.sequence.wrapping_sub(0x1000),
            };
        }
        Some(Numbers { marker, sequence, timestamp })
    }

    /// Numbers for an own packet of `ticks`.
    pub fn own(&mut self, ticks: u32, clock: u32, now: Micros) -> Numbers {
        let (timestamp, marker) = match self.mode {
            Mode::Own { next } => (next, false),
            _ if self.packets == 0 => (self.timestamp, true),
            _ => (self.elapsed(clock, now), true),
        };
        let sequence = self.sequence.wrapping_add(1);
        self.mode = Mode::Own { next: timestamp.wrapping_add(ticks) };
        self.advance(sequence, timestamp, now);
        Numbers { marker, sequence, timestamp }
    }

    /// Time that passes without a packet on the own line (missed frames).
    pub fn skip(&mut self, ticks: u32) {
        if let Mode::Own { next } = &mut self.mode {
            *next = next.wrapping_add(ticks);
        }
    }

    /// Numbers for a telephone event that began when `timestamp` was `None`; later packets repeat what was returned.
    pub fn event(&mut self, timestamp: Option<u32>, clock: u32, now: Micros) -> Numbers {
        let marker = timestamp.is_none();
        let timestamp = timestamp.unwrap_or_else(|| match self.mode {
            Mode::Own { next } => next,
            _ => self.elapsed(clock, now),
        });
        let sequence = self.sequence.wrapping_add(1);
        if marker {
            self.advance(sequence, timestamp, now);
        } else {
            self.sequence = sequence; // the time line stays at the event's begin
        }
        self.mode = Mode::Fresh;
        Numbers { marker, sequence, timestamp }
    }

    /// Numbers for an event packet of `source` that is passed on while this port mixes.
    pub fn pass_event(&mut self, source: NodeId, header: &Header, clock: u32, now: Micros) -> Numbers {
        let begun = self.event.filter(|(known, theirs, _)| *known == source && *theirs == header.timestamp);
        let numbers = self.event(begun.map(|(.., ours)| ours), clock, now);
        self.event = Some((source, header.timestamp, numbers.timestamp));
        numbers
    }

    pub fn count(&mut self, payload: usize) {
        self.packets += 1;
        self.octets += payload as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32, ssrc: u32) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp, ssrc, payload: 12..172 }
    }

    fn relay(sender: &mut Sender, header: &Header, now: Micros) -> Option<Numbers> {
        let numbers = sender.relay(1, header, 8000, now);
        sender.count(160);
        numbers
    }

    #[test]
    fn numbers_are_continuous_over_every_change_of_path() {
        let mut sender = Sender::new(5, 65_534, 1000);
        let first = relay(&mut sender, &header(7, 50_000, 1), 0).unwrap();
        assert_eq!(first, Numbers { marker: true, sequence: 65_535, timestamp: 1000 });
        let gap = relay(&mut sender, &header(9, 50_320, 1), 40_000).unwrap();
        assert_eq!(gap, Numbers { marker: false, sequence: 1, timestamp: 1320 }, "the loss stays visible");
        let late = relay(&mut sender, &header(8, 50_160, 1), 41_000).unwrap();
        assert_eq!((late.sequence, late.timestamp), (0, 1160));
        let own = sender.own(160, 8000, 60_000);
        assert_eq!(own, Numbers { marker: true, sequence: 2, timestamp: 1480 });
        sender.count(160);
        assert_eq!(sender.own(160, 8000, 83_000), Numbers { marker: false, sequence: 3, timestamp: 1640 });
        let other = relay(&mut sender, &header(40_000, 7, 2), 100_000).unwrap();
        assert!(other.marker && other.sequence == 4);
        assert!((1776..=1800).contains(&other.timestamp), "{}", other.timestamp);
        assert_eq!(relay(&mut sender, &header(39_999, 7, 2), 100_000), None, "before the switch");
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_the_line_goes_on_after_it() {
        let mut sender = Sender::new(5, 0, 0);
        sender.own(160, 8000, 0);
        sender.count(160);
        let begin = sender.event(None, 8000, 20_000);
        assert_eq!(begin, Numbers { marker: true, sequence: 2, timestamp: 160 });
        let update = sender.event(Some(begin.timestamp), 8000, 40_000);
        assert_eq!(update, Numbers { marker: false, sequence: 3, timestamp: 160 });
        assert_eq!(sender.own(160, 8000, 120_000), Numbers { marker: true, sequence: 4, timestamp: 960 });
    }

    #[test]
    fn a_long_relay_survives_every_wrap() {
        let mut sender = Sender::new(5, 100, 0);
        for index in 0..200_000u32 {
            let numbers =
                relay(&mut sender, &header(index as u16, index.wrapping_mul(160), 1), u64::from(index) * 20_000);
            assert_eq!(numbers.map(|numbers| numbers.sequence), Some((101 + index) as u16));
        }
    }
}
