//! What a port remembers between reports: reception statistics (RFC 3550 appendix A.3, A.8), round trip, the far end's view.

use super::xr::{self, VoipMetrics};
use super::{Block, Report, Sender};
use crate::ids::Micros;
use crate::quality::bursts::Bursts;
use crate::rtp;

/// A gap that is longer counts as a burst of so many.
const LONGEST_BURST: u64 = 256;
/// Drift is measured between the fastest packets of spans of so long.
const DRIFT_SPAN_US: Micros = 10_000_000;

/// How fast the sender's clock runs against ours, from the fastest packets of the first span and of the newest.
#[derive(Debug, Default)]
struct Drift {
    /// Transit against that of the first packet, ticks.
    relative: i64,
    fastest: i64,
    since: Micros,
    first: Option<(i64, Micros)>,
    newest: Option<(i64, Micros)>,
}

impl Drift {
    fn note(&mut self, change: i64, now: Micros) {
        self.relative += change;
        if self.since == 0 {
            (self.since, self.fastest) = (now, self.relative);
        }
        self.fastest = self.fastest.min(self.relative);
        if now.saturating_sub(self.since) < DRIFT_SPAN_US {
            return;
        }
        let span = (self.fastest, now);
        if self.first.is_none() {
            self.first = Some(span);
        } else {
            self.newest = Some(span);
        }
        (self.since, self.fastest) = (now, self.relative);
    }

    fn ppm(&self, clock: u32) -> f64 {
        let (Some((before, from)), Some((after, to))) = (self.first, self.newest) else { return 0.0 };
        let ticks = (to.saturating_sub(from)) as f64 / 1e6 * f64::from(clock);
        if ticks > 0.0 { (before - after) as f64 / ticks * 1e6 } else { 0.0 }
    }
}

/// Reception of one SSRC.
#[derive(Debug, Default)]
pub struct Reception {
    pub ssrc: u32,
    first: u64,
    highest: u64,
    /// Bit n: `highest − n` was received.
    window: u64,
    started: bool,
    received: u64,
    reported_expected: u64,
    reported_received: u64,
    transit: i64,
    timestamp: u32,
    drift: Drift,
    pub bursts: Bursts,
    /// Interarrival jitter in RTP ticks, scaled by 16.
    jitter: i64,
    last_sr: u32,
    last_sr_at: Micros,
}

/// Where a packet lies against what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    First,
    Next,
    /// Older than the newest.
    Old,
    /// Seen before, among the last 64.
    Duplicate,
}

impl Reception {
    /// Whether this is the stream that is received.
    pub fn is_of(&self, ssrc: u32) -> bool {
        self.started && self.ssrc == ssrc
    }

    /// Counts a packet. Returns its extended sequence number and order.
    pub fn input(&mut self, header: &rtp::Header, clock: u32, now: Micros) -> (u64, Order) {
        let arrival = (now as i64 * i64::from(clock)) / 1_000_000;
        let transit = arrival.wrapping_sub(i64::from(header.timestamp));
        if !self.started || self.ssrc != header.ssrc {
            *self = Self {
                ssrc: header.ssrc,
                started: true,
                received: 1,
                transit,
                timestamp: header.timestamp,
                ..Self::default()
            };
            self.first = (1 << 16) + u64::from(header.sequence);
            self.highest = self.first;
            self.window = 1;
            return (self.first, Order::First);
        }
        let extended = rtp::extend_sequence(self.highest, header.sequence);
        let order = self.mark(extended);
        if order == Order::Duplicate {
            return (extended, order);
        }
        self.received += 1;
        if header.timestamp == self.timestamp {
            return (extended, order); // a telephone event goes on: its packets all bear the time of its begin
        }
        self.timestamp = header.timestamp;
        let change = i64::from(transit.wrapping_sub(self.transit) as i32);
        self.transit = transit;
        if change.abs() < i64::from(clock) {
            self.jitter += change.abs() - ((self.jitter + 8) >> 4);
            self.drift.note(change, now);
        } else {
            self.drift = Drift::default();
        }
        (extended, order)
    }

    fn mark(&mut self, extended: u64) -> Order {
        if extended > self.highest {
            let ahead = extended - self.highest;
            self.settle(ahead);
            self.window = if ahead < 64 { self.window << ahead | 1 } else { 1 };
            self.highest = extended;
            return Order::Next;
        }
        let behind = self.highest - extended;
        if behind < 64 {
            if self.window & 1 << behind != 0 {
                return Order::Duplicate;
            }
            self.window |= 1 << behind;
        }
        Order::Old
    }

