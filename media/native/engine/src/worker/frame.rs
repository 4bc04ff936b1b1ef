//! One step of a group: pull every source, sum the buses, feed listeners and recorders.

use super::bus::Bus;
use super::group::Group;
use super::io::Net;
use super::table::Core;
use crate::dsp::vad::Edge;
use crate::event::Event;
use crate::ids::{FRAMES_PER_SECOND, Micros, NodeId, Slot, seconds};
use crate::media::player::End;
use crate::port::dtmf::Step;
use crate::port::receive::Detectors;
use crate::port::voice::Piece;
use crate::port::{Path, Port};
use crate::rtp;

impl Core {
    /// Runs the frame that was due at `due`; `merged` frames before it were missed.
    pub(super) fn frame(&mut self, group: &mut Group, due: Micros, now: Micros, merged: u32, net: &mut dyn Net) {
        let length = group.rate as usize / FRAMES_PER_SECOND;
        self.pull_ports(group, length, due, now);
        self.pull_players(group, length);
        self.pull_injects(group, length);
        self.sum_buses(group, length);
        self.feed_listeners(group, length, now, merged, net);
        self.feed_recorders(group, length, due);
        self.feed_taps(group, length, due);
        self.current = None;
    }

    pub(super) fn pull_ports(&mut self, group: &mut Group, length: usize, due: Micros, now: Micros) {
        for index in 0..group.plan.decode.len() {
            let (slot, node, frame) = group.plan.decode[index];
            self.current = Some(slot);
            let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
            port.receive.pull(group.rate, due);
            if let Some(awaited) = group.plan.awaited.get_mut(frame as usize) {
                *awaited = port.receive.is_about_to_play(now);
            }
            if !port.direction.receives() {
                port.receive.samples.fill(0.0);
            }
            let start = frame as usize * length;
            group.arena[start..start + length].copy_from_slice(&port.receive.samples);
            let began = port.receive.detect_inband(group.rate, now);
            let ripe = port.receive.ripe_inband(now);
            let playing = port.receive.playout.as_ref().is_some_and(|playout| playout.began_with().is_some());
            let (samples, events) = (&port.receive.samples, &mut self.events);
            port.receive.detectors.tones.input(samples, group.rate, now, |heard| {
                events.push(Event::ToneHeard {
                    port: node,
                    hertz: f64::from(heard.hertz),
                    at: seconds(heard.at),
                    duration: heard.duration_ms,
                    tone: "",
                });
            });
            let barge = detect(&mut port.receive.detectors, samples, playing, group.rate, node, now, events);
            if let Some(heard) = ripe {
                let (digit, duration) = (heard.digit, heard.duration_ms);
                self.events.push(Event::Dtmf { port: node, digit, duration, way: "inband", at: seconds(heard.at) });
            }
            if began {
                self.yield_players(group, node);
            }
            if barge {
                self.yield_to_talk(group, node);
            }
        }
        self.current = None;
    }

    fn pull_players(&mut self, group: &mut Group, length: usize) {
        let mut ended: Vec<(NodeId, End)> = Vec::new(); // no allocation while empty
        for player in &mut group.players {
            let at = player.frame as usize * length;
            let Some(frame) = group.arena.get_mut(at..at + length) else { continue };
            if let Some(end) = player.pull(frame, group.rate, &self.cache) {
                ended.push((player.id, end));
            }
        }
        // The frame that was just pulled is still heard: players leave with the next plan.
        for (node, end) in ended {
            self.end_player(group, node, end);
        }
    }

    fn pull_injects(&mut self, group: &mut Group, length: usize) {
        for inject in &mut group.injects {
            let at = inject.frame as usize * length;
            let Some(frame) = group.arena.get_mut(at..at + length) else { continue };
            let (id, events) = (inject.id, &mut self.events);
            inject.pull(frame, group.rate, |reached| events.push(reached.told(id)));
        }
    }

