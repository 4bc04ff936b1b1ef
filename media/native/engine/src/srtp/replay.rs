//! Replay protection (RFC 3711 §3.3.2) and the estimate of the packet index (§3.3.1, appendix A).

use super::SrtpError;

/// How far back a late packet is still accepted, in packets.
pub const WINDOW: u64 = 64;

/// Which packet indices were seen: the highest one and a bit for each of the 64 up to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    highest: u64,
    /// Bit n stands for `highest - n`; 0 means that nothing was seen yet.
    seen: u64,
}

impl Window {
    /// Refuses what was seen before and what is too old to tell. Changes nothing: the packet is not authenticated yet.
    pub fn check(&self, index: u64) -> Result<(), SrtpError> {
        if self.seen == 0 || index > self.highest {
            return Ok(());
        }
        let age = self.highest - index;
        if age >= WINDOW {
            return Err(SrtpError::TooOld);
        }
        if self.seen >> age & 1 == 1 { Err(SrtpError::Replay) } else { Ok(()) }
    }

    /// Marks an authenticated packet as seen.
    pub fn accept(&mut self, index: u64) {
        if self.seen == 0 {
            (self.highest, self.seen) = (index, 1);
        } else if index > self.highest {
            let step = index - self.highest;
            self.seen = if step < WINDOW { self.seen << step | 1 } else { 1 };
            self.highest = index;
        } else if self.highest - index < WINDOW {
            self.seen |= 1 << (self.highest - index);
        }
    }

    /// The highest index accepted, if any was.
    pub fn highest(&self) -> Option<u64> {
        (self.seen != 0).then_some(self.highest)
    }

    /// Extends a 16-bit sequence number to the 48-bit packet index nearest to the highest one.
    ///
    /// Before the first wrap a number far ahead is taken as ahead, not as belonging to a negative rollover count.
    /// Fails when the key has been used for 2^48 packets.
    pub fn extend(&self, sequence: u16) -> Result<u64, SrtpError> {
        let Some(highest) = self.highest() else { return Ok(u64::from(sequence)) };
        let (rollover, last) = (highest >> 16, (highest & 0xffff) as u16);
        let rollover = if last < 0x8000 && sequence.wrapping_sub(last) > 0x8000 && sequence > last {
            rollover.saturating_sub(1)
        } else if last >= 0x8000 && last - 0x8000 > sequence {
            rollover + 1
        } else {
            rollover
        };
        if rollover > u64::from(u32::MAX) {
            return Err(SrtpError::KeyExhausted);
        }
        Ok(rollover << 16 | u64::from(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_at(index: u64) -> Window {
        let mut window = Window::default();
        window.accept(index);
        window
    }

    #[test]
    fn a_packet_is_accepted_once() {
        let mut window = window_at(100);
        assert_eq!(window.check(100), Err(SrtpError::Replay));
        assert_eq!(window.check(99), Ok(()));
        window.accept(99);
        assert_eq!(window.check(99), Err(SrtpError::Replay));
        window.accept(103);
        assert_eq!(window.check(100), Err(SrtpError::Replay));
        assert_eq!(window.check(101), Ok(()));
    }

    #[test]
    fn what_is_64_packets_old_is_refused() {
        let window = window_at(1000);
        assert_eq!(window.check(1000 - 63), Ok(()));
        assert_eq!(window.check(1000 - 64), Err(SrtpError::TooOld));
    }

    #[test]
    fn a_jump_ahead_forgets_the_old_window() {
        let mut window = window_at(10);
        window.accept(10 + 64);
        assert_eq!(window.check(11), Ok(()));
        assert_eq!(window.check(10), Err(SrtpError::TooOld));
        assert_eq!(window.check(74), Err(SrtpError::Replay));
    }

    #[test]
    fn the_first_index_may_be_zero() {
        let window = window_at(0);
        assert_eq!(window.check(0), Err(SrtpError::Replay));
        assert_eq!(window.check(1), Ok(()));
    }

    #[test]
    fn the_sequence_is_extended_over_the_wrap_both_ways() {
        assert_eq!(window_at(0x1_ffff).extend(0), Ok(0x2_0000));
        assert_eq!(window_at(0x2_0001).extend(0xfffe), Ok(0x1_fffe));
        assert_eq!(window_at(0x1_8000).extend(0x7fff), Ok(0x1_7fff));
        assert_eq!(window_at(0x1_0000).extend(0x8000), Ok(0x1_8000));
        assert_eq!(window_at(3).extend(0xffff), Ok(0xffff), "there is no rollover count below 0");
        assert_eq!(window_at(0xffff_ffff_ffff).extend(0), Err(SrtpError::KeyExhausted));
        assert_eq!(Window::default().extend(7), Ok(7));
    }
}
