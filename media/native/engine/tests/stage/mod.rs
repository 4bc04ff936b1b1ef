//! A worker's core in virtual time on a network in memory, with far ends that talk in tones and are asked what they heard.
#![allow(dead_code)] // each test file uses its part

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use engine::codec::{Coding, Decoder, Encoder};
use engine::command::{Command, Direction, LatchMode, OpenPort, OpenTap, PayloadMap, Play, Record, Tone};
use engine::dsp::goertzel;
use engine::event::{Event, PortStats};
use engine::ids::{Micros, NodeId, Slot};
use engine::media::disk::{self, Disk, Format, Job, Open, Outlet};
use engine::media::notify::Notifier;
use engine::media::prompt::Cache;
use engine::media::tap::Queue;
use engine::rtp::{self, Header};
use engine::worker::clock::Clock;
use engine::worker::io::{Net, PortSockets};
use engine::worker::table::{Batch, Change, Core, Extra, Item, Place};

pub const GROUP: u64 = 1;
const STEP_US: Micros = 1000;

/// Datagrams that the core sent.
#[derive(Default)]
pub struct Wire(pub Vec<(Slot, bool, Vec<u8>, SocketAddr)>);

impl Net for Wire {
    fn send(&mut self, slot: Slot, rtcp: bool, packet: &[u8], to: SocketAddr) {
        self.0.push((slot, rtcp, packet.to_vec(), to));
    }
}

/// One packet as a far end received it.
pub struct Received {
    pub at: Micros,
    pub packet: Vec<u8>,
    pub header: Header,
    pub payload: Vec<u8>,
}

/// The far end of a port.
pub struct Peer {
    pub address: SocketAddr,
    pub coding: Coding,
    pub payload_type: u8,
    pub hertz: f32,
    pub talking: bool,
    /// Instead of the tone: sample number (at the rate of the codec) to sample.
    pub voice: Option<Box<dyn FnMut(u64) -> f32>>,
    /// Length of its packets, and by how much its clock is fast.
    pub ptime_ms: u64,
    pub fast_ppm: f64,
    /// How often each packet comes.
    pub copies: usize,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    phase: u64,
    encoder: Encoder,
    decoder: Decoder,
    pub received: Vec<Received>,
    /// Datagrams that are no RTP.
    pub others: Vec<Vec<u8>>,
    pub rtcp: Vec<Vec<u8>>,
    pub heard: Vec<f32>,
    /// Decides the delay of a packet in ms by its number, `None` loses it.
    pub line: Box<dyn FnMut(u64) -> Option<u64>>,
    sent: u64,
    talks_at: Option<f64>,
    flying: Vec<(Micros, Vec<u8>)>,
}

