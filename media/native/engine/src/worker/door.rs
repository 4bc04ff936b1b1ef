//! The door: a thread that hears strangers on the ports that all browsers share, and sends each to the worker of its port.
//!
//! A stranger's first packet is a connectivity check; the user fragment in it names the port (RFC 8445 §7.3). From then on the
//! worker has a socket of its own for that address (`ways`), so the door sees nothing of the media. But for a browser whose router
//! gave it another address in mid-call: the stream of its media names the port, its tag and a check of ours prove it (`ice::probe`).

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::register::Register;
use super::threads::Parcel;
use super::ways::{self, take_frame};
use crate::ice::stun::Request;
use crate::ids::MAX_DATAGRAM;
use crate::media::notify::Notifier;
use crate::port::receive::Flood;
use crate::rtp;

/// A connection has to show its check within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that have not shown it yet; more are refused.
const MAX_PENDING: usize = 256;
const WAKE: u64 = 0;
const UDP: u64 = 1;
const TCP: u64 = 2;
const FIRST: u64 = 3;

/// The sockets that all browsers share.
#[derive(Debug, Default)]
pub struct Shared {
    pub udp: Option<UdpSocket>,
    pub tcp: Option<TcpListener>,
}

impl Shared {
    /// Binds what is asked for; 0 asks for nothing.
    pub fn bind(address: std::net::IpAddr, udp: u16, tcp: u16) -> std::io::Result<Self> {
        let mut bound = Self::default();
        if udp > 0 {
            bound.udp = Some(ways::shared(SocketAddr::new(address, udp))?);
        }
        if tcp > 0 {
            let listener = TcpListener::bind((address, tcp))?;
            listener.set_nonblocking(true)?;
            bound.tcp = Some(listener);
        }
        Ok(bound)
    }
}

/// The façade's end. Dropping it ends the thread.
pub struct Door {
    stop: Arc<AtomicBool>,
    wake: Notifier,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake.raise();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic was printed by the runtime
        }
    }
}

/// A connection that has not said yet whom it wants.
struct Caller {
    stream: TcpStream,
    source: SocketAddr,
    received: Vec<u8>,
    since: Instant,
}

struct Keeper {
    shared: Shared,
    register: Register,
    workers: Vec<(Sender<Parcel>, Notifier)>,
    epoll: std::os::fd::OwnedFd,
    callers: HashMap<u64, Caller>,
    next: u64,
    stop: Arc<AtomicBool>,
    wake: Notifier,
    /// Media of strangers that workers are asked about: a browser behind a router that changed its address, or noise.
    strays: Flood,
    started: Instant,
}

/// Starts the thread. `workers` in the order of their numbers.
pub fn open(shared: Shared, register: Register, workers: Vec<(Sender<Parcel>, Notifier)>) -> std::io::Result<Door> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let wake = Notifier::new()?;
    let data = epoll::EventData::new_u64;
    epoll::add(&epoll, wake.fd(), data(WAKE), epoll::EventFlags::IN)?;
    if let Some(udp) = &shared.udp {
        epoll::add(&epoll, udp, data(UDP), epoll::EventFlags::IN)?;
    }
    if let Some(tcp) = &shared.tcp {
        epoll::add(&epoll, tcp, data(TCP), epoll::EventFlags::IN)?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let callers = HashMap::new();
    let mut keeper = Keeper {
        shared,
        register,
        workers,
        epoll,
        callers,
        next: FIRST,
        stop: stop.clone(),
        wake: wake.clone(),
        strays: Flood::new(20),
        started: Instant::now(),
    };
    let thread = std::thread::Builder::new().name("media-door".into()).spawn(move || keeper.run())?;
    Ok(Door { stop, wake, thread: Some(thread) })
}

impl Keeper {
    fn run(&mut self) {
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(64);
        while !self.stop.load(Ordering::Acquire) {
            ready.clear();
            let wait = (!self.callers.is_empty()).then_some(Timespec { tv_sec: 1, tv_nsec: 0 });
            match epoll::wait(&self.epoll, spare_capacity(&mut ready), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => (),
                Err(error) => {
                    eprintln!("media door: epoll failed: {error}"); // browsers without a socket of their own stay outside
                    return;
                }
            }
            for event in &ready {
                match event.data.u64() {
                    WAKE => self.wake.acknowledge(),
                    UDP => self.hear(),
                    TCP => self.admit(),
                    number => self.listen(number),
                }
            }
            let now = Instant::now();
            self.callers.retain(|_, caller| now.saturating_duration_since(caller.since) < PATIENCE);
        }
    }

    fn hear(&mut self) {
        let mut buffer = [0u8; MAX_DATAGRAM + 64];
        for _ in 0..64 {
            let Some(socket) = &self.shared.udp else { return };
            match socket.recv_from(&mut buffer) {
                Ok((length, source)) if length <= MAX_DATAGRAM => {
                    self.direct(source, &buffer[..length]);
                }
                Ok(_) => (),
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => (),
                Err(_) => return,
            }
        }
    }

    /// A check goes to the worker of its port; media goes to all, one of them may know its stream.
    fn direct(&mut self, source: SocketAddr, packet: &[u8]) {
        if let Some((port, worker)) = self.wanted(packet) {
            self.send(worker, Parcel::Knock { port, source, packet: packet.to_vec() });
        } else if rtp::kind(packet) == rtp::Kind::Rtp && self.strays.admits(self.started.elapsed().as_micros() as u64) {
            for worker in 0..self.workers.len() {
                self.send(worker, Parcel::Stray { source, packet: packet.to_vec() });
            }
        }
    }

    /// Port and worker that a check is for.
    fn wanted(&self, packet: &[u8]) -> Option<(u64, usize)> {
        self.register.find(Request::parse(packet).ok()?.username.0)
    }

    fn send(&self, worker: usize, parcel: Parcel) {
        if let Some((worker, wake)) = self.workers.get(worker)
            && worker.send(parcel).is_ok()
        {
            wake.raise();
        }
    }

    fn admit(&mut self) {
        while let Some(Ok((stream, source))) = self.shared.tcp.as_ref().map(TcpListener::accept) {
            if self.callers.len() >= MAX_PENDING || stream.set_nonblocking(true).is_err() {
                continue; // closed by being dropped
            }
            let _ = stream.set_nodelay(true); // a wish: without it packets come in lumps
            let number = self.next;
            self.next += 1;
            if epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(number), epoll::EventFlags::IN).is_ok() {
                let caller = Caller { stream, source, received: Vec::new(), since: Instant::now() };
                self.callers.insert(number, caller);
            }
        }
    }

    fn listen(&mut self, number: u64) {
        let Some(mut caller) = self.callers.remove(&number) else { return };
        let mut buffer = [0u8; MAX_DATAGRAM];
        match caller.stream.read(&mut buffer) {
            Ok(count) if count > 0 => caller.received.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => (),
            _ => return,
        }
        let mut first = caller.received.clone();
        if let Some(packet) = take_frame(&mut first) {
            if let Some((port, worker)) = self.wanted(&packet) {
                let _ = epoll::delete(&self.epoll, &caller.stream);
                let Caller { stream, source, received, .. } = caller;
                self.send(worker, Parcel::Caller { port, source, stream, received });
            }
        } else if caller.received.len() < 2 * MAX_DATAGRAM {
            self.callers.insert(number, caller);
        }
    }
}
