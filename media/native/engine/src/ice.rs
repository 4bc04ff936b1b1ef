//! ICE-lite (RFC 8445 §2.5): answers connectivity checks, follows the peer's choice of path, watches its consent.
//!
//! Own code because the responder is small and the agent crate that was considered answers no check before it knows the
//! peer's credentials and follows a change of path only after 15 s; see `DECISIONS.md`. Sans-IO: datagrams and time come
//! in, datagrams and events are polled.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod probe;
pub mod stun;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use probe::Probes;
use stun::Request;

/// A path on which no check came for so long is gone (RFC 7675 gives consent 30 s; the peer checks every 2.5 s).
pub const CONSENT: Duration = Duration::from_secs(15);
/// A nomination on first sight replaces a path of higher priority only when that one was not nominated for so long.
const NOMINATION_REST: Duration = Duration::from_secs(5);
/// Remote addresses remembered; the one without check for longest makes room.
const MAX_PATHS: usize = 16;
/// Responses that wait to be sent; more are dropped, the peer repeats its checks.
const MAX_RESPONSES: usize = 64;
/// The longest user fragment and password (RFC 8839 §5.4).
const MAX_CREDENTIAL: usize = 256;
/// What our own checks say of their path: that of a peer-reflexive candidate (RFC 8445 §5.1.2.2).
const PROBE_PRIORITY: u32 = 110 << 24 | 0xff_ffff;

/// Credentials of both sides as in SDP. `remote_*` may come later by [`IceLite::set_remote`].
#[derive(Clone)]
pub struct IceConfig {
    pub local_ufrag: String,
    pub local_pwd: String,
    pub remote_ufrag: Option<String>,
    pub remote_pwd: Option<String>,
    /// Must be true: a full agent is not built.
    pub lite: bool,
}

impl std::fmt::Debug for IceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("IceConfig");
        shown.field("local_ufrag", &self.local_ufrag).field("remote_ufrag", &self.remote_ufrag);
        shown.field("lite", &self.lite).finish_non_exhaustive()
    }
}

/// Why credentials were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IceError {
    #[error("user fragment must have 4 to 256 characters, password 22 to 256 (RFC 8839 §5.4)")]
    Credentials,
    #[error("only ICE-lite is built")]
    FullAgent,
}

/// What happened to the way to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IceEvent {
    /// The first authentic check came, or checks came back: packets for the peer may go to `remote`.
    Connected { remote: SocketAddr },
    /// The peer chose this path; packets go to `remote` from now on.
    Nominated { remote: SocketAddr },
    /// No check came on the chosen path for [`CONSENT`].
    Disconnected,
}

/// The responder of one port.
pub struct IceLite {
    local: SocketAddr,
    local_ufrag: String,
    local_pwd: Zeroizing<String>,
    remote_ufrag: Option<String>,
    remote_pwd: Option<Zeroizing<String>>,
    paths: Vec<Path>,
    probes: Probes,
    /// Where packets for the peer go: proven by a check, or chosen by the peer.
    selected: Option<Selected>,
    connected: bool,
    responses: VecDeque<(Vec<u8>, SocketAddr)>,
    events: VecDeque<IceEvent>,
    refused: u64,
}

/// A remote address from which authentic checks came.
struct Path {
    remote: SocketAddr,
    /// The user fragment the peer called its own; it counts once the signalled one is known.
    claimed: String,
    priority: u32,
    checked: Instant,
    /// The path carried a check without USE-CANDIDATE first: the peer tries before it chooses (regular nomination).
    tried: bool,
}

#[derive(Debug, Clone, Copy)]
struct Selected {
    remote: SocketAddr,
    priority: u32,
    checked: Instant,
    /// When the peer last nominated it; None while it is only the first path that works.
    nominated: Option<Instant>,
}

impl IceLite {
    /// Starts answering. `local` is the address of the socket, 0.0.0.0 allowed; it only appears in diagnostics.
    pub fn new(local: SocketAddr, config: &IceConfig, _now: Instant) -> Result<Self, IceError> {
        validate(config)?;
        Ok(Self {
            local,
            local_ufrag: config.local_ufrag.clone(),
            local_pwd: Zeroizing::new(config.local_pwd.clone()),
            remote_ufrag: config.remote_ufrag.clone(),
            remote_pwd: config.remote_pwd.clone().map(Zeroizing::new),
            paths: Vec::new(),
            probes: Probes::default(),
            selected: None,
            connected: false,
            responses: VecDeque::new(),
            events: VecDeque::new(),
            refused: 0,
        })
    }

