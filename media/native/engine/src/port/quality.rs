//! A port's figures: counters, what they are worth to the ear, and why nothing is heard.

use super::Port;
use crate::event::PortStats;
use crate::ids::Micros;
use crate::quality::emodel::{Line, impairment, mos};
use crate::quality::flow::{Cause, PATIENCE_US};
use crate::rtcp::xr::{UNKNOWN, VoipMetrics};

fn capped(ms: f64) -> u16 {
    ms.clamp(0.0, f64::from(u16::MAX)) as u16
}

fn of_256(ratio: f64) -> u8 {
    (256.0 * ratio).clamp(0.0, 255.0) as u8
}

impl Port {
    fn late(&self) -> u64 {
        self.receive.counters.late + self.receive.playout.as_ref().map_or(0, |playout| playout.late)
    }

    fn lost(&self) -> u64 {
        self.receive.counters.lost_before + self.receive.reception.lost()
    }

    /// Packets, lost and late ones since the port came into its group: what a browser that stays through many calls had in
    /// others is not this call's quality.
    fn judged(&self) -> [u64; 3] {
        let [packets, lost, late] = self.judged_from;
        [
            self.receive.counters.packets.saturating_sub(packets),
            self.lost().saturating_sub(lost),
            self.late().saturating_sub(late),
        ]
    }

    /// Judges from now on.
    pub fn judge_anew(&mut self) {
        self.judged_from = [self.receive.counters.packets, self.lost(), self.late()];
        self.receive.reception.bursts = Default::default();
    }

    /// What we receive, in the terms of the E-model; `None` while nothing came.
    ///
    /// Where packets are passed on, nothing waits here: a buffer of the far end is assumed, of a frame and twice the jitter.
    pub fn line(&self) -> Option<Line> {
        let [packets, lost, late] = self.judged();
        if packets == 0 {
            return None;
        }
        let reception = &self.receive.reception;
        let buffer = match &self.receive.playout {
            Some(playout) => playout.delay_ms(),
            None => 20.0 + 2.0 * reception.jitter_ms(self.receive.coding.clock()),
        };
        let way = self.rtcp.view.round_trip_ms.max(0.0) / 2.0;
        Some(Line {
            impairment: impairment(self.receive.coding.name()),
            lost: ((lost + late) as f64 / (packets + lost) as f64).min(1.0),
            burst_ratio: reception.bursts.ratio(),
            delay_ms: way + f64::from(self.ptime_ms) + buffer,
        })
    }

    /// Why the peer is not heard although it should be, once that has lasted for two seconds.
    pub fn missing(&self, now: Micros) -> Cause {
        let receive = &self.receive;
        let since = if receive.started { receive.last_at.max(receive.awaited_since) } else { receive.awaited_since };
        if self.udptl || !self.direction.receives() || since == 0 || now.saturating_sub(since) < PATIENCE_US {
            return Cause::None;
        }
        match receive.refused.cause() {
            Cause::None if !self.reachable => Cause::Path,
            Cause::None if !self.security.is_ready() => Cause::Handshake,
            Cause::None if receive.started => Cause::Stopped,
            Cause::None => Cause::Packets,
            refused => refused,
        }
    }

    pub fn stats(&self, now: Micros) -> PortStats {
        let receive = &self.receive;
        let counters = &receive.counters;
        let clock = receive.coding.clock();
        let playout = receive.playout.as_ref();
        let view = &self.rtcp.view;
        let remote_jitter = view.jitter_ticks as f64 * 1000.0 / f64::from(self.sending_clock());
        let missing = self.missing(now);
        let one_way = if self.send.packets > 0 { missing } else { Cause::None };
        let line = self.line();
        PortStats {
            packets_received: counters.packets,
            octets_received: counters.octets,
            packets_sent: self.send.packets,
            octets_sent: self.send.octets,
            lost: self.lost(),
            late: self.late(),
            duplicates: counters.duplicates,
            discarded: counters.discarded,
            flooded: counters.flooded,
            concealed_ms: counters.concealed_ms + playout.map_or(0, |playout| playout.concealed_ms()),
            jitter_ms: receive.reception.jitter_ms(clock),
            delay_ms: playout.map_or(receive.mean_delay_ms, |playout| playout.delay_ms()),
            round_trip_ms: view.round_trip_ms,
            srtp_failures: counters.srtp_failures,
            remote_lost_ratio: view.lost_ratio,
            remote_jitter_ms: if view.jitter_ticks < 0 { -1.0 } else { remote_jitter },
            codec: if self.udptl { "T38" } else { receive.coding.name() }.to_owned(),
            mos: line.map_or(-1.0, |line| mos(line.rating())),
            mos_listening: line.map_or(-1.0, |line| mos(line.listening_rating())),
            r_factor: line.map_or(-1.0, |line| line.rating()),
            burst_ratio: receive.reception.bursts.ratio(),
            one_way: one_way.word(),
            one_way_detail: if one_way == Cause::None { String::new() } else { receive.refused.detail() },
            zero_packets: counters.packets == 0 && missing != Cause::None,
            drift_ppm: playout.map_or_else(|| receive.reception.drift_ppm(clock), |playout| playout.drift_ppm()),
            delay_target_ms: playout.map_or(0.0, |playout| playout.target_ms()),
            remote_mos: view.mos,
            remote_r_factor: view.r_factor,
        }
    }

    /// What we tell a peer that wants VoIP metrics; `None` while nothing came.
    pub fn voip_metrics(&self) -> Option<VoipMetrics> {
        let line = self.line()?;
        let reception = &self.receive.reception;
        let [packets, lost, late] = self.judged();
        let expected = (packets + lost).max(1) as f64;
        let densities = reception.bursts.densities();
        let packet_ms = f64::from(self.ptime_ms);
        let playout = self.receive.playout.as_ref();
        let tenths = |rating: f64| (10.0 * mos(rating)).round() as u8;
        Some(VoipMetrics {
            ssrc: reception.ssrc,
            lost: of_256(lost as f64 / expected),
            discarded: of_256(late as f64 / expected),
            burst_density: densities.burst,
            gap_density: densities.gap,
            burst_ms: capped(densities.burst_packets * packet_ms),
            gap_ms: capped(densities.gap_packets * packet_ms),
            round_trip_ms: capped(self.rtcp.view.round_trip_ms),
            end_delay_ms: capped(packet_ms + playout.map_or(0.0, |playout| playout.delay_ms())),
            r_factor: (line.rating().round() as u8).min(UNKNOWN - 1),
            mos_lq: tenths(line.listening_rating()),
            mos_cq: tenths(line.rating()),
            buffer_ms: capped(playout.map_or(0.0, |playout| playout.target_ms())),
            buffer_max_ms: capped(f64::from(self.jitter_ms.1)),
        })
    }
}
