//! Telephone events (RFC 4733): the payload, and the receiver that turns packets into digits.

use crate::ids::Micros;

/// Silence after which an event without end packet counts as ended.
const LOST_END_US: Micros = 150_000;
const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// One payload (RFC 4733 §2.3). `duration` is in RTP clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    pub event: u8,
    pub end: bool,
    pub volume: u8,
    pub duration: u16,
}

impl Payload {
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low] = *payload.first_chunk::<4>()?;
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration: u16::from_be_bytes([high, low]) })
    }

    pub fn bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3f), high, low]
    }
}

/// The digit of an event code, `None` for events that are no DTMF.
pub fn digit(event: u8) -> Option<char> {
    DIGITS.get(usize::from(event)).copied()
}

/// The event code of a digit.
pub fn event(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    DIGITS.iter().position(|&known| known == digit).and_then(|index| u8::try_from(index).ok())
}

/// A digit that ended, reported once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    pub digit: char,
    pub duration_ms: u32,
    pub at: Micros,
}

/// What one packet changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// A new digit began (barge-in acts here).
    pub started: Option<char>,
    pub ended: Option<Heard>,
    /// A digit whose end was lost, closed because another began.
    pub superseded: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    ssrc: u32,
    timestamp: u32,
    digit: char,
    ticks: u16,
    last_at: Micros,
    ended: bool,
}

/// Follows the events of one stream. Any packet starts a digit; the marker is not needed.
#[derive(Debug, Default)]
pub struct Receiver {
    current: Option<Current>,
}

impl Receiver {
    pub fn input(&mut self, ssrc: u32, timestamp: u32, payload: Payload, clock: u32, now: Micros) -> Change {
        let Some(digit) = digit(payload.event) else { return Change::default() };
        let mut change = Change::default();
        let same = self.current.is_some_and(|current| current.ssrc == ssrc && current.timestamp == timestamp);
        if !same {
            if let Some(old) = self.current
                && old.ssrc == ssrc
                && timestamp.wrapping_sub(old.timestamp) as i32 <= 0
            {
                return change; // a late repetition of an earlier digit
            }
            change.superseded = self.finish(clock, now);
            self.current = Some(Current { ssrc, timestamp, digit, ticks: 0, last_at: now, ended: false });
            change.started = Some(digit);
        }
        if let Some(current) = &mut self.current {
            current.last_at = now;
            if !current.ended {
                current.ticks = current.ticks.max(payload.duration);
            }
        }
        if payload.end {
            change.ended = self.finish(clock, now);
        }
        change
    }

    /// Ends a digit whose end packets were lost.
    pub fn timeout(&mut self, clock: u32, now: Micros) -> Option<Heard> {
        let current = self.current.as_ref()?;
        if current.ended || now < current.last_at + LOST_END_US {
            return None;
        }
        self.finish(clock, now)
    }

    /// A digit is being received.
    pub fn is_active(&self) -> bool {
        self.current.as_ref().is_some_and(|current| !current.ended)
    }

    fn finish(&mut self, clock: u32, now: Micros) -> Option<Heard> {
        let current = self.current.as_mut().filter(|current| !current.ended)?;
        current.ended = true;
        let duration_ms = u32::from(current.ticks) * 1000 / clock.max(1);
        Some(Heard { digit: current.digit, duration_ms, at: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(event: u8, end: bool, duration: u16) -> Payload {
        Payload { event, end, volume: 10, duration }
    }

    #[test]
    fn a_digit_is_reported_once_at_its_end() {
        let mut receiver = Receiver::default();
        let first = receiver.input(1, 800, payload(5, false, 160), 8000, 0);
        assert_eq!((first.started, first.ended), (Some('5'), None));
        assert_eq!(receiver.input(1, 800, payload(5, false, 320), 8000, 20_000), Change::default());
        let end = receiver.input(1, 800, payload(5, true, 800), 8000, 40_000);
        assert_eq!(end.ended, Some(Heard { digit: '5', duration_ms: 100, at: 40_000 }));
        assert_eq!(receiver.input(1, 800, payload(5, true, 800), 8000, 60_000), Change::default(), "repeated end");
        assert_eq!(receiver.timeout(8000, 900_000), None);
    }

    #[test]
    fn a_digit_seen_only_by_its_end_packet_counts() {
        let mut receiver = Receiver::default();
        let change = receiver.input(1, 800, payload(11, true, 640), 8000, 0);
        assert_eq!(change.started, Some('#'));
        assert_eq!(change.ended.map(|heard| heard.duration_ms), Some(80));
    }

    #[test]
    fn a_lost_end_is_closed_by_silence_or_by_the_next_digit() {
        let mut receiver = Receiver::default();
        receiver.input(1, 800, payload(1, false, 400), 8000, 0);
        assert_eq!(receiver.timeout(8000, 149_000), None);
        assert_eq!(receiver.timeout(8000, 150_000).map(|heard| heard.digit), Some('1'));
        receiver.input(1, 4000, payload(2, false, 400), 8000, 400_000);
        let change = receiver.input(1, 8000, payload(3, false, 160), 8000, 500_000);
        assert_eq!(change.superseded.map(|heard| heard.digit), Some('2'));
        assert_eq!(change.started, Some('3'));
        assert_eq!(receiver.input(1, 4000, payload(2, true, 800), 8000, 520_000), Change::default(), "late repetition");
    }

    #[test]
    fn events_that_are_no_digits_and_short_payloads_are_ignored() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.input(1, 1, payload(36, true, 100), 8000, 0), Change::default());
        assert_eq!(Payload::parse(&[1, 2, 3]), None);
        assert_eq!(Payload::parse(&payload(9, true, 777).bytes()), Some(payload(9, true, 777)));
        for code in 0..16 {
            assert_eq!(digit(code).and_then(event), Some(code));
        }
    }
}
