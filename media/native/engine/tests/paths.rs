//! Passing packets on and mixing, and the changes between: judged by the samples that the far end received, each of which tells
//! where in the speech it belongs.

mod stage;

use engine::command::{Command, Sdes};
use engine::port::Path;
use engine::srtp::{Context, Profile, SrtpKeys};
use stage::{Peer, Stage, g722, l16, listen, map, opus, pcmu};

const CALLER: u64 = 1;
const AGENT: u64 = 2;
const OTHER: u64 = 3;
/// Samples count up to this and begin again: 2.5 s, so that no repetition looks like progress.
const TURN: i32 = 20_000;

/// Speech of which every sample tells its place.
fn count(peer: &mut Peer) {
    peer.voice = Some(Box::new(|n| (n % TURN as u64 + 1) as f32 / 32_768.0));
}

fn places(peer: &Peer) -> Vec<i32> {
    peer.heard.iter().map(|sample| (sample * 32_768.0).round() as i32).collect()
}

fn path(stage: &mut Stage, id: u64) -> Path {
    let slot = stage.slot(id);
    stage.core.port(slot).unwrap().path
}

/// Sequence, SSRC and timestamp go on over everything; returns the longest wait between two packets, µs.
fn assert_continuous_numbers(peer: &Peer) -> u64 {
    for pair in peer.received.windows(2) {
        let (before, after) = (&pair[0].header, &pair[1].header);
        assert_eq!(after.ssrc, before.ssrc);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1), "at {}", pair[1].at);
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert_eq!(ticks, peer.coding.clock() / 50, "at {}", pair[1].at);
    }
    peer.received.windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap_or(0)
}

/// A call and a third port that says nothing: with it in the set, the agent's ear is mixed.
fn call(name: &str) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(CALLER, 400.0, l16());
    stage.port(AGENT, 700.0, l16());
    stage.port(OTHER, 900.0, l16());
    count(stage.peer(CALLER));
    stage.peer(OTHER).talking = false;
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    stage
}

#[test]
fn from_relay_to_mix_and_back_no_sample_is_missing_or_heard_twice() {
    let mut stage = call("there-and-back");
    stage.run(500);
    let mut seen = [0, 0];
    // Odd spans, so that the changes fall on every phase of frame and packet.
    for turn in 0..60u64 {
        let sources: &[u64] = if turn % 2 == 0 { &[CALLER, OTHER] } else { &[CALLER] };
        stage.submit(vec![listen(AGENT, sources)]);
        stage.run(133 + turn * 7 % 41);
        seen[(turn % 2) as usize] += u32::from(path(&mut stage, AGENT) == Path::Mix);
    }
    assert_eq!(seen, [30, 0], "mixed with two sources, passed on with one");
    let agent = &stage.peers[&AGENT];
    let longest = assert_continuous_numbers(agent);
    assert!(longest <= 40_000, "waited {longest} µs: more than one frame is missing");
    for pair in places(agent).windows(2) {
        assert!(pair[1] == pair[0] + 1 || (pair[0], pair[1]) == (TURN, 1), "{} after {}", pair[1], pair[0]);
    }
    let spoken = stage.now as i64 / 1000 - 1000;
    let heard = agent.heard.len() as i64 / 8;
    assert!((spoken - heard).abs() <= 40, "{heard} ms of {spoken} ms: delay does not build up");
}

#[test]
fn a_recorder_that_comes_and_goes_is_not_heard() {
    let mut stage = call("recorder");
    stage.run(300);
    for turn in 0..6u64 {
        stage.record(50 + turn, &format!("{turn}.wav"), &[&[CALLER], &[AGENT]], None);
        stage.run(157);
        assert!(matches!(path(&mut stage, AGENT), Path::Relay(_)));
        stage.submit(vec![listen(AGENT, &[CALLER, OTHER])]);
        stage.run(149);
        stage.submit(vec![listen(AGENT, &[CALLER])]);
        stage.run(171);
        stage.submit(vec![Command::StopRecord { recorder: 50 + turn }]);
        stage.run(43);
    }
    let agent = &stage.peers[&AGENT];
    assert!(assert_continuous_numbers(agent) <= 40_000);
    let heard = places(agent);
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair[0] == TURN), "every sample once and in order");
}