    /// Learns the peer's credentials. Paths on which a stranger called itself differently are forgotten.
    pub fn set_remote(&mut self, ufrag: &str, pwd: &str, _now: Instant) {
        let chosen = self.selected.map(|selected| selected.remote);
        let stranger = self.paths.iter().any(|path| Some(path.remote) == chosen && path.claimed != ufrag);
        self.paths.retain(|path| path.claimed == ufrag);
        self.remote_ufrag = Some(ufrag.to_owned());
        self.remote_pwd = (!pwd.is_empty()).then(|| Zeroizing::new(pwd.to_owned()));
        self.probes.forget();
        if stranger && self.connected {
            self.disconnect();
        }
    }

    /// ICE restart: new credentials; packets keep going to the old path until the peer chooses again.
    pub fn restart(&mut self, config: &IceConfig, now: Instant) -> Result<(), IceError> {
        validate(config)?;
        self.local_ufrag.clone_from(&config.local_ufrag);
        self.local_pwd = Zeroizing::new(config.local_pwd.clone());
        self.remote_ufrag.clone_from(&config.remote_ufrag);
        self.remote_pwd = config.remote_pwd.clone().map(Zeroizing::new);
        self.paths.clear();
        self.probes.forget();
        if let Some(selected) = &mut self.selected {
            (selected.checked, selected.nominated) = (now, None);
        }
        Ok(())
    }

    /// Media with a right tag came from an address that sent no check: asks whether the peer is there, now and with each packet
    /// that follows, at a bounded rate.
    pub fn suspect(&mut self, source: SocketAddr, now: Instant) {
        let (Some(theirs), Some(pwd)) = (&self.remote_ufrag, &self.remote_pwd) else { return };
        if self.knows(source) || self.responses.len() >= MAX_RESPONSES {
            return;
        }
        if let Some(transaction) = self.probes.due(source, &self.local_pwd, now) {
            let username = format!("{theirs}:{}", self.local_ufrag);
            self.responses.push_back((stun::check(&transaction, &username, PROBE_PRIORITY, pwd), source));
        }
    }

    /// Whether an answer from there is awaited.
    pub fn asks(&self, remote: SocketAddr) -> bool {
        self.probes.asks(remote)
    }

    /// The answer to a check of ours: the peer is there, and media goes there until it chooses otherwise.
    fn answered(&mut self, packet: &[u8], source: SocketAddr, now: Instant) -> bool {
        let Some(pwd) = &self.remote_pwd else { return false };
        let proven = stun::answered(packet, pwd).is_some_and(|transaction| self.probes.was_asked(source, &transaction));
        if proven {
            self.probes.forget();
            self.selected = Some(Selected { remote: source, priority: PROBE_PRIORITY, checked: now, nominated: None });
            self.connected = true;
            self.events.push_back(IceEvent::Connected { remote: source });
        }
        proven
    }

    /// Takes a datagram that began like STUN. What is neither an authentic Binding request for us nor the answer to one of ours is
    /// counted and ignored.
    pub fn input(&mut self, packet: &[u8], source: SocketAddr, now: Instant) {
        if self.probes.asks(source) && self.answered(packet, source, now) {
            return;
        }
        let Some(request) = self.accept(packet) else {
            self.refused += 1;
            return;
        };
        let response = if request.controlled {
            request.role_conflict(&self.local_pwd)
        } else if !request.unknown.is_empty() {
            request.unknown_attributes(&self.local_pwd)
        } else {
            let response = request.success(source, &self.local_pwd);
            let tried = self.check(&request, source, now);
            self.follow(&request, source, tried, now);
            response
        };
        if self.responses.len() < MAX_RESPONSES {
            self.responses.push_back((response, source));
        }
    }

    /// Whether this is an authentic check for us; changes nothing.
    pub fn recognizes(&self, packet: &[u8]) -> bool {
        self.accept(packet).is_some()
    }

    /// Lets time pass; call it at or after [`IceLite::next_deadline`].
    pub fn timeout(&mut self, now: Instant) {
        let Some(selected) = self.selected.filter(|_| self.connected) else { return };
        if now.saturating_duration_since(selected.checked) >= CONSENT {
            self.disconnect();
        }
    }

