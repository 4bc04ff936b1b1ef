//! Whether loss comes in bursts: the four-state model of RFC 3611 §4.7.2 and appendix A.2, fed packet by packet in order.

/// So many packets in a row without loss separate bursts (RFC 3611: the recommended Gmin).
pub const GMIN: u32 = 16;

/// Counts since the stream began.
#[derive(Debug, Default, Clone)]
pub struct Bursts {
    /// Received packets since the last lost one.
    since: u32,
    /// Lost packets of the burst that may be going on.
    run: u32,
    lost: u64,
    /// Runs of packets lost one right after another.
    runs: u64,
    received: u64,
    c11: u64,
    c13: u64,
    c14: u64,
    c22: u64,
    c23: u64,
    c33: u64,
}

/// Density is of 256, duration in packets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Densities {
    pub burst: u8,
    pub gap: u8,
    pub burst_packets: f64,
    pub gap_packets: f64,
}

impl Bursts {
    pub fn received(&mut self) {
        self.received += 1;
        self.since = self.since.saturating_add(1);
    }

    pub fn lost(&mut self) {
        if self.since > 0 || self.lost == 0 {
            self.runs += 1;
        }
        self.lost += 1;
        if self.since >= GMIN || self.lost == 1 {
            if self.run == 1 {
                self.c14 += 1;
            } else {
                self.c13 += 1;
            }
            self.run = 1;
            self.c11 += u64::from(self.since);
        } else {
            self.run += 1;
            if self.since == 0 {
                self.c33 += 1;
            } else {
                self.c23 += 1;
                self.c22 += u64::from(self.since - 1);
            }
        }
        self.since = 0;
    }

    /// Mean length of runs of loss against that of random loss at the same rate (G.107 §3.5): 1 is random.
    pub fn ratio(&self) -> f64 {
        if self.lost == 0 {
            return 1.0;
        }
        let share = self.lost as f64 / (self.lost + self.received) as f64;
        (self.lost as f64 / self.runs as f64 * (1.0 - share)).max(1.0)
    }

    pub fn densities(&self) -> Densities {
        let all_received = Densities { gap_packets: self.received as f64, ..Densities::default() };
        if self.lost == 0 {
            return all_received;
        }
        let (c31, c32) = (self.c13, self.c23);
        let total = self.c11 + self.c14 + self.c13 + self.c22 + self.c23 + c31 + c32 + self.c33;
        let leaving = (c31 + c32 + self.c33) as f64;
        let p32 = if leaving > 0.0 { c32 as f64 / leaving } else { 0.0 };
        let inside = (self.c22 + self.c23) as f64;
        let p23 = if inside < 1.0 { 1.0 } else { 1.0 - self.c22 as f64 / inside };
        let of_256 = |ratio: f64| (256.0 * ratio).clamp(0.0, 255.0) as u8;
        let calm = (self.c11 + self.c14) as f64;
        let gap_packets = (self.c11 + self.c14 + self.c13) as f64 / self.c13.max(1) as f64;
        Densities {
            burst: of_256(p23 / (p23 + p32)),
            gap: if calm > 0.0 { of_256(self.c14 as f64 / calm) } else { 0 },
            burst_packets: (total as f64 / self.c13.max(1) as f64 - gap_packets).max(0.0),
            gap_packets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(pattern: impl IntoIterator<Item = bool>) -> Bursts {
        let mut bursts = Bursts::default();
        for lost in pattern {
            if lost { bursts.lost() } else { bursts.received() }
        }
        bursts
    }

    #[test]
    fn single_losses_far_apart_are_no_burst() {
        let bursts = fed((0..1000).map(|n| n % 50 == 49));
        assert_eq!(bursts.ratio(), 1.0);
        let densities = bursts.densities();
        assert!(densities.gap >= 4 && densities.gap <= 6, "{densities:?}");
        assert!(densities.burst_packets <= 2.0, "{densities:?}");
    }

    #[test]
    fn ten_in_a_row_are_one() {
        let bursts = fed((0..1000).map(|n| n % 100 >= 90));
        assert!((bursts.ratio() - 9.0).abs() < 0.1, "{}", bursts.ratio());
        let densities = bursts.densities();
        assert_eq!(densities.burst, 255, "all is lost inside");
        assert!(
            (densities.gap_packets - 91.0).abs() < 3.0 && (densities.burst_packets - 10.0).abs() < 1.5,
            "{densities:?}"
        );
    }

    #[test]
    fn without_loss_there_is_one_long_gap() {
        let densities = fed([false; 500]).densities();
        assert_eq!(densities, Densities { gap_packets: 500.0, ..Densities::default() });
    }
}
