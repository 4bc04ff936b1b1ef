//! The façade: five methods, ids chosen by the caller, batches split by worker, failures as events. Used from one thread.

mod routing;

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use rtrb::PushError;

use crate::codec::external;
use crate::command::{Command, PortKind};
use crate::dtls::HandshakeThread;
use crate::error::{EngineError, Refusal};
use crate::event::Event;
use crate::ids::{GroupId, Micros, NodeId};
use crate::media::disk::{self, Disk, Job, Outlet};
use crate::media::notify::Notifier;
use crate::media::prompt::Cache;
use crate::media::tap::Queue;
use crate::pool::{self, Family, Pool};
use crate::worker::clock::Clock;
use crate::worker::door::{self, Door, Shared};
use crate::worker::io::PortSockets;
use crate::worker::register::Register;
use crate::worker::table::{Batch, Core, Item};
use crate::worker::threads::{self, Fabric, Handle};

/// Commands of one batch.
pub const MAX_BATCH: usize = 1000;
const MAX_WORKERS: usize = 16;
/// A reservation that nobody opens is given back.
const RESERVATION_US: Micros = 30_000_000;
/// A batch that a worker does not take within this time fails.
const BUSY_US: Micros = 1_000_000;

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// One address, or one of each family separated by a comma; browsers are served at the first.
    pub listen: String,
    pub port_min: u16,
    pub port_max: u16,
    /// 0: one less than the machine's cores, at least one.
    pub workers: usize,
    /// Recordings lie below it.
    pub record_root: PathBuf,
    /// One UDP port for all browsers; 0: one each out of the range.
    pub webrtc_port: u16,
    /// TCP port for browsers whose network blocks UDP; 0: none.
    pub tcp_port: u16,
    /// Where codec libraries are looked for: folders, files, `auto` for wherever the system has them. Empty: nowhere.
    pub plugins: Vec<String>,
}

/// Bound sockets that wait for `OpenPort`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub token: u64,
    pub address: String,
    pub port: u16,
    /// 0 with rtcp-mux.
    pub rtcp_port: u16,
    pub ssrc: u32,
}

struct Reserved {
    sockets: PortSockets,
    group: GroupId,
    address: IpAddr,
    port: u16,
    ssrc: u32,
    at: Micros,
}

/// What the façade knows of a node.
#[derive(Debug, Clone, Copy)]
struct Node {
    group: GroupId,
    worker: usize,
    /// Number of its sockets, when it is a port.
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy)]
struct GroupEntry {
    worker: usize,
    members: usize,
}

/// A port between workers: until when, and where it was.
#[derive(Debug, Clone, Copy)]
struct Move {
    until: Micros,
    before: Node,
}

pub struct Engine {
    clock: Clock,
    pool: Pool,
    workers: Vec<Handle>,
    groups: HashMap<GroupId, GroupEntry>,
    nodes: HashMap<NodeId, Node>,
    taps: HashMap<NodeId, Arc<Queue>>,
    reserved: HashMap<u64, Reserved>,
    moving: HashMap<NodeId, Move>,
    /// Batches that did not fit into a worker's ring, in order.
    overflow: Vec<VecDeque<(Batch, Micros)>>,
    events: Vec<Event>,
    /// Pictures of the workers for a `Dump` of the whole engine.
    pictures: Vec<String>,
    disk: Disk,
    disk_thread: Option<JoinHandle<()>>,
    disk_events: Receiver<Event>,
    notifier: Notifier,
    cache: Cache,
    record_root: PathBuf,
    seq: u64,
    next_token: u64,
    random: u64,
    draining: bool,
    closed: bool,
    register: Register,
    /// The socket that browsers share, when they do.
    common: Option<(u16, UdpSocket)>,
    door: Option<Door>,
    /// Last, so that the workers' clients are gone before it.
    _handshakes: HandshakeThread,
}

