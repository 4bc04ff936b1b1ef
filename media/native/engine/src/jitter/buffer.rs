//! Packets ordered by sequence, 32 slots; decides what the next piece of audio is.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use crate::rtp::timestamp_distance;

const SLOTS: u64 = 32;
/// A jump of the timestamp by more than this many seconds is a new stream (RFC 3550 allows any start).
const RESYNC_SECONDS: u32 = 1;
/// A jump of the sequence by more than this is a new stream.
const RESYNC_SEQUENCE: u64 = 100;

#[derive(Debug, Default)]
struct Slot {
    sequence: Option<u64>,
    timestamp: u32,
    ticks: u32,
    /// Empty for packets that are no audio but hold a sequence number (telephone events, comfort noise).
    payload: Vec<u8>,
}

/// The next piece of audio. Ticks are of the RTP clock.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    Packet(&'a [u8]),
    /// Packets are missing; `following` is the packet right after the lost one.
    Lost {
        ticks: u32,
        following: Option<&'a [u8]>,
    },
    /// The sender was silent: a gap in time, not in sequence.
    Silence {
        ticks: u32,
    },
    Empty,
}

/// What became of an arriving packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Stored,
    Late,
    Duplicate,
    /// The packet begins a new stream: sender restarted or was away.
    Resynchronised,
}

#[derive(Debug)]
pub struct Buffer {
    clock: u32,
    slots: Vec<Slot>,
    /// Sequence that plays next; `None` before the first packet and after a pause.
    next: Option<u64>,
    highest: u64,
    highest_end: u32,
    expected: u32,
    /// Ticks concealed while the buffer was empty: if a gap shows later, it has been played already.
    credit: u32,
    held: u32,
}

