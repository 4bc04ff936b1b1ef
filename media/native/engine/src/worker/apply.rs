//! Commands, one by one; a batch is whole because nothing else runs between them and the plan is made after the last.

use super::bus::Bus;
use super::io::Net;
use super::table::{Batch, Change, Core, Extra, Item, MAX_NODES, MAX_PORTS, MAX_SOURCES, Place};
use crate::command::{Command, ControlPlay, Detect, Dtls, OpenPort, Play, Record, Sources, UpdatePort};
use crate::error::Refusal;
use crate::event::Event;
use crate::ids::{GroupId, Micros, NodeId, Slot, seconds};
use crate::media::disk::Note;
use crate::media::player::{End, Player};
use crate::media::recorder::{Channel, Recorder};
use crate::port::Port;
use crate::port::security::{Security, handshake};
use crate::route::EdgeSet;

pub(super) type Outcome = Result<(), Refusal>;

impl Core {
    /// Applies a batch; every refusal is an event.
    pub fn apply(&mut self, batch: Batch, now: Micros, net: &mut dyn Net) {
        for item in batch.items {
            let Item { index, command, extra } = item;
            let (name, target) = (command.name(), command.target());
            self.catch_up_for(target, now);
            if let Err(refusal) = self.carry_out(command, extra, now, net) {
                let reason = refusal.word();
                self.events.push(Event::CommandFailed { seq: batch.seq, index, command: name, target, reason });
            }
        }
        self.replan(now, net);
    }

    fn carry_out(&mut self, command: Command, extra: Extra, now: Micros, net: &mut dyn Net) -> Outcome {
        match command {
            Command::OpenPort(open) => self.open_port(*open, extra, now),
            Command::UpdatePort(update) => self.update_port(*update, now),
            Command::ClosePort { port } => self.close_port(port, "closed", now, net),
            Command::MovePort { port, group } => self.move_port(port, group, extra),
            Command::Listen { listener, sources, ramp_ms } => self.listen(listener, &sources, ramp_ms),
            Command::OpenBus { bus, group, max_speakers, agc, gate } => {
                self.open_bus(group, Bus::new(bus, max_speakers, agc, gate))
            }
            Command::CloseBus { bus } => self.close_bus(bus),
            Command::Play(play) => self.play(*play),
            Command::ControlPlay(control) => {
                self.control_play(&control);
                Ok(())
            }
            Command::StopPlay { player } => self.stop_play(player),
            Command::SendDtmf { port, digits, duration_ms, gap_ms } => {
                self.send_digits(port, &digits, duration_ms, gap_ms)
            }
            Command::Detect(detect) => self.detect(&detect),
            Command::Record(record) => self.record(*record, extra, now),
            Command::ControlRecord { recorder, channels, pause, mark } => {
                self.control_record(recorder, channels, pause, mark, now)
            }
            Command::StopRecord { recorder } => self.stop_record(recorder, now),
            Command::OpenTap(open) => self.open_tap(&open, extra),
            Command::CloseTap { tap } => self.close_tap(tap),
            Command::OpenInject(open) => self.open_inject(&open),
            Command::Inject { inject, data, mark } => self.put(inject, &data, mark),
            Command::ClearInject { inject } => self.clear_inject(inject),
            Command::CloseInject { inject } => self.close_inject(inject),
            Command::Sample { port } => {
                let slot = self.slot(port)?;
                let stats = Box::new(self.port(slot).ok_or(Refusal::UnknownId)?.stats(now));
                self.events.push(Event::Stats { port, stats });
                Ok(())
            }
            Command::Dump { target } => self.dump(target),
            // These are the façade's.
            Command::LoadPrompt { .. } | Command::DropPrompt { .. } | Command::Drain => Ok(()),
        }
    }

    fn slot(&self, port: NodeId) -> Result<Slot, Refusal> {
        match self.nodes.get(&port) {
            Some(Place::Port(slot)) => Ok(*slot),
            _ => Err(Refusal::UnknownId),
        }
    }

    pub(super) fn room(&mut self, group: GroupId) -> Result<u32, Refusal> {
        let index = self.group_index(group);
        let full = self.group(index).is_none_or(|group| group.nodes() >= MAX_NODES);
        if full { Err(Refusal::Limit) } else { Ok(index) }
    }

