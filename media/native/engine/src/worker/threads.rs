//! The thread of a worker: epoll, sockets, rings, and the loop that drives the core.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer, PushError, RingBuffer};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::io::{PortSockets, Sockets};
use super::pace::Pace;
use super::table::{Batch, Change, Core};
use super::ways::{Connection, Link, MAX_WAYS, connected};
use crate::event::Event;
use crate::ids::{GroupId, MAX_DATAGRAM, Micros, NodeId, Slot};
use crate::media::notify::Notifier;
use crate::port::Port;

/// Batches that may wait for a worker, and events for the façade.
const COMMAND_RING: usize = 4096;
const EVENT_RING: usize = 16 * 1024;
/// Datagrams read from one socket before the others have their turn.
const READS: usize = 8;
/// A socket that is ready again within this time is read until it is empty.
const BURST_US: Micros = 8_000;
/// A batch waits so long for a port that travels.
const TRAVEL_US: Micros = 100_000;
const WAKE: u64 = u64::MAX;
/// Marks the token of a way: slot and number of the way below it.
const WAY: u64 = 1 << 62;

/// A port on its way between workers.
pub struct Traveller {
    port: Box<Port>,
    sockets: PortSockets,
    group: GroupId,
}

/// What workers send each other, and the door sends them.
pub enum Parcel {
    Traveller(Traveller),
    HandshakeOver(NodeId),
    /// A check of an address that has no socket of its own yet.
    Knock {
        port: NodeId,
        source: SocketAddr,
        packet: Vec<u8>,
    },
    /// Media of such an address.
    Stray {
        source: SocketAddr,
        packet: Vec<u8>,
    },
    /// A connection that wants to become a way to the port; `received` begins with its check.
    Caller {
        port: NodeId,
        source: SocketAddr,
        stream: TcpStream,
        received: Vec<u8>,
    },
}

/// The façade's end of a worker.
pub struct Handle {
    pub commands: Producer<Batch>,
    pub events: Consumer<Event>,
    pub wake: Notifier,
    pub load: Arc<Load>,
    stop: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// What the façade may see of a worker without asking.
#[derive(Debug, Default)]
pub struct Load {
    pub ports: AtomicUsize,
    pub overload: AtomicUsize,
    pub dropped_events: AtomicU64,
}

impl Handle {
    /// Ends the thread after everything was closed.
    pub fn stop(&mut self) {
        self.stop.store(1, Ordering::Release);
        self.wake.raise();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic of the loop itself was printed by the runtime
        }
    }
}

struct Loop {
    core: Core,
    sockets: Sockets,
    pace: Pace,
    last_ready: Vec<Micros>,
    epoll: std::os::fd::OwnedFd,
    wake: Notifier,
    out: Notifier,
    commands: Consumer<Batch>,
    events: Producer<Event>,
    /// Events that did not fit; state events only.
    waiting_events: VecDeque<Event>,
    waiting_batches: VecDeque<(Batch, Micros)>,
    peers: Vec<(Sender<Parcel>, Notifier)>,
    arrivals: Receiver<Parcel>,
    load: Arc<Load>,
    stop: Arc<AtomicUsize>,
}

/// Wakes and arrival channels of all workers, made before any of them starts.
pub struct Fabric {
    senders: Vec<(Sender<Parcel>, Notifier)>,
    receivers: Vec<Option<Receiver<Parcel>>>,
}

impl Fabric {
    pub fn new(workers: usize) -> std::io::Result<Self> {
        let mut fabric = Self { senders: Vec::new(), receivers: Vec::new() };
        for _ in 0..workers {
            let (sender, receiver) = channel();
            fabric.senders.push((sender, Notifier::new()?));
            fabric.receivers.push(Some(receiver));
        }
        Ok(fabric)
    }

    /// Where each worker gets its parcels.
    pub fn senders(&self) -> Vec<(Sender<Parcel>, Notifier)> {
        self.senders.clone()
    }

    pub fn wake(&self, worker: usize) -> Notifier {
        self.senders[worker].1.clone()
    }
}

/// Starts a worker's thread.
pub fn spawn(core: Core, fabric: &mut Fabric, out: Notifier) -> std::io::Result<Handle> {
    let index = core.index;
    let (commands, command_end) = RingBuffer::new(COMMAND_RING);
    let (event_end, events) = RingBuffer::new(EVENT_RING);
    let (wake, load) = (fabric.wake(index), Arc::new(Load::default()));
    let stop = Arc::new(AtomicUsize::new(0));
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, wake.fd(), epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
    let (_, closed) = channel();
    let mut worker = Loop {
        core,
        sockets: Sockets::default(),
        pace: Pace::default(),
        last_ready: Vec::new(),
        epoll,
        wake: wake.clone(),
        out,
        commands: command_end,
        events: event_end,
        waiting_events: VecDeque::new(),
        waiting_batches: VecDeque::new(),
        peers: fabric.senders.clone(),
        arrivals: fabric.receivers[index].take().unwrap_or(closed),
        load: load.clone(),
        stop: stop.clone(),
    };
    let thread = std::thread::Builder::new().name(format!("media-{index}")).spawn(move || worker.run())?;
    Ok(Handle { commands, events, wake, load, stop, thread: Some(thread) })
}