    /// What leaves the window is decided: received or lost for good.
    fn settle(&mut self, ahead: u64) {
        let known = self.expected();
        for behind in (64 - ahead.min(64)..64).rev() {
            if behind >= known {
                continue; // before the first packet
            }
            if self.window & 1 << behind != 0 {
                self.bursts.received();
            } else {
                self.bursts.lost();
            }
        }
        for _ in 0..ahead.saturating_sub(64).min(LONGEST_BURST) {
            self.bursts.lost();
        }
    }

    /// How fast the sender's clock runs against ours, parts per million; 0 until it is known, after half a minute.
    pub fn drift_ppm(&self, clock: u32) -> f64 {
        self.drift.ppm(clock)
    }

    pub fn expected(&self) -> u64 {
        if self.started { self.highest - self.first + 1 } else { 0 }
    }

    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    pub fn jitter_ms(&self, clock: u32) -> f64 {
        (self.jitter as f64 / 16.0) * 1000.0 / f64::from(clock.max(1))
    }

    fn block(&mut self, now: Micros) -> Option<Block> {
        if !self.started {
            return None;
        }
        let expected = self.expected() - self.reported_expected;
        let received = self.received - self.reported_received;
        self.reported_expected = self.expected();
        self.reported_received = self.received;
        let lost = expected.saturating_sub(received);
        let delay = if self.last_sr == 0 { 0 } else { ((now - self.last_sr_at) * 65_536 / 1_000_000) as u32 };
        Some(Block {
            ssrc: self.ssrc,
            fraction: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            lost: i32::try_from(self.expected() as i64 - self.received as i64)
                .unwrap_or(i32::MAX)
                .clamp(-0x80_0000, 0x7f_ffff),
            highest: self.highest.wrapping_sub(1 << 16) as u32,
            jitter: (self.jitter >> 4) as u32,
            last_sr: self.last_sr,
            delay,
        })
    }
}

/// The far end's view of what we send.
#[derive(Debug, Clone, Copy)]
pub struct RemoteView {
    pub round_trip_ms: f64,
    pub lost_ratio: f64,
    pub jitter_ticks: i64,
    /// From VoIP metrics (RFC 3611), −1 when the far end sends none.
    pub r_factor: f64,
    pub mos: f64,
}

impl Default for RemoteView {
    fn default() -> Self {
        Self { round_trip_ms: -1.0, lost_ratio: -1.0, jitter_ticks: -1, r_factor: -1.0, mos: -1.0 }
    }
}

/// RTCP of one port.
#[derive(Debug, Default)]
pub struct Session {
    pub view: RemoteView,
    pub bye: bool,
}

/// Middle 32 bits of a 64-bit NTP time (RFC 3550 §4).
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

impl Session {
    /// Takes a received compound packet. `ntp` is our clock now, `own` our SSRC. False when the framing is broken.
    pub fn input(&mut self, packet: &[u8], own: u32, ntp: u64, reception: &mut Reception, now: Micros) -> bool {
        let mut view = self.view;
        let mut bye = false;
        let framed = super::parse(packet, |report| match report {
            Report::Sender { ssrc, sender } if ssrc == reception.ssrc => {
                reception.last_sr = middle(sender.ntp);
                reception.last_sr_at = now;
            }
            Report::Block { block, .. } if block.ssrc == own => {
                view.lost_ratio = f64::from(block.fraction) / 256.0;
                view.jitter_ticks = i64::from(block.jitter);
                if block.last_sr != 0 {
                    let trip = middle(ntp).wrapping_sub(block.last_sr).wrapping_sub(block.delay);
                    if trip < 10 << 16 {
                        view.round_trip_ms = f64::from(trip) * 1000.0 / 65_536.0;
                    }
                }
            }
            Report::Bye { ssrc } if ssrc == reception.ssrc => bye = true,
            Report::Voip { metrics, .. } if metrics.ssrc == own => {
                let known = |value: u8| (value != xr::UNKNOWN).then(|| f64::from(value));
                view.r_factor = known(metrics.r_factor).unwrap_or(view.r_factor);
                view.mos = known(metrics.mos_cq).or(known(metrics.mos_lq)).map_or(view.mos, |tenths| tenths / 10.0);
            }
            _ => (),
        });
        self.view = view;
        self.bye |= bye;
        framed
    }

