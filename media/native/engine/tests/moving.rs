//! Real sockets and two workers: a port changes its group and nothing is lost on the way.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use engine::command::{Direction, LatchMode, OpenPort, PayloadMap, PortKind};
use engine::{Command, Config, Engine, EngineError, Event};

fn engine(name: &str, first: u16) -> Engine {
    let record_root = std::env::temp_dir().join(name);
    Engine::new(Config {
        listen: "127.0.0.1".into(),
        port_min: first,
        port_max: first + 98,
        workers: 2,
        record_root,
        webrtc_port: 0,
        tcp_port: 0,
        plugins: Vec::new(),
    })
    .expect("an engine")
}

struct End {
    socket: UdpSocket,
    to: (String, u16),
    sequence: u16,
}

impl End {
    fn open(engine: &mut Engine, port: u64, group: u64) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let reservation = engine.reserve(PortKind::Rtp, group).expect("a reservation");
        let codec = PayloadMap {
            name: "PCMU".into(),
            payload_type: 0,
            clock: 8000,
            channels: 1,
            send_payload_type: 0,
            fmtp: String::new(),
        };
        engine.submit(vec![Command::OpenPort(Box::new(OpenPort {
            port,
            token: reservation.token,
            codecs: vec![codec],
            direction: Direction::SendRecv,
            remote: socket.local_addr().ok(),
            remote_rtcp: None,
            ptime_ms: 20,
            sdes: None,
            dtls: None,
            ice: None,
            latch: LatchMode::Nat,
            jitter_min_ms: 20,
            jitter_max_ms: 200,
            rtcp_mux: false,
            rtcp_xr: false,
            cname: String::new(),
            dtmf_pass: true,
        }))]);
        Self { socket, to: (reservation.address, reservation.port), sequence: 0 }
    }

    fn send(&mut self) {
        let mut packet = vec![0x80, 0];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 160).to_be_bytes());
        packet.extend(77u32.to_be_bytes());
        packet.extend([self.sequence as u8; 160]);
        self.socket.send_to(&packet, (self.to.0.as_str(), self.to.1)).expect("sent");
        self.sequence += 1;
    }

    /// First payload octets of what arrived.
    fn read(&self) -> Vec<u8> {
        let mut packet = [0u8; 2000];
        std::iter::from_fn(|| self.socket.recv(&mut packet).ok().map(|_| packet[12])).collect()
    }
}

fn wait(engine: &mut Engine, seen: &mut Vec<Event>, what: impl Fn(&Event) -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !seen.iter().any(&what) {
        assert!(Instant::now() < end, "{seen:?}");
        std::thread::sleep(Duration::from_millis(5));
        seen.extend(engine.drain());
    }
}

#[test]
fn a_port_moves_between_workers_and_loses_nothing() {
    let mut engine = engine("moving", 43_000);
    let mut agent = End::open(&mut engine, 1, 10);
    let caller = End::open(&mut engine, 2, 20); // another group, the other worker
    let mut seen = Vec::new();
    wait(&mut engine, &mut seen, |event| matches!(event, Event::PortOpened { port: 2 }));
    for index in 0..100u32 {
        agent.send();
        if index == 30 {
            engine.submit(vec![
                Command::MovePort { port: 1, group: 20 },
                Command::Listen { listener: 2, sources: vec![(1, 0.0)], ramp_ms: 5 },
            ]);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    engine.submit(vec![Command::Sample { port: 1 }]);
    wait(&mut engine, &mut seen, |event| matches!(event, Event::Stats { .. }));
    let stats = seen.iter().find_map(|event| if let Event::Stats { stats, .. } = event { Some(stats) } else { None });
    assert_eq!(stats.map(|stats| (stats.packets_received, stats.lost)), Some((100, 0)));
    let heard = caller.read();
    assert!(heard.len() >= 60 && heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "{heard:?}");
    let failed = |event: &&Event| matches!(event, Event::CommandFailed { .. } | Event::PortFailed { .. });
    assert_eq!(seen.iter().find(failed), None);
}

#[test]
fn mistakes_are_told_with_their_place_in_the_batch() {
    let mut engine = engine("mistakes", 43_200);
    let _one = End::open(&mut engine, 1, 10);
    let _two = End::open(&mut engine, 2, 20);
    let seq = engine.submit(vec![
        Command::Listen { listener: 1, sources: vec![(2, 0.0)], ramp_ms: 5 },
        Command::Sample { port: 99 },
        Command::ClosePort { port: 99 },
        Command::OpenBus { bus: 1, group: 10, max_speakers: 5, agc: false, gate: false },
        Command::Drain,
    ]);
    let mut seen = Vec::new();
    wait(&mut engine, &mut seen, |event| matches!(event, Event::PortOpened { port: 2 }));
    let failures: Vec<(u64, u32, &str)> = seen
        .iter()
        .filter_map(|event| match event {
            Event::CommandFailed { seq, index, reason, .. } => Some((*seq, *index, *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(failures, [(seq, 0, "cross_group"), (seq, 1, "unknown_id"), (seq, 3, "duplicate_id")]);
    assert!(matches!(engine.reserve(PortKind::Rtp, 10), Err(EngineError::NoCapacity("draining"))));
    engine.close();
    let closed =
        engine.drain().into_iter().filter(|event| matches!(event, Event::PortClosed { reason: "drained", .. }));
    assert_eq!(closed.count(), 2);
}