impl Peer {
    fn new(index: u16, hertz: f32, map: &PayloadMap) -> Self {
        let coding = Coding::of(map).expect("an audio codec");
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 10_000 + index)),
            coding,
            payload_type: map.payload_type,
            hertz,
            talking: true,
            voice: None,
            ptime_ms: 20,
            fast_ppm: 0.0,
            copies: 1,
            ssrc: 7000 + u32::from(index),
            sequence: 100,
            timestamp: 50_000,
            phase: 0,
            encoder: Encoder::new(coding, coding.encoded_rate(16_000)).expect("encoder"),
            decoder: Decoder::new(coding).expect("decoder"),
            received: Vec::new(),
            others: Vec::new(),
            rtcp: Vec::new(),
            heard: Vec::new(),
            line: Box::new(|_| Some(0)),
            sent: 0,
            talks_at: None,
            flying: Vec::new(),
        }
    }

    /// Talks in another codec from now on, and understands only that one.
    pub fn speak(&mut self, map: &PayloadMap) {
        self.coding = Coding::of(map).expect("an audio codec");
        self.payload_type = map.payload_type;
        self.encoder = Encoder::new(self.coding, self.coding.encoded_rate(16_000)).expect("encoder");
        self.decoder = Decoder::new(self.coding).expect("decoder");
    }

    pub fn packet(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 1500];
        let length = rtp::write_into(&mut out, false, payload_type, self.sequence, timestamp, self.ssrc, payload);
        out.truncate(length.expect("fits"));
        self.sequence = self.sequence.wrapping_add(1);
        out
    }

    /// Talks when its clock says so; `phase` is when it begins within the first 20 ms.
    fn clock(&mut self, now: Micros, phase: Micros) {
        let begin = || (now + (20_000 + phase - now % 20_000) % 20_000) as f64;
        let at = *self.talks_at.get_or_insert_with(begin);
        if now as f64 >= at {
            self.talk(now);
            self.talks_at = Some(at + self.ptime_ms as f64 * 1000.0 / (1.0 + self.fast_ppm / 1e6));
        }
    }

    fn talk(&mut self, now: Micros) {
        self.timestamp = self.timestamp.wrapping_add(self.coding.clock() / 1000 * self.ptime_ms as u32);
        if !self.talking {
            return;
        }
        let rate = self.coding.encoded_rate(16_000);
        let frame = u64::from(rate) / 1000 * self.ptime_ms;
        let turn = std::f32::consts::TAU * self.hertz / rate as f32;
        let begin = self.phase;
        let tone: Vec<f32> = match &mut self.voice {
            Some(voice) => (begin..begin + frame).map(voice).collect(),
            None => (begin..begin + frame).map(|n| 0.3 * (turn * n as f32).sin()).collect(),
        };
        self.phase += frame;
        let mut payload = [0u8; 2000];
        let length = self.encoder.encode_into(&tone, &mut payload).expect("encoded");
        let packet = self.packet(self.payload_type, self.timestamp, &payload[..length]);
        if let Some(delay) = (self.line)(self.sent) {
            self.flying.extend((0..self.copies).map(|_| (now + delay * 1000, packet.clone())));
        }
        self.sent += 1;
    }

    fn hear(&mut self, packet: &[u8], now: Micros) {
        let Some(header) = Header::parse(packet) else {
            self.others.push(packet.to_vec());
            return;
        };
        let payload = packet[header.payload.clone()].to_vec();
        if header.payload_type == self.payload_type {
            self.decoder.decode_into(&payload, &mut self.heard);
        }
        self.received.push(Received { at: now, packet: packet.to_vec(), header, payload });
    }

    /// Amplitude of a frequency in what was heard last, 1.0 is full scale.
    pub fn amplitude(&self, hertz: f32) -> f32 {
        let rate = self.coding.decoded_rate();
        let window = rate as usize / 5;
        let tail = &self.heard[self.heard.len().saturating_sub(window)..];
        if tail.len() < window { 0.0 } else { goertzel::power(tail, hertz, rate).sqrt() }
    }

    pub fn audio_packets(&self) -> impl Iterator<Item = &Received> {
        self.received.iter().filter(|received| received.header.payload_type == self.payload_type)
    }

    /// Forgets what was heard, so that the next question is about what comes now.
    pub fn forget(&mut self) {
        self.heard.clear();
        self.received.clear();
    }
}

pub struct Stage {
    pub core: Core,
    pub wire: Wire,
    pub now: Micros,
    pub peers: HashMap<NodeId, Peer>,
    pub events: Vec<Event>,
    pub cache: Cache,
    pub folder: PathBuf,
    pub disk: Disk,
    disk_events: Receiver<Event>,
    sockets: Vec<PortSockets>,
    seq: u64,
}

pub fn map(name: &str, payload_type: u8, clock: u32) -> PayloadMap {
    let channels = if name == "OPUS" { 2 } else { 1 };
    PayloadMap {
        name: name.into(),
        payload_type,
        clock,
        channels,
        send_payload_type: payload_type,
        fmtp: String::new(),
    }
}

pub fn pcmu() -> Vec<PayloadMap> {
    vec![map("PCMU", 0, 8000), map("telephone-event", 101, 8000)]
}

pub fn pcma() -> Vec<PayloadMap> {
    vec![map("PCMA", 8, 8000), map("telephone-event", 96, 8000)]
}

pub fn opus() -> Vec<PayloadMap> {
    vec![map("OPUS", 111, 48_000), map("telephone-event", 110, 48_000)]
}

pub fn l16() -> Vec<PayloadMap> {
    vec![map("L16", 97, 8000)]
}

pub fn g722() -> Vec<PayloadMap> {
    vec![map("G722", 9, 8000), map("telephone-event", 101, 8000)]
}

/// A tone of 1 kHz that plays until it is stopped, to be played with what the test is about.
pub fn tone(player: NodeId) -> Play {
    Play {
        player,
        group: GROUP,
        prompts: vec![],
        tone: Some(Tone { hertz: vec![1000.0], level: -12.0, on_ms: 1000, off_ms: 0, then: vec![] }),
        looped: false,
        gain: 0.0,
        until_digit_of: vec![],
        until_talk_of: vec![],
        offset_ms: 0,
        fade_ms: 0,
        stream: String::new(),
    }
}

