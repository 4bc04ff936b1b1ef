//! Who hears whom is data: for random sequences of changes every ear has exactly what the matrix says, sample by sample.
//!
//! Each party says a constant of its own, a power of two, so that any sample tells whose voices are in it.

mod stage;

use std::collections::{BTreeMap, BTreeSet};

use engine::command::{Command, Play};
use engine::ids::NodeId;
use proptest::prelude::*;
use stage::{GROUP, Stage, l16, map};

/// Parties of a call; the last of them has another codec, so that nothing can be passed on to it or from it.
const PARTIES: usize = 5;
const PLAYER: usize = PARTIES;
const BUS: NodeId = 9000;
const UNIT: f32 = 0.004;
const TOLERANCE: f32 = UNIT / 3.0;
/// A change is done after this time: a jitter buffer that fills, a frame, a ramp.
const DONE_US: u64 = 100_000;

fn level(voice: usize) -> f32 {
    UNIT * (1 << voice) as f32
}

/// What one listener hears, by index of the voice. `ROOM` is the bus.
type Ears = BTreeSet<usize>;
const ROOM: usize = PARTIES + 1;

#[derive(Debug, Clone)]
enum Change {
    /// One listener's set, of all voices and the bus.
    Listen(usize, u8),
    /// The words of supervision and transfer, by parties.
    Bridge(usize, usize),
    Monitor(usize, usize, usize),
    Whisper(usize, usize, usize),
    Barge(usize, usize, usize),
    TakeOver(usize, usize, usize),
    Consult(usize, usize, usize),
    Hold(usize, usize),
    Announce(usize, usize),
    Conference(u8),
    Close(usize),
    Open(usize),
    Music(bool),
    Record(u8, u8),
    StopRecord,
}

/// The matrix as it should be.
#[derive(Debug, Clone, Default)]
struct Matrix {
    ids: BTreeMap<usize, NodeId>,
    ears: BTreeMap<usize, Ears>,
    room: Option<Ears>,
    player: Option<NodeId>,
    recorder: Option<(NodeId, [Ears; 2])>,
    next: NodeId,
}

impl Matrix {
    fn sounds(&self, voice: usize) -> bool {
        if voice == PLAYER { self.player.is_some() } else { self.ids.contains_key(&voice) }
    }

    /// The voices in a set, as a listener `me` hears them.
    fn voices(&self, set: &Ears, me: Option<usize>) -> BTreeMap<usize, u32> {
        let mut heard = BTreeMap::new();
        for &source in set {
            if source == ROOM {
                for &member in self.room.iter().flatten().filter(|member| Some(**member) != me && self.sounds(**member))
                {
                    *heard.entry(member).or_default() += 1;
                }
            } else if self.sounds(source) {
                *heard.entry(source).or_default() += 1;
            }
        }
        heard
    }

    fn node(&self, source: usize) -> Option<NodeId> {
        match source {
            PLAYER => self.player,
            ROOM => Some(BUS),
            party => self.ids.get(&party).copied(),
        }
    }

    fn listen(&self, listener: NodeId, set: &Ears) -> Command {
        let sources = set.iter().filter_map(|source| self.node(*source)).map(|node| (node, 0.0)).collect();
        Command::Listen { listener, sources, ramp_ms: 5 }
    }