    /// Removes a player and tells so. Its last frame stays in the arena until the next plan.
    pub(super) fn end_player(&mut self, group: &mut Group, node: NodeId, end: End) {
        let Some(index) = group.players.iter().position(|player| player.id == node) else { return };
        let player = group.players.remove(index);
        if end != End::Done {
            // Stopped before this frame was pulled: what lies in the arena is the frame before.
            let length = group.rate as usize / FRAMES_PER_SECOND;
            let at = player.frame as usize * length;
            if let Some(frame) = group.arena.get_mut(at..at + length) {
                frame.fill(0.0);
            }
        }
        self.nodes.remove(&node);
        self.events.push(Event::PlayEnded { player: node, reason: end.word(), played_ms: player.played_ms() });
        self.soil_own(group);
    }

    /// As `soil`, for a group that is out of the table.
    pub(super) fn soil_own(&mut self, group: &mut Group) {
        group.dirty = true;
        if let Some(index) = self.group_of.get(&group.id).copied() {
            self.dirty.push(index);
        }
    }

    /// A digit on `port` stops the players that yield to it.
    pub(super) fn yield_players(&mut self, group: &mut Group, port: NodeId) {
        while let Some(node) = group.players.iter().find(|player| player.yields_to(port)).map(|player| player.id) {
            self.end_player(group, node, End::Digit);
        }
    }

    /// Talk on `port` stops the players that yield to it.
    fn yield_to_talk(&mut self, group: &mut Group, port: NodeId) {
        while let Some(node) = group.players.iter().find(|player| player.yields_to_talk(port)).map(|player| player.id) {
            self.end_player(group, node, End::Talk);
        }
    }

    fn sum_buses(&mut self, group: &mut Group, length: usize) {
        let start = group.plan.buses_at as usize;
        for (index, bus) in group.buses.iter_mut().enumerate() {
            let out = &mut self.mix[..length];
            let at = (start + index) * length;
            bus.overload = self.overload;
            bus.sum_into(&group.arena, &group.plan.awaited, out);
            group.arena[at..at + length].copy_from_slice(out);
            if let Some(ports) = bus.news() {
                self.events.push(Event::ActiveSpeakers { bus: bus.id, ports });
            }
        }
    }

    fn feed_listeners(&mut self, group: &mut Group, length: usize, now: Micros, merged: u32, net: &mut dyn Net) {
        let sparing = self.overload > 0;
        for &slot in &group.ports {
            self.current = Some(slot);
            let goes_on = self.goes_on(slot);
            let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
            let mut out = Outlet { net, packet: &mut self.packet[..], now };
            if port.outgoing.is_active() {
                let rate = group.rate;
                if send_dtmf(port, rate, &mut self.mix[..length], &mut self.payload[..], slot, &mut out) {
                    // The last step: what the port sends next is for the plan to say.
                    group.dirty = true;
                }
                continue;
            }
            if port.path != Path::Mix || port.waits(goes_on, now) {
                continue;
            }
            let mix = &mut self.mix[..length];
            let common = group.buses.iter().position(|bus| hears_all(port, bus));
            if common.is_none() {
                mix.fill(0.0);
                port.edges.hold(&group.plan.awaited);
                let (id, buses) = (port.id, &group.buses);
                port.edges.mix_into(&group.arena, mix, |source| {
                    buses.iter().find(|bus| bus.id == source).and_then(|bus| bus.share(id))
                });
            }
            if port.target().is_none() || now < port.send.muted_until {
                continue;
            }
            if merged > 0 {
                let ticks = port.sending_clock() / FRAMES_PER_SECOND as u32 * merged;
                port.send.skip(ticks);
            }
            match common {
                Some(index) => {
                    let at = (group.plan.buses_at as usize + index) * length;
                    let sum = group.arena.get(at..at + length).unwrap_or_default();
                    if let Some(bus) = group.buses.get_mut(index) {
                        send_common(port, bus, group.rate, sum, mix, slot, &mut out);
                        (port.shares_encoder, port.voice) = (Some(bus.id), None);
                    }
                }
                None => {
                    if let Some(id) = port.shares_encoder.take()
                        && let Some(bus) = group.buses.iter().find(|bus| bus.id == id)
                        && let Some(voice) = port.voice(group.rate)
                    {
                        bus.lead_out(voice);
                    }
                    if let Some(voice) = &mut port.voice {
                        voice.spare_effort(sparing);
                    }
                    send_audio(port, group.rate, mix, &mut self.payload[..], slot, &mut out);
                }
            }
        }
        self.current = None;
        let led_over = |slot: &Slot| self.ports.get(*slot as usize)?.as_deref().map(Port::is_led_over);
        if group.dirty || group.plan.settling.iter().any(|slot| led_over(slot) == Some(true)) {
            self.soil_own(group);
        }
    }

