//! A datagram's way through a port: demultiplexing, protection, latch, then relay and decoder.

use std::net::SocketAddr;

use super::frame::Outlet;
use super::io::Net;
use super::table::{Core, Place};
use crate::event::Event;
use crate::ice::IceEvent;
use crate::ids::{Micros, NodeId, Slot, seconds};
use crate::jitter::Kind as Held;
use crate::port::Port;
use crate::port::codecs::Incoming;
use crate::port::latch::Verdict;
use crate::rtcp::session::Order;
use crate::rtp::telephone_event::{Heard, Payload};
use crate::rtp::{self, Header, Kind};
use crate::srtp::SrtpError;

/// A passed-on event mutes the mix for so long after its newest packet.
const EVENT_MUTE_US: Micros = 60_000;

/// Where and when a datagram came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub slot: Slot,
    pub source: SocketAddr,
    pub now: Micros,
}

impl Core {
    /// Takes a datagram of a port's RTP (or multiplexed) socket; it may be changed in place.
    pub fn rtp_input(&mut self, slot: Slot, packet: &mut [u8], source: SocketAddr, now: Micros, net: &mut dyn Net) {
        let arrival = Arrival { slot, source, now };
        self.guarded(slot, |core, port| match rtp::kind(packet) {
            _ if port.udptl => core.fax(port, packet, arrival, net),
            Kind::Rtp => core.media(port, packet, arrival, net),
            Kind::Rtcp if port.rtcp_mux => core.rtcp(port, packet, arrival),
            Kind::Stun if port.ice.is_some() => core.stun(port, packet, arrival, net),
            Kind::Dtls if port.dtls.is_some() => {
                // After a move to another worker the association is done; only a repeated last flight is lost by it.
                // With ICE only an address that made an authentic check may take part in the handshake.
                let proven = port.ice.as_ref().is_none_or(|ice| ice.knows(source));
                if let Some(handshakes) =
                    core.handshakes.as_ref().filter(|_| port.handshaking == Some(core.index) && proven)
                {
                    handshakes.datagram(port.id, packet.to_vec());
                    port.handshake_from = port.ice.is_none().then_some(source);
                }
            }
            _ => port.receive.counters.discarded += 1,
        });
        self.replan(now, net);
    }

    /// The slot of a port for which this is an authentic connectivity check.
    pub fn recognized(&self, port: NodeId, packet: &[u8]) -> Option<Slot> {
        let Some(Place::Port(slot)) = self.nodes.get(&port) else { return None };
        let ice = self.ports.get(*slot as usize)?.as_deref()?.ice.as_ref()?;
        ice.recognizes(packet).then_some(*slot)
    }

    /// The slot of a browser's port whose stream this packet of a stranger would continue. Whether it does, its tag will tell.
    pub fn continued(&self, packet: &[u8]) -> Option<Slot> {
        let header = Header::parse(packet)?;
        self.nodes.values().find_map(|place| {
            let Place::Port(slot) = place else { return None };
            let port = self.ports.get(*slot as usize)?.as_deref()?;
            (port.ice.is_some() && port.receive.reception.is_of(header.ssrc)).then_some(*slot)
        })
    }

    /// Takes a datagram of a port's RTCP socket.
    pub fn rtcp_input(&mut self, slot: Slot, packet: &mut [u8], source: SocketAddr, now: Micros) {
        let arrival = Arrival { slot, source, now };
        self.guarded(slot, |core, port| match rtp::kind(packet) {
            Kind::Rtcp => core.rtcp(port, packet, arrival),
            _ => port.receive.counters.discarded += 1,
        });
    }

