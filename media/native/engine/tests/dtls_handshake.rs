//! Handshakes: two associations in virtual time with a path between them that loses and delays, then the real thread.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use engine::dtls::association::{Association, DtlsError, Happening, Shared};
use engine::dtls::{DtlsConfig, HandshakeClient, HandshakeEvent, HandshakeKind, HandshakeThread};
use engine::srtp::{Context, SrtpKeys};
use sha2::{Digest, Sha256};

const ALICE: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/vectors/dtls/alice.certificate.der"),
    include_bytes!("../../../../tests/vectors/dtls/alice.key.der"),
);
const BOB: (&[u8], &[u8]) = (
    include_bytes!("../../../../tests/vectors/dtls/bob.certificate.der"),
    include_bytes!("../../../../tests/vectors/dtls/bob.key.der"),
);

fn fingerprint(certificate: &[u8]) -> String {
    let octets: Vec<String> = Sha256::digest(certificate).iter().map(|octet| format!("{octet:02X}")).collect();
    format!("sha-256 {}", octets.join(":"))
}

fn config(own: (&[u8], &[u8]), peer: (&[u8], &[u8]), active: bool) -> DtlsConfig {
    DtlsConfig {
        certificate_der: own.0.to_vec(),
        private_key_pkcs8_der: own.1.to_vec(),
        remote_fingerprint: fingerprint(peer.0),
        active,
    }
}

/// One end of a handshake and everything it said.
struct End {
    association: Association,
    keys: Option<(SrtpKeys, &'static str)>,
    failure: Option<DtlsError>,
    closed: bool,
    sent: VecDeque<Vec<u8>>,
}

impl End {
    fn new(shared: &Shared, config: &DtlsConfig, now: Instant) -> Self {
        let association = Association::new(shared, config, now).unwrap();
        Self { association, keys: None, failure: None, closed: false, sent: VecDeque::new() }
    }

    fn hear(&mut self, said: Vec<Happening>) {
        for happening in said {
            match happening {
                Happening::Transmit(datagram) => self.sent.push_back(datagram),
                Happening::Connected { keys, version } => self.keys = Some((keys, version)),
                Happening::Failed(error) => self.failure = Some(error),
                Happening::Closed => self.closed = true,
            }
        }
    }

    fn input(&mut self, datagram: &[u8], now: Instant) {
        let mut said = Vec::new();
        self.association.input(datagram, now, &mut said);
        self.hear(said);
    }

    fn timeout(&mut self, now: Instant) {
        let mut said = Vec::new();
        self.association.timeout(now, &mut said);
        self.hear(said);
    }

    fn close(&mut self, now: Instant) {
        let mut said = Vec::new();
        self.association.close(now, &mut said);
        self.hear(said);
    }
}

/// Alice is active, Bob passive.
struct Scene {
    alice: End,
    bob: End,
    start: Instant,
    now: Instant,
}

impl Scene {
    fn new(alice: &DtlsConfig, bob: &DtlsConfig) -> Self {
        let (now, shared) = (Instant::now(), Shared::new().unwrap());
        Self { alice: End::new(&shared, alice, now), bob: End::new(&shared, bob, now), start: now, now }
    }

    fn usual() -> Self {
        Self::new(&config(ALICE, BOB, true), &config(BOB, ALICE, false))
    }