    /// Whether this frame goes on where the packets ended that a listener was passed before it began to mix. `None`: no more
    /// of that source plays, or the listener was passed none.
    fn goes_on(&self, listener: Slot) -> Option<bool> {
        let former = self.ports.get(listener as usize)?.as_deref()?.former?;
        let source = self.ports.get(former.slot as usize)?.as_deref().filter(|port| port.id == former.source)?;
        let begun = source.receive.playout.as_ref()?.began_with()?;
        Some((begun as u16).wrapping_sub(former.newest) as i16 > 0)
    }

    pub(super) fn feed_recorders(&mut self, group: &mut Group, length: usize, due: Micros) {
        let Group { recorders, arena, rate, .. } = group;
        let mut lost = None;
        for recorder in recorders.iter_mut() {
            if recorder.is_abandoned() {
                lost = Some(recorder.id);
                continue;
            }
            let to = recorder.rate;
            for channel in &mut recorder.channels {
                let mix = &mut self.mix[..length];
                mix.fill(0.0);
                channel.edges.mix_into(arena, mix, |_| None);
                mix.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
                channel.put(mix, *rate, to);
            }
            if recorder.write(due) {
                self.events.push(Event::RecordDegraded { recorder: recorder.id, reason: "disk too slow".to_owned() });
            }
        }
        if let Some(id) = lost {
            group.recorders.retain(|recorder| recorder.id != id);
            self.nodes.remove(&id);
            self.soil_own(group);
        }
    }

    fn feed_taps(&mut self, group: &mut Group, length: usize, due: Micros) {
        let Group { taps, buses, arena, rate, .. } = group;
        for tap in taps.iter_mut() {
            let mix = &mut self.mix[..length];
            mix.fill(0.0);
            let ear = tap.ear;
            tap.edges.mix_into(arena, mix, |source| {
                buses.iter().find(|bus| bus.id == source).and_then(|bus| bus.share(ear))
            });
            mix.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
            self.tapped |= tap.put(mix, *rate, due);
        }
    }
}

/// Tells talk and call-progress tones of one frame; true when the talk stops prompts.
fn detect(
    detectors: &mut Detectors,
    samples: &[f32],
    playing: bool,
    rate: u32,
    port: NodeId,
    now: Micros,
    events: &mut Vec<Event>,
) -> bool {
    let talk = detectors.talk(samples, playing, now);
    match talk.edge.filter(|_| detectors.speech) {
        Some(Edge::Talking { at, level }) => {
            events.push(Event::Talking { port, at: seconds(at), level: f64::from(level) });
        }
        Some(Edge::Silent { at, talk_ms }) => events.push(Event::Silent { port, at: seconds(at), talk_ms }),
        None => (),
    }
    if let Some(heard) = detectors.progress(samples, rate, now) {
        events.push(Event::ToneHeard {
            port,
            hertz: f64::from(heard.hertz),
            at: seconds(heard.at),
            duration: heard.duration_ms,
            tone: heard.tone,
        });
    }
    talk.barge
}

/// Where packets of a frame leave.
pub(super) struct Outlet<'a> {
    pub net: &'a mut dyn Net,
    pub packet: &'a mut [u8],
    pub now: Micros,
}