    /// Takes a node of that kind out of the table and names its group; whoever else has the id stays.
    pub(super) fn vacate(&mut self, id: NodeId, kind: fn(u32) -> Place) -> Option<u32> {
        let place = self.nodes.get(&id).copied()?;
        let index = match place {
            Place::Port(_) => return None,
            Place::Player(at) | Place::Bus(at) | Place::Recorder(at) | Place::Tap(at) | Place::Inject(at) => at,
        };
        if place != kind(index) {
            return None;
        }
        self.nodes.remove(&id);
        Some(index)
    }

    fn open_port(&mut self, open: OpenPort, extra: Extra, now: Micros) -> Outcome {
        let Extra::Sockets { sockets, group, local, ssrc } = extra else { return Err(Refusal::BadToken) };
        if self.nodes.contains_key(&open.port) {
            return Err(Refusal::DuplicateId);
        }
        if self.port_count() >= MAX_PORTS {
            return Err(Refusal::Limit);
        }
        let index = self.room(group)?;
        let (id, dtls) = (open.port, open.dtls.clone());
        let seed = self.random();
        let mut port = Box::new(Port::open(open, index, local, ssrc, seed)?);
        port.rtcp_mux |= sockets.rtcp.is_none();
        let ice = port.ice.is_some();
        port.report_at = now + 1_000_000 + self.random() % 4_000_000;
        let slot = self.seat(port);
        self.changes.push(Change::Opened { slot, sockets });
        self.events.push(Event::PortOpened { port: id });
        if ice {
            self.events.push(Event::IceState { port: id, state: "checking", pair: String::new() });
        }
        if let Some(dtls) = dtls {
            self.begin_handshake(slot, dtls);
        }
        Ok(())
    }

    fn begin_handshake(&mut self, slot: Slot, dtls: Dtls) {
        let index = self.index;
        let Some(port) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let same =
            port.dtls.as_ref().is_some_and(|old| old.fingerprint == dtls.fingerprint && old.active == dtls.active);
        if same {
            return; // a repeated description is no new handshake (RFC 8842 §4)
        }
        let Some(handshakes) = &self.handshakes else { return };
        handshakes.open(port.id, handshake(&dtls));
        (port.handshaking, port.dtls, port.security) = (Some(index), Some(dtls), Security::Awaiting);
        let (profile, error) = (String::new(), String::new());
        self.events.push(Event::DtlsState { port: port.id, state: "connecting", profile, error });
    }

    fn update_port(&mut self, update: UpdatePort, now: Micros) -> Outcome {
        let slot = self.slot(update.port)?;
        let instant = self.clock.instant(now);
        let port = self.port(slot).ok_or(Refusal::UnknownId)?;
        let outcome = port.update(&update, instant);
        port.due = 0;
        let group = port.group;
        if let (Ok(()), Some(dtls)) = (outcome, update.dtls) {
            self.begin_handshake(slot, dtls);
        }
        self.soil(group);
        outcome
    }

    pub(super) fn close_port(&mut self, id: NodeId, reason: &'static str, now: Micros, net: &mut dyn Net) -> Outcome {
        let Ok(slot) = self.slot(id) else { return Ok(()) };
        self.guarded(slot, |core, port| core.report(slot, port, now, true, net));
        let Some(port) = self.unseat(slot) else { return Ok(()) };
        self.close_handshake(&port);
        self.events.push(Event::PortClosed { port: id, reason, stats: Box::new(port.stats(now)) });
        self.changes.push(Change::Closed { slot });
        Ok(())
    }

    fn move_port(&mut self, id: NodeId, group: GroupId, extra: Extra) -> Outcome {
        let slot = self.slot(id)?;
        if let Extra::Worker(worker) = extra {
            let port = self.port(slot).ok_or(Refusal::UnknownId)?;
            if port.handshaking.is_some() && !port.security.is_ready() {
                return Err(Refusal::Busy); // the handshake's packets come to this worker
            }
            let Some(mut port) = self.unseat(slot) else { return Err(Refusal::UnknownId) };
            port.edges = EdgeSet::default();
            self.changes.push(Change::Left { slot, port, group, worker });
            return Ok(());
        }
        let index = self.room(group)?;
        let port = self.port(slot).ok_or(Refusal::UnknownId)?;
        let old = std::mem::replace(&mut port.group, index);
        port.judge_anew();
        port.edges = EdgeSet::default(); // what it heard belongs to the group it left
        if let Some(group) = self.group(old) {
            group.ports.retain(|other| *other != slot);
        }
        if let Some(group) = self.group(index) {
            group.ports.push(slot);
        }
        self.soil(old);
        self.soil(index);
        Ok(())
    }

