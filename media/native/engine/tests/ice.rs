//! ICE-lite as a browser sees it: virtual time, requests made here by RFC 8489.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::ice::{CONSENT, IceConfig, IceError, IceEvent, IceLite};
use hmac::{Hmac, Mac};

const LOCAL_UFRAG: &str = "EsAw";
const LOCAL_PWD: &str = "P2uYro0UCOQ4zxjKXaWCBui1";
const REMOTE_UFRAG: &str = "hQsM";
const REMOTE_PWD: &str = "a-password-of-the-peer";

fn config(remote: Option<&str>) -> IceConfig {
    IceConfig {
        local_ufrag: LOCAL_UFRAG.into(),
        local_pwd: LOCAL_PWD.into(),
        remote_ufrag: remote.map(Into::into),
        remote_pwd: remote.map(|_| REMOTE_PWD.into()),
        lite: true,
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A Binding request as a controlling full agent sends it.
struct Check {
    username: String,
    password: String,
    priority: u32,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Check {
    fn new(priority: u32) -> Self {
        Self {
            username: format!("{LOCAL_UFRAG}:{REMOTE_UFRAG}"),
            password: LOCAL_PWD.into(),
            priority,
            attributes: vec![(0x802a, vec![1; 8])],
        }
    }

    fn nominating(priority: u32) -> Self {
        Self::new(priority).with(0x0025, &[])
    }

    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.attributes.push((kind, value.to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend(b"transaction!");
        let mut all = vec![(0x0006, self.username.as_bytes().to_vec()), (0x0024, self.priority.to_be_bytes().to_vec())];
        all.extend(self.attributes.clone());
        for (kind, value) in all {
            push(&mut message, kind, &value);
        }
        set_length(&mut message, 24);
        let mut mac = <Hmac<sha1::Sha1> as Mac>::new_from_slice(self.password.as_bytes()).unwrap();
        mac.update(&message);
        push(&mut message, 0x0008, &mac.finalize().into_bytes());
        message
    }
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
    set_length(message, 0);
}

fn set_length(message: &mut [u8], more: usize) {
    let length = (message.len() - 20 + more) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

struct Scene {
    ice: IceLite,
    start: Instant,
    now: Instant,
}

impl Scene {
    fn new(remote: Option<&str>) -> Self {
        let start = Instant::now();
        Self { ice: IceLite::new(address("0.0.0.0:20000"), &config(remote), start).unwrap(), start, now: start }
    }

    fn at(&mut self, seconds: f64) -> &mut Self {
        self.now = self.start + Duration::from_secs_f64(seconds);
        self.ice.timeout(self.now);
        self
    }

    fn check(&mut self, check: &Check, from: &str) -> Vec<IceEvent> {
        self.ice.input(&check.bytes(), address(from), self.now);
        self.events()
    }

    fn events(&mut self) -> Vec<IceEvent> {
        std::iter::from_fn(|| self.ice.poll_event()).collect()
    }

    /// Message type and destination of what is sent next.
    fn response(&mut self) -> Option<(u16, SocketAddr, Vec<u8>)> {
        let (bytes, to) = self.ice.poll_transmit()?;
        Some((u16::from_be_bytes([bytes[0], bytes[1]]), to, bytes))
    }
}

fn connected(remote: &str) -> IceEvent {
    IceEvent::Connected { remote: address(remote) }
}

fn nominated(remote: &str) -> IceEvent {
    IceEvent::Nominated { remote: address(remote) }
}

const WIFI: &str = "192.0.2.7:5000";
const MOBILE: &str = "198.51.100.9:6000";

#[test]
fn a_check_is_answered_with_the_address_it_came_from() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    assert_eq!(scene.check(&Check::new(100), WIFI), [connected(WIFI)]);
    let (kind, to, bytes) = scene.response().unwrap();
    assert_eq!((kind, to), (0x0101, address(WIFI)));
    assert_eq!(&bytes[8..20], b"transaction!");
    // XOR-MAPPED-ADDRESS: family, port and address, each combined with the magic cookie
    let port = 5000u16 ^ 0x2112;
    let ip = [192 ^ 0x21, 0x12, 2 ^ 0xa4, 7 ^ 0x42];
    assert_eq!(&bytes[20..28], &[0, 0x20, 0, 8, 0, 1, (port >> 8) as u8, port as u8]);
    assert_eq!(&bytes[28..32], &ip);
    let signed = bytes.len() - 32;
    let mut mac = <Hmac<sha1::Sha1> as Mac>::new_from_slice(LOCAL_PWD.as_bytes()).unwrap();
    let mut copy = bytes[..signed].to_vec();
    set_length(&mut copy, 24);
    mac.update(&copy);
    mac.verify_slice(&bytes[signed + 4..signed + 24]).unwrap();
    assert_eq!(&bytes[signed + 24..signed + 28], &[0x80, 0x28, 0, 4], "FINGERPRINT comes last");
    assert!(scene.response().is_none());
}

#[test]
fn a_path_that_was_tried_and_then_chosen_is_used_at_once() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    scene.check(&Check::new(2000), WIFI);
    assert_eq!(scene.check(&Check::nominating(2000), WIFI), [nominated(WIFI)]);
    assert_eq!(scene.check(&Check::nominating(2000), WIFI), []);
    assert_eq!(scene.at(1.0).check(&Check::new(1000), MOBILE), []);
    assert_eq!(scene.check(&Check::nominating(1000), MOBILE), [nominated(MOBILE)], "although its priority is lower");
    assert_eq!(scene.check(&Check::new(2000), WIFI), [], "a plain check changes nothing");
}

#[test]
fn of_paths_chosen_on_first_sight_the_highest_priority_wins() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    assert_eq!(scene.check(&Check::nominating(1000), MOBILE), [connected(MOBILE), nominated(MOBILE)]);
    assert_eq!(scene.check(&Check::nominating(2000), WIFI), [nominated(WIFI)]);
    assert_eq!(scene.at(1.0).check(&Check::nominating(1000), MOBILE), []);
    // WIFI falls silent; MOBILE goes on being nominated.
    assert_eq!(scene.at(5.5).check(&Check::nominating(1000), MOBILE), [nominated(MOBILE)]);
}

#[test]
fn checks_are_answered_before_the_peers_credentials_are_known() {
    let mut scene = Scene::new(None);
    assert_eq!(scene.check(&Check::nominating(1), WIFI), [connected(WIFI), nominated(WIFI)]);
    assert_eq!(scene.response().unwrap().0, 0x0101);
    scene.ice.set_remote(REMOTE_UFRAG, "a-password-of-the-peer", scene.now);
    assert_eq!(scene.events(), []);
    assert!(scene.ice.knows(address(WIFI)));
}

#[test]
fn a_path_of_somebody_else_is_dropped_when_the_credentials_come() {
    let mut scene = Scene::new(None);
    scene.check(&Check::nominating(1), WIFI);
    scene.ice.set_remote("XXXX", "a-password-of-the-peer", scene.now);
    assert_eq!(scene.events(), [IceEvent::Disconnected]);
    scene.response().unwrap();
    assert_eq!(scene.check(&Check::nominating(1), WIFI), []);
    assert!(scene.response().is_none());
}

#[test]
fn silence_of_15_seconds_ends_consent_and_a_check_brings_it_back() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    assert_eq!(scene.ice.next_deadline(), None);
    scene.check(&Check::nominating(1), WIFI);
    assert_eq!(scene.at(10.0).check(&Check::new(1), WIFI), []);
    assert_eq!(scene.ice.next_deadline(), Some(scene.now + CONSENT));
    assert_eq!(scene.at(24.9).events(), []);
    assert_eq!(scene.at(25.0).events(), [IceEvent::Disconnected]);
    assert_eq!(scene.ice.next_deadline(), None);
    assert_eq!(scene.at(30.0).events(), [], "said once");
    assert_eq!(scene.check(&Check::new(1), WIFI), [connected(WIFI)]);
    assert_eq!(scene.at(45.0).events(), [IceEvent::Disconnected]);
    assert_eq!(scene.check(&Check::new(1), MOBILE), [connected(MOBILE)], "any path is better than none");
}

#[test]
fn a_restart_asks_for_the_new_credentials_and_keeps_the_path_meanwhile() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    scene.check(&Check::nominating(1), WIFI);
    scene.response().unwrap();
    let mut fresh = config(Some("newR"));
    fresh.local_ufrag = "newL".into();
    fresh.local_pwd = "another-password-of-ours".into();
    let now = scene.at(5.0).now;
    scene.ice.restart(&fresh, now).unwrap();
    assert_eq!(scene.check(&Check::nominating(1), WIFI), [], "the old credentials are void");
    assert!(scene.response().is_none());
    assert!(scene.ice.knows(address(WIFI)));
    let check = Check { username: "newL:newR".into(), password: fresh.local_pwd, ..Check::nominating(1) };
    assert_eq!(scene.at(19.0).check(&check, MOBILE), [nominated(MOBILE)]);
    assert_eq!(scene.response().unwrap().0, 0x0101);
}