impl Outlet<'_> {
    /// Heads, protects and sends one payload of a port.
    pub fn send(
        &mut self,
        port: &mut Port,
        slot: u32,
        payload_type: u8,
        numbers: crate::port::send::Numbers,
        payload: &[u8],
    ) {
        let Some(target) = port.target() else { return };
        let ssrc = port.send.ssrc;
        let (marker, sequence, timestamp) = (numbers.marker, numbers.sequence, numbers.timestamp);
        let Some(length) = rtp::write_into(self.packet, marker, payload_type, sequence, timestamp, ssrc, payload)
        else {
            return;
        };
        let Some(length) = port.security.seal_rtp(self.packet, length) else { return };
        if let Some(packet) = self.packet.get(..length) {
            self.net.send(slot, false, packet, target);
            port.send.count(payload.len());
        }
    }
}

fn send_audio(port: &mut Port, rate: u32, frame: &mut [f32], scratch: &mut [u8], slot: u32, out: &mut Outlet<'_>) {
    let (coding, payload_type) = port.sending();
    if port.voice(rate).is_none() {
        return;
    }
    // The voice is out of the port while its payloads are sent.
    let Some(mut voice) = port.voice.take() else { return };
    let ticks = voice.ticks();
    voice.frame(frame, scratch, |piece| {
        let (payload_type, payload, first, late) = match piece {
            Piece::Audio { payload, first, late } => (Some(payload_type), payload, first, late),
            Piece::Noise(payload) => (port.codecs.sending_noise(coding), payload, false, 0),
            Piece::Silence => (None, &[][..], false, 0),
        };
        let Some(payload_type) = payload_type else { return port.send.skip(ticks) };
        let mut numbers = port.send.own(ticks, coding.clock(), out.now);
        numbers.marker |= first;
        numbers.timestamp = numbers.timestamp.wrapping_add(late);
        out.send(port, slot, payload_type, numbers, payload);
    });
    port.voice = Some(voice);
}

/// The port hears this bus alone, as it is, and nothing of itself in it: what many hear. Packets of 20 ms only, so that nobody
/// hears a part of one twice when it begins to talk.
fn hears_all(port: &Port, bus: &Bus) -> bool {
    port.ptime_ms == 20
        && port.sending().0.packet_ms(20) == 20
        && port.edges.only() == Some(bus.id)
        && bus.share(port.id).is_none()
}

/// Sends the common mix, encoded once per codec.
fn send_common(
    port: &mut Port,
    bus: &mut Bus,
    rate: u32,
    sum: &[f32],
    scratch: &mut [f32],
    slot: u32,
    out: &mut Outlet<'_>,
) {
    let (coding, payload_type) = port.sending();
    if let Some((ticks, payload)) = bus.common(coding, rate, sum, scratch)
        && !payload.is_empty()
    {
        let numbers = port.send.own(ticks, coding.clock(), out.now);
        out.send(port, slot, payload_type, numbers, payload);
    }
}

/// One step of the DTMF queue; true when it became empty.
fn send_dtmf(
    port: &mut Port,
    rate: u32,
    frame: &mut [f32],
    scratch: &mut [u8],
    slot: u32,
    out: &mut Outlet<'_>,
) -> bool {
    let event = port.codecs.sending_event(port.sending_clock());
    let clock = event.map(|(_, clock)| clock);
    match port.outgoing.step(clock) {
        Some(Step::Event { payload, timestamp }) => {
            if let Some((payload_type, clock)) = event {
                let numbers = port.send.event(timestamp, clock, out.now);
                port.outgoing.begun_at(numbers.timestamp);
                out.send(port, slot, payload_type, numbers, &payload.bytes());
            }
        }
        Some(Step::Tone) => {
            port.outgoing.tone_into(frame, rate);
            send_audio(port, rate, frame, scratch, slot, out);
        }
        Some(Step::Pause) if clock.is_none() => {
            frame.fill(0.0);
            send_audio(port, rate, frame, scratch, slot, out);
        }
        Some(Step::Pause) | None => (),
    }
    !port.outgoing.is_active()
}
