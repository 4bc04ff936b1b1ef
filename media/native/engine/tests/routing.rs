//! Who hears whom: relay and mix, hold and resume, supervision, conference. Judged by ear.

mod stage;

use engine::command::{Command, PayloadMap, Play, Tone, UpdatePort};
use engine::event::Event;
use stage::{GROUP, Stage, listen, map, opus, pcma, pcmu};

const CALLER: u64 = 1;
const AGENT: u64 = 2;
const SUPERVISOR: u64 = 3;
const TONES: [f32; 3] = [400.0, 700.0, 1100.0];

fn music(player: u64) -> Command {
    Command::Play(Box::new(Play {
        player,
        group: GROUP,
        prompts: vec![],
        tone: Some(Tone { hertz: vec![1500.0], level: -12.0, on_ms: 1000, off_ms: 0, then: vec![] }),
        looped: false,
        gain: 0.0,
        until_digit_of: vec![],
        until_talk_of: vec![],
        offset_ms: 0,
        fade_ms: 0,
        stream: String::new(),
    }))
}

#[test]
fn a_bridge_of_one_codec_is_relayed_bit_by_bit_without_a_frame_clock() {
    let mut stage = Stage::new("relay");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcmu());
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage.run(1000);
    assert_eq!(stage.hears(CALLER, &TONES), [TONES[1]]);
    assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]]);
    assert!(stage.dump(AGENT).contains("\"path\":\"relay\",\"observed\":false"));
    assert!(stage.core.phases.iter().all(engine::worker::table::Phase::is_idle), "nobody needs frames");
    let delays = stage.peers[&AGENT].received.iter().map(|packet| packet.at % 20_000);
    assert_eq!(delays.max(), Some(0), "sent in the same turn");
}

#[test]
fn hold_and_resume_keep_the_numbers_continuous() {
    let mut stage = Stage::new("hold");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcmu());
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage.run(500);
    stage.submit(vec![music(50), listen(CALLER, &[50]), listen(AGENT, &[])]);
    stage.run(500);
    assert_eq!(stage.hears(CALLER, &[TONES[1], 1500.0]), [1500.0]);
    stage.peer(AGENT).forget();
    stage.run(300);
    assert_eq!(stage.peers[&AGENT].received.len(), 0, "the agent on hold hears nothing");
    stage.submit(vec![Command::StopPlay { player: 50 }, listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage.run(500);
    assert_eq!(stage.hears(CALLER, &[TONES[1], 1500.0]), [TONES[1]]);
    let packets = &stage.peers[&CALLER].received;
    for pair in packets.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!(after.header.sequence, before.header.sequence.wrapping_add(1));
        assert_eq!(after.header.ssrc, before.header.ssrc);
        let ticks = after.header.timestamp.wrapping_sub(before.header.timestamp) as i64;
        let passed = (after.at - before.at) as i64 * 8 / 1000;
        assert!((ticks - passed).abs() <= 160 && ticks > 0, "{ticks} ticks in {passed}");
    }
    assert!(packets.iter().filter(|packet| packet.header.marker).count() <= 3);
    assert!(stage.events.contains(&Event::PlayEnded { player: 50, reason: "stopped", played_ms: 800 }));
    assert_eq!(stage.refusals(), [""; 0]);
}

