//! How late packets are against the fastest ones (a histogram with forgetting), and how the sender's clock drifts.

use crate::ids::Micros;

/// Lateness is told to 1 ms below 20 ms and to 5 ms above.
const FINE: usize = 20;
const COARSE_MS: f32 = 5.0;
const BINS: usize = FINE + 96;
/// Weight that is left of a packet after the next one: half of it is gone after about 350 packets (7 s).
const FORGETTING: f32 = 0.998;
/// Packets that shall be in time. The design says 97 %; every late packet is heard, a few more ms are not.
const QUANTILE: f32 = 0.99;
/// The quantile is taken anew after so many packets.
const REFRESH: u32 = 8;
/// The fastest packet is the fastest of so many pieces of time.
const BLOCKS: usize = 5;
const BLOCK_US: Micros = 2_000_000;
/// After so long without a packet the way is measured anew.
const STALE_US: Micros = BLOCKS as Micros * BLOCK_US;
/// Fastest packets of so many blocks give the drift (about two minutes).
const TREND: usize = 64;
/// A drift is told from so many blocks on.
const TREND_LEAST: usize = 10;
/// No clock drifts further; what looks so is a change of the way.
const DRIFT_MOST_PPM: f64 = 1000.0;

#[derive(Debug)]
pub struct Delays {
    bins: [f32; BINS],
    total: f32,
    /// Weight of the next packet; growing it is cheaper than shrinking all others.
    unit: f32,
    quantile_ms: f32,
    packets: u32,
    /// Fastest transit of the last blocks, µs, newest first; the sum of all is never asked.
    fastest: [i64; BLOCKS],
    block_at: Option<Micros>,
    trend: Vec<(f64, f64)>,
    newest_at: Micros,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            bins: [0.0; BINS],
            total: 0.0,
            unit: 1.0,
            quantile_ms: 0.0,
            packets: 0,
            fastest: [i64::MAX; BLOCKS],
            block_at: None,
            trend: Vec::new(),
            newest_at: 0,
        }
    }
}

fn bin_of(late_ms: f32) -> usize {
    let bin = if late_ms < FINE as f32 { late_ms } else { FINE as f32 + (late_ms - FINE as f32) / COARSE_MS };
    (bin as usize).min(BINS - 1)
}

/// Upper edge of a bin, ms.
fn edge_of(bin: usize) -> f32 {
    if bin < FINE { (bin + 1) as f32 } else { FINE as f32 + (bin + 1 - FINE) as f32 * COARSE_MS }
}

impl Delays {
    /// Takes an arrival; `end_us` is when the packet's last sample was taken, in the sender's time.
    pub fn arrival(&mut self, end_us: i64, now: Micros) {
        let transit = now as i64 - end_us;
        if self.block_at.is_some() && now.saturating_sub(self.newest_at) > STALE_US {
            self.restart();
        }
        self.newest_at = now;
        let begun = *self.block_at.get_or_insert(now);
        if now.saturating_sub(begun) >= BLOCK_US {
            self.close_block(now);
        }
        self.fastest[0] = self.fastest[0].min(transit);
        let late_ms = (transit - self.base()) as f32 / 1000.0;
        self.unit /= FORGETTING;
        if self.unit > 1e9 {
            let scale = 1.0 / self.unit;
            self.bins.iter_mut().for_each(|weight| *weight *= scale);
            (self.total, self.unit) = (self.total * scale, 1.0);
        }
        self.bins[bin_of(late_ms)] += self.unit;
        self.total += self.unit;
        self.packets = self.packets.wrapping_add(1);
        if self.packets < 50 || self.packets.is_multiple_of(REFRESH) {
            self.quantile_ms = self.measure();
        }
    }

    fn close_block(&mut self, now: Micros) {
        if self.trend.len() == TREND {
            self.trend.remove(0);
        }
        self.trend.push((now as f64 / 1e6, self.fastest[0] as f64));
        self.fastest.rotate_right(1);
        self.fastest[0] = i64::MAX;
        self.block_at = Some(now);
    }

    /// A new stream has nothing to do with the old one's time; the line's jitter stays.
    pub fn restart(&mut self) {
        self.fastest = [i64::MAX; BLOCKS];
        self.block_at = None;
        self.trend.clear();
    }

    /// Transit of the fastest packet, µs on our clock minus the sender's. `i64::MAX` before the first.
    pub fn base(&self) -> i64 {
        self.fastest.iter().copied().min().unwrap_or(i64::MAX)
    }

    pub fn is_known(&self) -> bool {
        self.block_at.is_some()
    }

    /// Lateness in ms that 99 % of recent packets kept, rounded up.
    pub fn quantile_ms(&self) -> f32 {
        self.quantile_ms
    }

    /// By how much the sender's clock is faster than ours, ppm; 0 until it is known.
    pub fn drift_ppm(&self) -> f64 {
        if self.trend.len() < TREND_LEAST {
            return 0.0;
        }
        let count = self.trend.len() as f64;
        let mean_at = self.trend.iter().map(|(at, _)| at).sum::<f64>() / count;
        let mean = self.trend.iter().map(|(_, transit)| transit).sum::<f64>() / count;
        let (mut cross, mut spread) = (0.0, 0.0);
        for (at, transit) in &self.trend {
            cross += (at - mean_at) * (transit - mean);
            spread += (at - mean_at) * (at - mean_at);
        }
        let ppm = -cross / spread.max(1e-9); // µs per s
        if ppm.abs() > DRIFT_MOST_PPM { 0.0 } else { ppm }
    }

    fn measure(&self) -> f32 {
        let mut sum = 0.0;
        for (bin, weight) in self.bins.iter().enumerate() {
            sum += weight;
            if sum >= QUANTILE * self.total {
                return edge_of(bin);
            }
        }
        edge_of(BINS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_follows_jitter_up_and_down() {
        let mut delays = Delays::default();
        let mut now = 0u64;
        for index in 0..500u64 {
            let late = if index % 10 == 0 { 60_000 } else { 0 };
            delays.arrival((index * 20_000) as i64, index * 20_000 + late);
            now = index;
        }
        assert_eq!(delays.quantile_ms(), 65.0);
        for index in now + 1..now + 3000 {
            delays.arrival((index * 20_000) as i64, index * 20_000);
        }
        assert_eq!(delays.quantile_ms(), 1.0);
    }

    #[test]
    fn the_drift_is_found_under_jitter_and_does_not_count_as_lateness() {
        for ppm in [-500.0, -50.0, 0.0, 300.0] {
            let mut delays = Delays::default();
            for index in 0..10_000u64 {
                let late = index * 7919 % 30_000;
                let sent = index as f64 * 20_000.0;
                delays.arrival((sent * (1.0 + ppm / 1e6)) as i64, index * 20_000 + late + 1_000_000);
            }
            let found = delays.drift_ppm();
            assert!((found - ppm).abs() < 15.0, "{found} for {ppm}");
            assert!((30.0..=40.0).contains(&delays.quantile_ms()), "{}", delays.quantile_ms());
        }
    }

    #[test]
    fn a_longer_way_is_the_new_measure_after_ten_seconds() {
        let mut delays = Delays::default();
        for index in 0..3000u64 {
            let way = if index < 500 { 10_000 } else { 90_000 };
            delays.arrival((index * 20_000) as i64, index * 20_000 + way);
        }
        assert_eq!(delays.base(), 90_000);
    }
}