    /// Makes the change here and gives the commands for it.
    fn change(&mut self, stage: &mut Stage, change: &Change) -> Vec<Command> {
        let mut sets: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut commands = Vec::new();
        match *change {
            Change::Listen(who, mask) => sets.push((who, (0..=ROOM).filter(|voice| mask >> voice & 1 == 1).collect())),
            Change::Bridge(a, b) => sets.extend([(a, vec![b]), (b, vec![a])]),
            Change::Monitor(a, b, s) => sets.extend([(a, vec![b]), (b, vec![a]), (s, vec![a, b])]),
            Change::Whisper(a, b, s) => sets.extend([(a, vec![b]), (b, vec![a, s]), (s, vec![a, b])]),
            Change::Barge(a, b, s) => sets.extend([(a, vec![b, s]), (b, vec![a, s]), (s, vec![a, b])]),
            Change::TakeOver(a, b, s) => sets.extend([(a, vec![s]), (s, vec![a]), (b, vec![])]),
            Change::Consult(a, b, s) => sets.extend([(a, vec![PLAYER]), (b, vec![s]), (s, vec![b])]),
            Change::Hold(a, b) => sets.extend([(a, vec![PLAYER]), (b, vec![])]),
            Change::Announce(a, b) => sets.extend([(a, vec![b, PLAYER]), (b, vec![a])]),
            Change::Conference(mask) => {
                let members: Vec<usize> = (0..PARTIES).filter(|party| mask >> party & 1 == 1).collect();
                if self.room.is_none() {
                    commands.push(Command::OpenBus {
                        bus: BUS,
                        group: GROUP,
                        max_speakers: 8,
                        agc: false,
                        gate: false,
                    });
                }
                self.room = Some(members.iter().copied().collect());
                sets.extend(members.into_iter().map(|member| (member, vec![ROOM])));
            }
            Change::Close(who) => {
                if let Some(id) = self.ids.remove(&who) {
                    commands.push(Command::ClosePort { port: id });
                }
            }
            Change::Open(who) => self.open(stage, who),
            Change::Music(on) => match (on, self.player) {
                (true, None) => {
                    let id = self.take_id();
                    commands.push(music(id));
                    self.player = Some(id);
                }
                (false, Some(player)) => {
                    commands.push(Command::StopPlay { player });
                    self.player = None;
                }
                _ => (),
            },
            Change::Record(left, right) => self.record(stage, left, right),
            Change::StopRecord => {
                if let Some((recorder, _)) = self.recorder.take() {
                    commands.push(Command::StopRecord { recorder });
                }
            }
        }
        for (listener, set) in sets {
            if self.ids.contains_key(&listener) {
                self.ears.insert(listener, set.into_iter().collect());
            }
        }
        // Ids of the newly opened are told to everybody who listens to that party; sets that stay are named again.
        for (listener, set) in &self.ears {
            commands.extend(self.ids.get(listener).map(|id| self.listen(*id, set)));
        }
        commands.extend(self.room.as_ref().map(|set| self.listen(BUS, set)));
        if let Some((recorder, sets)) = &self.recorder {
            let channels = sets.iter().map(|set| match self.listen(0, set) {
                Command::Listen { sources, .. } => sources,
                _ => Vec::new(),
            });
            let channels = Some(channels.collect());
            commands.push(Command::ControlRecord { recorder: *recorder, channels, pause: None, mark: String::new() });
        }
        commands
    }

    fn take_id(&mut self) -> NodeId {
        self.next += 1;
        self.next
    }

    fn open(&mut self, stage: &mut Stage, who: usize) {
        if self.ids.contains_key(&who) {
            return;
        }
        let id = self.take_id();
        let codecs = if who + 1 == PARTIES { vec![map("L16", 98, 16_000)] } else { l16() };
        stage.port(id, 0.0, codecs);
        stage.peer(id).voice = Some(Box::new(move |_| level(who)));
        self.ids.insert(who, id);
        self.ears.insert(who, Ears::new());
    }

    fn record(&mut self, stage: &mut Stage, left: u8, right: u8) {
        if self.recorder.is_some() {
            return;
        }
        let sets = [left, right].map(|mask| (0..=ROOM).filter(|voice| mask >> voice & 1 == 1).collect::<Ears>());
        let id = self.take_id();
        stage.record(id, &format!("{id}.wav"), &[&[], &[]], None);
        self.recorder = Some((id, sets));
    }
}

fn music(player: NodeId) -> Command {
    Command::Play(Box::new(Play {
        player,
        group: GROUP,
        prompts: vec![1],
        tone: None,
        looped: true,
        gain: 0.0,
        until_digit_of: vec![],
        until_talk_of: vec![],
        offset_ms: 0,
        fade_ms: 0,
        stream: String::new(),
    }))
}