#[test]
fn a_peer_that_thinks_it_is_controlled_is_told_487() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    let mut check = Check::new(1);
    check.attributes = vec![(0x8029, vec![9; 8])];
    assert_eq!(scene.check(&check, WIFI), []);
    let (kind, _, bytes) = scene.response().unwrap();
    assert_eq!(kind, 0x0111);
    assert_eq!(&bytes[20..28], &[0, 9, 0, 17, 0, 0, 4, 87]);
}

#[test]
fn an_unknown_attribute_that_must_be_understood_is_named_in_a_420() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    assert_eq!(scene.check(&Check::new(1).with(0x7abc, b"x"), WIFI), []);
    let (kind, _, bytes) = scene.response().unwrap();
    assert_eq!(kind, 0x0111);
    assert!(bytes.windows(6).any(|window| window == [0, 0x0a, 0, 2, 0x7a, 0xbc]));
    assert_eq!(
        scene.check(&Check::new(1).with(0xc057, &[0, 0, 0, 10]), WIFI),
        [connected(WIFI)],
        "network cost is optional"
    );
}

#[test]
fn strangers_get_no_answer() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    let wrong_password = Check { password: "P2uYro0UCOQ4zxjKXaWCBui2".into(), ..Check::new(1) };
    let wrong_ufrag = Check { username: format!("nope:{REMOTE_UFRAG}"), ..Check::new(1) };
    let wrong_peer = Check { username: format!("{LOCAL_UFRAG}:nope"), ..Check::new(1) };
    for check in [wrong_password, wrong_ufrag, wrong_peer] {
        assert_eq!(scene.check(&check, WIFI), []);
    }
    let mut indication = Check::new(1).bytes();
    indication[1] = 0x11;
    scene.ice.input(&indication, address(WIFI), scene.now);
    scene.ice.input(&[], address(WIFI), scene.now);
    assert!(scene.response().is_none());
    assert_eq!(scene.events(), []);
    assert_eq!(scene.ice.refused(), 5);
}

