//! What happens by time: reports, lost media, lost ends of digits, ICE consent; and what the handshake thread says.

use super::io::Net;
use super::table::Core;
use crate::dtls::{HandshakeEvent, HandshakeKind};
use crate::event::Event;
use crate::ids::{Micros, Slot};
use crate::port::Port;
use crate::port::security::Security;
use crate::quality::flow::{Cause, PATIENCE_US};
use crate::rtcp::{self, Sender};

/// Ports are looked at so often; each says when it wants more than a look.
const SWEEP_US: Micros = 50_000;
const LOST_US: Micros = 2_000_000;
const REPORT_US: u64 = 5_000_000;
const STATS_US: Micros = 5_000_000;
/// Under overload figures are told less often.
const STATS_SPARING_US: Micros = 15_000_000;

impl Core {
    /// Runs the deadlines of all ports, at most every 50 ms.
    pub fn run_timers(&mut self, now: Micros, net: &mut dyn Net) {
        if now < self.next_sweep {
            return;
        }
        let mut any = false;
        for slot in 0..self.ports.len() {
            let Some(port) = self.ports[slot].as_deref() else { continue };
            any = true;
            if port.due <= now {
                self.guarded(slot as Slot, |core, port| core.timers(slot as Slot, port, now, net));
            }
        }
        self.next_sweep = if any { now + SWEEP_US } else { Micros::MAX };
    }

    fn timers(&mut self, slot: Slot, port: &mut Port, now: Micros, net: &mut dyn Net) {
        let mut due = Micros::MAX;
        if now >= port.report_at {
            if port.report_at > 0 && !port.udptl {
                self.report(slot, port, now, false, net);
            }
            // 5 s ± 50 % (RFC 3550 §6.3.1), so that reports of many ports do not march in step.
            port.report_at = now + REPORT_US / 2 + self.random() % REPORT_US;
        }
        due = due.min(port.report_at).min(self.tell_stats(port, now));
        let receive = &mut port.receive;
        if receive.started && !receive.silent && port.direction.receives() && !port.udptl {
            let lost_at = receive.last_at + LOST_US;
            if now >= lost_at {
                receive.silent = true;
                self.events.push(Event::MediaLost { port: port.id, silent_ms: (now - receive.last_at) / 1000 });
            } else {
                due = due.min(lost_at);
            }
        }
        let clock = port.receive.event_clock;
        if let Some(heard) = port.receive.events.timeout(clock, now) {
            self.digit(port, heard);
        }
        if port.receive.events.is_active() {
            due = due.min(now + SWEEP_US);
        }
        if let Some(ice) = &mut port.ice {
            ice.timeout(self.clock.instant(now));
            if let Some(deadline) = ice.next_deadline() {
                due = due.min(self.clock.micros(deadline));
            }
            self.pump_ice(port, slot, net);
        }
        port.due = due;
    }

    /// Tells the port's figures each 5 s, and at once when the cause of silence changes. Returns when to look again.
    fn tell_stats(&mut self, port: &mut Port, now: Micros) -> Micros {
        let receive = &mut port.receive;
        if !port.direction.receives() {
            receive.awaited_since = 0;
        } else if receive.awaited_since == 0 {
            receive.awaited_since = now;
        }
        let missing = port.missing(now);
        let changed = missing != port.receive.told;
        if now >= port.stats_at || changed {
            if port.stats_at > 0 || changed {
                port.receive.told = missing;
                self.events.push(Event::Stats { port: port.id, stats: Box::new(port.stats(now)) });
            }
            let period = if self.overload > 0 { STATS_SPARING_US } else { STATS_US };
            // The first soon, for short calls; and ports that were opened together do not tell together.
            port.stats_at = now + if port.stats_at > 0 { period } else { 1_000_000 + self.random() % 1_000_000 };
        }
        let next = match (missing, port.receive.awaited_since) {
            (_, 0) => return port.stats_at,
            (Cause::None, since) => (port.receive.last_at.max(since) + PATIENCE_US).max(now + SWEEP_US),
            _ => now + 10 * SWEEP_US, // another cause may show, or the end of it
        };
        port.stats_at.min(next)
    }

