//! Taps hear who they are told to, in order and without a gap; injects are heard, and their marks are true to the ear.

mod stage;

use std::sync::Arc;

use engine::codec::g711::Law;
use engine::command::{Command, OpenInject, OpenTap, SampleFormat};
use engine::dsp::goertzel;
use engine::event::Event;
use engine::media::tap::Queue;
use stage::{GROUP, Stage, listen, opus, pcma, pcmu};

const CALLER: u64 = 1;
const AGENT: u64 = 2;
const THIRD: u64 = 3;
const TAP: u64 = 70;
const INJECT: u64 = 80;
const TONES: [f32; 3] = [400.0, 700.0, 1100.0];

fn tap(sources: &[u64]) -> OpenTap {
    OpenTap {
        tap: TAP,
        group: GROUP,
        sources: sources.iter().map(|source| (*source, 0.0)).collect(),
        rate: 8000,
        format: SampleFormat::Pcm16,
        chunk_ms: 20,
        queue_ms: 2000,
        ear: 0,
    }
}

fn bridged(name: &str) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcmu());
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage
}

/// What came out of a tap since the last time, as samples.
fn heard(queue: &Arc<Queue>, format: SampleFormat) -> Vec<f32> {
    let octets = queue.take().0.into_iter().flat_map(|chunk| chunk.data);
    match format {
        SampleFormat::Pcmu => octets.map(|octet| Law::Mu.decode(octet)).collect(),
        SampleFormat::Pcm16 => {
            let octets: Vec<u8> = octets.collect();
            octets.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect()
        }
    }
}

fn tones_in(samples: &[f32], rate: u32) -> Vec<f32> {
    let window = rate as usize / 5;
    let tail = &samples[samples.len().saturating_sub(window)..];
    TONES.into_iter().filter(|hertz| goertzel::power(tail, *hertz, rate).sqrt() > 0.05).collect()
}

#[test]
fn a_tap_of_one_side_hears_that_side_only_and_the_bridge_goes_on_being_passed() {
    let mut stage = bridged("tap-side");
    stage.run(300);
    let queue = stage.tap(tap(&[CALLER]));
    stage.run(1000);
    let (chunks, dropped) = queue.take();
    assert_eq!(dropped, 0);
    assert!((49..=51).contains(&chunks.len()), "{}", chunks.len());
    assert!(chunks.windows(2).all(|pair| pair[1].at - pair[0].at == 20_000), "in order, without a gap");
    assert!(chunks.iter().all(|chunk| chunk.data.len() == 320));
    stage.run(300);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcm16), 8000), [TONES[0]]);
    assert!(stage.dump(AGENT).contains("\"path\":\"relay\""), "who listens is still passed packets");
    assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]]);
    assert!(stage.core.tapped);
}

#[test]
fn the_ear_of_a_port_hears_what_it_hears_through_every_change() {
    let mut stage = bridged("tap-ear");
    stage.port(THIRD, TONES[2], opus());
    let queue = stage.tap(OpenTap { ear: CALLER, format: SampleFormat::Pcmu, chunk_ms: 40, ..tap(&[]) });
    stage.run(500);
    let first = queue.take().0;
    assert!(first.iter().all(|chunk| chunk.data.len() == 320), "40 ms of µ-law");
    stage.run(400);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcmu), 8000), [TONES[1]]);
    stage.submit(vec![listen(CALLER, &[AGENT, THIRD])]);
    stage.run(500);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcmu), 8000), [TONES[1], TONES[2]]);
    stage.submit(vec![listen(CALLER, &[])]);
    stage.run(500);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcmu), 8000), [0.0; 0]);
}

#[test]
fn in_a_room_the_ear_hears_the_others_and_not_its_owner() {
    let mut stage = Stage::new("tap-room");
    for (id, hertz) in (1..).zip(TONES) {
        stage.port(id, hertz, pcmu());
    }
    let bus = Command::OpenBus { bus: 90, group: GROUP, max_speakers: 5, agc: false, gate: false };
    stage.submit(vec![bus, listen(90, &[1, 2, 3]), listen(1, &[90]), listen(2, &[90]), listen(3, &[90])]);
    let queue = stage.tap(OpenTap { ear: CALLER, ..tap(&[]) });
    stage.run(1000);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcm16), 8000), [TONES[1], TONES[2]]);
}

