//! When a worker waits a little before it looks at its sockets again: a wake-up costs more than a packet.

use crate::ids::Micros;

/// How long packets may lie before they are read where they are passed on, and where they are only mixed: those wait for the
/// next frame in any case, and the jitter buffer measures in steps of 5 ms.
const PASSED_ON_US: Micros = 150;
const MIXED_US: Micros = 1_000;
/// So many packets have to come in that time on average; otherwise the timer costs what it saves.
const WORTH: Micros = 2;
/// The rate is measured over so much time.
const WINDOW_US: Micros = 50_000;
/// Shorter waits are not worth a system call.
const LEAST_US: Micros = 30;

/// Owned by the worker's loop.
#[derive(Debug, Default)]
pub struct Pace {
    since: Micros,
    packets: u64,
    slice: Micros,
    woke: Micros,
}

impl Pace {
    /// The worker woke up.
    pub fn woke(&mut self, now: Micros) {
        self.woke = now;
    }

    pub fn packet(&mut self) {
        self.packets += 1;
    }

    /// How long to wait now, µs, 0 for not at all. `passes_on` is asked once per window; nothing is waited past `deadline`.
    pub fn wait(&mut self, now: Micros, deadline: Micros, passes_on: impl FnOnce() -> bool) -> Micros {
        let span = now.saturating_sub(self.since);
        if span >= WINDOW_US {
            let slice = if passes_on() { PASSED_ON_US } else { MIXED_US };
            self.slice = if self.packets * slice >= WORTH * span { slice } else { 0 };
            (self.since, self.packets) = (now, 0);
        }
        let until = (self.woke + self.slice).min(deadline);
        Some(until.saturating_sub(now)).filter(|wait| *wait >= LEAST_US).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets each `gap` µs for a second; returns the wait after a turn without work.
    fn after(gap: Micros, passes_on: bool) -> Micros {
        let mut pace = Pace::default();
        for index in 0..1_000_000 / gap {
            pace.packet();
            pace.woke(index * gap);
            pace.wait(index * gap, Micros::MAX, || passes_on);
        }
        pace.woke(1_000_000);
        pace.wait(1_000_000, Micros::MAX, || passes_on)
    }

    #[test]
    fn many_packets_are_read_in_slices_and_few_at_once() {
        assert_eq!(after(50, true), 150, "200 calls");
        assert_eq!(after(500, true), 0, "20 calls");
        assert_eq!(after(160, false), 1000, "40 rooms of three");
        assert_eq!(after(2000, false), 0);
    }

    #[test]
    fn no_frame_waits_for_a_slice() {
        let mut pace = Pace { slice: 1000, ..Pace::default() };
        pace.woke(5000);
        assert_eq!(pace.wait(5100, 5500, || false), 400);
        assert_eq!(pace.wait(5100, 5110, || false), 0);
        assert_eq!(pace.wait(6200, 9000, || false), 0, "the turn took longer than the slice");
    }
}
