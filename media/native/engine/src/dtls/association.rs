//! One DTLS association, sans-IO: datagrams and time in, datagrams, keys and an end out.
//!
//! The state machine is dimpl's. Added here: the peer must show the signalled certificate before any key is released,
//! keys come out as SRTP contexts want them, input is limited per port, and nothing is left open for ever.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::crypto::rust_crypto;
use dimpl::{Config, Dtls, DtlsCertificate, Output, ProtocolVersion, SrtpProfile};
use zeroize::Zeroizing;

use super::fingerprint::{Fingerprint, FingerprintError};
use crate::srtp::{Profile, SrtpKeys};

/// From the first ClientHello to the last Finished.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// A passive association waits so long for the first ClientHello: ICE has to finish first.
pub const WAIT_FOR_PEER: Duration = Duration::from_secs(60);
/// First retransmission; doubled each time (RFC 6347 §4.2.4.1 allows less than its 1 s where the path is known to be short).
const FIRST_RETRY: Duration = Duration::from_millis(250);
const RETRIES: usize = 7;
/// Largest datagram sent; leaves room for tunnels and IPv6 below 1280.
const MTU: usize = 1200;
/// Datagrams taken at once and per second; a handshake needs about six.
const BURST: u32 = 64;
const PER_SECOND: u32 = 32;

/// What both ends need to shake hands.
#[derive(Clone)]
pub struct DtlsConfig {
    /// Our certificate, DER.
    pub certificate_der: Vec<u8>,
    /// Its private key, PKCS#8 DER; ECDSA on P-256 or P-384.
    pub private_key_pkcs8_der: Vec<u8>,
    /// `sha-256 AA:BB:…` from the peer's SDP.
    pub remote_fingerprint: String,
    /// We send the ClientHello (`a=setup:active`).
    pub active: bool,
}

impl std::fmt::Debug for DtlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("DtlsConfig");
        shown.field("remote_fingerprint", &self.remote_fingerprint).field("active", &self.active);
        shown.finish_non_exhaustive()
    }
}

/// Why there will be no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DtlsError {
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error("our certificate or private key cannot be used; it must be ECDSA on P-256 or P-384, the key in PKCS#8")]
    Certificate,
    #[error("the peer's certificate is not the one its SDP announced")]
    WrongPeer,
    #[error("the peer offers no SRTP profile that we have")]
    NoProfile,
    #[error("the handshake failed: {0}")]
    Handshake(String),
    #[error("no ClientHello came within 60 s")]
    NoPeer,
    #[error("more handshakes at once than allowed")]
    TooMany,
    #[error("the handshake thread is not running")]
    NotRunning,
    #[error("internal fault in the handshake")]
    Fault,
}

/// What an association has to say.
#[derive(Debug)]
pub enum Happening {
    /// A datagram for the peer.
    Transmit(Vec<u8>),
    /// The peer is who it should be; these are the keys.
    Connected { keys: SrtpKeys, version: &'static str },
    /// No keys will come; the association is over.
    Failed(DtlsError),
    /// The peer closed after keys were given; the association is over.
    Closed,
}

/// Settings shared by all associations of a thread.
#[derive(Clone)]
pub struct Shared(Arc<Config>);

impl Shared {
    /// Fails only if the crypto provider does not pass its own checks.
    pub fn new() -> Result<Self, DtlsError> {
        let config = Config::builder()
            .mtu(MTU)
            .use_server_cookie(false) // ICE has proven the peer's address already
            .require_client_certificate(true)
            .flight_start_rto(FIRST_RETRY)
            .flight_retries(RETRIES)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            .with_crypto_provider(rust_crypto::default_provider())
            .build();
        config.map(|config| Self(Arc::new(config))).map_err(handshake_error)
    }
}

/// One association.
pub struct Association {
    dtls: Dtls,
    fingerprint: Fingerprint,
    active: bool,
    opened: Instant,
    deadline: Option<Instant>,
    heard: bool,
    verified: bool,
    keys: Option<SrtpKeys>,
    /// The state machine has verified the peer's Finished.
    finished: bool,
    connected: bool,
    over: bool,
    allowance: Allowance,
}

impl Association {
    /// Checks certificate, key and fingerprint. An active association has something to send at once: call `timeout`.
    pub fn new(shared: &Shared, config: &DtlsConfig, now: Instant) -> Result<Self, DtlsError> {
        let fingerprint = Fingerprint::parse(&config.remote_fingerprint)?;
        let key = config.private_key_pkcs8_der.as_slice();
        // The state machine panics on a certificate or key that it cannot read.
        if config.certificate_der.is_empty() || shared.0.crypto_provider().key_provider.load_private_key(key).is_err() {
            return Err(DtlsError::Certificate);
        }
        let certificate = DtlsCertificate { certificate: config.certificate_der.clone(), private_key: key.to_vec() };
        let mut dtls = Dtls::new_auto(shared.0.clone(), certificate, now);
        dtls.set_active(config.active);
        Ok(Self {
            dtls,
            fingerprint,
            active: config.active,
            opened: now,
            deadline: None,
            heard: false,
            verified: false,
            keys: None,
            finished: false,
            connected: false,
            over: false,
            allowance: Allowance::new(now),
        })
    }

