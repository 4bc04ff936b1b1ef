//! A worker's tables and its sans-IO core: commands, packets and time come in, packets go out through `Net`, events wait in
//! `events`. Whatever fails stays in its port.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::clock::Clock;
use super::group::Group;
use super::io::{Net, PortSockets};
use crate::command::Command;
use crate::dtls::HandshakeClient;
use crate::event::Event;
use crate::ids::{FRAME_US, GroupId, MAX_DATAGRAM, MAX_FRAME, Micros, NodeId, Slot};
use crate::media::disk::Disk;
use crate::media::prompt::Cache;
use crate::media::tap::Queue;
use crate::port::Port;

/// Groups are spread over so many phases of the frame.
pub const PHASES: usize = 4;
/// Nodes of a group, sources of a listener, ports of a worker (§12 of the design).
pub const MAX_NODES: usize = 512;
pub const MAX_SOURCES: usize = 64;
pub const MAX_PORTS: usize = 2500;
/// Panics of a group within a minute before it is closed.
const MAX_FAULTS: usize = 3;

/// Where a node lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Port(Slot),
    Player(u32),
    Bus(u32),
    Recorder(u32),
    Tap(u32),
    Inject(u32),
}

/// A command of a batch with what the façade adds to it.
pub struct Item {
    pub index: u32,
    pub command: Command,
    pub extra: Extra,
}

/// What travels with a command.
pub enum Extra {
    Nothing,
    /// The reserved sockets of `OpenPort`, with group and SSRC.
    Sockets {
        sockets: PortSockets,
        group: GroupId,
        local: std::net::SocketAddr,
        ssrc: u32,
    },
    /// `MovePort` to another worker.
    Worker(usize),
    /// The samples of a recording go through this ring.
    Ring(rtrb::Producer<i16>),
    /// The chunks of a tap go through this queue.
    Queue(Arc<Queue>),
}

/// A batch is applied whole, between two frames.
pub struct Batch {
    pub seq: u64,
    pub items: Vec<Item>,
    /// Ports that travel to this worker: the batch waits for them.
    pub awaits: Vec<NodeId>,
}

/// What happens with sockets, in order; the thread carries it out.
pub enum Change {
    Opened {
        slot: Slot,
        sockets: PortSockets,
    },
    Closed {
        slot: Slot,
    },
    /// The port leaves for another worker.
    Left {
        slot: Slot,
        port: Box<Port>,
        group: GroupId,
        worker: usize,
    },
    /// A port that came with a DTLS association ends: the worker where it shook hands lets go of it.
    HandshakeOver {
        worker: usize,
        port: NodeId,
    },
}

/// Clock of one phase: which groups have frames, and when the next is due.
#[derive(Debug, Default)]
pub struct Phase {
    /// A frame each 20 ms.
    pub groups: Vec<u32>,
    /// Several frames at once (see `batch`).
    pub batched: Vec<u32>,
    pub next: Micros,
}

impl Phase {
    pub fn is_idle(&self) -> bool {
        self.groups.is_empty() && self.batched.is_empty()
    }
}

pub struct Core {
    pub index: usize,
    pub clock: Clock,
    pub ports: Vec<Option<Box<Port>>>,
    free_ports: Vec<Slot>,
    pub groups: Vec<Option<Box<Group>>>,
    pub group_of: HashMap<GroupId, u32>,
    pub nodes: HashMap<NodeId, Place>,
    pub events: Vec<Event>,
    pub changes: Vec<Change>,
    /// A tap has something to read.
    pub tapped: bool,
    pub phases: [Phase; PHASES],
    /// Groups whose frame waits for a late packet, with the time at which it was due (see `grace`).
    pub(super) waiting: Vec<(u32, Micros)>,
    pub dirty: Vec<u32>,
    pub cache: Cache,
    pub disk: Disk,
    pub handshakes: Option<HandshakeClient>,
    pub next_sweep: Micros,
    /// The port being processed: it pays for a panic.
    pub current: Option<Slot>,
    pub packet: Box<[u8; MAX_DATAGRAM]>,
    pub payload: Box<[u8; MAX_DATAGRAM]>,
    pub mix: Box<[f32; MAX_FRAME]>,
    random: u64,
    pub lag_us: Micros,
    pub missed_frames: u64,
    /// Lateness in ms and missed frames as they were told last, and when.
    pub(super) told_lag: (u64, u64),
    pub(super) told_lag_at: Micros,
    /// Highest number of frames that run late one after another.
    pub overload: u32,
}

