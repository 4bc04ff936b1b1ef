//! What a port remembers between reports: reception statistics (RFC 3550 appendix A.3, A.8), round trip, the far end's view.

use super::{Block, Report, Sender};
use crate::ids::Micros;
use crate::rtp;

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
    /// Counts a packet. Returns its extended sequence number and order.
    pub fn input(&mut self, header: &rtp::Header, clock: u32, now: Micros) -> (u64, Order) {
        let arrival = (now as i64 * i64::from(clock)) / 1_000_000;
        let transit = arrival.wrapping_sub(i64::from(header.timestamp));
        if !self.started || self.ssrc != header.ssrc {
            *self = Self { ssrc: header.ssrc, started: true, received: 1, transit, ..Self::default() };
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
        let difference = i64::from(transit.wrapping_sub(self.transit) as i32).abs();
        self.transit = transit;
        if difference < i64::from(clock) {
            self.jitter += difference - ((self.jitter + 8) >> 4);
        }
        (extended, order)
    }

    fn mark(&mut self, extended: u64) -> Order {
        if extended > self.highest {
            let ahead = extended - self.highest;
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
}

impl Default for RemoteView {
    fn default() -> Self {
        Self { round_trip_ms: -1.0, lost_ratio: -1.0, jitter_ticks: -1 }
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
            _ => (),
        });
        self.view = view;
        self.bye |= bye;
        framed
    }

    /// Appends our report: SR when `sender` is given, else RR.
    pub fn report(
        &mut self,
        out: &mut Vec<u8>,
        own: u32,
        sender: Option<Sender>,
        reception: &mut Reception,
        cname: &str,
        now: Micros,
    ) {
        super::write_report(out, own, sender, reception.block(now), cname);
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