    /// Takes a datagram of the peer; what there is to tell is appended to `said`. Garbage is ignored; more than the allowance is dropped.
    pub fn input(&mut self, datagram: &[u8], now: Instant, said: &mut Vec<Happening>) {
        if self.over || !self.allowance.take(now) {
            return;
        }
        self.heard = true;
        self.step(now, said, |dtls| dtls.handle_packet(datagram));
    }

    /// Lets time pass: retransmits, gives up.
    pub fn timeout(&mut self, now: Instant, said: &mut Vec<Happening>) {
        if self.over {
            return;
        }
        if self.unheard() && now.saturating_duration_since(self.opened) >= WAIT_FOR_PEER {
            return self.fail(DtlsError::NoPeer, said);
        }
        self.step(now, said, |_| Ok(()));
    }

    /// Says goodbye if there is somebody to say it to. The association is over.
    pub fn close(&mut self, now: Instant, said: &mut Vec<Happening>) {
        if self.connected && !self.over {
            self.step(now, said, Dtls::close);
        }
        self.over = true;
    }

    /// When [`Association::timeout`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let waiting = self.opened.checked_add(WAIT_FOR_PEER).filter(|_| self.unheard());
        self.deadline.into_iter().chain(waiting).min()
    }

    /// Keys were given.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// Nothing more will come of it.
    pub fn is_over(&self) -> bool {
        self.over
    }

    fn unheard(&self) -> bool {
        !self.active && !self.heard
    }

    fn step(
        &mut self,
        now: Instant,
        said: &mut Vec<Happening>,
        act: impl FnOnce(&mut Dtls) -> Result<(), dimpl::Error>,
    ) {
        let done = self.dtls.handle_timeout(now).and_then(|()| act(&mut self.dtls));
        self.drain(said);
        if let Err(error) = done {
            self.stop(error, said);
        }
    }

    /// Polls until the state machine waits again.
    fn drain(&mut self, said: &mut Vec<Happening>) {
        let mut buffer = vec![0u8; 2 * MTU];
        while !self.over {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => said.push(Happening::Transmit(packet.to_vec())),
                Output::PeerCert(certificate) if self.fingerprint.matches(certificate) => self.verified = true,
                Output::PeerCert(_) => self.fail(DtlsError::WrongPeer, said),
                Output::KeyingMaterial(material, profile) => {
                    let material = Zeroizing::new(material.to_vec());
                    self.keys = split_keys(&material, profile, self.active);
                }
                Output::Connected => self.finished = true,
                Output::CloseNotify => {
                    self.over = true;
                    said.push(if self.connected { Happening::Closed } else { Happening::Failed(closed_early()) });
                }
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(at) => {
                    self.deadline = Some(at);
                    break;
                }
                _ => {} // application data: a data channel was not offered
            }
        }
        if self.finished && !self.connected && !self.over {
            self.complete(said);
        }
    }

    /// Certificate, keys and the end of the handshake come in any order within one turn; all three are needed.
    fn complete(&mut self, said: &mut Vec<Happening>) {
        let version = match self.dtls.protocol_version() {
            Some(ProtocolVersion::DTLS1_3) => "DTLS1.3",
            _ => "DTLS1.2",
        };
        match self.keys.take() {
            _ if !self.verified => self.fail(DtlsError::WrongPeer, said),
            None => self.fail(DtlsError::NoProfile, said),
            Some(keys) => {
                self.connected = true;
                said.push(Happening::Connected { keys, version });
            }
        }
    }

    fn stop(&mut self, error: dimpl::Error, said: &mut Vec<Happening>) {
        if self.over {
            return;
        }
        if self.connected {
            self.over = true;
            said.push(Happening::Closed);
        } else {
            self.fail(handshake_error(error), said);
        }
    }

    fn fail(&mut self, error: DtlsError, said: &mut Vec<Happening>) {
        self.over = true;
        self.keys = None;
        said.push(Happening::Failed(error));
    }
}

fn handshake_error(error: dimpl::Error) -> DtlsError {
    DtlsError::Handshake(error.to_string())
}

fn closed_early() -> DtlsError {
    DtlsError::Handshake("the peer closed before it was complete".into())
}

/// Cuts the exported material (RFC 5764 §4.2): both keys, then both salts, the client's first.
fn split_keys(material: &[u8], profile: SrtpProfile, active: bool) -> Option<SrtpKeys> {
    let profile = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmSha1_80,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        _ => return None,
    };
    let (client_key, rest) = material.split_at_checked(profile.key_len())?;
    let (server_key, rest) = rest.split_at_checked(profile.key_len())?;
    let (client_salt, server_salt) = rest.split_at_checked(profile.salt_len())?;
    let client = [client_key, client_salt].concat();
    let server = [server_key, server_salt].concat();
    let (send, receive) = if active { (client, server) } else { (server, client) };
    Some(SrtpKeys { profile, send, receive })
}

/// A token bucket.
struct Allowance {
    tokens: u32,
    filled: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self { tokens: BURST, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.filled).as_millis() * u128::from(PER_SECOND) / 1000;
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(BURST);
            self.tokens = self.tokens.saturating_add(earned).min(BURST);
            self.filled = now;
        }
        let granted = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        granted
    }
}