    fn media(&mut self, port: &mut Port, packet: &mut [u8], arrival: Arrival, net: &mut dyn Net) {
        let counters = &mut port.receive.counters;
        let known = port.latch.is_known(arrival.source);
        let flood = if known { &mut port.receive.flood } else { &mut port.receive.strangers };
        if !flood.admits(arrival.now) {
            counters.flooded += 1;
            return;
        }
        let payload_type = packet.get(1).map_or(0, |octet| octet & 0x7f);
        let Some(incoming) = port.codecs.incoming(payload_type) else {
            port.receive.refused.codec(payload_type);
            counters.discarded += 1;
            return;
        };
        let (length, authentic) = match port.security.open_rtp(packet) {
            Ok(opened) => opened,
            Err(SrtpError::Replay) => {
                counters.duplicates += 1;
                return;
            }
            // The peer ended the handshake a moment before us: nobody's fault.
            Err(SrtpError::NoKey) => {
                counters.discarded += 1;
                return;
            }
            Err(_) => {
                port.receive.refused.keys();
                counters.srtp_failures += 1;
                return;
            }
        };
        let packet = packet.get(..length).unwrap_or_default();
        let Some(header) = Header::parse(packet) else {
            counters.discarded += 1;
            return;
        };
        let admitted = self.admit(port, &header, authentic, arrival);
        if authentic {
            self.suspect(port, arrival, net);
        }
        if !admitted {
            port.receive.refused.source(arrival.source);
        }
        if !admitted || !port.direction.receives() {
            port.receive.counters.discarded += 1;
            return;
        }
        let Some(payload) = packet.get(header.payload.clone()) else { return };
        self.accepted(port, &header, payload, incoming, arrival, net);
    }

    /// Asks the latch and tells what moved.
    fn admit(&mut self, port: &mut Port, header: &Header, authentic: bool, arrival: Arrival) -> bool {
        if port.ice.is_some() {
            // The path is ICE's choice; the tag proves the sender.
            return authentic || port.ice.as_ref().is_some_and(|ice| ice.knows(arrival.source));
        }
        match port.latch.check(arrival.source, header.ssrc, header.sequence, authentic, arrival.now) {
            Verdict::Accept => true,
            Verdict::Moved { old, reason } => {
                self.remote_changed(port.id, old, arrival.source, reason);
                true
            }
            Verdict::Reject => false,
        }
    }

    /// Right media from an address that ICE does not know: asks whether the peer moved there.
    fn suspect(&mut self, port: &mut Port, arrival: Arrival, net: &mut dyn Net) {
        let now = self.clock.instant(arrival.now);
        if let Some(ice) = port.ice.as_mut().filter(|ice| !ice.knows(arrival.source)) {
            ice.suspect(arrival.source, now);
            self.pump_ice(port, arrival.slot, net);
        }
    }

    pub(super) fn remote_changed(
        &mut self,
        port: NodeId,
        old: Option<SocketAddr>,
        new: SocketAddr,
        reason: &'static str,
    ) {
        let old = old.map_or_else(String::new, |old| old.to_string());
        self.events.push(Event::RemoteChanged { port, old, new: new.to_string(), reason });
    }

    fn accepted(
        &mut self,
        port: &mut Port,
        header: &Header,
        payload: &[u8],
        incoming: Incoming,
        arrival: Arrival,
        net: &mut dyn Net,
    ) {
        let now = arrival.now;
        let receive = &mut port.receive;
        let clock = match incoming {
            Incoming::Event(clock) => clock,
            _ => receive.coding.clock(),
        };
        let former = receive.reception.lost();
        let (sequence, order) = receive.reception.input(header, clock, now);
        match order {
            Order::Duplicate => {
                receive.counters.duplicates += 1;
                return;
            }
            Order::First => {
                receive.counters.lost_before += former;
                if let Some(playout) = &mut receive.playout {
                    playout.restart();
                }
            }
            Order::Next | Order::Old => (),
        }
        receive.counters.packets += 1;
        receive.counters.octets += payload.len() as u64;
        receive.last_at = now;
        receive.refused.accepted();
        if let Incoming::Audio(coding) = incoming
            && coding != receive.coding
        {
            receive.coding = coding;
            self.soil(port.group);
        }
        if !receive.started || receive.silent {
            self.begin(port, header, arrival);
        }
        match incoming {
            Incoming::Audio(_) => self.audio(port, header, payload, sequence, arrival, net),
            Incoming::Event(clock) => self.event(port, header, payload, sequence, clock, arrival, net),
            Incoming::Noise => {
                port.receive.take(Held::Noise, sequence, header.timestamp, payload, now);
            }
        }
    }