#[test]
fn listen_changes_a_tap_and_its_rate_is_its_own() {
    let mut stage = bridged("tap-listen");
    let queue = stage.tap(OpenTap { rate: 24_000, chunk_ms: 100, ..tap(&[CALLER]) });
    stage.run(500);
    let (chunks, _) = queue.take();
    assert!(chunks.iter().all(|chunk| chunk.data.len() == 4800));
    stage.submit(vec![listen(TAP, &[AGENT])]);
    stage.run(500);
    assert_eq!(tones_in(&heard(&queue, SampleFormat::Pcm16), 24_000), [TONES[1]]);
    stage.submit(vec![Command::CloseTap { tap: TAP }]);
    stage.run(200);
    assert_eq!(queue.take(), (vec![], 0));
    assert!(stage.core.phases.iter().all(engine::worker::table::Phase::is_idle), "nobody needs frames any more");
    assert_eq!(stage.refusals(), [""; 0]);
}

#[test]
fn whoever_does_not_read_loses_the_oldest_and_is_told_how_much() {
    let mut stage = bridged("tap-overrun");
    let queue = stage.tap(OpenTap { queue_ms: 200, ..tap(&[CALLER]) });
    stage.run(1000);
    let (chunks, dropped) = queue.take();
    assert_eq!(chunks.len(), 10);
    assert!((780..=820).contains(&dropped), "{dropped}");
    assert!(stage.now - chunks[9].at <= 20_000, "the newest are kept");
    assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]], "the call is none the worse");
    stage.run(100);
    let (chunks, dropped) = queue.take();
    assert_eq!((chunks.len(), dropped), (5, 0));
}

fn inject(rate: u32, format: SampleFormat, queue_ms: u32) -> Command {
    Command::OpenInject(Box::new(OpenInject { inject: INJECT, group: GROUP, rate, format, queue_ms }))
}

fn sound(hertz: f32, rate: u32, ms: u32) -> Vec<u8> {
    let turn = std::f32::consts::TAU * hertz / rate as f32;
    let sample = |n: u32| (0.3 * 32_767.0 * (turn * n as f32).sin()) as i16;
    (0..rate / 1000 * ms).flat_map(|n| sample(n).to_le_bytes()).collect()
}

fn put(data: Vec<u8>, mark: &str) -> Command {
    Command::Inject { inject: INJECT, data, mark: mark.to_owned() }
}

/// Marks that were told, with what was played before each.
fn marks(stage: &Stage) -> Vec<(String, u64, u64)> {
    let reached = |event: &Event| match event {
        Event::InjectPosition { mark, played_ms, queued_ms, .. } => Some((mark.clone(), *played_ms, *queued_ms)),
        _ => None,
    };
    stage.events.iter().filter_map(reached).collect()
}

#[test]
fn what_is_put_in_is_heard_whatever_its_rate() {
    for (rate, codecs) in [(8000, pcmu()), (24_000, pcma()), (48_000, opus())] {
        let mut stage = Stage::new("inject");
        stage.port(CALLER, TONES[0], codecs);
        stage.submit(vec![
            inject(rate, SampleFormat::Pcm16, 5000),
            listen(CALLER, &[INJECT]),
            put(sound(TONES[2], rate, 1000), ""),
        ]);
        stage.run(900);
        assert_eq!(stage.hears(CALLER, &TONES), [TONES[2]], "{rate}");
        stage.run(700);
        assert_eq!(stage.hears(CALLER, &TONES), [0.0; 0], "{rate}: it has ended");
    }
}

