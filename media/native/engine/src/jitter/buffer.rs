//! Packets ordered by sequence; decides what the next piece of audio is. Times are extended RTP ticks (see `timeline`).
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use crate::codec::Coding;

/// 640 ms of the shortest packets, more than the largest delay that can be set.
const SLOTS: u64 = 64;

/// What a packet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Audio(Coding),
    /// Comfort noise (RFC 3389): the sender is silent from here on.
    Noise,
    /// A telephone event: it holds a sequence number, and no audio comes meanwhile.
    Event,
}

#[derive(Debug)]
struct Slot {
    sequence: Option<u64>,
    time: i64,
    ticks: u32,
    kind: Kind,
    payload: Vec<u8>,
}

/// The next piece of audio.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    Packet(Coding, &'a [u8]),
    /// Packets are missing; `following` is the packet right after this piece, when it is there.
    Lost {
        ticks: u32,
        following: Option<(Coding, &'a [u8])>,
    },
    /// The sender was silent: a gap in time, not in sequence.
    Silence {
        ticks: u32,
    },
    Noise(&'a [u8]),
    Event,
    Empty,
}

/// What became of an arriving packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Stored,
    Late,
    Duplicate,
}

#[derive(Debug)]
pub struct Buffer {
    slots: Vec<Slot>,
    playing: bool,
    /// Sequence that plays next; older packets are late. `None` before the first packet.
    next: Option<u64>,
    highest: u64,
    highest_end: i64,
    /// Time that plays next.
    expected: i64,
    /// Ticks concealed while the buffer was empty: if a gap shows later, it has been played already.
    credit: u32,
    held: u32,
}

impl Default for Buffer {
    fn default() -> Self {
        let slot = |_| Slot { sequence: None, time: 0, ticks: 0, kind: Kind::Event, payload: Vec::new() };
        let slots = (0..SLOTS).map(slot).collect();
        Self { slots, playing: false, next: None, highest: 0, highest_end: 0, expected: 0, credit: 0, held: 0 }
    }
}

