//! Load for media paths: one socket per leg, 50 packets/s each, the time of sending in the payload.
//!
//! `rtp_load send --base-port P --seconds S` reads lines `INDEX IP:PORT` (where leg INDEX sends to) from standard input until
//! its end; leg INDEX is bound to port P + 2·INDEX, legs 2k and 2k+1 are the two ends of call k. Prints one JSON line: packets
//! sent, received, lost, one-way delay in ms. `--silent` legs only receive.
//!
//! `rtp_load bench --calls N --seconds S [--mode relay|record|mix|room]` starts the engine in a process of its own, bridges N
//! calls (`room`: puts their legs into conferences of three; take a multiple of three) and adds the CPU that this process used, in ms per call-second.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use engine::command::{Direction, LatchMode, OpenPort, PayloadMap, PortKind, Record};
use engine::media::disk::Format;
use engine::media::seal::FileKey;
use engine::{Command, Config, Engine};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

type Failure = Box<dyn std::error::Error>;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PTIME: Duration = Duration::from_millis(20);
const PAYLOAD: usize = 160;

struct Options(Vec<String>);

impl Options {
    fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, Failure> {
        self.text(name)
            .map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} {text}: a number is expected").into()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument == name)
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
    let options = Options(arguments);
    match mode.as_str() {
        "send" => {
            let targets = read_targets(std::io::stdin().lock(), usize::MAX)?;
            let report = send(&targets, &options)?;
            println!("{{{}}}", report.json());
            Ok(())
        }
        "bench" => bench(&options),
        "host" => host(&options),
        _ => Err("usage: rtp_load send|bench [--base-port P] [--calls N] [--seconds S] [--mode relay|record|mix|room]"
            .into()),
    }
}

fn read_targets(lines: impl BufRead, most: usize) -> Result<Vec<(usize, SocketAddr)>, Failure> {
    let mut targets = Vec::new();
    for line in lines.lines().take(most) {
        let line = line?;
        let Some((index, address)) = line.split_once(' ') else {
            return Err(format!("{line:?}: INDEX IP:PORT").into());
        };
        targets.push((index.parse()?, address.parse()?));
    }
    Ok(targets)
}

#[derive(Default)]
struct Report {
    sent: u64,
    received: u64,
    delays_us: Vec<u32>,
}

impl Report {
    fn quantile(&self, share: f64) -> f64 {
        let index = ((self.delays_us.len() as f64 - 1.0) * share).max(0.0) as usize;
        self.delays_us.get(index).map_or(-1.0, |delay| f64::from(*delay) / 1000.0)
    }

    fn json(&self) -> String {
        format!(
            "\"sent\":{},\"received\":{},\"lost\":{},\"delay_p50_ms\":{:.3},\"delay_p99_ms\":{:.3},\"delay_max_ms\":{:.3}",
            self.sent,
            self.received,
            self.sent.saturating_sub(self.received),
            self.quantile(0.5),
            self.quantile(0.99),
            self.quantile(1.0),
        )
    }
}

struct Leg {
    socket: UdpSocket,
    target: SocketAddr,
    sequence: u16,
    due: Instant,
}

fn send(targets: &[(usize, SocketAddr)], options: &Options) -> Result<Report, Failure> {
    let base = u16::try_from(options.number("--base-port", 30_000)?)?;
    let seconds = options.number("--seconds", 10)?;
    let silent = options.has("--silent");
    let epoch = Instant::now();
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut legs = Vec::new();
    for (number, (index, target)) in targets.iter().enumerate() {
        let socket = UdpSocket::bind((LOCAL, base + u16::try_from(2 * index)?))?;
        socket.set_nonblocking(true)?;
        epoll::add(&poll, &socket, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        let due = epoch + PTIME.mul_f64(number as f64 / targets.len() as f64);
        legs.push(Leg { socket, target: *target, sequence: 0, due });
    }
    let mut report = Report::default();
    let (end, mut next) = (epoch + Duration::from_secs(seconds), 0);
    let mut ready: Vec<epoll::Event> = Vec::with_capacity(256);
    loop {
        let now = Instant::now();
        // Legs are due in turn, round and round.
        while !silent && now < end && legs[next].due <= now {
            report.sent += 1;
            legs[next].send(epoch, next as u32);
            next = (next + 1) % legs.len();
        }
        if now > end + Duration::from_millis(300) {
            break;
        }
        let wait = if silent { PTIME } else { legs[next].due.saturating_duration_since(now).min(PTIME) };
        ready.clear();
        let timeout = Timespec { tv_sec: 0, tv_nsec: wait.as_nanos() as _ };
        epoll::wait(&poll, spare_capacity(&mut ready), Some(&timeout))?;
        for event in &ready {
            legs[event.data.u64() as usize].receive(epoch, &mut report);
        }
    }
    report.delays_us.sort_unstable();
    Ok(report)
}

impl Leg {
    fn send(&mut self, epoch: Instant, ssrc: u32) {
        let mut packet = [0xffu8; 12 + PAYLOAD];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(self.sequence) * PAYLOAD as u32).to_be_bytes());
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        packet[12..20].copy_from_slice(&(epoch.elapsed().as_micros() as u64).to_be_bytes());
        // A full socket is loss, and the report shows it.
        let _ = self.socket.send_to(&packet, self.target);
        self.sequence = self.sequence.wrapping_add(1);
        self.due += PTIME;
    }

    fn receive(&self, epoch: Instant, report: &mut Report) {
        let mut packet = [0u8; 2048];
        while let Ok(length) = self.socket.recv(&mut packet) {
            report.received += 1;
            let sent = packet[12..20].try_into().map_or(0, u64::from_be_bytes);
            let delay = (epoch.elapsed().as_micros() as u64).wrapping_sub(sent);
            if length == 12 + PAYLOAD && delay < 10_000_000 {
                report.delays_us.push(delay as u32);
            }
        }
    }
}