#[test]
fn a_mark_is_told_when_its_sound_was_heard_within_40_ms() {
    let mut stage = Stage::new("inject-mark");
    stage.port(CALLER, TONES[0], pcmu());
    stage.submit(vec![inject(8000, SampleFormat::Pcm16, 5000), listen(CALLER, &[INJECT])]);
    stage.run(200);
    stage.submit(vec![put(sound(TONES[2], 8000, 500), "first"), put(sound(TONES[1], 8000, 310), "second")]);
    let mut told = Vec::new();
    for _ in 0..1200 {
        stage.run(1);
        if marks(&stage).len() > told.len() {
            told.push(stage.now);
        }
    }
    assert_eq!(marks(&stage), [("first".into(), 500, 310), ("second".into(), 810, 0)]);
    // The ear: the end of the last packet with sound in it.
    let is_loud =
        |received: &&stage::Received| received.payload.iter().any(|octet| Law::Mu.decode(*octet).abs() > 0.05);
    let packets: Vec<u64> = stage.peers[&CALLER].received.iter().filter(is_loud).map(|packet| packet.at).collect();
    let ends = packets.last().copied().unwrap_or_default() + 20_000;
    let begins = packets.first().copied().unwrap_or_default();
    assert!(told[1].abs_diff(ends) <= 40_000, "the end is at {ends}, told at {}", told[1]);
    assert!(
        told[0].abs_diff(begins + 500_000) <= 40_000,
        "the first ends at {}, told at {}",
        begins + 500_000,
        told[0]
    );
}

#[test]
fn clearing_silences_at_once_and_tells_every_mark_in_order() {
    let mut stage = Stage::new("inject-clear");
    stage.port(CALLER, TONES[0], pcmu());
    let commands = vec![
        inject(8000, SampleFormat::Pcmu, 60_000),
        listen(CALLER, &[INJECT]),
        put(vec![0x10; 8000 * 3], "one"),
        put(vec![0x10; 8000], "two"),
        put(vec![], "three"),
    ];
    stage.submit(commands);
    stage.run(500);
    assert_eq!(marks(&stage), []);
    stage.submit(vec![Command::ClearInject { inject: INJECT }]);
    let names: Vec<String> = marks(&stage).into_iter().map(|(mark, _, queued)| format!("{mark} {queued}")).collect();
    assert_eq!(names, ["one 0", "two 0", "three 0"]);
    stage.run(40);
    stage.peer(CALLER).heard.clear();
    stage.run(200);
    assert!(stage.peers[&CALLER].heard.iter().all(|sample| sample.abs() < 0.001));
    stage.submit(vec![put(vec![], "idle")]);
    stage.run(40);
    assert_eq!(marks(&stage).last().map(|(mark, _, _)| mark.as_str()), Some("idle"), "nothing waits, so it is now");
    stage.submit(vec![put(vec![0x10; 1600], "again")]);
    stage.run(300);
    assert_eq!(marks(&stage).last().map(|(mark, _, _)| mark.as_str()), Some("again"));
}

#[test]
fn a_sender_that_trickles_is_heard_without_holes() {
    let mut stage = Stage::new("inject-trickle");
    stage.port(CALLER, TONES[0], pcmu());
    stage.submit(vec![inject(8000, SampleFormat::Pcm16, 5000), listen(CALLER, &[INJECT])]);
    let all = sound(TONES[2], 8000, 1000);
    for (index, chunk) in all.chunks(320).enumerate() {
        stage.submit(vec![put(chunk.to_vec(), "")]);
        stage.run(if index % 2 == 0 { 35 } else { 5 }); // 20 ms in the mean
    }
    stage.run(200);
    let is_loud =
        |received: &&stage::Received| received.payload.iter().any(|octet| Law::Mu.decode(*octet).abs() > 0.05);
    let loud: Vec<u64> = stage.peers[&CALLER].received.iter().filter(is_loud).map(|packet| packet.at).collect();
    assert!(loud.windows(2).all(|pair| pair[1] - pair[0] == 20_000), "{loud:?}");
    assert!(loud.len() >= 50, "{}", loud.len());
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut stage = Stage::new("inject-limit");
    stage.port(CALLER, TONES[0], pcmu());
    stage.submit(vec![inject(8000, SampleFormat::Pcm16, 1000), put(vec![0; 12_000], ""), put(vec![0; 6000], "late")]);
    assert_eq!(stage.refusals(), ["limit"]);
    stage.run(1000);
    assert_eq!(marks(&stage), []);
    stage.submit(vec![Command::CloseInject { inject: INJECT }, put(vec![], "gone")]);
    assert_eq!(stage.refusals(), ["limit", "unknown_id"]);
}
