//! From source sets to a plan: which ports relay, which mix, whose samples are needed, at which rate.

use super::group::{Group, Plan};
use super::io::Net;
use super::table::{Core, Place};
use crate::command::Sources;
use crate::ids::{FRAME_US, Micros, NodeId, Slot};
use crate::port::{Path, Port};
use crate::route::{ABSENT, EdgeSet};
use crate::rtp::Header;

impl Core {
    /// Makes the plans of all groups that changed, and drops those that became empty.
    pub fn replan(&mut self, now: Micros, net: &mut dyn Net) {
        while let Some(index) = self.dirty.pop() {
            if self.group(index).is_some_and(|group| group.dirty) {
                self.catch_up_group(index, now);
            }
            let Some(mut group) = self.groups.get_mut(index as usize).and_then(Option::take) else { continue };
            if group.is_empty() {
                self.group_of.remove(&group.id);
                self.leave_phase(index, group.phase);
                continue;
            }
            if std::mem::take(&mut group.dirty) {
                self.plan(&mut group, now, net);
                self.enter_phase(index, &mut group, now);
            }
            self.groups[index as usize] = Some(group);
        }
    }

    fn leave_phase(&mut self, index: u32, phase: usize) {
        let phase = &mut self.phases[phase];
        phase.groups.retain(|other| *other != index);
        phase.batched.retain(|other| *other != index);
    }

    /// Puts the group where its plan wants frames from.
    fn enter_phase(&mut self, index: u32, group: &mut Group, now: Micros) {
        let phase_offset = group.phase as Micros * FRAME_US / super::table::PHASES as Micros;
        let phase = &mut self.phases[group.phase];
        let was_batched = phase.batched.contains(&index);
        let clocked = if group.plan.batched { was_batched } else { phase.groups.contains(&index) };
        if group.plan.clocked && clocked {
            return;
        }
        self.leave_phase(index, group.phase);
        if !group.plan.clocked {
            return;
        }
        let phase = &mut self.phases[group.phase];
        if phase.is_idle() {
            // The next due time after now on this phase's grid.
            phase.next = (now.saturating_sub(phase_offset) / FRAME_US + 1) * FRAME_US + phase_offset;
        }
        group.ran_to = phase.next.saturating_sub(FRAME_US);
        if group.plan.batched { phase.batched.push(index) } else { phase.groups.push(index) }
    }

    fn plan(&mut self, group: &mut Group, now: Micros, net: &mut dyn Net) {
        let mut slots = std::mem::take(&mut group.ports);
        slots.retain(|slot| self.port(*slot).is_some());
        group.ports = slots;
        for &slot in &group.ports {
            if let Some(port) = self.port(slot) {
                port.relays.clear();
            }
        }
        let mut plan = Plan::default();
        for &slot in &group.ports {
            let path = self.choose_path(group, slot);
            match path {
                Path::Relay(source) => {
                    if let Some(source) = self.port(source) {
                        source.relays.push(slot);
                    }
                }
                Path::Mix => plan.mixers.push(slot),
                Path::Nothing => (),
            }
            let Some(port) = self.port(slot) else { continue };
            let mixed = port.path == Path::Mix;
            port.set_path(path);
            if path != Path::Mix {
                port.edges.settle();
            }
            match path {
                Path::Relay(source) if mixed && !port.udptl => self.hand_over(source, slot, now, net),
                Path::Mix if self.relayable(group, slot).is_some() => plan.settling.push(slot),
                _ => (),
            }
        }
        group.rate = self.choose_rate(group);
        self.follow_ears(group);
        self.assign_frames(group, &mut plan, now);
        let sends_dtmf = group.ports.iter().any(|slot| self.port(*slot).is_some_and(|port| port.outgoing.is_active()));
        let hurries = !plan.mixers.is_empty()
            || plan
                .decode
                .iter()
                .any(|(slot, ..)| self.port(*slot).is_some_and(|port| port.receive.detectors.need_samples()))
            || !group.players.is_empty()
            || !group.buses.is_empty()
            || !group.taps.is_empty()
            || !group.injects.is_empty()
            || sends_dtmf;
        plan.clocked = hurries || !plan.decode.is_empty() || !group.recorders.is_empty();
        plan.batched = plan.clocked && !hurries;
        plan.awaited.resize(plan.frames as usize, false);
        group.arena.clear();
        group.arena.resize(plan.frames as usize * group.rate as usize / crate::ids::FRAMES_PER_SECOND, 0.0);
        group.plan = plan;
    }