#[test]
fn paths_and_responses_are_bounded() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    scene.check(&Check::nominating(1), WIFI);
    for port in 1000..2000 {
        scene.at(f64::from(port) / 1000.0).check(&Check::new(1), &format!("203.0.113.1:{port}"));
    }
    assert!(scene.ice.knows(address(WIFI)), "the chosen path is never displaced");
    let known = (1000..2000).filter(|port| scene.ice.knows(address(&format!("203.0.113.1:{port}")))).count();
    assert_eq!(known, 15);
    assert_eq!(std::iter::from_fn(|| scene.ice.poll_transmit()).count(), 64);
}

#[test]
fn credentials_are_checked_and_never_printed() {
    let now = Instant::now();
    let local = address("127.0.0.1:1");
    let short = IceConfig { local_pwd: "short".into(), ..config(None) };
    assert_eq!(IceLite::new(local, &short, now).err(), Some(IceError::Credentials));
    let full = IceConfig { lite: false, ..config(None) };
    assert_eq!(IceLite::new(local, &full, now).err(), Some(IceError::FullAgent));
    let shown = format!("{:?} {:?}", config(Some("abcd")), IceLite::new(local, &config(None), now).unwrap());
    assert!(!shown.contains(LOCAL_PWD) && !shown.contains("a-password"), "{shown}");
}

