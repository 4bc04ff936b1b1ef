//! The engine's clock: monotonic microseconds since start, and what they mean as wall time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::ids::Micros;

/// Seconds from the NTP epoch (1900) to the Unix epoch.
const NTP_OFFSET: u64 = 2_208_988_800;

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Instant,
    /// NTP time of the epoch, 32.32 bits.
    ntp: u64,
}

impl Clock {
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let fraction = (u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000;
        Self { epoch: Instant::now(), ntp: (wall.as_secs() + NTP_OFFSET) << 32 | fraction }
    }

    pub fn now(&self) -> Micros {
        self.epoch.elapsed().as_micros() as Micros
    }

    /// For parts that count in `Instant`.
    pub fn instant(&self, at: Micros) -> Instant {
        self.epoch + Duration::from_micros(at)
    }

    pub fn micros(&self, at: Instant) -> Micros {
        at.saturating_duration_since(self.epoch).as_micros() as Micros
    }

    /// 64-bit NTP time, as in sender reports.
    pub fn ntp(&self, at: Micros) -> u64 {
        self.ntp.wrapping_add(((at / 1_000_000) << 32) + ((at % 1_000_000) << 32) / 1_000_000)
    }
}
