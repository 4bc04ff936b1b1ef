//! A stream's own time without wraps and jumps: RTP timestamps extended to 64 bits and mended where the sender's clock jumped.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]

use crate::ids::Micros;
use crate::rtp::timestamp_distance;

/// A change of the way through the network or of the sender's time by more than this begins a new stream.
const RESTART_US: i64 = 1_000_000;
/// A jump of the sequence by more than this is a new stream.
const RESTART_SEQUENCE: u64 = 100;
/// A packet in sequence that comes so much earlier than its timestamp says: the sender's time jumped, nobody was silent.
const EARLY_US: i64 = 100_000;

/// Where a packet lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the stream that is known.
    At(i64),
    /// In a new one: the sender restarted, jumped or was away.
    New(i64),
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    sequence: u64,
    timestamp: u32,
    time: i64,
    end: i64,
    at: Micros,
}

#[derive(Debug)]
pub struct Timeline {
    clock: u32,
    newest: Option<Newest>,
}

impl Timeline {
    pub fn new(clock: u32) -> Self {
        Self { clock, newest: None }
    }

    pub fn clear(&mut self) {
        self.newest = None;
    }

    pub fn micros(&self, ticks: i64) -> i64 {
        ticks * 1_000_000 / i64::from(self.clock.max(1))
    }

    /// Places a packet of `ticks` (0 for what is no audio; its timestamp may lie anywhere and moves nothing).
    pub fn place(&mut self, sequence: u64, timestamp: u32, ticks: u32, now: Micros) -> Place {
        let Some(newest) = self.newest else {
            let time = i64::from(timestamp);
            self.newest = Some(Newest { sequence, timestamp, time, end: time + i64::from(ticks), at: now });
            return Place::New(time);
        };
        let distance = i64::from(timestamp_distance(timestamp, newest.timestamp));
        let mut time = newest.time + distance;
        if sequence <= newest.sequence && newest.sequence - sequence <= RESTART_SEQUENCE {
            return Place::At(time);
        }
        if ticks == 0 && sequence > newest.sequence && sequence - newest.sequence <= RESTART_SEQUENCE {
            self.newest = Some(Newest { sequence, ..newest });
            return Place::At(time);
        }
        let elapsed = now.saturating_sub(newest.at) as i64;
        let strayed = self.micros(distance) - elapsed;
        let far = sequence.abs_diff(newest.sequence) > RESTART_SEQUENCE || strayed.abs() > RESTART_US;
        let early = strayed > EARLY_US && time > newest.end;
        if !far && sequence == newest.sequence + 1 && (early || distance <= 0) {
            time = newest.end; // the sender's time jumped between two packets: the sound goes on
        }
        self.newest = Some(Newest { sequence, timestamp, time, end: time + i64::from(ticks), at: now });
        if far { Place::New(time) } else { Place::At(time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(packets: &[(u64, u32, u64)]) -> Vec<Place> {
        let mut line = Timeline::new(8000);
        packets.iter().map(|&(sequence, timestamp, ms)| line.place(sequence, timestamp, 160, ms * 1000)).collect()
    }

    #[test]
    fn wraps_and_small_jumps_are_mended() {
        let wrap = u32::MAX - 159;
        let start = i64::from(wrap);
        assert_eq!(line(&[(1, wrap, 0), (2, 0, 20)])[1], Place::At(start + 160));
        // Half a second forward without waiting, then half a second back.
        let jumps = line(&[(1, 0, 0), (2, 160, 20), (3, 4320, 40), (4, 4480, 60), (5, 640, 80)]);
        let times: Vec<_> = [0, 160, 320, 480, 640].map(Place::At).into();
        assert_eq!(jumps[1..], times[1..]);
    }

    #[test]
    fn silence_is_no_jump_and_a_restart_is_a_new_stream() {
        assert_eq!(line(&[(1, 0, 0), (2, 80_000, 10_000)])[1], Place::At(80_000), "ten seconds of silence");
        assert!(matches!(line(&[(1, 0, 0), (2, 900_000, 20)])[1], Place::New(_)));
        assert!(matches!(line(&[(1, 0, 0), (300, 160, 20)])[1], Place::New(_)));
    }
}