pub fn listen(listener: NodeId, sources: &[NodeId]) -> Command {
    Command::Listen { listener, sources: sources.iter().map(|source| (*source, 0.0)).collect(), ramp_ms: 5 }
}

impl Stage {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("engine-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let cache = Cache::default();
        let (sender, disk_events) = channel();
        let outlet = Outlet { events: sender, notifier: Notifier::new().expect("eventfd") };
        let (disk, _) = disk::spawn(cache.clone(), outlet).expect("disk thread");
        let core = Core::new(0, Clock::start(), cache.clone(), disk.clone(), None, 42);
        Self {
            core,
            wire: Wire::default(),
            now: 1_000_000,
            peers: HashMap::new(),
            events: Vec::new(),
            cache,
            folder,
            disk,
            disk_events,
            sockets: Vec::new(),
            seq: 0,
        }
    }

    /// Opens a port whose far end talks with a tone.
    pub fn port(&mut self, id: NodeId, hertz: f32, codecs: Vec<PayloadMap>) {
        self.port_with(id, hertz, codecs, |_| ());
    }

    pub fn port_with(&mut self, id: NodeId, hertz: f32, codecs: Vec<PayloadMap>, change: impl FnOnce(&mut OpenPort)) {
        let peer = Peer::new(id as u16 * 10, hertz, &codecs[0]);
        let mut open = OpenPort {
            port: id,
            token: id,
            codecs,
            direction: Direction::SendRecv,
            remote: Some(peer.address),
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
        };
        change(&mut open);
        let bound = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let sockets = PortSockets::of(bound(), Some(bound()));
        let local = SocketAddr::from(([127, 0, 0, 1], 20_000 + id as u16 * 2));
        self.peers.insert(id, peer);
        let extra = Extra::Sockets { sockets, group: GROUP, local, ssrc: id as u32 };
        self.submit_with(vec![(Command::OpenPort(Box::new(open)), extra)]);
    }

    pub fn submit(&mut self, commands: Vec<Command>) {
        self.submit_with(commands.into_iter().map(|command| (command, Extra::Nothing)).collect());
    }

    fn submit_with(&mut self, commands: Vec<(Command, Extra)>) {
        self.seq += 1;
        let items = commands
            .into_iter()
            .enumerate()
            .map(|(index, (command, extra))| Item { index: index as u32, command, extra })
            .collect();
        self.core.apply(Batch { seq: self.seq, items, awaits: Vec::new() }, self.now, &mut self.wire);
        for change in std::mem::take(&mut self.core.changes) {
            if let Change::Opened { sockets, .. } = change {
                self.sockets.push(sockets);
            }
        }
        self.collect();
    }

    /// Opens a tap; what it hears waits in the queue.
    pub fn tap(&mut self, open: OpenTap) -> Arc<Queue> {
        let queue = Queue::new(&open);
        self.submit_with(vec![(Command::OpenTap(Box::new(open)), Extra::Queue(Arc::clone(&queue)))]);
        queue
    }

    pub fn record(&mut self, id: NodeId, name: &str, channels: &[&[NodeId]], fallback: Option<PathBuf>) -> PathBuf {
        self.record_with(id, name, channels, fallback, |_| ())
    }

    /// The same with a format, a key, a beep.
    pub fn record_with(
        &mut self,
        id: NodeId,
        name: &str,
        channels: &[&[NodeId]],
        fallback: Option<PathBuf>,
        change: impl FnOnce(&mut Record),
    ) -> PathBuf {
        let path = self.folder.join(name);
        let sets = channels.iter().map(|set| set.iter().map(|source| (*source, 0.0)).collect()).collect();
        let mut record = Record {
            recorder: id,
            group: GROUP,
            path: String::new(),
            channels: sets,
            rate: 8000,
            fallback: String::new(),
            format: Format::Wav,
            key: None,
            beep_ms: 0,
        };
        change(&mut record);
        // Virtual time runs faster than the disk threads: a ring for whatever a test records.
        let (producer, ring) = rtrb::RingBuffer::new(record.rate as usize * 120 * channels.len());
        let open = Job::Open(Box::new(Open {
            recorder: id,
            path: path.clone(),
            fallback,
            format: record.format,
            key: record.key.clone(),
            rate: record.rate,
            channels: channels.len() as u16,
            ring,
            at: 0.0,
            origin: (1, 0),
        }));
        self.disk.send_to(self.disk.lane(record.format, id), open);
        self.submit_with(vec![(Command::Record(Box::new(record)), Extra::Ring(producer))]);
        path
    }