/// A seed that no one guesses, from the system.
fn seed() -> std::io::Result<u64> {
    use std::io::Read;
    let mut octets = [0u8; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(u64::from_ne_bytes(octets))
}

impl Engine {
    pub fn new(config: Config) -> Result<Self, EngineError> {
        let addresses = pool::addresses(&config.listen)?;
        let address = addresses[0];
        let pool = Pool::new(addresses, config.port_min, config.port_max)?;
        external::install(plugin::Libraries::load(&config.plugins));
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let count = if config.workers == 0 { cores.saturating_sub(1) } else { config.workers }.clamp(1, MAX_WORKERS);
        let (clock, notifier, cache) = (Clock::start(), Notifier::new()?, Cache::default());
        let (event_sender, disk_events) = channel();
        let outlet = Outlet { events: event_sender, notifier: notifier.clone() };
        let (disk, disk_thread) = disk::spawn(cache.clone(), outlet)?;
        let shared = Shared::bind(address, config.webrtc_port, config.tcp_port)?;
        let common = match &shared.udp {
            Some(socket) => Some((config.webrtc_port, socket.try_clone()?)),
            None => None,
        };
        let handshakes = HandshakeThread::spawn();
        let mut fabric = Fabric::new(count)?;
        let mut workers = Vec::with_capacity(count);
        for index in 0..count {
            let wake = fabric.wake(index);
            let client = handshakes.client(move || wake.raise());
            let core = Core::new(index, clock, cache.clone(), disk.clone(), Some(client), seed()?);
            workers.push(threads::spawn(core, &mut fabric, notifier.clone())?);
        }
        let register = Register::default();
        let is_shared = shared.udp.is_some() || shared.tcp.is_some();
        let door = if is_shared { Some(door::open(shared, register.clone(), fabric.senders())?) } else { None };
        Ok(Self {
            clock,
            pool,
            register,
            common,
            door,
            overflow: workers.iter().map(|_| VecDeque::new()).collect(),
            workers,
            groups: HashMap::new(),
            nodes: HashMap::new(),
            taps: HashMap::new(),
            reserved: HashMap::new(),
            moving: HashMap::new(),
            events: Vec::new(),
            pictures: Vec::new(),
            disk,
            disk_thread: Some(disk_thread),
            disk_events,
            notifier,
            cache,
            record_root: config.record_root,
            seq: 0,
            next_token: 1,
            random: seed()? | 1,
            draining: false,
            closed: false,
            _handshakes: handshakes,
        })
    }

    /// Engine monotonic seconds, the clock of every `at`.
    pub fn now(&self) -> f64 {
        crate::ids::seconds(self.clock.now())
    }

    /// Readable while events wait.
    pub fn fileno(&self) -> RawFd {
        self.notifier.raw()
    }

    /// Binds sockets for a port of `group` at the first address.
    pub fn reserve(&mut self, kind: PortKind, group: GroupId) -> Result<Reservation, EngineError> {
        self.reserve_at(kind, group, Family::Any)
    }

    /// The same for a peer of this family.
    pub fn reserve_at(&mut self, kind: PortKind, group: GroupId, family: Family) -> Result<Reservation, EngineError> {
        if self.closed {
            return Err(EngineError::Closed);
        }
        if self.draining {
            return Err(EngineError::NoCapacity("draining"));
        }
        let now = self.clock.now();
        self.expire(now);
        let worker = self.worker_of(group);
        if self.workers[worker].load.overload.load(Ordering::Relaxed) >= 2 {
            return Err(EngineError::NoCapacity("overloaded"));
        }
        if self.nodes.values().filter(|node| node.worker == worker && node.port.is_some()).count()
            >= crate::worker::table::MAX_PORTS
        {
            return Err(EngineError::NoCapacity("limit of ports"));
        }
        let address = self.pool.address(if kind == PortKind::Webrtc { Family::Any } else { family });
        let (port, sockets) = match &self.common {
            Some((port, socket)) if kind == PortKind::Webrtc => (*port, PortSockets::shared(socket)?),
            _ => self.pool.bind(address, kind == PortKind::Webrtc, now)?,
        };
        let ssrc = (self.random() >> 32) as u32;
        let token = self.next_token;
        self.next_token += 1;
        let rtcp_port = if sockets.rtcp.is_some() { port + 1 } else { 0 };
        self.join(group, worker);
        self.reserved.insert(token, Reserved { sockets, group, address, port, ssrc, at: now });
        Ok(Reservation { token, address: address.to_string(), port, rtcp_port, ssrc })
    }

    /// Splits a batch by worker and hands it over; never blocks. What cannot be done becomes an event.
    pub fn submit(&mut self, commands: Vec<Command>) -> u64 {
        self.seq += 1;
        let seq = self.seq;
        let mut split: Vec<Vec<Item>> = self.workers.iter().map(|_| Vec::new()).collect();
        for (index, command) in commands.into_iter().enumerate() {
            let index = index as u32;
            let (name, target) = (command.name(), command.target());
            let outcome = if self.closed {
                Err(Refusal::Internal)
            } else if index as usize >= MAX_BATCH {
                Err(Refusal::Limit)
            } else {
                self.direct(seq, index, command, &mut split)
            };
            if let Err(refusal) = outcome {
                self.refuse(seq, index, name, target, refusal);
            }
        }
        let now = self.clock.now();
        self.moving.retain(|_, travel| travel.until > now);
        for (worker, items) in split.into_iter().enumerate() {
            if !items.is_empty() {
                let awaits = self.awaited(worker);
                self.overflow[worker].push_back((Batch { seq, items, awaits }, now));
            }
        }
        self.hand_over(now);
        seq
    }

    fn refuse(&mut self, seq: u64, index: u32, command: &'static str, target: u64, refusal: Refusal) {
        self.events.push(Event::CommandFailed { seq, index, command, target, reason: refusal.word() });
        self.notifier.raise();
    }

    /// Ports that travel to this worker right now.
    fn awaited(&self, worker: usize) -> Vec<NodeId> {
        let heads_here = |node: &NodeId| self.nodes.get(node).is_some_and(|entry| entry.worker == worker);
        self.moving.keys().copied().filter(heads_here).collect()
    }

    /// Pushes waiting batches into the rings, in order.
    fn hand_over(&mut self, now: Micros) {
        for worker in 0..self.workers.len() {
            let mut pushed = false;
            while let Some((batch, since)) = self.overflow[worker].pop_front() {
                match self.workers[worker].commands.push(batch) {
                    Ok(()) => pushed = true,
                    Err(PushError::Full(batch)) => {
                        let batch = if now > since + BUSY_US { self.give_up(batch) } else { batch };
                        self.overflow[worker].push_front((batch, since));
                        break;
                    }
                }
            }
            if pushed {
                self.workers[worker].wake.raise();
            }
        }
    }

    /// A worker takes nothing for a second: only what ends things is kept.
    fn give_up(&mut self, batch: Batch) -> Batch {
        let Batch { seq, items, awaits } = batch;
        let (kept, dropped): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| {
            matches!(
                item.command,
                Command::ClosePort { .. }
                    | Command::CloseBus { .. }
                    | Command::StopPlay { .. }
                    | Command::StopRecord { .. }
                    | Command::CloseTap { .. }
                    | Command::CloseInject { .. }
            )
        });
        for item in dropped {
            let (name, target) = (item.command.name(), item.command.target());
            self.forget_failed(name, target);
            self.refuse(seq, item.index, name, target, Refusal::Busy);
        }
        Batch { seq, items: kept, awaits }
    }

    /// Everything that happened since the last call, in order per node.
    pub fn drain(&mut self) -> Vec<Event> {
        self.notifier.acknowledge();
        let now = self.clock.now();
        let taps: Vec<_> = self.taps.iter().map(|(tap, queue)| (*tap, Arc::clone(queue))).collect();
        for (tap, queue) in taps {
            self.read_tap(tap, &queue);
        }
        let mut events = std::mem::take(&mut self.events);
        let mut dropped = 0;
        for worker in &mut self.workers {
            while let Ok(event) = worker.events.pop() {
                events.push(event);
            }
            dropped += worker.load.dropped_events.swap(0, Ordering::Relaxed);
        }
        events.extend(self.disk_events.try_iter());
        if dropped > 0 {
            events.push(Event::EventsDropped { count: dropped });
        }
        for event in &events {
            self.observe(event, now);
        }
        self.merge_pictures(&mut events);
        self.expire(now);
        self.hand_over(now);
        events
    }

    /// Keeps the maps in step with what workers tell.
    fn observe(&mut self, event: &Event, now: Micros) {
        match event {
            Event::PortClosed { port, .. } | Event::PortFailed { port, .. } => {
                if let Some(number) = self.forget(*port).and_then(|node| node.port) {
                    self.pool.release(number, now);
                }
            }
            Event::PlayEnded { player, .. } => {
                self.forget(*player);
            }
            Event::RecordEnded { recorder, .. } => {
                self.forget(*recorder);
            }
            Event::CommandFailed { command: "MovePort", target, .. } => self.move_failed(*target),
            // The façade's own refusals concern no node, or one that exists by an earlier command.
            Event::CommandFailed { seq, command, target, reason, .. } if *seq > 0 && *reason != "duplicate_id" => {
                self.forget_failed(command, *target);
            }
            _ => (),
        }
    }

    fn forget_failed(&mut self, command: &str, target: u64) {
        if matches!(command, "OpenPort" | "Play" | "Record" | "OpenBus" | "OpenTap" | "OpenInject") {
            let now = self.clock.now();
            if let Some(number) = self.forget(target).and_then(|node| node.port) {
                self.pool.release(number, now);
            }
        }
    }

    fn forget(&mut self, node: NodeId) -> Option<Node> {
        let entry = self.nodes.remove(&node)?;
        self.moving.remove(&node);
        self.taps.remove(&node);
        self.register.leave(node);
        self.leave(entry.group);
        Some(entry)
    }

    fn move_failed(&mut self, port: NodeId) {
        let Some(travel) = self.moving.remove(&port) else { return };
        if let Some(entry) = self.nodes.get(&port).copied() {
            self.leave(entry.group);
            self.join(travel.before.group, travel.before.worker);
            self.register.moved(port, travel.before.worker);
            self.nodes.insert(port, travel.before);
        }
    }

    /// One picture of the engine instead of one per worker.
    fn merge_pictures(&mut self, events: &mut Vec<Event>) {
        let pictures = &mut self.pictures;
        events.retain_mut(|event| match event {
            Event::Dumped { target: 0, json } => {
                pictures.push(std::mem::take(json));
                false
            }
            _ => true,
        });
        let count = self.workers.len();
        while self.pictures.len() >= count {
            let workers: Vec<String> = self.pictures.drain(..count).collect();
            let json = format!(
                "{{\"draining\":{},\"reserved\":{},\"nodes\":{},\"prompts\":{},\"workers\":[{}]}}",
                self.draining,
                self.reserved.len(),
                self.nodes.len(),
                self.cache.len(),
                workers.join(",")
            );
            events.push(Event::Dumped { target: 0, json });
        }
    }

    fn expire(&mut self, now: Micros) {
        let old: Vec<u64> = self
            .reserved
            .iter()
            .filter(|(_, reserved)| now >= reserved.at + RESERVATION_US)
            .map(|(token, _)| *token)
            .collect();
        for token in old {
            if let Some(reserved) = self.reserved.remove(&token) {
                self.leave(reserved.group);
                self.pool.release(reserved.port, now);
            }
        }
    }

    /// The worker of a group; the least loaded one when the group is new.
    fn worker_of(&self, group: GroupId) -> usize {
        if let Some(entry) = self.groups.get(&group) {
            return entry.worker;
        }
        let mut members = vec![0usize; self.workers.len()];
        for entry in self.groups.values() {
            members[entry.worker] += entry.members;
        }
        (0..members.len()).min_by_key(|worker| members[*worker]).unwrap_or(0)
    }

    fn join(&mut self, group: GroupId, worker: usize) {
        self.groups.entry(group).or_insert(GroupEntry { worker, members: 0 }).members += 1;
    }

    fn leave(&mut self, group: GroupId) {
        if let Some(entry) = self.groups.get_mut(&group) {
            entry.members -= 1;
            if entry.members == 0 {
                self.groups.remove(&group);
            }
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Closes every port with BYE, finishes the recordings, ends the threads. The last events can still be drained.
    pub fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.door = None;
        for worker in &mut self.workers {
            worker.stop();
        }
        self.disk.send(Job::Shutdown);
        if let Some(thread) = self.disk_thread.take() {
            let _ = thread.join(); // a panic of the disk thread was printed by the runtime
        }
        self.reserved.clear();
        self.notifier.raise();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}