#[test]
fn supervision_is_only_a_change_of_edges_and_nobody_loses_a_frame() {
    let mut stage = Stage::new("supervision");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcmu());
    stage.port(SUPERVISOR, TONES[2], pcma());
    let [caller, agent, supervisor] = TONES;
    // Caller, agent and supervisor hear these; the rows follow the table of the design.
    type Row<'a> = (&'a str, [&'a [u64]; 3], [&'a [f32]; 3]);
    let rows: [Row; 5] = [
        ("bridge", [&[AGENT], &[CALLER], &[]], [&[agent], &[caller], &[]]),
        ("listen", [&[AGENT], &[CALLER], &[CALLER, AGENT]], [&[agent], &[caller], &[caller, agent]]),
        (
            "whisper",
            [&[AGENT], &[CALLER, SUPERVISOR], &[CALLER, AGENT]],
            [&[agent], &[caller, supervisor], &[caller, agent]],
        ),
        (
            "barge",
            [&[AGENT, SUPERVISOR], &[CALLER, SUPERVISOR], &[CALLER, AGENT]],
            [&[agent, supervisor], &[caller, supervisor], &[caller, agent]],
        ),
        ("off", [&[AGENT], &[CALLER], &[]], [&[agent], &[caller], &[]]),
    ];
    for (name, sets, expected) in rows {
        let ports = [CALLER, AGENT, SUPERVISOR];
        stage.submit(ports.iter().zip(sets).map(|(port, set)| listen(*port, set)).collect());
        stage.run(150);
        stage.peers.values_mut().for_each(|peer| peer.heard.clear());
        stage.run(600);
        for (port, expected) in ports.iter().zip(expected) {
            assert_eq!(stage.hears(*port, &TONES), expected, "{name}: port {port}");
        }
    }
    for port in [CALLER, AGENT] {
        let packets = &stage.peers[&port].received;
        let longest = packets.windows(2).map(|pair| pair[1].at - pair[0].at).max();
        assert!(longest <= Some(40_000), "port {port} waited {longest:?} µs");
        assert!(packets.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1)));
    }
}

#[test]
fn different_codecs_understand_each_other() {
    for (left, right) in [(pcmu(), pcma()), (pcmu(), opus()), (opus(), pcma())] {
        let mut stage = Stage::new("transcode");
        stage.port(CALLER, TONES[0], left.clone());
        stage.port(AGENT, TONES[1], right.clone());
        stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
        stage.run(1500);
        assert_eq!(stage.hears(CALLER, &TONES), [TONES[1]], "{} from {}", left[0].name, right[0].name);
        assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]], "{} from {}", right[0].name, left[0].name);
        let level = stage.peers[&AGENT].amplitude(TONES[0]);
        assert!((level - 0.3).abs() < 0.04, "{level}");
    }
}

fn either(first: &str) -> Vec<PayloadMap> {
    let mut both = vec![map("PCMA", 8, 8000), map("PCMU", 0, 8000), map("telephone-event", 101, 8000)];
    if first == "PCMU" {
        both.swap(0, 1);
    }
    both
}

#[test]
fn a_phone_of_two_codecs_is_sent_the_one_it_sends() {
    let mut stage = Stage::new("symmetric");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], either("PCMA"));
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage.run(1000);
    assert!(
        stage.peers[&AGENT].received.iter().all(|packet| packet.header.payload_type == 8),
        "the first of the answer"
    );
    assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]]);
    assert_eq!(stage.hears(CALLER, &TONES), [TONES[1]]);

    stage.peer(AGENT).speak(&map("PCMU", 0, 8000));
    stage.run(100);
    stage.peer(AGENT).forget();
    stage.run(500);
    assert!(stage.peers[&AGENT].received.iter().all(|packet| packet.header.payload_type == 0), "it changed its mind");
    assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]]);
    assert!(stage.dump(AGENT).contains("\"path\":\"relay\""), "and nothing is decoded any more");
}

#[test]
fn a_new_agreement_counts_from_its_first_packet() {
    let mut stage = Stage::new("renegotiated");
    stage.port(CALLER, TONES[0], pcma());
    stage.port(AGENT, TONES[1], either("PCMA"));
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage.run(500);
    assert!(stage.dump(AGENT).contains("\"path\":\"relay\""));
    stage.peer(AGENT).talking = false;
    stage.peer(AGENT).speak(&map("PCMU", 0, 8000));
    for agreed in [either("PCMU"), pcmu()] {
        stage.peer(AGENT).forget();
        stage.submit(vec![Command::UpdatePort(Box::new(UpdatePort {
            port: AGENT,
            codecs: Some(agreed),
            ..UpdatePort::default()
        }))]);
        stage.run(500);
        let packets = &stage.peers[&AGENT].received;
        assert!(!packets.is_empty() && packets.iter().all(|packet| packet.header.payload_type == 0));
        assert_eq!(stage.hears(AGENT, &TONES), [TONES[0]]);
    }
}