impl Buffer {
    /// A new stream begins.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.sequence = None);
        (self.next, self.playing, self.credit, self.held) = (None, false, 0, 0);
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        self.slots.get_mut((sequence % SLOTS) as usize)
    }

    /// Stores a packet.
    pub fn push(&mut self, sequence: u64, time: i64, ticks: u32, kind: Kind, payload: &[u8]) -> Arrival {
        if self.next.is_some_and(|next| sequence < next) {
            return Arrival::Late;
        }
        let oldest = self.next.or(self.oldest().and_then(|slot| slot.sequence)).unwrap_or(sequence);
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
        (slot.sequence, slot.time, slot.ticks, slot.kind) = (Some(sequence), time, ticks, kind);
        slot.payload.clear();
        slot.payload.extend_from_slice(payload);
        if self.held == 1 || sequence >= self.highest {
            self.highest = sequence;
            if kind != Kind::Event || self.held == 1 {
                self.highest_end = time + i64::from(ticks);
            }
        }
        Arrival::Stored
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
        let start = if self.playing { self.expected } else { self.oldest().map_or(0, |slot| slot.time) };
        u32::try_from(self.highest_end - start).unwrap_or(0)
    }

    fn oldest(&self) -> Option<&Slot> {
        self.slots.iter().filter(|slot| slot.sequence.is_some()).min_by_key(|slot| slot.sequence)
    }

    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// The sequence that plays next, `None` while nothing plays.
    pub fn position(&self) -> Option<u64> {
        self.next.filter(|_| self.playing)
    }

    /// The audio packets that wait to be played, in order: sequence, timestamp, payload.
    pub fn waiting(&self) -> impl Iterator<Item = (u64, u32, &[u8])> {
        let first = self.highest.saturating_sub(SLOTS - 1);
        (first..=self.highest).filter_map(|sequence| {
            let slot = self.slots.get((sequence % SLOTS) as usize)?;
            let here = slot.sequence == Some(sequence) && matches!(slot.kind, Kind::Audio(_));
            here.then_some((sequence, slot.time as u32, slot.payload.as_slice()))
        })
    }

    /// Time of the sample that plays next.
    pub fn expected(&self) -> i64 {
        self.expected
    }

    /// The next packet is not there, but a later one is: lost, or overtaken.
    pub fn is_missing(&self) -> bool {
        let present =
            |next: u64| self.slots.get((next % SLOTS) as usize).is_some_and(|slot| slot.sequence == Some(next));
        self.held > 0 && self.next.is_some_and(|next| !present(next))
    }

    /// The packet of the next sequence is there and is audio: it can be played without concealment.
    pub fn is_ready(&self) -> bool {
        let Some(next) = self.next else { return false };
        self.slots.get((next % SLOTS) as usize).is_some_and(|slot| {
            slot.sequence == Some(next) && matches!(slot.kind, Kind::Audio(_)) && slot.time <= self.expected
        })
    }

    /// Time of the oldest packet held, with what it is, while nothing plays.
    pub fn first(&self) -> Option<(i64, Kind)> {
        self.oldest().map(|slot| (slot.time, slot.kind))
    }

    /// Takes the oldest packet out, which is no audio, while nothing plays.
    pub fn skip_first(&mut self) -> &[u8] {
        let Some(sequence) = self.oldest().and_then(|slot| slot.sequence) else { return &[] };
        self.drop_until(sequence + 1);
        self.next = Some(sequence + 1);
        self.slots.get((sequence % SLOTS) as usize).map_or(&[], |slot| &slot.payload)
    }

    /// Begins to play with the oldest packet held.
    pub fn start(&mut self) {
        if let Some((Some(sequence), time)) = self.oldest().map(|slot| (slot.sequence, slot.time)) {
            (self.playing, self.next, self.expected, self.credit) = (true, Some(sequence), time, 0);
        }
    }

    /// Stops playing until enough is there again. What comes for the past is late.
    pub fn rest(&mut self) {
        self.playing = false;
    }

    /// Jumps ahead by whole packets so that at most `ticks` are left.
    pub fn shorten_to(&mut self, ticks: u32) {
        while self.level() > ticks && self.held > 1 {
            let Some((Some(sequence), time, length)) = self.oldest().map(|slot| (slot.sequence, slot.time, slot.ticks))
            else {
                return;
            };
            self.drop_until(sequence + 1);
            (self.next, self.expected) = (Some(sequence + 1), time + i64::from(length));
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
        let (expected, credit) = (self.expected, self.credit);
        let Some(slot) = self.slot(next).filter(|slot| slot.sequence == Some(next)) else {
            return self.lost(most);
        };
        let (kind, end) = (slot.kind, slot.time + i64::from(slot.ticks));
        let gap = u32::try_from(slot.time - expected).unwrap_or(0);
        if kind != Kind::Event && gap > credit {
            let ticks = (gap - credit).min(most);
            self.expected = expected + i64::from(ticks);
            return Next::Silence { ticks };
        }
        slot.sequence = None;
        self.held -= 1;
        self.next = Some(next + 1);
        if kind != Kind::Event {
            (self.expected, self.credit) = (end.max(expected), 0);
        }
        let payload = self.slots.get((next % SLOTS) as usize).map_or(&[][..], |slot| &slot.payload);
        match kind {
            Kind::Audio(coding) => Next::Packet(coding, payload),
            Kind::Noise => Next::Noise(payload),
            Kind::Event => Next::Event,
        }
    }

    fn lost(&mut self, most: u32) -> Next<'_> {
        let Some((Some(sequence), time, kind, length)) =
            self.oldest().map(|slot| (slot.sequence, slot.time, slot.kind, slot.ticks))
        else {
            return Next::Empty;
        };
        let gap = u32::try_from(time - self.expected).unwrap_or(0);
        let played = gap.min(self.credit);
        self.credit -= played;
        let left = gap - played;
        // The last piece is as long as the packet that follows: it may carry a copy of just that much.
        let ticks = if left > length { (left - length).min(most) } else { left };
        self.expected += i64::from(played + ticks);
        if ticks == left {
            self.next = Some(sequence);
        }
        if ticks == 0 {
            return Next::Silence { ticks: 0 };
        }
        let following = match (kind, self.oldest()) {
            (Kind::Audio(coding), Some(slot)) if ticks == left => Some((coding, slot.payload.as_slice())),
            _ => None,
        };
        Next::Lost { ticks, following }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AUDIO: Kind = Kind::Audio(Coding::Pcmu);

    fn push(buffer: &mut Buffer, sequence: u64) -> Arrival {
        buffer.push(sequence, sequence as i64 * 160, 160, AUDIO, &[sequence as u8])
    }

    fn play(buffer: &mut Buffer) -> Vec<i64> {
        // A packet is its number, loss −1, silence −2, noise −3.
        let mut heard = Vec::new();
        loop {
            match buffer.next(160) {
                Next::Packet(_, payload) => heard.push(i64::from(payload.first().copied().unwrap_or_default())),
                Next::Lost { .. } => heard.push(-1),
                Next::Silence { ticks: 0 } | Next::Event => (),
                Next::Silence { .. } => heard.push(-2),
                Next::Noise(_) => heard.push(-3),
                Next::Empty => return heard,
            }
        }
    }

    #[test]
    fn order_is_restored_and_loss_is_seen() {
        let mut buffer = Buffer::default();
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
        let mut buffer = Buffer::default();
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
        let mut buffer = Buffer::default();
        push(&mut buffer, 1);
        buffer.push(2, 320, 0, Kind::Event, &[]);
        buffer.push(3, 320, 0, Kind::Event, &[]);
        buffer.push(4, 480, 0, Kind::Noise, &[60]);
        buffer.push(5, 800, 160, AUDIO, &[4]);
        buffer.start();
        assert_eq!(play(&mut buffer), [1, -2, -3, -2, -2, 4]);
    }

    #[test]
    fn the_last_lost_piece_is_shown_the_packet_that_may_carry_its_copy() {
        let mut buffer = Buffer::default();
        buffer.push(1, 0, 960, Kind::Audio(Coding::Opus), &[1]);
        buffer.push(4, 2880, 960, Kind::Audio(Coding::Opus), &[4]);
        buffer.start();
        assert_eq!(buffer.next(960), Next::Packet(Coding::Opus, &[1]));
        assert_eq!(buffer.next(480), Next::Lost { ticks: 480, following: None });
        assert_eq!(buffer.next(480), Next::Lost { ticks: 480, following: None });
        assert_eq!(buffer.next(480), Next::Lost { ticks: 960, following: Some((Coding::Opus, &[4])) });
        assert_eq!(buffer.next(480), Next::Packet(Coding::Opus, &[4]));
    }

    proptest! {
        #[test]
        fn play_out_is_ordered_without_repetition_and_the_level_is_bounded(
            arrivals in proptest::collection::vec((0u64..90, any::<bool>()), 1..300)
        ) {
            let mut buffer = Buffer::default();
            let mut last = -1;
            for (sequence, pull) in arrivals {
                push(&mut buffer, sequence + 2048);
                prop_assert!(buffer.held <= SLOTS as u32);
                if !buffer.is_playing() { buffer.start(); }
                if pull {
                    for heard in play(&mut buffer).into_iter().filter(|heard| *heard >= 0) {
                        let sequence = heard; // low octet of the number; 2048..2138 does not wrap it
                        prop_assert!(sequence > last, "{} after {}", sequence, last);
                        last = sequence;
                    }
                }
                prop_assert!(buffer.level() <= 90 * 160);
            }
        }
    }
}