    /// When [`IceLite::timeout`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.selected.filter(|_| self.connected).and_then(|selected| selected.checked.checked_add(CONSENT))
    }

    /// The next datagram to send and where to.
    pub fn poll_transmit(&mut self) -> Option<(Vec<u8>, SocketAddr)> {
        self.responses.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<IceEvent> {
        self.events.pop_front()
    }

    /// The address of the socket, as given.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether authentic checks came from this address: its DTLS and SRTP packets may be looked at.
    pub fn knows(&self, remote: SocketAddr) -> bool {
        let chosen = self.selected.is_some_and(|selected| selected.remote == remote);
        chosen || self.paths.iter().any(|path| path.remote == remote)
    }

    /// Datagrams that were not an authentic request.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    fn accept<'a>(&self, packet: &'a [u8]) -> Option<Request<'a>> {
        let request = Request::parse(packet).ok()?;
        let (ours, theirs) = request.username;
        let known = self.remote_ufrag.as_deref().is_none_or(|ufrag| ufrag == theirs) && theirs.len() <= MAX_CREDENTIAL;
        (ours == self.local_ufrag && known && request.authentic(&self.local_pwd)).then_some(request)
    }

    /// Remembers the path; tells whether it carried a check without nomination before.
    fn check(&mut self, request: &Request<'_>, remote: SocketAddr, now: Instant) -> bool {
        if let Some(path) = self.paths.iter_mut().find(|path| path.remote == remote) {
            let tried = path.tried;
            (path.checked, path.priority) = (now, request.priority);
            path.tried |= !request.use_candidate;
            return tried;
        }
        if self.paths.len() >= MAX_PATHS {
            let chosen = self.selected.map(|selected| selected.remote);
            let quiet = (0..).zip(&self.paths).filter(|(_, path)| Some(path.remote) != chosen);
            if let Some((place, _)) = quiet.min_by_key(|(_, path)| path.checked) {
                self.paths.swap_remove(place);
            }
        }
        self.paths.push(Path {
            remote,
            claimed: request.username.1.to_owned(),
            priority: request.priority,
            checked: now,
            tried: !request.use_candidate,
        });
        false
    }

    /// Moves to this path if it is the first that works, if the old one is gone, or if the peer chose it.
    ///
    /// A peer with regular nomination tries a path, then chooses it: the latest choice counts at once. A peer with aggressive
    /// nomination (RFC 5245 §8.1.1.2) chooses every path on first sight: then the highest priority counts.
    fn follow(&mut self, request: &Request<'_>, remote: SocketAddr, tried: bool, now: Instant) {
        let nominated = request.use_candidate.then_some(now);
        let candidate = Selected { remote, priority: request.priority, checked: now, nominated };
        match &mut self.selected {
            Some(selected) if selected.remote == remote => {
                let first_time = selected.nominated.is_none() && nominated.is_some();
                selected.checked = now;
                selected.nominated = nominated.or(selected.nominated);
                if !self.connected {
                    self.events.push_back(IceEvent::Connected { remote });
                }
                if first_time {
                    self.events.push_back(IceEvent::Nominated { remote });
                }
                self.connected = true;
            }
            Some(selected) if self.connected => {
                let rested = |at: Instant| now.saturating_duration_since(at) >= NOMINATION_REST;
                let stale = selected.nominated.is_none_or(rested);
                if request.use_candidate && (tried || stale || request.priority > selected.priority) {
                    self.selected = Some(candidate);
                    self.events.push_back(IceEvent::Nominated { remote });
                }
            }
            _ => {
                self.selected = Some(candidate);
                self.connected = true;
                self.events.push_back(IceEvent::Connected { remote });
                if request.use_candidate {
                    self.events.push_back(IceEvent::Nominated { remote });
                }
            }
        }
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.events.push_back(IceEvent::Disconnected);
    }
}

impl std::fmt::Debug for IceLite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("IceLite");
        shown.field("local", &self.local).field("selected", &self.selected).field("connected", &self.connected);
        shown.field("paths", &self.paths.len()).field("refused", &self.refused).finish_non_exhaustive()
    }
}

fn validate(config: &IceConfig) -> Result<(), IceError> {
    if !config.lite {
        return Err(IceError::FullAgent);
    }
    let sound = (4..=MAX_CREDENTIAL).contains(&config.local_ufrag.len())
        && (22..=MAX_CREDENTIAL).contains(&config.local_pwd.len());
    if sound { Ok(()) } else { Err(IceError::Credentials) }
}