    /// Takes a port that came from another worker.
    pub fn adopt(&mut self, mut port: Box<Port>, group: GroupId) -> Slot {
        port.group = self.group_index(group);
        port.judge_anew();
        port.relays.clear(); // slots of the other worker
        port.due = 0;
        port.set_path(crate::port::Path::Nothing);
        self.seat(port)
    }

    fn listen(&mut self, listener: NodeId, sources: &Sources, ramp_ms: u32) -> Outcome {
        let place = self.nodes.get(&listener).copied();
        // A bus takes whoever fits into its group: a room of 200 is one listener.
        let most = if matches!(place, Some(Place::Bus(_))) { MAX_NODES } else { MAX_SOURCES };
        if sources.len() > most {
            return Err(Refusal::Limit);
        }
        match place {
            Some(Place::Port(slot)) => {
                let index = self.port(slot).ok_or(Refusal::UnknownId)?.group;
                let rate = self.group(index).map_or(8000, |group| group.rate);
                let port = self.port(slot).ok_or(Refusal::UnknownId)?;
                port.edges.replace(sources, ramp_ms.min(1000) * rate / 1000);
                self.soil(index);
                Ok(())
            }
            Some(Place::Bus(index)) => {
                let group = self.group(index).ok_or(Refusal::UnknownId)?;
                let bus = group.buses.iter_mut().find(|bus| bus.id == listener).ok_or(Refusal::UnknownId)?;
                bus.edges.replace(sources, 1); // the bus itself makes the ramp
                self.soil(index);
                Ok(())
            }
            Some(Place::Tap(index)) => {
                let group = self.group(index).ok_or(Refusal::UnknownId)?;
                let rate = group.rate;
                let tap = group.taps.iter_mut().find(|tap| tap.id == listener).ok_or(Refusal::UnknownId)?;
                tap.ear = 0; // told itself what it hears
                tap.edges.replace(sources, ramp_ms.min(1000) * rate / 1000);
                self.soil(index);
                Ok(())
            }
            _ => Err(Refusal::UnknownId),
        }
    }

    fn open_bus(&mut self, group: GroupId, bus: Bus) -> Outcome {
        let id = bus.id;
        if self.nodes.contains_key(&id) {
            return Err(Refusal::DuplicateId);
        }
        let index = self.room(group)?;
        if let Some(group) = self.group(index) {
            group.buses.push(bus);
        }
        self.nodes.insert(id, Place::Bus(index));
        self.soil(index);
        Ok(())
    }

    fn close_bus(&mut self, bus: NodeId) -> Outcome {
        let Some(index) = self.vacate(bus, Place::Bus) else { return Ok(()) };
        if let Some(group) = self.group(index) {
            group.buses.retain(|other| other.id != bus);
        }
        self.soil(index);
        Ok(())
    }

    fn play(&mut self, play: Play) -> Outcome {
        if self.nodes.contains_key(&play.player) {
            return Err(Refusal::DuplicateId);
        }
        if play.prompts.len() > MAX_NODES || play.tone.as_ref().is_some_and(|tone| tone.hertz.len() > 8) {
            return Err(Refusal::Limit);
        }
        let index = self.room(play.group)?;
        let id = play.player;
        if let Some(group) = self.group(index) {
            group.players.push(Player::new(play));
        }
        self.nodes.insert(id, Place::Player(index));
        self.soil(index);
        Ok(())
    }

    /// Harmless when it has ended.
    fn control_play(&mut self, control: &ControlPlay) {
        let Some(Place::Player(index)) = self.nodes.get(&control.player).copied() else { return };
        let players = self.group(index).map(|group| &mut group.players);
        if let Some(player) = players.and_then(|all| all.iter_mut().find(|player| player.id == control.player)) {
            player.control(control);
        }
    }

    fn stop_play(&mut self, id: NodeId) -> Outcome {
        let Some(Place::Player(index)) = self.nodes.get(&id).copied() else { return Ok(()) };
        let Some(mut group) = self.groups.get_mut(index as usize).and_then(Option::take) else { return Ok(()) };
        let over = group.players.iter_mut().find(|player| player.id == id).is_some_and(Player::stop);
        if over {
            self.end_player(&mut group, id, End::Stopped);
        }
        self.groups[index as usize] = Some(group);
        Ok(())
    }

    fn send_digits(&mut self, port: NodeId, digits: &str, duration_ms: u32, gap_ms: u32) -> Outcome {
        let slot = self.slot(port)?;
        let port = self.port(slot).ok_or(Refusal::UnknownId)?;
        if !port.outgoing.push(digits, duration_ms, gap_ms) {
            return Err(Refusal::Limit);
        }
        let group = port.group;
        self.soil(group);
        Ok(())
    }

