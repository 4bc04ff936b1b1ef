//! DTLS-SRTP (RFC 5763, 5764): a thread of its own shakes hands, so that public-key work never delays a frame.
//!
//! A worker gives datagrams and takes events through [`HandshakeClient`]; neither call blocks. [`association`] is the part
//! without threads and clocks.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod association;
pub mod fingerprint;
mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

pub use association::{DtlsConfig, DtlsError};

use crate::srtp::SrtpKeys;
use thread::Message;

/// Associations whose handshake is under way, over all workers.
pub const MAX_HANDSHAKES: usize = 4096;
/// Datagrams that wait for the thread; more are dropped, the peer repeats them.
pub const MAX_WAITING: usize = 4096;

/// The handshake thread. Dropping it ends the thread; clients then see every `open` fail.
#[derive(Debug)]
pub struct HandshakeThread {
    messages: Sender<Message>,
    gauge: Arc<Gauge>,
    next_client: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

/// What both sides count.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

impl HandshakeThread {
    /// Starts the thread. When the system has no thread to give, every `open` fails with a reason.
    pub fn spawn() -> Self {
        let (messages, receiver) = channel();
        let gauge = Arc::new(Gauge::default());
        let counted = gauge.clone();
        let named = std::thread::Builder::new().name("handshake".into());
        let thread = named.spawn(move || thread::run(&receiver, &counted)).ok();
        Self { messages, gauge, next_client: AtomicU64::new(0), thread }
    }

    /// A handle for one worker; `wake` is called from the handshake thread after events were put.
    pub fn client(&self, wake: impl Fn() + Send + 'static) -> HandshakeClient {
        let client = self.next_client.fetch_add(1, Ordering::Relaxed);
        let (sender, events) = channel();
        let local = sender.clone();
        // A failed send means that the thread is gone; the first `open` says so.
        let _ = self.messages.send(Message::Client { client, events: sender, wake: Box::new(wake) });
        HandshakeClient { client, messages: self.messages.clone(), events, local, gauge: self.gauge.clone() }
    }

    /// Datagrams dropped because too many waited.
    pub fn dropped(&self) -> u64 {
        self.gauge.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for HandshakeThread {
    fn drop(&mut self) {
        let asked = self.messages.send(Message::Stop).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| asked) {
            let _ = thread.join(); // a panic was reported where it happened
        }
    }
}

/// What happened to the handshake of a port.
#[derive(Debug)]
pub struct HandshakeEvent {
    pub port: u64,
    pub kind: HandshakeKind,
}

#[derive(Debug)]
pub enum HandshakeKind {
    /// Send this to the peer's current address.
    Transmit(Vec<u8>),
    /// The peer showed the certificate that was signalled. `profile` is the suite name, `version` DTLS1.2 or DTLS1.3.
    Connected { keys: SrtpKeys, profile: String, version: String },
    /// There will be no keys, for this reason. The port is forgotten.
    Failed(String),
    /// The peer closed after it was connected. The port is forgotten.
    Closed,
}

/// The end of one worker. Ports are named by the worker; names of different workers do not collide.
#[derive(Debug)]
pub struct HandshakeClient {
    client: u64,
    messages: Sender<Message>,
    events: Receiver<HandshakeEvent>,
    /// For what this side has to report itself.
    local: Sender<HandshakeEvent>,
    gauge: Arc<Gauge>,
}

impl HandshakeClient {
    /// Begins a handshake; a former one of the same port is dropped. Mistakes in `config` come back as `Failed`.
    pub fn open(&self, port: u64, config: DtlsConfig) {
        let message = Message::Open { client: self.client, port, config: Box::new(config) };
        if self.messages.send(message).is_err() {
            let kind = HandshakeKind::Failed(DtlsError::NotRunning.to_string());
            let _ = self.local.send(HandshakeEvent { port, kind }); // we hold the receiver
        }
    }

    /// Hands over a datagram that came for the port.
    pub fn datagram(&self, port: u64, datagram: Vec<u8>) {
        if self.gauge.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.gauge.waiting.fetch_sub(1, Ordering::Relaxed);
            self.gauge.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.messages.send(Message::Datagram { client: self.client, port, datagram }).is_err() {
            self.gauge.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends the association of the port. A last `Transmit` may follow: the goodbye.
    pub fn close(&self, port: u64) {
        // Without a thread there is nothing left to close.
        let _ = self.messages.send(Message::Close { client: self.client, port });
    }

    /// The next event, if there is one.
    pub fn poll(&self) -> Option<HandshakeEvent> {
        self.events.try_recv().ok()
    }
}

impl Drop for HandshakeClient {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Gone { client: self.client }); // as for `close`
    }
}