/// The peer's answer to a check of ours.
fn answer(check: &[u8], password: &str) -> Vec<u8> {
    let request = engine::ice::stun::Request::parse(check).unwrap();
    assert!(request.authentic(password) && request.controlled && !request.use_candidate);
    request.success(address("203.0.113.1:20000"), password)
}

#[test]
fn right_media_from_a_new_address_is_asked_and_answered_before_anything_goes_there() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    scene.check(&Check::nominating(1), WIFI);
    scene.response().unwrap();
    let now = scene.at(1.0).now;
    scene.ice.suspect(address(WIFI), now);
    assert!(scene.response().is_none(), "known by its own checks");
    scene.ice.suspect(address(MOBILE), now);
    let (kind, to, check) = scene.response().unwrap();
    assert_eq!((kind, to), (0x0001, address(MOBILE)));
    assert!(!scene.ice.knows(address(MOBILE)) && scene.ice.asks(address(MOBILE)));
    let username = engine::ice::stun::Request::parse(&check).unwrap().username;
    assert_eq!(username, (REMOTE_UFRAG, LOCAL_UFRAG), "the receiver's fragment first");

    scene.ice.suspect(address(MOBILE), now);
    assert!(scene.response().is_none(), "asked just now");
    let now = scene.at(1.1).now;
    scene.ice.suspect(address(MOBILE), now);
    assert_eq!(scene.response().unwrap().2, check, "the same question again");

    scene.ice.input(&answer(&check, REMOTE_PWD)[..20], address(MOBILE), now);
    let mut forged = answer(&check, REMOTE_PWD);
    forged[30] ^= 1;
    scene.ice.input(&forged, address(MOBILE), now);
    scene.ice.input(&answer(&check, REMOTE_PWD), address("192.0.2.66:1"), now);
    assert_eq!(scene.events(), [], "cut, forged, or from elsewhere");
    assert_eq!(scene.ice.refused(), 3);

    scene.ice.input(&answer(&check, REMOTE_PWD), address(MOBILE), now);
    assert_eq!(scene.events(), [connected(MOBILE)]);
    scene.ice.input(&answer(&check, REMOTE_PWD), address(MOBILE), now);
    assert_eq!(scene.events(), [], "once");
    assert_eq!(
        scene.check(&Check::nominating(1), MOBILE),
        [nominated(MOBILE)],
        "the browser follows with its own check"
    );
}

#[test]
fn an_address_that_never_answers_is_left_alone_and_many_make_room() {
    let mut scene = Scene::new(Some(REMOTE_UFRAG));
    scene.check(&Check::nominating(1), WIFI);
    scene.response().unwrap();
    let mut asked = 0;
    for step in 0..200 {
        let now = scene.at(f64::from(step) * 0.02).now;
        scene.ice.suspect(address(MOBILE), now);
        asked += usize::from(scene.response().is_some());
    }
    assert!((20..=30).contains(&asked), "{asked} questions in 4 s");
    for port in 1..=5 {
        scene.ice.suspect(address(&format!("198.51.100.1:{port}")), scene.now);
    }
    assert!(!scene.ice.asks(address(MOBILE)) && scene.ice.asks(address("198.51.100.1:5")));
}