    /// Appends our report: SR when `sender` is given, else RR; then `voip` when the peer wants it.
    #[allow(clippy::too_many_arguments)] // the pieces of one report
    pub fn report(
        &mut self,
        out: &mut Vec<u8>,
        own: u32,
        sender: Option<Sender>,
        reception: &mut Reception,
        cname: &str,
        voip: Option<VoipMetrics>,
        now: Micros,
    ) {
        super::write_report(out, own, sender, reception.block(now), cname);
        if let Some(metrics) = voip {
            super::write_voip(out, own, &metrics);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16, timestamp: u32) -> rtp::Header {
        rtp::Header { marker: false, payload_type: 0, sequence, timestamp, ssrc: 9, payload: 12..172 }
    }

    #[test]
    fn loss_counts_gaps_across_the_wrap() {
        let mut reception = Reception::default();
        let mut now = 0;
        for index in 0..100u32 {
            if index % 10 != 3 {
                reception.input(&header((65_500 + index) as u16, index * 160), 8000, now);
            }
            now += 20_000;
        }
        assert_eq!((reception.expected(), reception.lost()), (100, 10));
        assert_eq!(reception.block(now).map(|block| (block.fraction, block.lost)), Some((25, 10)));
        assert_eq!(reception.block(now).map(|block| block.fraction), Some(0), "nothing since the last report");
        assert!(reception.jitter_ms(8000) < 0.1);
    }

    #[test]
    fn repetitions_are_neither_loss_nor_gain() {
        let mut reception = Reception::default();
        for sequence in [10, 11, 13, 12, 13, 12, 10] {
            reception.input(&header(sequence, 0), 8000, 0);
        }
        assert_eq!((reception.expected(), reception.received), (4, 4));
        assert_eq!(reception.input(&header(12, 0), 8000, 0).1, Order::Duplicate);
    }

    #[test]
    fn jitter_follows_late_arrivals() {
        let mut reception = Reception::default();
        for index in 0..200u32 {
            let wobble = if index % 2 == 0 { 0 } else { 10_000 };
            reception.input(&header(index as u16, index * 160), 8000, u64::from(index) * 20_000 + wobble);
        }
        assert!((reception.jitter_ms(8000) - 10.0).abs() < 1.0, "{}", reception.jitter_ms(8000));
    }

    #[test]
    fn a_long_digit_is_no_jitter_and_bursts_are_told_from_single_losses() {
        let mut reception = Reception::default();
        for index in 0..400u32 {
            let timestamp = if (100..150).contains(&index) { 16_000 } else { index * 160 };
            if !(200..210).contains(&index) {
                reception.input(&header(index as u16, timestamp), 8000, u64::from(index) * 20_000);
            }
        }
        assert!(reception.jitter_ms(8000) < 0.1, "{}", reception.jitter_ms(8000));
        assert!(reception.bursts.ratio() > 9.0, "{}", reception.bursts.ratio());
    }

    #[test]
    fn drift_shows_through_jitter() {
        let mut reception = Reception::default();
        for index in 0..9000u64 {
            let at = index * 20_000 - index * 4 + (index * 7919 % 7) * 1000; // 200 ppm fast, 6 ms of jitter
            reception.input(&header(index as u16, (index * 160) as u32), 8000, 1 + at);
        }
        assert!((reception.drift_ppm(8000) - 200.0).abs() < 20.0, "{}", reception.drift_ppm(8000));
    }

    #[test]
    fn round_trip_comes_from_the_echo_of_our_report() {
        let ntp = |micros: u64| (micros << 32) / 1_000_000 + (5 << 32);
        let mut ours = Session::default();
        let mut reception = Reception::default();
        let mut out = Vec::new();
        // We sent an SR at 0; the peer held it 2 s and it arrives back at 2.05 s.
        let block = Block {
            ssrc: 1,
            last_sr: middle(ntp(0)),
            delay: 2 * 65_536,
            fraction: 128,
            jitter: 80,
            ..Block::default()
        };
        super::super::write_report(&mut out, 9, None, Some(block), "peer");
        assert!(ours.input(&out, 1, ntp(2_050_000), &mut reception, 2_050_000));
        assert!((ours.view.round_trip_ms - 50.0).abs() < 0.1, "{}", ours.view.round_trip_ms);
        assert_eq!((ours.view.lost_ratio, ours.view.jitter_ticks), (0.5, 80));
    }
}