    fn detect(&mut self, detect: &Detect) -> Outcome {
        if detect.tones.len() > MAX_SOURCES {
            return Err(Refusal::Limit);
        }
        let slot = self.slot(detect.port)?;
        let port = self.port(slot).ok_or(Refusal::UnknownId)?;
        port.receive.detectors.set(detect);
        let group = port.group;
        self.soil(group);
        Ok(())
    }

    fn record(&mut self, record: Record, extra: Extra, now: Micros) -> Outcome {
        let Extra::Ring(ring) = extra else { return Err(Refusal::Internal) };
        if self.nodes.contains_key(&record.recorder) {
            return Err(Refusal::DuplicateId);
        }
        let index = self.room(record.group)?;
        let channels = record.channels.iter().map(|sources| Channel::new(EdgeSet::at_once(sources))).collect();
        let lane = self.disk.lane(record.format, record.recorder);
        let recorder = Recorder::new(&record, lane, channels, ring, now);
        if let Some(group) = self.group(index) {
            group.recorders.push(recorder);
        }
        self.nodes.insert(record.recorder, Place::Recorder(index));
        self.soil(index);
        Ok(())
    }

    fn control_record(
        &mut self,
        id: NodeId,
        channels: Option<Vec<Sources>>,
        pause: Option<bool>,
        mark: String,
        now: Micros,
    ) -> Outcome {
        let Some(Place::Recorder(index)) = self.nodes.get(&id).copied() else { return Err(Refusal::UnknownId) };
        let disk = self.disk.clone();
        let group = self.group(index).ok_or(Refusal::UnknownId)?;
        let ramp = group.rate / 200; // 5 ms
        let recorder = group.recorders.iter_mut().find(|recorder| recorder.id == id).ok_or(Refusal::UnknownId)?;
        if let Some(sets) = channels {
            if sets.len() != recorder.channels.len() {
                return Err(Refusal::Limit);
            }
            for (channel, sources) in recorder.channels.iter_mut().zip(&sets) {
                channel.edges.replace(sources, ramp);
            }
        }
        let at = recorder.position_ms(now);
        if let Some(pause) = pause.filter(|pause| *pause != recorder.paused) {
            recorder.paused = pause;
            recorder.note(&disk, if pause { Note::Pause { at } } else { Note::Resume { at } });
        }
        if !mark.is_empty() {
            recorder.note(&disk, Note::Mark { at, text: mark });
        }
        self.soil(index);
        Ok(())
    }

    fn stop_record(&mut self, id: NodeId, now: Micros) -> Outcome {
        let Some(index) = self.vacate(id, Place::Recorder) else { return Ok(()) };
        let disk = self.disk.clone();
        if let Some(group) = self.group(index)
            && let Some(at) = group.recorders.iter().position(|recorder| recorder.id == id)
        {
            group.recorders.remove(at).close(&disk, now);
        }
        self.soil(index);
        Ok(())
    }

    fn dump(&mut self, target: u64) -> Outcome {
        let mut json = String::from("{");
        let ports: Vec<&Port> = match self.nodes.get(&target) {
            Some(Place::Port(slot)) => self.ports.get(*slot as usize).and_then(Option::as_deref).into_iter().collect(),
            _ => {
                let group = self.group_of.get(&target).copied();
                let all = self.ports.iter().filter_map(Option::as_deref);
                all.filter(|port| target == 0 || Some(port.group) == group).collect()
            }
        };
        json.push_str(&format!(
            "\"worker\":{},\"at\":{:.3},\"lag_us\":{},\"missed_frames\":{},\"groups\":{},\"ports\":[",
            self.index,
            seconds(self.clock.now()),
            self.lag_us,
            self.missed_frames,
            self.group_of.len()
        ));
        for (index, port) in ports.into_iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            port.dump_into(&mut json);
        }
        json.push_str("]}");
        self.events.push(Event::Dumped { target, json });
        Ok(())
    }

    /// Closes every port; the engine ends.
    pub fn close_all(&mut self, now: Micros, net: &mut dyn Net) {
        let ids: Vec<NodeId> = self.ports.iter().flatten().map(|port| port.id).collect();
        for id in ids {
            let _ = self.close_port(id, "drained", now, net);
        }
        let disk = self.disk.clone();
        for group in self.groups.iter_mut().flatten() {
            for recorder in group.recorders.drain(..) {
                recorder.close(&disk, now);
            }
        }
    }
}