impl Core {
    pub fn new(
        index: usize,
        clock: Clock,
        cache: Cache,
        disk: Disk,
        handshakes: Option<HandshakeClient>,
        seed: u64,
    ) -> Self {
        Self {
            index,
            clock,
            ports: Vec::new(),
            free_ports: Vec::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            nodes: HashMap::new(),
            events: Vec::new(),
            changes: Vec::new(),
            tapped: false,
            phases: Default::default(),
            waiting: Vec::new(),
            dirty: Vec::new(),
            cache,
            disk,
            handshakes,
            next_sweep: Micros::MAX,
            current: None,
            packet: Box::new([0; MAX_DATAGRAM]),
            payload: Box::new([0; MAX_DATAGRAM]),
            mix: Box::new([0.0; MAX_FRAME]),
            random: seed | 1,
            lag_us: 0,
            missed_frames: 0,
            told_lag: (0, 0),
            told_lag_at: 0,
            overload: 0,
        }
    }

    /// xorshift64*: numbers that must differ, not resist.
    pub fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn port(&mut self, slot: Slot) -> Option<&mut Port> {
        self.ports.get_mut(slot as usize)?.as_deref_mut()
    }

    pub fn group(&mut self, index: u32) -> Option<&mut Group> {
        self.groups.get_mut(index as usize)?.as_deref_mut()
    }

    pub fn port_count(&self) -> usize {
        self.ports.len() - self.free_ports.len()
    }

    /// Puts a port into a free slot.
    pub fn seat(&mut self, port: Box<Port>) -> Slot {
        let (id, group) = (port.id, port.group);
        let slot = match self.free_ports.pop() {
            Some(slot) => slot,
            None => {
                self.ports.push(None);
                (self.ports.len() - 1) as Slot
            }
        };
        self.ports[slot as usize] = Some(port);
        self.nodes.insert(id, Place::Port(slot));
        if let Some(group) = self.group(group) {
            group.ports.push(slot);
        }
        self.soil(group);
        self.next_sweep = 0;
        slot
    }

    /// Takes a port out of its slot and its group.
    pub fn unseat(&mut self, slot: Slot) -> Option<Box<Port>> {
        let port = self.ports.get_mut(slot as usize)?.take()?;
        self.forget(slot, port.id, port.group);
        Some(port)
    }

    fn forget(&mut self, slot: Slot, id: NodeId, group: u32) {
        self.free_ports.push(slot);
        self.nodes.remove(&id);
        if let Some(group) = self.group(group) {
            group.ports.retain(|other| *other != slot);
        }
        self.soil(group);
    }

    /// The group's plan is to be made anew.
    pub fn soil(&mut self, group: u32) {
        if let Some(group) = self.group(group) {
            group.dirty = true;
        }
        self.dirty.push(group);
    }

    /// The group's index, made when it is new.
    pub fn group_index(&mut self, id: GroupId) -> u32 {
        if let Some(index) = self.group_of.get(&id) {
            return *index;
        }
        let index = self.groups.iter().position(Option::is_none).unwrap_or(self.groups.len());
        let phase = (0..PHASES).min_by_key(|&phase| self.phase_load(phase)).unwrap_or(0);
        let group = Some(Box::new(Group::new(id, phase)));
        if index == self.groups.len() {
            self.groups.push(group);
        } else {
            self.groups[index] = group;
        }
        self.group_of.insert(id, index as u32);
        self.dirty.push(index as u32);
        index as u32
    }

    fn phase_load(&self, phase: usize) -> usize {
        self.groups.iter().flatten().filter(|group| group.phase == phase).map(|group| group.nodes()).sum()
    }

    /// When something is to be done without a packet or a command.
    pub fn next_wake(&self) -> Micros {
        let frames = self.phases.iter().filter(|phase| !phase.is_idle()).map(|phase| phase.next).min();
        frames.unwrap_or(Micros::MAX).min(self.next_sweep).min(self.grace_ends())
    }