    /// Sends SR or RR, with BYE when the port closes.
    pub(super) fn report(&mut self, slot: Slot, port: &mut Port, now: Micros, bye: bool, net: &mut dyn Net) {
        let Some((to, own_socket)) = port.rtcp_target() else { return };
        let sender = (port.send.packets > 0).then(|| Sender {
            ntp: self.clock.ntp(now),
            timestamp: port.send.timestamp_at(port.sending_clock(), now),
            packets: port.send.packets as u32,
            octets: port.send.octets as u32,
        });
        let mut out = Vec::with_capacity(192);
        let voip = if port.rtcp_xr { port.voip_metrics() } else { None };
        port.rtcp.report(&mut out, port.send.ssrc, sender, &mut port.receive.reception, &port.cname, voip, now);
        if bye {
            rtcp::write_bye(&mut out, port.send.ssrc);
        }
        let length = out.len();
        out.resize(length + 64, 0); // room for index and tag
        if let Some(length) = port.security.seal_rtcp(&mut out, length) {
            net.send(slot, own_socket, &out[..length], to);
        }
    }

    /// Takes what the handshake thread has to say.
    pub fn run_handshakes(&mut self, net: &mut dyn Net) {
        while let Some(event) = self.handshakes.as_ref().and_then(|handshakes| handshakes.poll()) {
            self.handshake(event, net);
        }
    }

    fn handshake(&mut self, event: HandshakeEvent, net: &mut dyn Net) {
        let Some(super::table::Place::Port(slot)) = self.nodes.get(&event.port).copied() else { return };
        let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let id = port.id;
        let state = |state, profile: String, error: String| Event::DtlsState { port: id, state, profile, error };
        match event.kind {
            HandshakeKind::Transmit(packet) => {
                if let Some(to) = port.handshake_from.or(port.latch.target()).filter(|_| port.reachable) {
                    net.send(slot, false, &packet, to);
                }
            }
            HandshakeKind::Connected { keys, profile, .. } => match Security::from_keys(&keys) {
                Ok(security) => {
                    port.security = security;
                    self.events.push(state("connected", profile, String::new()));
                }
                Err(error) => self.events.push(state("failed", String::new(), error.to_string())),
            },
            HandshakeKind::Failed(error) => {
                port.handshaking = None;
                self.events.push(state("failed", String::new(), error));
            }
            HandshakeKind::Closed => {
                port.handshaking = None;
                self.events.push(state("closed", String::new(), String::new()));
            }
        }
    }

    /// Tells when frames run late, and when they no longer do (hysteresis: half of the threshold).
    pub(super) fn watch_load(&mut self, now: Micros) {
        const STEPS: [(Micros, &str); 3] =
            [(5_000, "opus effort, statistics"), (10_000, "new ports, new taps"), (20_000, "speakers of rooms")];
        let lag = self.lag_us;
        let mut level = self.overload as usize;
        while let Some((threshold, _)) = STEPS.get(level)
            && lag > *threshold
        {
            level += 1;
        }
        while level > 0 && lag < STEPS[level - 1].0 / 2 {
            level -= 1;
        }
        // Lateness is told when the step changes, and now and then while it is worth a figure.
        let told = (lag / 1000, self.missed_frames);
        if level == self.overload as usize && (told == self.told_lag || now < self.told_lag_at + STATS_US) {
            return;
        }
        (self.told_lag, self.told_lag_at) = (told, now);
        self.overload = level as u32;
        let shed = level.checked_sub(1).and_then(|step| STEPS.get(step)).map_or("", |(_, shed)| shed);
        let lag_ms = lag as f64 / 1000.0;
        self.events.push(Event::Overload {
            worker: self.index as u32,
            level: level as u32,
            lag_ms,
            shed,
            missed: self.missed_frames,
        });
    }
}