#[test]
fn who_takes_over_fades_in_while_the_other_fades_out() {
    let mut stage = call("take-over");
    let level = |level: f32| Some(Box::new(move |_| level) as Box<dyn FnMut(u64) -> f32>);
    stage.peer(CALLER).voice = level(0.4);
    stage.peer(OTHER).voice = level(-0.4);
    stage.peer(OTHER).talking = true;
    stage.run(400);
    for turn in 0..12u64 {
        let source = if turn % 2 == 0 { OTHER } else { CALLER };
        stage.submit(vec![listen(AGENT, &[source])]);
        stage.run(60);
        assert!(matches!(path(&mut stage, AGENT), Path::Relay(_)), "passed on again soon");
        stage.run(67 + turn * 3);
    }
    let agent = &stage.peers[&AGENT];
    assert!(assert_continuous_numbers(agent) <= 40_000);
    let steepest = agent.heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.8 / 40.0 * 1.5, "a step of {steepest} would click; a ramp of 5 ms takes 0.02 a sample");
}

#[test]
fn a_source_that_went_silent_does_not_keep_the_others_waiting() {
    let mut stage = call("waits");
    stage.run(300);
    stage.peer(CALLER).talking = false;
    stage.peer(OTHER).talking = true;
    stage.run(100);
    stage.peer(AGENT).forget();
    let changed = stage.now;
    stage.submit(vec![listen(AGENT, &[CALLER, OTHER])]);
    stage.run(200);
    let first = stage.peers[&AGENT].received.first().map(|packet| packet.at - changed);
    assert!(first <= Some(40_000), "{first:?}");
}

#[test]
fn opus_and_g722_are_passed_on_bit_by_bit_with_other_payload_types_and_while_observed() {
    for (name, theirs, ours) in
        [("opus", opus(), vec![map("OPUS", 96, 48_000), map("telephone-event", 97, 48_000)]), ("g722", g722(), g722())]
    {
        let mut stage = Stage::new(&format!("same-{name}"));
        stage.port(CALLER, 400.0, theirs);
        stage.port(AGENT, 700.0, ours.clone());
        stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
        stage.run(300);
        stage.record(50, "call.wav", &[&[CALLER], &[AGENT]], None);
        stage.run(700);
        assert!(stage.dump(AGENT).contains("\"path\":\"relay\",\"observed\":true"), "{name}");
        assert_eq!(stage.hears(AGENT, &[400.0, 700.0]), [400.0], "{name}");
        assert_eq!(stage.hears(CALLER, &[400.0, 700.0]), [700.0], "{name}");
        let agent = &stage.peers[&AGENT];
        assert!(agent.received.iter().all(|packet| packet.header.payload_type == ours[0].payload_type));
        assert_eq!(assert_continuous_numbers(agent), 20_000, "{name}");
    }
}

#[test]
fn srtp_is_taken_off_and_put_on_side_by_side() {
    let profile = Profile::from_name("AES_CM_128_HMAC_SHA1_80").unwrap();
    let key = |octet: u8| vec![octet; 30];
    let mut stage = Stage::new("srtp");
    stage.port(CALLER, 400.0, pcmu());
    stage.port_with(AGENT, 700.0, pcmu(), |open| {
        open.sdes = Some(Sdes { profile: profile.name().into(), send_key: key(1), receive_key: key(2) });
    });
    stage.peer(AGENT).talking = false;
    let mut far = Context::new(&SrtpKeys { profile, send: key(2), receive: key(1) }).unwrap();
    stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
    for turn in 0..20u32 {
        stage.run(20);
        let payload = [turn as u8; 160];
        let (agent, timestamp) = (stage.peer(AGENT), 1000 + turn * 160);
        let mut packet = agent.packet(0, timestamp, &payload);
        let plain = packet.len();
        packet.resize(plain + 64, 0);
        let length = far.protect_rtp(&mut packet, plain).unwrap();
        let source = agent.address;
        stage.inject(AGENT, &packet[..length], source);
    }
    assert!(matches!(path(&mut stage, AGENT), Path::Relay(_)) && matches!(path(&mut stage, CALLER), Path::Relay(_)));
    let spoken: Vec<Vec<u8>> = (0..20u8).map(|turn| vec![turn; 160]).collect();
    let caller: Vec<Vec<u8>> = stage.peers[&CALLER].received.iter().map(|packet| packet.payload.clone()).collect();
    assert_eq!(caller, spoken, "to the plain side as it was spoken");
    let agent = stage.peer(AGENT);
    assert!(agent.received.len() >= 19);
    let mut heard = Vec::new();
    for received in &agent.received {
        let mut packet = received.packet.clone();
        assert_eq!(packet.len(), 12 + 160 + 10, "protected, with a tag");
        let length = far.unprotect_rtp(&mut packet).expect("our key");
        heard.push(packet[12..length].to_vec());
    }
    let mut plain = engine::codec::Decoder::new(engine::codec::Coding::Pcmu).unwrap();
    let mut samples = Vec::new();
    heard.iter().for_each(|payload| assert!(plain.decode_into(payload, &mut samples)));
    assert!(samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())) > 0.28, "the caller's tone");
}