    fn source_port(&self, node: NodeId, group: &Group) -> Option<&Port> {
        let Some(Place::Port(slot)) = self.nodes.get(&node) else { return None };
        let port = self.ports.get(*slot as usize)?.as_deref()?;
        group.ports.contains(slot).then_some(port)
    }

    fn exists(&self, node: NodeId, group: &Group) -> bool {
        self.source_port(node, group).is_some()
            || group.players.iter().any(|player| player.id == node)
            || group.buses.iter().any(|bus| bus.id == node)
            || group.injects.iter().any(|inject| inject.id == node)
    }

    fn choose_path(&self, group: &Group, slot: Slot) -> Path {
        let Some(listener) = self.ports.get(slot as usize).and_then(Option::as_deref) else { return Path::Nothing };
        if !listener.direction.sends() {
            return Path::Nothing;
        }
        if listener.udptl {
            return self.fax_source(group, listener).map_or(Path::Nothing, Path::Relay);
        }
        if listener.outgoing.is_active() && listener.codecs.sending_event(listener.sending_clock()).is_none() {
            return Path::Mix; // DTMF as tones needs an encoder
        }
        if !listener.edges.wanted().any(|edge| self.exists(edge.source, group)) {
            return Path::Nothing;
        }
        match (self.relayable(group, slot), listener.path) {
            (None, _) => Path::Mix,
            // A listener that mixes, or is passed another one's packets, is led over by frames: what it heard fades out.
            (Some(_), Path::Mix) if !listener.is_led_over() => Path::Mix,
            (Some(source), Path::Relay(old)) if old != source && !listener.edges.is_settled() => Path::Mix,
            (Some(source), _) => Path::Relay(source),
        }
    }

    /// Fax datagrams come from the one source that is a port with fax datagrams; everybody else is silence.
    fn fax_source(&self, group: &Group, listener: &Port) -> Option<Slot> {
        let wanted = listener.edges.wanted().filter_map(|edge| self.source_port(edge.source, group));
        let mut faxes = wanted.filter(|source| source.udptl && source.id != listener.id);
        let source = faxes.next()?;
        if faxes.next().is_some() {
            return None;
        }
        match self.nodes.get(&source.id) {
            Some(Place::Port(slot)) => Some(*slot),
            _ => None,
        }
    }

    /// The port whose packets would do for this listener: it hears that one alone, as it is, in a codec that it agreed to.
    fn relayable(&self, group: &Group, slot: Slot) -> Option<Slot> {
        let listener = self.ports.get(slot as usize)?.as_deref()?;
        let mut present = listener.edges.wanted().filter(|edge| self.exists(edge.source, group));
        let first = present.next()?;
        if present.next().is_some() || !first.is_unity() {
            return None;
        }
        let Some(Place::Port(source_slot)) = self.nodes.get(&first.source) else { return None };
        let source = self.source_port(first.source, group)?;
        let same_codec = !source.udptl && listener.takes(source.receive.coding);
        (same_codec && source.ptime_ms == listener.ptime_ms && *source_slot != slot).then_some(*source_slot)
    }

    /// The way back from mixing to passing on: what still waits in the jitter buffer was not heard yet, so it goes first, at
    /// once. The far end's own buffer takes the burst; nothing is missing and nothing comes twice.
    fn hand_over(&mut self, source: Slot, listener: Slot, now: Micros, net: &mut dyn Net) {
        let Some(port) = self.ports.get_mut(source as usize).and_then(Option::take) else { return };
        let coding = port.receive.coding;
        if let Some(playout) = &port.receive.playout
            && playout.coding() == coding
            && port.direction.receives()
        {
            for (sequence, timestamp, payload) in playout.waiting() {
                let ssrc = port.receive.reception.ssrc;
                let sequence = sequence as u16;
                let header =
                    Header { marker: false, payload_type: 0, sequence, timestamp, ssrc, payload: 0..payload.len() };
                self.relay_to(listener, &port, &header, payload, None, now, net);
            }
        }
        self.ports[source as usize] = Some(port);
    }