    /// The recording's end as the disk thread tells it; its real time is waited for.
    pub fn recorded(&mut self, id: NodeId) -> Event {
        let known = |event: &&Event| matches!(event, Event::RecordEnded { recorder, .. } if *recorder == id);
        if let Some(event) = self.events.iter().find(known) {
            return event.clone();
        }
        loop {
            let event = self.disk_events.recv_timeout(std::time::Duration::from_secs(10)).expect("RecordEnded");
            self.events.push(event.clone());
            if matches!(event, Event::RecordEnded { recorder, .. } if recorder == id) {
                return event;
            }
        }
    }

    pub fn slot(&self, id: NodeId) -> Slot {
        match self.core.nodes.get(&id) {
            Some(Place::Port(slot)) => *slot,
            other => panic!("{id} is no port: {other:?}"),
        }
    }

    /// Puts a datagram into a port.
    pub fn inject(&mut self, id: NodeId, packet: &[u8], source: SocketAddr) {
        let mut packet = packet.to_vec();
        self.core.rtp_input(self.slot(id), &mut packet, source, self.now, &mut self.wire);
        self.deliver();
        self.collect();
    }

    fn deliver(&mut self) {
        for (_, rtcp, packet, to) in self.wire.0.drain(..) {
            for peer in self.peers.values_mut() {
                let beside = SocketAddr::new(peer.address.ip(), peer.address.port() + 1);
                if rtcp && to == beside {
                    peer.rtcp.push(packet.clone());
                } else if !rtcp && to == peer.address {
                    peer.hear(&packet, self.now);
                }
            }
        }
    }

    fn collect(&mut self) {
        self.events.append(&mut self.core.events);
        self.events.extend(self.disk_events.try_iter());
    }

    /// Lets time pass.
    pub fn run(&mut self, ms: u64) {
        let mut ids: Vec<NodeId> = self.peers.keys().copied().collect();
        ids.sort_unstable();
        let end = self.now + ms * 1000;
        while self.now < end {
            self.now += STEP_US;
            for (index, id) in ids.iter().enumerate() {
                let Some(Place::Port(slot)) = self.core.nodes.get(id).copied() else { continue };
                let Some(peer) = self.peers.get_mut(id) else { continue };
                peer.clock(self.now, (index as Micros * 3000) % 20_000);
                let now = self.now;
                let source = peer.address;
                peer.flying.sort_by_key(|(at, _)| *at);
                let due = peer.flying.iter().take_while(|(at, _)| *at <= now).count();
                let arrived: Vec<_> = peer.flying.drain(..due).collect();
                for (_, mut packet) in arrived {
                    self.core.rtp_input(slot, &mut packet, source, now, &mut self.wire);
                }
            }
            self.core.run_frames(self.now, &mut self.wire);
            self.core.run_timers(self.now, &mut self.wire);
            self.core.changes.clear();
            self.deliver();
        }
        self.collect();
    }

    pub fn peer(&mut self, id: NodeId) -> &mut Peer {
        self.peers.get_mut(&id).expect("a peer")
    }

    /// Which of the tones this far end hears.
    pub fn hears(&self, id: NodeId, tones: &[f32]) -> Vec<f32> {
        let peer = &self.peers[&id];
        tones.iter().copied().filter(|hertz| peer.amplitude(*hertz) > 0.05).collect()
    }

    /// The figures of a port now.
    pub fn stats(&mut self, port: NodeId) -> PortStats {
        self.submit(vec![Command::Sample { port }]);
        let found = self.events.iter().rev().find_map(|event| match event {
            Event::Stats { port: of, stats } if *of == port => Some((**stats).clone()),
            _ => None,
        });
        found.expect("Stats")
    }

    pub fn dump(&mut self, id: NodeId) -> String {
        self.submit(vec![Command::Dump { target: id }]);
        let json = self.events.iter().rev().find_map(|event| match event {
            Event::Dumped { json, .. } => Some(json.clone()),
            _ => None,
        });
        json.expect("a picture")
    }

    pub fn refusals(&self) -> Vec<&'static str> {
        let reason = |event: &Event| if let Event::CommandFailed { reason, .. } = event { Some(*reason) } else { None };
        self.events.iter().filter_map(reason).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.disk.send(Job::Shutdown);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