/// A minute of the player's constant.
fn load_music(stage: &Stage) {
    let samples = 8000 * 2u32;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + samples * 2).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(8000u32.to_le_bytes());
    file.extend(16_000u32.to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples * 2).to_le_bytes());
    let sample = (level(PLAYER) * 32_768.0).round() as i16;
    (0..samples).for_each(|_| file.extend(sample.to_le_bytes()));
    let path = stage.folder.join("music.wav");
    std::fs::write(&path, file).unwrap();
    stage.cache.loading(1);
    stage.cache.load(1, &path).unwrap();
}

/// Names the voices in a level.
fn name(sample: f32) -> String {
    let bits = (sample / UNIT).round() as i32;
    format!("{sample:.4} = voices {bits:b}")
}

fn sum(voices: &BTreeMap<usize, u32>) -> f32 {
    voices.iter().map(|(voice, times)| level(*voice) * *times as f32).sum()
}

/// Every ear between two changes: while the change is under way those that stay and nobody from neither
/// set, then exactly those of after.
fn check_ears(stage: &mut Stage, before: &Matrix, after: &Matrix, from: u64) -> Result<(), TestCaseError> {
    for (&party, &id) in &after.ids {
        let expected = after.voices(&after.ears[&party], Some(party));
        let former = match before.ids.get(&party) {
            Some(old) if *old == id => before.voices(&before.ears[&party], Some(party)),
            _ => BTreeMap::new(),
        };
        let (wanted, until) = (sum(&expected), stage.now);
        let voices: BTreeSet<usize> = expected.keys().chain(former.keys()).copied().collect();
        let times = |voice: &usize| expected.get(voice).max(former.get(voice)).copied().unwrap_or(0);
        let both: f32 = voices.iter().map(|voice| level(*voice) * times(voice) as f32).sum();
        // While a voice leaves one way (a room) and comes another, its two ramps add up to 1.3 of it for a moment.
        // A resampler overshoots a step by a tenth.
        let stays = |voice: &usize| expected.get(voice).min(former.get(voice)).copied().unwrap_or(0);
        let common: f32 = voices.iter().map(|voice| level(*voice) * stays(voice) as f32).sum();
        // Who leaves a room fades out in it while the new listener fades in.
        let leaving: f32 = before.room.iter().flatten().map(|member| level(*member)).sum();
        let (least, most) = (common * 0.7 - both * 0.1, both * 1.4 + leaving * 0.3);
        let peer = stage.peer(id);
        let per_packet = peer.coding.decoded_rate() as usize / 50;
        let mut last = from + DONE_US;
        for (index, packet) in peer.received.iter().enumerate() {
            let samples = &peer.heard[index * per_packet..(index + 1) * per_packet];
            let settled = packet.at >= from + DONE_US;
            for sample in samples {
                let fits = if settled {
                    (sample - wanted).abs() < TOLERANCE
                } else {
                    *sample > least - TOLERANCE && *sample < most + TOLERANCE
                };
                prop_assert!(
                    fits,
                    "party {party} hears {} instead of {} (before {}), {} µs after the change",
                    name(*sample),
                    name(wanted),
                    name(sum(&former)),
                    packet.at - from
                );
            }
            if settled {
                prop_assert!(
                    packet.at.saturating_sub(last) <= 60_000,
                    "party {party}: nothing from {last} to {}",
                    packet.at
                );
                last = packet.at;
            }
        }
        prop_assert!(wanted == 0.0 || until.saturating_sub(last) <= 60_000, "party {party} hears nothing since {last}");
        for pair in peer.received.windows(2) {
            prop_assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
        }
        peer.forget();
    }
    Ok(())
}

/// What a finished recording must hold: from, to (µs) and the level of both sides.
type Span = (u64, u64, [f32; 2]);