/// The engine alone: opens the ports of `--calls` calls, prints where each leg sends, ends when standard input ends.
fn host(options: &Options) -> Result<(), Failure> {
    let calls = options.number("--calls", 200)?;
    let base = u16::try_from(options.number("--base-port", 30_000)?)?;
    let mode = options.text("--mode").unwrap_or("relay").to_owned();
    let root = std::env::temp_dir().join(format!("rtp-load-{}", std::process::id()));
    std::fs::create_dir_all(&root)?;
    let workers = options.number("--workers", 1)? as usize;
    let mut engine = Engine::new(Config {
        listen: LOCAL.to_string(),
        port_min: 40_000,
        port_max: 48_000,
        workers,
        record_root: root.clone(),
        webrtc_port: 0,
        tcp_port: 0,
        plugins: Vec::new(),
    })?;
    let codec = PayloadMap {
        name: "PCMU".into(),
        payload_type: 0,
        clock: 8000,
        channels: 1,
        send_payload_type: 0,
        fmtp: String::new(),
    };
    let mut out = std::io::stdout().lock();
    let size = if mode == "room" { 3 } else { 2 };
    for call in 0..2 * calls / size {
        let group = call + 1;
        let mut batch = Vec::new();
        let ids: Vec<u64> = (size * call + 1..=size * (call + 1)).collect();
        for &id in &ids {
            let reservation = engine.reserve(PortKind::Rtp, group)?;
            let remote = SocketAddr::new(LOCAL, base + 2 * (id as u16 - 1));
            writeln!(out, "{} {LOCAL}:{}", id - 1, reservation.port)?;
            batch.push(Command::OpenPort(Box::new(open(id, reservation.token, remote, codec.clone()))));
        }
        let gain = if mode == "mix" { -1.0 } else { 0.0 };
        if mode == "room" {
            let bus = 2_000_000 + call;
            batch.push(Command::OpenBus { bus, group, max_speakers: 5, agc: false, gate: false });
            let everybody = ids.iter().map(|id| (*id, 0.0)).collect();
            batch.push(Command::Listen { listener: bus, sources: everybody, ramp_ms: 5 });
            for &listener in &ids {
                batch.push(Command::Listen { listener, sources: vec![(bus, 0.0)], ramp_ms: 5 });
            }
        } else {
            batch.push(Command::Listen { listener: ids[0], sources: vec![(ids[1], gain)], ramp_ms: 5 });
            batch.push(Command::Listen { listener: ids[1], sources: vec![(ids[0], gain)], ramp_ms: 5 });
        }
        if mode == "record" {
            batch.push(Command::Record(Box::new(Record {
                recorder: 1_000_000 + call,
                group,
                path: format!("{call}.wav"),
                channels: vec![vec![(ids[0], 0.0)], vec![(ids[1], 0.0)]],
                rate: 8000,
                fallback: String::new(),
                format: if options.text("--format") == Some("opus") { Format::Opus } else { Format::Wav },
                key: options.text("--key").and_then(|key| FileKey::new(key.as_bytes(), Vec::new())),
                beep_ms: 0,
            })));
        }
        engine.submit(batch);
        engine.drain();
    }
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    engine.close();
    std::fs::remove_dir_all(root)?;
    Ok(())
}

fn open(port: u64, token: u64, remote: SocketAddr, codec: PayloadMap) -> OpenPort {
    OpenPort {
        port,
        token,
        codecs: vec![codec],
        direction: Direction::SendRecv,
        remote: Some(remote),
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
    }
}

/// User and system time of a process, ms.
fn cpu_ms(process: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: f64 = fields.get(11..13).ok_or("stat")?.iter().map(|field| field.parse().unwrap_or(0.0)).sum();
    Ok(ticks * 10.0) // 100 ticks a second on every Linux that matters here
}

fn bench(options: &Options) -> Result<(), Failure> {
    let calls = options.number("--calls", 200)?;
    let seconds = options.number("--seconds", 10)?;
    let mut engine = Process::new(std::env::current_exe()?)
        .arg("host")
        .args(&options.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = engine.stdout.take().ok_or("no output")?;
    let targets = read_targets(BufReader::new(output), 2 * calls as usize)?;
    let before = cpu_ms(engine.id())?;
    let mode = options.text("--mode").unwrap_or("relay");
    let mut report = send(&targets, options)?;
    if mode == "mix" || mode == "room" {
        report.delays_us.clear(); // the payload was coded anew: the time of sending is gone, −1 says so
    }
    let spent = cpu_ms(engine.id())? - before;
    drop(engine.stdin.take());
    engine.wait()?;
    let per_call = spent / (calls * seconds) as f64;
    println!(
        "{{\"mode\":\"{mode}\",\"calls\":{calls},\"seconds\":{seconds},{},\"cpu_ms_per_call_second\":{per_call:.3}}}",
        report.json()
    );
    Ok(())
}