    fn begin(&mut self, port: &mut Port, header: &Header, arrival: Arrival) {
        let receive = &mut port.receive;
        if receive.silent {
            receive.silent = false;
            self.events.push(Event::MediaResumed { port: port.id });
        }
        if !receive.started {
            receive.started = true;
            self.events.push(Event::MediaStarted {
                port: port.id,
                remote: arrival.source.to_string(),
                codec: receive.coding.name().to_owned(),
                ssrc: header.ssrc,
                as_signalled: port.latch.is_signalled(arrival.source),
                at: seconds(arrival.now),
            });
        }
        port.due = port.due.min(arrival.now + 500_000);
    }

    fn audio(
        &mut self,
        port: &mut Port,
        header: &Header,
        payload: &[u8],
        sequence: u64,
        arrival: Arrival,
        net: &mut dyn Net,
    ) {
        port.receive.request = port.receive.coding.requests(payload).or(port.receive.request);
        self.relay(port, header, payload, None, arrival.now, net);
        let kind = Held::Audio(port.receive.coding);
        port.receive.take(kind, sequence, header.timestamp, payload, arrival.now);
    }

    /// Passes a packet on to every port that relays this one; `event` is the clock of a telephone event.
    fn relay(
        &mut self,
        port: &Port,
        header: &Header,
        payload: &[u8],
        event: Option<u32>,
        now: Micros,
        net: &mut dyn Net,
    ) {
        for &slot in &port.relays {
            self.relay_to(slot, port, header, payload, event, now, net);
        }
    }

    /// Passes one packet of `port` on to one listener, in that one's numbers.
    #[allow(clippy::too_many_arguments)] // one call, the pieces of one packet
    pub(super) fn relay_to(
        &mut self,
        slot: Slot,
        port: &Port,
        header: &Header,
        payload: &[u8],
        event: Option<u32>,
        now: Micros,
        net: &mut dyn Net,
    ) {
        let coding = port.receive.coding;
        let Some(listener) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        if listener.outgoing.is_active() || listener.target().is_none() {
            return;
        }
        let payload_type = match event {
            None => listener.codecs.sending(coding),
            Some(clock) if listener.dtmf_pass => {
                listener.codecs.sending_event(clock).filter(|(_, theirs)| *theirs == clock).map(|(number, _)| number)
            }
            Some(_) => None,
        };
        let Some(payload_type) = payload_type else { return };
        let length = if event.is_none() { coding.ticks(payload).unwrap_or(0) } else { 0 };
        let Some(numbers) = listener.send.relay(port.id, header, length, coding.clock(), now) else { return };
        let mut out = Outlet { net, packet: &mut self.packet[..], now };
        out.send(listener, slot, payload_type, numbers, payload);
    }

    #[allow(clippy::too_many_arguments)] // one call, the pieces of one packet
    fn event(
        &mut self,
        port: &mut Port,
        header: &Header,
        payload: &[u8],
        sequence: u64,
        clock: u32,
        arrival: Arrival,
        net: &mut dyn Net,
    ) {
        let now = arrival.now;
        port.receive.take(Held::Event, sequence, header.timestamp, &[], now);
        let Some(event) = Payload::parse(payload) else {
            port.receive.counters.discarded += 1;
            return;
        };
        if port.dtmf_pass {
            self.relay(port, header, payload, Some(clock), now, net);
            self.pass_to_mixers(port, header, event, clock, now, net);
        }
        port.receive.event_clock = clock;
        let change = port.receive.events.input(header.ssrc, header.timestamp, event, clock, now);
        port.due = port.due.min(now + 50_000);
        for heard in [change.superseded, change.ended].into_iter().flatten() {
            self.digit(port, heard);
        }
        if change.started.is_some()
            && let Some(mut group) = self.groups.get_mut(port.group as usize).and_then(Option::take)
        {
            self.yield_players(&mut group, port.id);
            self.groups[port.group as usize] = Some(group);
        }
    }

    /// Reports a digit at its end.
    pub(super) fn digit(&mut self, port: &mut Port, heard: Heard) {
        port.receive.note_digit(heard.digit, heard.at);
        if port.receive.detectors.rfc4733 {
            let (digit, duration) = (heard.digit, heard.duration_ms);
            self.events.push(Event::Dtmf { port: port.id, digit, duration, way: "rfc4733", at: seconds(heard.at) });
        }
    }