fn check_recording(stage: &mut Stage, id: NodeId, began: u64, spans: &[Span]) -> Result<(), TestCaseError> {
    stage.recorded(id);
    let file = std::fs::read(stage.folder.join(format!("{id}.wav"))).unwrap();
    let words: Vec<f32> =
        file[44..].chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect();
    for (from, to, levels) in spans {
        let at = |time: u64| ((time - began) * 8 / 1000) as usize;
        for moment in at(from + DONE_US)..at(to.saturating_sub(40_000).max(from + DONE_US)) {
            for (side, wanted) in levels.iter().enumerate() {
                let sample = words.get(2 * moment + side).copied().unwrap_or(f32::NAN);
                prop_assert!(
                    (sample - wanted).abs() < TOLERANCE,
                    "side {side} has {} instead of {} at {} ms",
                    name(sample),
                    name(*wanted),
                    moment / 8
                );
            }
        }
    }
    Ok(())
}

fn run(changes: &[(Change, u64)]) -> Result<(), TestCaseError> {
    static SERIAL: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let serial = SERIAL.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut stage = Stage::new(&format!("matrix-{serial}"));
    load_music(&stage);
    let mut matrix = Matrix { next: 100, ..Matrix::default() };
    (0..PARTIES).for_each(|party| matrix.open(&mut stage, party));
    stage.run(100);
    stage.peers.values_mut().for_each(stage::Peer::forget);
    let mut recording: Option<(NodeId, u64, Vec<Span>)> = None;
    let stop = [(Change::StopRecord, 20)];
    for (change, ms) in changes.iter().chain(&stop) {
        let before = matrix.clone();
        let commands = matrix.change(&mut stage, change);
        let from = stage.now;
        stage.submit(commands);
        match (&matrix.recorder, &recording) {
            (Some((id, _)), None) => recording = Some((*id, from, Vec::new())),
            (None, Some(_)) => {
                let (id, began, spans) = recording.take().unwrap();
                check_recording(&mut stage, id, began, &spans)?;
            }
            _ => (),
        }
        stage.run(*ms);
        check_ears(&mut stage, &before, &matrix, from)?;
        if let (Some((_, sets)), Some((.., spans))) = (&matrix.recorder, &mut recording) {
            spans.push((from, stage.now, [0, 1].map(|side: usize| sum(&matrix.voices(&sets[side], None)))));
        }
        prop_assert_eq!(stage.refusals(), [""; 0]);
    }
    Ok(())
}

fn parties() -> impl Strategy<Value = (usize, usize, usize)> {
    Just((0..PARTIES).collect::<Vec<usize>>()).prop_shuffle().prop_map(|order| (order[0], order[1], order[2]))
}

fn change() -> impl Strategy<Value = Change> {
    let mask = 0u8..1 << (ROOM + 1);
    prop_oneof![
        3 => (0..PARTIES, mask.clone()).prop_map(|(who, mask)| Change::Listen(who, mask)),
        3 => parties().prop_map(|(a, b, _)| Change::Bridge(a, b)),
        1 => parties().prop_map(|(a, b, s)| Change::Monitor(a, b, s)),
        2 => parties().prop_map(|(a, b, s)| Change::Whisper(a, b, s)),
        2 => parties().prop_map(|(a, b, s)| Change::Barge(a, b, s)),
        2 => parties().prop_map(|(a, b, s)| Change::TakeOver(a, b, s)),
        2 => parties().prop_map(|(a, b, s)| Change::Consult(a, b, s)),
        2 => parties().prop_map(|(a, b, _)| Change::Hold(a, b)),
        2 => parties().prop_map(|(a, b, _)| Change::Announce(a, b)),
        2 => (0u8..1 << PARTIES).prop_map(Change::Conference),
        1 => (0..PARTIES).prop_map(Change::Close),
        2 => (0..PARTIES).prop_map(Change::Open),
        2 => any::<bool>().prop_map(Change::Music),
        2 => (mask.clone(), mask).prop_map(|(left, right)| Change::Record(left, right)),
        1 => Just(Change::StopRecord),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn every_ear_has_what_the_matrix_says(changes in prop::collection::vec((change(), 160u64..260), 4..14)) {
        run(&changes)?;
    }
}
