//! The sender's side of a port: own SSRC, sequence and timestamp, continuous over every change of path.

use crate::ids::{Micros, NodeId};
use crate::rtp::Header;

/// How the numbers of the next packet are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// After a change of path: by the time that passed.
    Fresh,
    /// By offset from the relayed source; `first` is its sequence at the switch, `newest` the newest that was passed on.
    Relay { source: NodeId, ssrc: u32, sequence_offset: u16, timestamp_offset: u32, first: u16, newest: u16 },
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
    /// Media in the newest packet, ticks and µs; 0 after an event.
    length: u32,
    length_us: Micros,
    mode: Mode,
    /// The next packet goes on where the newest one ended, however late it is.
    follows: bool,
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
            length: 0,
            length_us: 0,
            mode: Mode::Fresh,
            follows: false,
            packets: 0,
            octets: 0,
            event: None,
            muted_until: 0,
        }
    }

    /// The path changes: the next packet is placed by the clock, or right after the newest one when that is close.
    pub fn break_off(&mut self) {
        self.mode = Mode::Fresh;
    }

    /// The port whose packets are passed on, and the newest sequence of its own that was.
    pub fn relayed(&self) -> Option<(NodeId, u16)> {
        match self.mode {
            Mode::Relay { source, newest, .. } => Some((source, newest)),
            _ => None,
        }
    }

    /// What is sent next goes on where the newest packet ended, up to half a second later.
    pub fn follow(&mut self) {
        self.follows = true;
    }

    /// For how long nothing was sent, in packets of the newest one's length.
    pub fn pause(&self, now: Micros) -> u64 {
        now.saturating_sub(self.sent_at).checked_div(self.length_us).unwrap_or(u64::MAX)
    }

    /// The timestamp after a change of path, in a clock of `clock` Hz. A packet that comes within two packets' time is taken
    /// for the next one: the far end's buffer is there for such differences, and what it plays has neither a hole nor an
    /// overlap. Otherwise time that passed is shown.
    fn placed(&self, clock: u32, now: Micros) -> u32 {
        if self.packets == 0 {
            return self.timestamp;
        }
        let ticks = (now.saturating_sub(self.sent_at) * u64::from(clock) / 1_000_000) as u32;
        let close = ticks <= if self.follows { 25 } else { 2 } * self.length;
        self.timestamp.wrapping_add(if close { self.length } else { ticks }.max(clock / 1000))
    }

    /// RTP time as a sender report states it.
    pub fn timestamp_at(&self, clock: u32, now: Micros) -> u32 {
        let ticks = now.saturating_sub(self.sent_at) * u64::from(clock) / 1_000_000;
        self.timestamp.wrapping_add(ticks as u32)
    }

    fn advance(&mut self, sequence: u16, timestamp: u32, (length, clock): (u32, u32), now: Micros) {
        if sequence.wrapping_sub(self.sequence) as i16 > 0 || self.packets == 0 {
            (self.sequence, self.timestamp, self.sent_at) = (sequence, timestamp, now);
            self.follows = false;
            (self.length, self.length_us) = (length, u64::from(length) * 1_000_000 / u64::from(clock.max(1)));
        }
    }

    /// Numbers for a packet of `length` ticks relayed from `source`. Gaps are preserved, so that the far end conceals. `None`
    /// for packets older than the switch to this source.
    pub fn relay(&mut self, source: NodeId, header: &Header, length: u32, clock: u32, now: Micros) -> Option<Numbers> {
        let mut marker = header.marker;
        let same =
            matches!(self.mode, Mode::Relay { source: known, ssrc, .. } if known == source && ssrc == header.ssrc);
        if !same {
            let timestamp = self.placed(clock, now);
            self.mode = Mode::Relay {
                source,
                ssrc: header.ssrc,
                sequence_offset: self.sequence.wrapping_add(1).wrapping_sub(header.sequence),
                timestamp_offset: timestamp.wrapping_sub(header.timestamp),
                first: header.sequence,
                newest: header.sequence,
            };
            marker = true;
        }
        let Mode::Relay { sequence_offset, timestamp_offset, first, newest, .. } = &mut self.mode else { return None };
        let behind = first.wrapping_sub(header.sequence) as i16;
        let sequence = header.sequence.wrapping_add(*sequence_offset);
        if behind > 0 && behind < 100 && self.sequence.wrapping_sub(sequence) as i16 >= 0 {
            return None;
        }
        if header.sequence.wrapping_sub(*newest) as i16 > 0 {
            *newest = header.sequence;
        }
        if header.sequence.wrapping_sub(*first) > 0x4000 {
            // Keep `first` near, so that the comparison above does not wrap in a long call.
            *first = header.sequence.wrapping_sub(0x1000);
        }
        let timestamp = header.timestamp.wrapping_add(*timestamp_offset);
        self.advance(sequence, timestamp, (length, clock), now);
        Some(Numbers { marker, sequence, timestamp })
    }

    /// Numbers for an own packet of `ticks`.
    pub fn own(&mut self, ticks: u32, clock: u32, now: Micros) -> Numbers {
        let (timestamp, marker) = match self.mode {
            Mode::Own { next } => (next, false),
            _ => (self.placed(clock, now), true),
        };
        let sequence = self.sequence.wrapping_add(1);
        self.mode = Mode::Own { next: timestamp.wrapping_add(ticks) };
        self.advance(sequence, timestamp, (ticks, clock), now);
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
            _ => self.placed(clock, now),
        });
        let sequence = self.sequence.wrapping_add(1);
        if marker {
            self.advance(sequence, timestamp, (0, clock), now);
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
        let numbers = sender.relay(1, header, 160, 8000, now);
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
        assert_eq!(other.timestamp, 1800, "right after the own packet, although it came 3 ms early");
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