    /// Runs the frames that are due.
    pub fn run_frames(&mut self, now: Micros, net: &mut dyn Net) {
        self.replan(now, net);
        self.run_waiting(now, net);
        for index in 0..PHASES {
            let mut is_first = true;
            while !self.phases[index].is_idle() && self.phases[index].next <= now {
                let due = self.phases[index].next;
                if std::mem::take(&mut is_first) {
                    self.note_lag(now - due);
                }
                let merged = self.merge(index, now);
                let groups = std::mem::take(&mut self.phases[index].groups);
                for &group in &groups {
                    if merged > 0 || !self.puts_off(group, due, now) {
                        self.guarded_frame(group, due, now, merged, net);
                    }
                }
                // A frame may have ended a group, never begun one.
                self.phases[index].groups = groups;
                self.run_batches(index, due, merged, now);
                self.phases[index].next += FRAME_US;
            }
        }
        self.replan(now, net);
        if self.phases.iter().all(Phase::is_idle) {
            self.lag_us = 0; // nothing is mixed, so nothing can be late: a former overload must not outlive its calls
        }
        self.watch_load(now);
    }

    /// Smooths how late frames start. One stall counts once and at most `WORST`: only lasting lateness is overload.
    fn note_lag(&mut self, late: Micros) {
        const WORST: Micros = 50_000;
        self.lag_us = (self.lag_us * 63 + late.min(WORST)) / 64;
    }

    /// A worker that was stopped for long does not run all frames that it missed: the time line advances, the audio is gone.
    ///
    /// Deviation from the design, which merges after 20 ms: up to ten frames are caught up, since their audio waits in the
    /// jitter buffers and the far ends have buffers of their own.
    fn merge(&mut self, phase: usize, now: Micros) -> u32 {
        const CATCH_UP: Micros = 10 * FRAME_US;
        let late = now - self.phases[phase].next;
        if late <= CATCH_UP {
            return 0;
        }
        let skipped = late / FRAME_US;
        self.phases[phase].next += skipped * FRAME_US;
        self.missed_frames += skipped;
        skipped as u32
    }

    pub(super) fn guarded_frame(&mut self, index: u32, due: Micros, now: Micros, merged: u32, net: &mut dyn Net) {
        let due = due + Micros::from(merged) * FRAME_US;
        self.guarded_group(index, now, |core, group| core.frame(group, due, now, merged, net));
    }

    /// Lets `work` process a group that is out of the table meanwhile; a panic costs the port that was processed, and if it comes
    /// again and again all of the group.
    pub(super) fn guarded_group(&mut self, index: u32, now: Micros, work: impl FnOnce(&mut Self, &mut Group)) {
        let Some(mut group) = self.groups.get_mut(index as usize).and_then(Option::take) else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self, &mut group)));
        let fault = outcome.is_err();
        if fault {
            group.faults.retain(|at| now.saturating_sub(*at) < 60_000_000);
            group.faults.push(now);
        }
        let broken = group.faults.len() >= MAX_FAULTS;
        let ports = if broken { group.ports.clone() } else { Vec::new() };
        self.groups[index as usize] = Some(group);
        if fault && let Some(slot) = self.current.take() {
            self.fail(slot, "panic");
        }
        for slot in ports {
            self.fail(slot, "panic");
        }
    }

    /// Closes a port that cannot go on.
    pub fn fail(&mut self, slot: Slot, reason: &'static str) {
        if let Some(port) = self.unseat(slot) {
            self.close_handshake(&port);
            self.events.push(Event::PortFailed { port: port.id, reason });
            self.changes.push(Change::Closed { slot });
        }
    }

    /// Ends the port's DTLS association, wherever it is.
    pub fn close_handshake(&mut self, port: &Port) {
        match port.handshaking {
            Some(worker) if worker == self.index => self.forget_handshake(port.id),
            Some(worker) => self.changes.push(Change::HandshakeOver { worker, port: port.id }),
            None => (),
        }
    }

    pub fn forget_handshake(&self, port: NodeId) {
        if let Some(handshakes) = &self.handshakes {
            handshakes.close(port);
        }
    }

    /// Lets `work` process a port that is out of the table meanwhile; a panic costs that port and nothing else.
    pub fn guarded(&mut self, slot: Slot, work: impl FnOnce(&mut Self, &mut Port)) {
        let Some(mut port) = self.ports.get_mut(slot as usize).and_then(Option::take) else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self, &mut port)));
        if outcome.is_ok() {
            self.ports[slot as usize] = Some(port);
            return;
        }
        self.close_handshake(&port);
        self.forget(slot, port.id, port.group);
        self.events.push(Event::PortFailed { port: port.id, reason: "panic" });
        self.changes.push(Change::Closed { slot });
    }
}