    /// Listeners that mix get the event as packets too, in their own numbers, while their audio is muted.
    fn pass_to_mixers(
        &mut self,
        port: &Port,
        header: &Header,
        event: Payload,
        clock: u32,
        now: Micros,
        net: &mut dyn Net,
    ) {
        let Some(group) = self.groups.get(port.group as usize).and_then(Option::as_deref) else { return };
        for index in 0..group.plan.mixers.len() {
            let Some(group) = self.groups.get(port.group as usize).and_then(Option::as_deref) else { return };
            let Some(&slot) = group.plan.mixers.get(index) else { return };
            let Some(listener) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
            let hears = listener.edges.wanted().any(|edge| edge.source == port.id);
            if !hears || !listener.dtmf_pass || listener.outgoing.is_active() || listener.target().is_none() {
                continue;
            }
            let Some((payload_type, theirs)) = listener.codecs.sending_event(listener.sending_clock()) else {
                continue;
            };
            let duration = u64::from(event.duration) * u64::from(theirs) / u64::from(clock.max(1));
            let payload = Payload { duration: u16::try_from(duration).unwrap_or(u16::MAX), ..event };
            let numbers = listener.send.pass_event(port.id, header, theirs, now);
            listener.send.muted_until = if event.end { now } else { now + EVENT_MUTE_US };
            let mut out = Outlet { net, packet: &mut self.packet[..], now };
            out.send(listener, slot, payload_type, numbers, &payload.bytes());
        }
    }

    fn rtcp(&mut self, port: &mut Port, packet: &mut [u8], arrival: Arrival) {
        let length = match port.security.open_rtcp(packet) {
            Ok(length) => length,
            Err(SrtpError::NoKey | SrtpError::Replay) => {
                port.receive.counters.discarded += 1;
                return;
            }
            Err(_) => {
                port.receive.counters.srtp_failures += 1;
                return;
            }
        };
        let expected = port.latch.target().is_none_or(|remote| remote.ip() == arrival.source.ip());
        if !expected && !matches!(port.security, crate::port::security::Security::Keyed(_)) {
            port.receive.counters.discarded += 1;
            return;
        }
        let ntp = self.clock.ntp(arrival.now);
        let packet = packet.get(..length).unwrap_or_default();
        let own = port.send.ssrc;
        if !port.rtcp.input(packet, own, ntp, &mut port.receive.reception, arrival.now) {
            port.receive.counters.discarded += 1;
        } else if !port.rtcp_mux {
            port.remote_rtcp = Some(arrival.source);
        }
    }

    fn stun(&mut self, port: &mut Port, packet: &[u8], arrival: Arrival, net: &mut dyn Net) {
        let now = self.clock.instant(arrival.now);
        if let Some(ice) = &mut port.ice {
            ice.input(packet, arrival.source, now);
        }
        self.pump_ice(port, arrival.slot, net);
        port.due = 0;
    }

    /// Sends what the ICE agent wants to send and acts on what it found.
    pub(super) fn pump_ice(&mut self, port: &mut Port, slot: Slot, net: &mut dyn Net) {
        let Some(ice) = &mut port.ice else { return };
        while let Some((packet, to)) = ice.poll_transmit() {
            net.send(slot, false, &packet, to);
        }
        while let Some(event) = port.ice.as_mut().and_then(|ice| ice.poll_event()) {
            let (state, remote) = match event {
                IceEvent::Connected { remote } => ("connected", Some(remote)),
                IceEvent::Nominated { remote } => ("nominated", Some(remote)),
                IceEvent::Disconnected => ("disconnected", None),
            };
            port.reachable = remote.is_some();
            if let Some(remote) = remote
                && let Some(old) = port.latch.prove(remote)
                && old.is_some()
            {
                self.remote_changed(port.id, old, remote, "ice");
            }
            // The catalogue knows checking, connected, disconnected: a nomination is a connection to tell.
            let state = if state == "nominated" { "connected" } else { state };
            let pair = remote.map_or_else(String::new, |remote| format!("{}-{remote}", port.local));
            self.events.push(Event::IceState { port: port.id, state, pair });
        }
    }
}
