//! How late packets are against the fastest ones: a histogram with forgetting.

use crate::ids::Micros;

const BIN_MS: f32 = 5.0;
const BINS: usize = 64;
/// Weight that is left of a packet after the next one: half of it is gone after about 170 packets (3.5 s).
const FORGETTING: f32 = 0.996;
const QUANTILE: f32 = 0.97;
/// The quantile is taken anew after so many packets.
const REFRESH: u32 = 8;
/// The fastest packet is forgotten by 10 µs per packet, so that a drift of 500 ppm is followed.
const DRIFT_US: i64 = 10;

#[derive(Debug)]
pub struct Delays {
    bins: [f32; BINS],
    fastest: Option<i64>,
    quantile_ms: f32,
    packets: u32,
}

impl Default for Delays {
    fn default() -> Self {
        Self { bins: [0.0; BINS], fastest: None, quantile_ms: 0.0, packets: 0 }
    }
}

impl Delays {
    /// Takes an arrival; `media_us` is the packet's own time in µs (its timestamp over its clock).
    pub fn arrival(&mut self, media_us: i64, now: Micros) {
        let transit = now as i64 - media_us;
        let fastest = self.fastest.map_or(transit, |fastest| (fastest + DRIFT_US).min(transit));
        self.fastest = Some(fastest);
        let late_ms = (transit - fastest) as f32 / 1000.0;
        let bin = ((late_ms / BIN_MS) as usize).min(BINS - 1);
        for weight in &mut self.bins {
            *weight *= FORGETTING;
        }
        if let Some(weight) = self.bins.get_mut(bin) {
            *weight += 1.0 - FORGETTING;
        }
        self.packets = self.packets.wrapping_add(1);
        if self.packets < 50 || self.packets.is_multiple_of(REFRESH) {
            self.quantile_ms = self.measure();
        }
    }

    /// A new stream has nothing to do with the old one's time.
    pub fn restart(&mut self) {
        self.fastest = None;
    }

    /// Lateness in ms that 97 % of recent packets kept.
    pub fn quantile_ms(&self) -> f32 {
        self.quantile_ms
    }

    fn measure(&self) -> f32 {
        let total: f32 = self.bins.iter().sum();
        let mut sum = 0.0;
        for (bin, weight) in self.bins.iter().enumerate() {
            sum += weight;
            if sum >= QUANTILE * total {
                return if bin == 0 { 0.0 } else { (bin + 1) as f32 * BIN_MS };
            }
        }
        BINS as f32 * BIN_MS
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
        assert_eq!(delays.quantile_ms(), 60.0);
        for index in now + 1..now + 1500 {
            delays.arrival((index * 20_000) as i64, index * 20_000);
        }
        assert_eq!(delays.quantile_ms(), 0.0);
    }
}
