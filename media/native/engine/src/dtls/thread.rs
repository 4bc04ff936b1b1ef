//! The loop of the handshake thread: messages in, associations stepped, events out.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::association::{Association, DtlsConfig, DtlsError, Happening, Shared};
use super::{Gauge, HandshakeEvent, HandshakeKind, MAX_HANDSHAKES};

/// What the workers ask for.
pub enum Message {
    Client { client: u64, events: Sender<HandshakeEvent>, wake: Box<dyn Fn() + Send> },
    Open { client: u64, port: u64, config: Box<DtlsConfig> },
    Datagram { client: u64, port: u64, datagram: Vec<u8> },
    Close { client: u64, port: u64 },
    Gone { client: u64 },
    Stop,
}

/// An association belongs to a port of a client.
type Key = (u64, u64);

struct Client {
    events: Sender<HandshakeEvent>,
    wake: Box<dyn Fn() + Send>,
}

struct Table {
    shared: Result<Shared, DtlsError>,
    clients: HashMap<u64, Client>,
    associations: HashMap<Key, Association>,
    /// The next deadline of every association that has one.
    deadlines: BTreeSet<(Instant, Key)>,
    /// Associations without keys yet.
    handshakes: usize,
}

/// Runs until [`Message::Stop`] or until nobody can send any more.
pub fn run(messages: &Receiver<Message>, gauge: &Gauge) {
    let mut table = Table::new();
    loop {
        let now = Instant::now();
        table.expire(now);
        let message = match table.deadlines.first() {
            Some((deadline, _)) => messages.recv_timeout(deadline.saturating_duration_since(now)),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(message) => {
                if matches!(message, Message::Datagram { .. }) {
                    gauge.waiting.fetch_sub(1, Ordering::Relaxed);
                }
                table.take(message, Instant::now());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

impl Table {
    fn new() -> Self {
        Self {
            shared: Shared::new(),
            clients: HashMap::new(),
            associations: HashMap::new(),
            deadlines: BTreeSet::new(),
            handshakes: 0,
        }
    }

    fn take(&mut self, message: Message, now: Instant) {
        match message {
            Message::Client { client, events, wake } => {
                self.clients.insert(client, Client { events, wake });
            }
            Message::Open { client, port, config } => self.open((client, port), &config, now),
            Message::Datagram { client, port, datagram } => {
                self.step((client, port), |association, said| association.input(&datagram, now, said));
            }
            Message::Close { client, port } => {
                self.step((client, port), |association, said| association.close(now, said))
            }
            Message::Gone { client } => {
                self.clients.remove(&client);
                self.associations.retain(|key, _| key.0 != client);
                self.deadlines.retain(|(_, key)| key.0 != client);
                self.handshakes = self.associations.values().filter(|association| !association.is_connected()).count();
            }
            Message::Stop => {} // handled by the loop
        }
    }

    fn open(&mut self, key: Key, config: &DtlsConfig, now: Instant) {
        self.forget(key);
        let opened = match &self.shared {
            _ if self.handshakes >= MAX_HANDSHAKES => Err(DtlsError::TooMany),
            Ok(shared) => guarded(|| Association::new(shared, config, now)).unwrap_or(Err(DtlsError::Fault)),
            Err(error) => Err(error.clone()),
        };
        match opened {
            Ok(association) => {
                self.associations.insert(key, association);
                self.handshakes += 1;
                self.step(key, |association, said| association.timeout(now, said));
            }
            Err(error) => self.report(key, vec![Happening::Failed(error)]),
        }
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(deadline, key)) = self.deadlines.first() {
            if deadline > now {
                return;
            }
            self.deadlines.pop_first();
            self.step(key, |association, said| association.timeout(now, said));
            // A deadline that stays in the past would make the loop spin.
            if self.deadlines.remove(&(deadline, key)) {
                self.deadlines.insert((now + Duration::from_millis(10), key));
            }
        }
    }

    /// Lets one association work, then reports what it says and notes its next deadline. A panic ends only this one.
    fn step(&mut self, key: Key, work: impl FnOnce(&mut Association, &mut Vec<Happening>)) {
        let Some(association) = self.associations.get_mut(&key) else { return };
        let was_connected = association.is_connected();
        let old_deadline = association.next_deadline();
        let mut said = Vec::new();
        let sound = guarded(|| work(association, &mut said)).is_some();
        if !sound {
            said.push(Happening::Failed(DtlsError::Fault));
        }
        if let Some(at) = old_deadline {
            self.deadlines.remove(&(at, key));
        }
        if !sound || association.is_over() {
            self.associations.remove(&key);
            self.handshakes -= usize::from(!was_connected);
        } else {
            self.handshakes -= usize::from(!was_connected && association.is_connected());
            self.deadlines.extend(association.next_deadline().map(|at| (at, key)));
        }
        self.report(key, said);
    }

    fn forget(&mut self, key: Key) {
        if let Some(association) = self.associations.remove(&key) {
            if let Some(at) = association.next_deadline() {
                self.deadlines.remove(&(at, key));
            }
            self.handshakes -= usize::from(!association.is_connected());
        }
    }

    fn report(&self, key: Key, said: Vec<Happening>) {
        let Some(client) = self.clients.get(&key.0) else { return };
        let any = !said.is_empty();
        for happening in said {
            let kind = match happening {
                Happening::Transmit(datagram) => HandshakeKind::Transmit(datagram),
                Happening::Connected { keys, version } => {
                    let profile = keys.profile.name().to_owned();
                    HandshakeKind::Connected { keys, profile, version: version.to_owned() }
                }
                Happening::Failed(error) => HandshakeKind::Failed(error.to_string()),
                Happening::Closed => HandshakeKind::Closed,
            };
            let _ = client.events.send(HandshakeEvent { port: key.1, kind }); // gone clients are removed by `Gone`
        }
        if any {
            (client.wake)();
        }
    }
}

/// Runs `work`; None when it panicked. What it touched must be thrown away then.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Client { .. } => "Client",
            Self::Open { .. } => "Open",
            Self::Datagram { .. } => "Datagram",
            Self::Close { .. } => "Close",
            Self::Gone { .. } => "Gone",
            Self::Stop => "Stop",
        };
        f.write_str(name)
    }
}