impl Buffer {
    pub fn new(clock: u32) -> Self {
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Self { clock, slots, next: None, highest: 0, highest_end: 0, expected: 0, credit: 0, held: 0 }
    }

    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.sequence = None);
        (self.next, self.credit, self.held) = (None, 0, 0);
    }

    pub fn clock(&self) -> u32 {
        self.clock
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        self.slots.get_mut((sequence % SLOTS) as usize)
    }

    /// Stores a packet. `payload` is empty for packets that are no audio.
    pub fn push(&mut self, sequence: u64, timestamp: u32, ticks: u32, payload: &[u8]) -> Arrival {
        let mut arrival = Arrival::Stored;
        if self.held > 0 || self.next.is_some() {
            let far = i64::from(self.clock * RESYNC_SECONDS);
            let jump = i64::from(timestamp_distance(timestamp, self.expected)).abs() - i64::from(self.credit);
            if sequence.abs_diff(self.highest) > RESYNC_SEQUENCE
                || (sequence > self.highest && jump > far && !payload.is_empty())
            {
                self.clear();
                arrival = Arrival::Resynchronised;
            }
        }
        if self.next.is_some_and(|next| sequence < next) {
            return Arrival::Late;
        }
        let oldest = self.next.unwrap_or(sequence);
        if sequence >= oldest + SLOTS {
            self.drop_until(sequence + 1 - SLOTS);
        }
        let Some(slot) = self.slot(sequence) else { return Arrival::Late };
        match slot.sequence {
            Some(stored) if stored == sequence => return Arrival::Duplicate,
            Some(stored) if stored > sequence => return Arrival::Late,
            Some(_) => (), // older and never played
            None => self.held += 1,
        }
        let Some(slot) = self.slot(sequence) else { return Arrival::Late };
        slot.sequence = Some(sequence);
        (slot.timestamp, slot.ticks) = (timestamp, ticks);
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        if self.held == 1 || sequence >= self.highest {
            self.highest = sequence;
            if !payload.is_empty() || self.held == 1 {
                self.highest_end = timestamp.wrapping_add(ticks);
            }
        }
        if self.held == 1 && self.next.is_none() {
            self.expected = timestamp;
        }
        arrival
    }

    /// Forgets everything before `sequence`.
    fn drop_until(&mut self, sequence: u64) {
        for slot in &mut self.slots {
            if slot.sequence.is_some_and(|stored| stored < sequence) {
                slot.sequence = None;
                self.held -= 1;
            }
        }
        if self.next.is_some_and(|next| next < sequence) {
            self.next = Some(sequence);
        }
    }

    /// Ticks of audio between the play-out point and the newest packet.
    pub fn level(&self) -> u32 {
        if self.held == 0 {
            return 0;
        }
        let start = if self.next.is_some() { self.expected } else { self.oldest().map_or(0, |slot| slot.timestamp) };
        timestamp_distance(self.highest_end, start).max(0) as u32
    }

    fn oldest(&self) -> Option<&Slot> {
        self.slots.iter().filter(|slot| slot.sequence.is_some()).min_by_key(|slot| slot.sequence)
    }

    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// The sequence that plays next, `None` while nothing plays.
    pub fn position(&self) -> Option<u64> {
        self.next
    }

    /// The audio packets that wait to be played, in order: sequence, timestamp, payload.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        let first = self.highest.saturating_sub(SLOTS - 1);
        (first..=self.highest).filter_map(|sequence| {
            let slot = self.slots.get((sequence % SLOTS) as usize)?;
            let here = slot.sequence == Some(sequence) && !slot.payload.is_empty();
            here.then_some((sequence, slot.timestamp, slot.payload.as_slice()))
        })
    }

    pub fn is_playing(&self) -> bool {
        self.next.is_some()
    }

    /// The next packet is not there, but a later one is: lost, or overtaken.
    pub fn is_missing(&self) -> bool {
        let present =
            |next: u64| self.slots.get((next % SLOTS) as usize).is_some_and(|slot| slot.sequence == Some(next));
        self.held > 0 && self.next.is_some_and(|next| !present(next))
    }

    /// Begins to play with the oldest packet held.
    pub fn start(&mut self) {
        if let Some((Some(sequence), timestamp)) = self.oldest().map(|slot| (slot.sequence, slot.timestamp)) {
            (self.next, self.expected, self.credit) = (Some(sequence), timestamp, 0);
        }
    }

    /// Stops playing until enough is there again.
    pub fn pause(&mut self) {
        self.clear();
    }

    /// Jumps ahead so that at most `ticks` are left.
    pub fn shorten_to(&mut self, ticks: u32) {
        while self.level() > ticks {
            let Some((Some(sequence), timestamp, length)) =
                self.oldest().map(|slot| (slot.sequence, slot.timestamp, slot.ticks))
            else {
                return;
            };
            self.drop_until(sequence + 1);
            self.next = Some(sequence + 1);
            self.expected = timestamp.wrapping_add(length);
        }
    }

    /// Tells that `ticks` were concealed because nothing was there.
    pub fn concealed(&mut self, ticks: u32) {
        self.credit = self.credit.saturating_add(ticks);
    }

    /// What comes next, at most `most` ticks of it when it is no packet. The play-out point moves.
    pub fn next(&mut self, most: u32) -> Next<'_> {
        let Some(next) = self.next else { return Next::Empty };
        if self.held == 0 {
            return Next::Empty;
        }
        let present = self.slot(next).is_some_and(|slot| slot.sequence == Some(next));
        if !present {
            return self.lost(next, most);
        }
        let (expected, credit) = (self.expected, self.credit);
        let Some(slot) = self.slot(next) else { return Next::Empty };
        if slot.payload.is_empty() {
            slot.sequence = None;
            self.held -= 1;
            self.next = Some(next + 1);
            return Next::Silence { ticks: 0 };
        }
        let gap = timestamp_distance(slot.timestamp, expected).max(0) as u32;
        if gap > credit {
            let ticks = (gap - credit).min(most);
            self.expected = expected.wrapping_add(ticks);
            return Next::Silence { ticks };
        }
        slot.sequence = None;
        let end = slot.timestamp.wrapping_add(slot.ticks);
        self.held -= 1;
        (self.next, self.expected, self.credit) = (Some(next + 1), end, 0);
        Next::Packet(self.slots.get((next % SLOTS) as usize).map_or(&[], |slot| &slot.payload))
    }

    fn lost(&mut self, next: u64, most: u32) -> Next<'_> {
        let Some((Some(sequence), timestamp)) = self.oldest().map(|slot| (slot.sequence, slot.timestamp)) else {
            return Next::Empty;
        };
        let gap = timestamp_distance(timestamp, self.expected).max(0) as u32;
        let played = gap.min(self.credit);
        self.credit -= played;
        let ticks = (gap - played).min(most);
        self.expected = self.expected.wrapping_add(played + ticks);
        if played + ticks == gap {
            self.next = Some(sequence);
        }
        if ticks == 0 {
            return Next::Silence { ticks: 0 };
        }
        let adjacent = sequence == next + 1;
        let following =
            self.oldest().map(|slot| slot.payload.as_slice()).filter(|payload| adjacent && !payload.is_empty());
        Next::Lost { ticks, following }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push(buffer: &mut Buffer, sequence: u64) -> Arrival {
        buffer.push(sequence, sequence as u32 * 160, 160, &[sequence as u8])
    }

    fn play(buffer: &mut Buffer) -> Vec<i64> {
        // A packet is its number, loss −1, silence −2.
        let mut heard = Vec::new();
        loop {
            match buffer.next(160) {
                Next::Packet(payload) => heard.push(i64::from(payload.first().copied().unwrap_or_default())),
                Next::Lost { .. } => heard.push(-1),
                Next::Silence { ticks: 0 } => (),
                Next::Silence { .. } => heard.push(-2),
                Next::Empty => return heard,
            }
        }
    }

    #[test]
    fn order_is_restored_and_loss_is_seen() {
        let mut buffer = Buffer::new(8000);
        for sequence in [10, 12, 11, 15, 14] {
            assert_eq!(push(&mut buffer, sequence), Arrival::Stored);
        }
        assert_eq!(push(&mut buffer, 12), Arrival::Duplicate);
        buffer.start();
        assert_eq!(play(&mut buffer), [10, 11, 12, -1, 14, 15]);
        assert_eq!(push(&mut buffer, 13), Arrival::Late);
    }

    #[test]
    fn what_was_concealed_while_empty_is_not_concealed_again() {
        let mut buffer = Buffer::new(8000);
        push(&mut buffer, 1);
        buffer.start();
        assert_eq!(play(&mut buffer), [1]);
        buffer.concealed(160); // the clock ran while 2 was missing
        push(&mut buffer, 3); // 2 is lost
        assert_eq!(play(&mut buffer), [3]);
        buffer.concealed(160);
        push(&mut buffer, 4); // only late: the delay grows
        assert_eq!(play(&mut buffer), [4]);
    }

    #[test]
    fn a_pause_in_time_is_silence_and_events_hold_their_place() {
        let mut buffer = Buffer::new(8000);
        push(&mut buffer, 1);
        buffer.push(2, 320, 0, &[]);
        buffer.push(3, 320, 0, &[]);
        buffer.push(4, 800, 160, &[4]);
        buffer.start();
        assert_eq!(play(&mut buffer), [1, -2, -2, -2, 4]);
    }

    #[test]
    fn a_restarted_sender_is_followed_at_once() {
        let mut buffer = Buffer::new(8000);
        push(&mut buffer, 1);
        buffer.start();
        assert_eq!(play(&mut buffer), [1]);
        assert_eq!(buffer.push(2, 900_000, 160, &[7]), Arrival::Resynchronised);
        buffer.start();
        assert_eq!(play(&mut buffer), [7]);
    }

    proptest! {
        #[test]
        fn play_out_is_ordered_without_repetition_and_the_level_is_bounded(
            arrivals in proptest::collection::vec((0u64..60, any::<bool>()), 1..200)
        ) {
            let mut buffer = Buffer::new(8000);
            let mut last = -1;
            for (sequence, pull) in arrivals {
                push(&mut buffer, sequence + 2048);
                prop_assert!(buffer.held <= SLOTS as u32);
                if !buffer.is_playing() { buffer.start(); }
                if pull {
                    for heard in play(&mut buffer).into_iter().filter(|heard| *heard >= 0) {
                        let sequence = heard; // low octet of the number; 2048..2108 does not wrap it
                        prop_assert!(sequence > last, "{} after {}", sequence, last);
                        last = sequence;
                    }
                }
                prop_assert!(buffer.level() <= 60 * 160);
            }
        }
    }
}