#[test]
fn gain_lowers_and_a_repeated_set_changes_nothing() {
    let mut stage = Stage::new("gain");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcmu());
    let quiet = Command::Listen { listener: CALLER, sources: vec![(AGENT, -12.0)], ramp_ms: 5 };
    stage.submit(vec![quiet.clone()]);
    stage.run(600);
    let level = stage.peers[&CALLER].amplitude(TONES[1]);
    assert!((level - 0.0754).abs() < 0.01, "{level}");
    stage.peer(CALLER).heard.clear();
    stage.submit(vec![quiet]);
    stage.run(300);
    let again = stage.peers[&CALLER].amplitude(TONES[1]);
    assert!((again - level).abs() < 0.005, "{again}");
}

#[test]
fn a_conference_hears_everybody_but_oneself() {
    let mut stage = Stage::new("conference");
    let tones = [300.0, 500.0, 800.0, 1300.0];
    for (id, hertz) in (1..).zip(tones) {
        stage.port(id, hertz, if id == 3 { opus() } else { pcmu() });
    }
    let members = [1, 2, 3, 4];
    stage.submit(vec![
        Command::OpenBus { bus: 90, group: GROUP, max_speakers: 5, agc: false, gate: false },
        listen(90, &members),
        listen(1, &[90]),
        listen(2, &[90]),
        listen(3, &[90]),
        listen(4, &[90]),
    ]);
    stage.run(1500);
    for (id, own) in (1..).zip(tones) {
        let others: Vec<f32> = tones.into_iter().filter(|hertz| *hertz != own).collect();
        assert_eq!(stage.hears(id, &tones), others, "member {id}");
    }
    assert!(stage.events.contains(&Event::ActiveSpeakers { bus: 90, ports: members.to_vec() }));
    stage.peer(2).talking = false;
    stage.run(1500);
    assert_eq!(stage.hears(1, &tones), [800.0, 1300.0]);
    assert!(stage.events.contains(&Event::ActiveSpeakers { bus: 90, ports: vec![1, 3, 4] }));
}

#[test]
fn only_the_loudest_of_a_large_room_are_summed() {
    let mut stage = Stage::new("loudest");
    for id in 1..=4 {
        stage.port(id, 300.0 * id as f32, pcmu());
    }
    let sources = vec![(1, 0.0), (2, 0.0), (3, 0.0)];
    stage.submit(vec![
        Command::OpenBus { bus: 90, group: GROUP, max_speakers: 2, agc: false, gate: false },
        Command::Listen { listener: 90, sources, ramp_ms: 5 },
        listen(4, &[90]),
    ]);
    stage.run(800);
    assert_eq!(stage.hears(4, &[300.0, 600.0, 900.0]).len(), 2);
}

#[test]
fn a_panic_costs_one_port_and_the_group_goes_on() {
    let mut stage = Stage::new("panic");
    stage.port(CALLER, TONES[0], pcmu());
    stage.port(AGENT, TONES[1], pcma());
    stage.port(SUPERVISOR, TONES[2], pcmu());
    stage.submit(vec![listen(CALLER, &[AGENT, SUPERVISOR]), listen(AGENT, &[CALLER])]);
    stage.run(200);
    let slot = stage.slot(SUPERVISOR);
    stage.core.guarded(slot, |_, _| panic!("meant"));
    stage.run(500);
    assert!(stage.events.contains(&Event::PortFailed { port: SUPERVISOR, reason: "panic" }));
    assert_eq!(stage.hears(CALLER, &TONES), [TONES[1]]);
}