    /// Wide band when at least two ports use it, or the only one does; a single wide leg among narrow ones gains nothing.
    fn choose_rate(&self, group: &Group) -> u32 {
        let rates =
            group.ports.iter().filter_map(|slot| self.ports.get(*slot as usize)?.as_deref().map(Port::useful_rate));
        let (mut wide, mut all) = (0, 0);
        for rate in rates {
            all += 1;
            wide += usize::from(rate > 8000);
        }
        if wide >= 2 || (wide == 1 && all == 1) { 16_000 } else { 8000 }
    }

    /// Taps that are the ears of a port hear its sources.
    fn follow_ears(&self, group: &mut Group) {
        let mut taps = std::mem::take(&mut group.taps);
        for tap in taps.iter_mut().filter(|tap| tap.ear != 0) {
            let mut sources: Sources = Vec::new();
            if let Some(port) = self.source_port(tap.ear, group).filter(|port| port.direction.sends()) {
                sources.extend(port.edges.wanted().map(|edge| (edge.source, 20.0 * edge.wanted_gain().log10())));
            }
            tap.edges.replace(&sources, group.rate / 200);
        }
        group.taps = taps;
    }

    /// Gives every source that somebody mixes a frame of the arena.
    fn assign_frames(&mut self, group: &mut Group, plan: &mut Plan, now: Micros) {
        let mut needed: Vec<NodeId> = Vec::new();
        let mut need = |edges: &EdgeSet| needed.extend(edges.iter().map(|edge| edge.source));
        for &slot in &plan.mixers {
            if let Some(port) = self.ports.get(slot as usize).and_then(Option::as_deref) {
                need(&port.edges);
            }
        }
        group.buses.iter().for_each(|bus| need(&bus.edges));
        group.recorders.iter().flat_map(|recorder| &recorder.channels).for_each(|channel| need(&channel.edges));
        group.taps.iter().for_each(|tap| need(&tap.edges));
        for &slot in &group.ports {
            let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
            let heard = needed.contains(&port.id) && port.direction.receives();
            port.receive.detectors.watched = group.players.iter().any(|player| player.yields_to_talk(port.id));
            if heard || port.receive.detectors.need_samples() {
                port.frame = Some(plan.frames);
                plan.decode.push((slot, port.id, plan.frames));
                plan.frames += 1;
                port.receive.observe(port.jitter_ms.0, port.jitter_ms.1, now);
            } else {
                port.frame = None;
                port.receive.release();
            }
        }
        let players_at = plan.frames;
        let injects_at = players_at + group.players.len() as u32;
        plan.buses_at = injects_at + group.injects.len() as u32;
        plan.frames = plan.buses_at + group.buses.len() as u32;
        let mut index: Vec<(NodeId, u32)> = plan.decode.iter().map(|(_, node, frame)| (*node, *frame)).collect();
        for (player, frame) in group.players.iter_mut().zip(players_at..) {
            player.frame = frame;
            index.push((player.id, frame));
        }
        for (inject, frame) in group.injects.iter_mut().zip(injects_at..) {
            inject.frame = frame;
            index.push((inject.id, frame));
        }
        index.extend(group.buses.iter().zip(plan.buses_at..).map(|(bus, frame)| (bus.id, frame)));
        let point = |edges: &mut EdgeSet| {
            for edge in edges.iter_mut() {
                edge.frame = index.iter().find(|(node, _)| *node == edge.source).map_or(ABSENT, |(_, frame)| *frame);
            }
        };
        for &slot in &plan.mixers {
            if let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) {
                point(&mut port.edges);
            }
        }
        group.buses.iter_mut().for_each(|bus| point(&mut bus.edges));
        group.taps.iter_mut().for_each(|tap| point(&mut tap.edges));
        group
            .recorders
            .iter_mut()
            .flat_map(|recorder| &mut recorder.channels)
            .for_each(|channel| point(&mut channel.edges));
    }
}