    /// Runs until neither end has anything to do or `seconds` have passed; `path` may drop or change what is sent.
    fn run(&mut self, seconds: f64, mut path: impl FnMut(usize, Vec<u8>) -> Vec<Vec<u8>>) {
        let end = self.now + Duration::from_secs_f64(seconds);
        self.alice.timeout(self.now);
        self.bob.timeout(self.now);
        let mut number = 0;
        loop {
            if let Some(datagram) = self.alice.sent.pop_front() {
                path(number, datagram).iter().for_each(|datagram| self.bob.input(datagram, self.now));
            } else if let Some(datagram) = self.bob.sent.pop_front() {
                path(number, datagram).iter().for_each(|datagram| self.alice.input(datagram, self.now));
            } else {
                let deadlines = [self.alice.association.next_deadline(), self.bob.association.next_deadline()];
                let Some(next) = deadlines.into_iter().flatten().min().filter(|next| *next <= end) else { break };
                self.now = self.now.max(next);
                self.alice.timeout(self.now);
                self.bob.timeout(self.now);
                continue;
            }
            number += 1;
        }
        self.now = end;
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn agreed(&self) -> bool {
        let (Some((alice, _)), Some((bob, _))) = (&self.alice.keys, &self.bob.keys) else { return false };
        assert_eq!((&alice.send, &alice.receive), (&bob.receive, &bob.send));
        assert_ne!(alice.send, alice.receive);
        true
    }
}

fn unchanged(_: usize, datagram: Vec<u8>) -> Vec<Vec<u8>> {
    vec![datagram]
}

#[test]
fn both_ends_get_the_same_keys_and_can_talk() {
    let mut scene = Scene::usual();
    scene.run(1.0, unchanged);
    assert!(scene.agreed());
    let (alice, version) = scene.alice.keys.take().unwrap();
    assert_eq!(version, "DTLS1.3");
    let mut packet = [0u8; 64];
    packet[0] = 0x80;
    let len = Context::new(&alice).unwrap().protect_rtp(&mut packet, 32).unwrap();
    let (bob, _) = scene.bob.keys.take().unwrap();
    assert_eq!(Context::new(&bob).unwrap().unprotect_rtp(&mut packet[..len]), Ok(32));
}

#[test]
fn a_handshake_survives_loss_of_any_datagram_and_disorder() {
    for lost in 0..8 {
        let mut scene = Scene::usual();
        scene.run(10.0, |number, datagram| if number == lost { vec![] } else { vec![datagram] });
        assert!(scene.agreed(), "datagram {lost} lost");
    }
    let mut scene = Scene::usual();
    scene.run(15.0, |number, datagram| if number % 3 == 1 { vec![] } else { vec![datagram.clone(), datagram] });
    assert!(scene.agreed(), "every third lost, all others doubled");
}

#[test]
fn garbage_between_the_datagrams_does_no_harm() {
    let mut scene = Scene::usual();
    scene.run(10.0, |number, datagram| {
        let mut changed = datagram.clone();
        let position = (number * 131) % changed.len();
        changed[position] ^= 0x10;
        let garbage = vec![0x16; 40];
        let cut = datagram[..datagram.len() / 2].to_vec();
        if number % 2 == 0 { vec![garbage, cut, datagram] } else { vec![datagram, changed] }
    });
    assert!(scene.agreed());
}

#[test]
fn no_key_is_released_to_a_peer_with_another_certificate() {
    // Bob expects Alice's certificate, Mallory shows Bob's own.
    let mallory = config(BOB, BOB, true);
    let mut scene = Scene::new(&mallory, &config(BOB, ALICE, false));
    scene.run(30.0, unchanged);
    assert_eq!(scene.bob.failure, Some(DtlsError::WrongPeer));
    assert!(scene.bob.keys.is_none());

    let mut scene = Scene::new(&config(ALICE, ALICE, true), &config(BOB, ALICE, false));
    scene.run(30.0, unchanged);
    assert_eq!(scene.alice.failure, Some(DtlsError::WrongPeer), "the same when we are active");
    assert!(scene.alice.keys.is_none());
}

#[test]
fn silence_is_given_up_after_its_time() {
    let mut scene = Scene::usual();
    scene.run(21.0, |_, _| vec![]);
    assert!(matches!(scene.alice.failure, Some(DtlsError::Handshake(_))), "{:?}", scene.alice.failure);
    assert!(scene.bob.failure.is_none(), "the passive end waits for ICE");
    scene.run(40.0, |_, _| vec![]);
    assert_eq!(scene.bob.failure, Some(DtlsError::NoPeer));
    assert_eq!(scene.bob.association.next_deadline(), None);
    assert!(scene.elapsed() > Duration::from_secs(60));

    let mut scene = Scene::usual();
    scene.run(25.0, |number, datagram| if number == 0 { vec![datagram] } else { vec![] });
    assert!(matches!(scene.bob.failure, Some(DtlsError::Handshake(_))), "a ClientHello and then nothing");
}

#[test]
fn a_goodbye_is_heard() {
    let mut scene = Scene::usual();
    scene.run(1.0, unchanged);
    scene.alice.close(scene.now);
    scene.run(1.0, unchanged);
    assert!(scene.bob.closed);
    assert!(scene.alice.association.is_over() && scene.bob.association.is_over());
}

#[test]
fn a_flood_on_one_port_is_cut() {
    let mut scene = Scene::usual();
    scene.alice.timeout(scene.now);
    let hello = scene.alice.sent.pop_front().unwrap();
    let mut answers = 0;
    for _ in 0..10_000 {
        scene.bob.input(&hello, scene.now);
        answers += scene.bob.sent.drain(..).count();
    }
    assert!(answers < 100, "{answers} datagrams for copies of one ClientHello");
}

#[test]
fn mistakes_in_the_configuration_are_named() {
    let (shared, now) = (Shared::new().unwrap(), Instant::now());
    let good = config(ALICE, BOB, false);
    let no_key = DtlsConfig { private_key_pkcs8_der: vec![1, 2, 3], ..good.clone() };
    assert_eq!(Association::new(&shared, &no_key, now).err(), Some(DtlsError::Certificate));
    let no_certificate = DtlsConfig { certificate_der: vec![], ..good.clone() };
    assert_eq!(Association::new(&shared, &no_certificate, now).err(), Some(DtlsError::Certificate));
    let weak = DtlsConfig { remote_fingerprint: "sha-1 AA".into(), ..good.clone() };
    assert!(matches!(Association::new(&shared, &weak, now).err(), Some(DtlsError::Fingerprint(_))));
    assert!(!format!("{good:?}").contains("private"));
}

fn next(client: &HandshakeClient, woken: &mpsc::Receiver<()>) -> Option<HandshakeEvent> {
    loop {
        if let Some(event) = client.poll() {
            return Some(event);
        }
        woken.recv_timeout(Duration::from_secs(5)).ok()?;
    }
}

#[test]
fn the_thread_serves_two_workers() {
    let thread = HandshakeThread::spawn();
    let (wake, woken) = mpsc::channel();
    let other_wake = wake.clone();
    let alice = thread.client(move || wake.send(()).unwrap_or_default());
    let bob = thread.client(move || other_wake.send(()).unwrap_or_default());
    for port in 0..20 {
        bob.open(port, config(BOB, ALICE, false));
        alice.open(port, config(ALICE, BOB, true));
    }
    let (mut at_alice, mut at_bob) = (Vec::new(), Vec::new());
    while at_alice.len() < 20 || at_bob.len() < 20 {
        woken.recv_timeout(Duration::from_secs(10)).expect("the handshakes stand still");
        for (from, to, connected) in [(&alice, &bob, &mut at_alice), (&bob, &alice, &mut at_bob)] {
            while let Some(HandshakeEvent { port, kind }) = from.poll() {
                match kind {
                    HandshakeKind::Transmit(datagram) => to.datagram(port, datagram),
                    HandshakeKind::Connected { profile, version, .. } => {
                        assert_eq!((profile.as_str(), version.as_str()), ("AEAD_AES_256_GCM", "DTLS1.3"));
                        connected.push(port);
                    }
                    other => panic!("port {port}: {other:?}"),
                }
            }
        }
    }
    alice.close(3);
    let goodbye = next(&alice, &woken);
    let Some(HandshakeEvent { port: 3, kind: HandshakeKind::Transmit(goodbye) }) = goodbye else {
        panic!("{goodbye:?}")
    };
    bob.datagram(3, goodbye);
    let closed = next(&bob, &woken);
    assert!(matches!(closed, Some(HandshakeEvent { port: 3, kind: HandshakeKind::Closed })), "{closed:?}");
}

#[test]
fn without_a_thread_every_open_fails_with_a_reason() {
    let thread = HandshakeThread::spawn();
    let client = thread.client(|| {});
    drop(thread);
    client.open(7, config(ALICE, BOB, false));
    let event = client.poll();
    assert!(
        matches!(&event, Some(HandshakeEvent { port: 7, kind: HandshakeKind::Failed(why) }) if why.contains("not running")),
        "{event:?}"
    );
    client.datagram(7, vec![22; 50]);
    client.close(7);
}

/// `cargo test --release -p engine --test dtls_handshake -- --ignored --nocapture` prints time and memory per handshake.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_handshake() {
    let resident = || -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
    };
    let (shared, count) = (Shared::new().unwrap(), 500u32);
    let before = resident();
    let mut passive = Duration::ZERO;
    let mut kept = Vec::new();
    for _ in 0..count {
        let now = Instant::now();
        let mut alice = End::new(&shared, &config(ALICE, BOB, true), now);
        let began = Instant::now();
        let mut bob = End::new(&shared, &config(BOB, ALICE, false), now);
        passive += began.elapsed();
        alice.timeout(now);
        while let Some(datagram) = alice.sent.pop_front() {
            let began = Instant::now();
            bob.input(&datagram, now);
            passive += began.elapsed();
            bob.sent.drain(..).for_each(|datagram| alice.input(&datagram, now));
        }
        assert!(alice.keys.is_some() && bob.keys.is_some());
        kept.push((alice, bob));
    }
    let each = (resident() - before) / (2 * count as usize);
    println!("passive side {:?} per handshake, {each} KiB per kept association", passive / count);
}