/// Above ordinary programs where the system allows it (root, CAP_SYS_NICE, an rlimit); without it the thread runs as it is.
const PRIORITY: i32 = -11;

impl Loop {
    fn run(&mut self) {
        // On Linux a thread id is as good as a process id here, so this raises the worker alone.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), PRIORITY);
        // Waits are of 200 µs; the usual slack of 50 µs would be a quarter of them.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1_000));
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(256);
        let mut buffer = [0u8; MAX_DATAGRAM + 64];
        loop {
            if ready.len() < ready.capacity() {
                self.wait();
            }
            ready.clear();
            let timeout = self.timeout();
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), timeout.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => (),
                Err(error) => {
                    // Without epoll the worker is blind: its ports end with events, the façade sees them.
                    eprintln!("media worker {}: epoll failed: {error}", self.core.index);
                    break;
                }
            }
            let now = self.core.clock.now();
            self.pace.woke(now);
            for event in &ready {
                match event.data.u64() {
                    WAKE => self.wake.acknowledge(),
                    token if token & WAY != 0 => self.read_way((token >> 16) as Slot, token as u16, &mut buffer, now),
                    token => self.read((token >> 1) as Slot, token & 1 == 1, &mut buffer, now),
                }
            }
            self.take_batches(now);
            let now = self.core.clock.now();
            self.core.run_frames(now, &mut self.sockets);
            self.core.run_timers(now, &mut self.sockets);
            self.core.run_handshakes(&mut self.sockets);
            self.carry_out_changes();
            self.flush_events();
            if self.stop.load(Ordering::Acquire) != 0 {
                break;
            }
        }
        let now = self.core.clock.now();
        self.core.close_all(now, &mut self.sockets);
        self.carry_out_changes();
        self.flush_events();
    }

    /// Lets packets gather when there are many, see `pace`.
    fn wait(&mut self) {
        let Self { core, pace, .. } = self;
        let passes_on = || core.ports.iter().flatten().any(|port| !port.relays.is_empty());
        let wait = pace.wait(core.clock.now(), core.next_wake(), passes_on);
        if wait > 0 {
            let wait = Timespec { tv_sec: 0, tv_nsec: (wait * 1000) as _ };
            // Woken early by a signal: then this turn comes early.
            let _ = rustix::thread::nanosleep(&wait);
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let mut at = self.core.next_wake();
        if let Some((_, deadline)) = self.waiting_batches.front() {
            at = at.min(*deadline);
        }
        if !self.waiting_events.is_empty() {
            at = at.min(self.core.clock.now() + 20_000);
        }
        if at == Micros::MAX {
            return None;
        }
        let wait = at.saturating_sub(self.core.clock.now());
        Some(Timespec { tv_sec: (wait / 1_000_000) as i64, tv_nsec: (wait % 1_000_000 * 1000) as _ })
    }

    fn read(&mut self, slot: Slot, rtcp: bool, buffer: &mut [u8], now: Micros) {
        let index = slot as usize;
        if self.last_ready.len() <= index {
            self.last_ready.resize(index + 1, 0);
        }
        // One packet each 20 ms is the rule: the second read would only say "empty". A stream that bursts is drained.
        let burst = now.saturating_sub(std::mem::replace(&mut self.last_ready[index], now)) < BURST_US;
        for _ in 0..if burst { READS } else { 1 } {
            let Some(socket) = self.sockets.get(slot, rtcp) else { return };
            match socket.recv_from(buffer) {
                Ok((length, source)) if length <= MAX_DATAGRAM => {
                    let packet = &mut buffer[..length];
                    self.pace.packet();
                    if rtcp {
                        self.core.rtcp_input(slot, packet, source, now);
                    } else {
                        self.core.rtp_input(slot, packet, source, now, &mut self.sockets);
                    }
                }
                Ok(_) => (),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // An ICMP error of an earlier datagram; the socket itself is well.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
                Err(_) => {
                    self.core.fail(slot, "socket");
                    return;
                }
            }
        }
    }

    fn take_batches(&mut self, now: Micros) {
        while let Ok(parcel) = self.arrivals.try_recv() {
            match parcel {
                Parcel::Traveller(traveller) => self.settle(traveller),
                Parcel::HandshakeOver(port) => self.core.forget_handshake(port),
                Parcel::Knock { port, source, packet } => self.knock(port, source, packet, now),
                Parcel::Stray { source, packet } => self.stray(source, packet, now),
                Parcel::Caller { port, source, stream, received } => {
                    self.take_caller(port, source, Connection::new(stream, received), now);
                }
            }
        }
        while let Ok(batch) = self.commands.pop() {
            self.waiting_batches.push_back((batch, now + TRAVEL_US));
        }
        while let Some((batch, deadline)) = self.waiting_batches.front() {
            let here = |node: &NodeId| self.core.nodes.contains_key(node);
            if !batch.awaits.iter().all(here) && now < *deadline {
                return;
            }
            let Some((batch, _)) = self.waiting_batches.pop_front() else { return };
            self.report_lost_travellers(&batch);
            self.core.apply(batch, now, &mut self.sockets);
            self.carry_out_changes();
        }
    }

    fn report_lost_travellers(&mut self, batch: &Batch) {
        for node in &batch.awaits {
            if !self.core.nodes.contains_key(node) {
                let (command, reason) = ("MovePort", "move_timeout");
                self.core.events.push(Event::CommandFailed {
                    seq: batch.seq,
                    index: 0,
                    command,
                    target: *node,
                    reason,
                });
            }
        }
    }

    fn settle(&mut self, traveller: Traveller) {
        let slot = self.core.adopt(traveller.port, traveller.group);
        self.watch(slot, &traveller.sockets);
        self.sockets.insert(slot, traveller.sockets);
        let now = self.core.clock.now();
        self.core.replan(now, &mut self.sockets);
    }

    /// A stranger's check. An authentic one gets a socket for its address before it is answered, so that what follows finds it.
    fn knock(&mut self, port: NodeId, source: SocketAddr, mut packet: Vec<u8>, now: Micros) {
        let Some(slot) = self.core.recognized(port, &packet) else { return };
        let local = self.core.port(slot).map(|port| port.local);
        if let Some(local) = local
            && self.has_room(slot, source)
            && let Ok(socket) = connected(local, source)
        {
            self.add_way(slot, source, Link::Udp(socket));
        }
        self.core.rtp_input(slot, &mut packet, source, now, &mut self.sockets);
    }

    /// A stranger's media. If it is that of one of our browsers, whose address changed, it gets a socket for the answer to our
    /// check and for what follows.
    fn stray(&mut self, source: SocketAddr, mut packet: Vec<u8>, now: Micros) {
        let Some(slot) = self.core.continued(&packet) else { return };
        self.core.rtp_input(slot, &mut packet, source, now, &mut self.sockets);
        let port = self.core.port(slot).filter(|port| port.ice.as_ref().is_some_and(|ice| ice.asks(source)));
        if let Some(local) = port.map(|port| port.local)
            && self.has_room(slot, source)
            && let Ok(socket) = connected(local, source)
        {
            self.add_way(slot, source, Link::Udp(socket));
        }
    }

    fn take_caller(&mut self, port: NodeId, source: SocketAddr, connection: Connection, now: Micros) {
        let Some(first) = connection.peek() else { return };
        let Some(slot) = self.core.recognized(port, first) else { return };
        if self.has_room(slot, source)
            && let Some(number) = self.add_way(slot, source, Link::Tcp(connection))
        {
            self.deliver(slot, number, now);
        }
    }

    /// Forgets ways that ICE has forgotten; false when there are too many all the same, or one to this address.
    fn has_room(&mut self, slot: Slot, source: SocketAddr) -> bool {
        let (Some(port), Some(sockets)) = (self.core.port(slot), self.sockets.of(slot)) else { return false };
        if sockets.ways.len() >= MAX_WAYS {
            sockets
                .ways
                .retain(|way| port.ice.as_ref().is_some_and(|ice| ice.knows(way.remote) || ice.asks(way.remote)));
        }
        sockets.ways.len() < MAX_WAYS && !sockets.ways.iter().any(|way| way.remote == source)
    }

    fn add_way(&mut self, slot: Slot, remote: SocketAddr, link: Link) -> Option<u16> {
        let sockets = self.sockets.of(slot)?;
        let number = sockets.add(remote, link);
        let way = sockets.way(number)?;
        let token = epoll::EventData::new_u64(WAY | u64::from(slot) << 16 | u64::from(number));
        if epoll::add(&self.epoll, way.fd(), token, epoll::EventFlags::IN).is_ok() {
            return Some(number);
        }
        sockets.ways.retain(|way| way.number != number);
        None
    }

    fn read_way(&mut self, slot: Slot, number: u16, buffer: &mut [u8], now: Micros) {
        for _ in 0..READS {
            let Some(way) = self.sockets.of(slot).and_then(|sockets| sockets.way(number)) else { return };
            let remote = way.remote;
            match &mut way.link {
                Link::Udp(socket) => match socket.recv_from(buffer) {
                    Ok((length, source)) if length <= MAX_DATAGRAM && source == remote => {
                        self.pace.packet();
                        self.core.rtp_input(slot, &mut buffer[..length], remote, now, &mut self.sockets);
                    }
                    Ok(_) => (),
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
                    Err(_) => return,
                },
                Link::Tcp(connection) => {
                    let goes_on = connection.fill();
                    self.deliver(slot, number, now);
                    if !goes_on && let Some(sockets) = self.sockets.of(slot) {
                        sockets.ways.retain(|way| way.number != number);
                    }
                    return;
                }
            }
        }
    }

    /// Gives the packets of a connection to its port.
    fn deliver(&mut self, slot: Slot, number: u16, now: Micros) {
        loop {
            let Some(way) = self.sockets.of(slot).and_then(|sockets| sockets.way(number)) else { return };
            let remote = way.remote;
            let Link::Tcp(connection) = &mut way.link else { return };
            let Some(mut packet) = connection.packet() else { return };
            self.core.rtp_input(slot, &mut packet, remote, now, &mut self.sockets);
        }
    }

    fn watch(&mut self, slot: Slot, sockets: &PortSockets) {
        let token = |rtcp: u64| epoll::EventData::new_u64(u64::from(slot) << 1 | rtcp);
        let own = sockets.is_shared || epoll::add(&self.epoll, &sockets.rtp, token(0), epoll::EventFlags::IN).is_ok();
        let mut watched = own;
        for way in &sockets.ways {
            let token = epoll::EventData::new_u64(WAY | u64::from(slot) << 16 | u64::from(way.number));
            watched &= epoll::add(&self.epoll, way.fd(), token, epoll::EventFlags::IN).is_ok();
        }
        if let Some(rtcp) = &sockets.rtcp {
            watched &= epoll::add(&self.epoll, rtcp, token(1), epoll::EventFlags::IN).is_ok();
        }
        if !watched {
            self.core.fail(slot, "socket");
        }
    }

    fn carry_out_changes(&mut self) {
        for change in std::mem::take(&mut self.core.changes) {
            match change {
                Change::Opened { slot, sockets } => {
                    self.watch(slot, &sockets);
                    self.sockets.insert(slot, sockets);
                }
                // Closing the descriptor takes it out of epoll.
                Change::Closed { slot } => drop(self.sockets.remove(slot)),
                Change::Left { slot, port, group, worker } => self.send_away(slot, port, group, worker),
                Change::HandshakeOver { worker, port } => {
                    self.post(worker, Parcel::HandshakeOver(port));
                }
            }
        }
        self.load.ports.store(self.core.port_count(), Ordering::Relaxed);
        self.load.overload.store(self.core.overload as usize, Ordering::Relaxed);
    }

    fn send_away(&mut self, slot: Slot, port: Box<Port>, group: GroupId, worker: usize) {
        let Some(sockets) = self.sockets.remove(slot) else { return };
        if !sockets.is_shared {
            let _ = epoll::delete(&self.epoll, &sockets.rtp);
        }
        for way in &sockets.ways {
            let _ = epoll::delete(&self.epoll, way.fd());
        }
        if let Some(rtcp) = &sockets.rtcp {
            let _ = epoll::delete(&self.epoll, rtcp);
        }
        let id = port.id;
        if !self.post(worker, Parcel::Traveller(Traveller { port, sockets, group })) {
            self.core.events.push(Event::PortFailed { port: id, reason: "move_timeout" });
        }
    }

    /// False when the other worker is gone.
    fn post(&self, worker: usize, parcel: Parcel) -> bool {
        let Some((peer, wake)) = self.peers.get(worker) else { return false };
        let sent = peer.send(parcel).is_ok();
        wake.raise();
        sent
    }

    /// Pushes events; periodic ones are dropped when nobody drains, states wait.
    fn flush_events(&mut self) {
        let tapped = std::mem::take(&mut self.core.tapped);
        if !tapped && self.core.events.is_empty() && self.waiting_events.is_empty() {
            return;
        }
        self.waiting_events.extend(self.core.events.drain(..));
        let mut dropped = 0;
        while let Some(event) = self.waiting_events.pop_front() {
            match self.events.push(event) {
                Ok(()) => (),
                Err(PushError::Full(event)) => {
                    self.waiting_events.push_front(event);
                    let before = self.waiting_events.len();
                    self.waiting_events.retain(|event| !event.is_periodic());
                    dropped = before - self.waiting_events.len();
                    break;
                }
            }
        }
        if dropped > 0 {
            self.load.dropped_events.fetch_add(dropped as u64, Ordering::Relaxed);
        }
        self.out.raise();
    }
}
