//! Barge-in as the caller hears it: from the begin of the key or of the voice to the last packet with sound in it.

mod stage;

use engine::codec::g711::Law;
use engine::command::{Command, ControlPlay, Detect, Play};
use engine::event::Event;
use engine::rtp::telephone_event::Payload;
use stage::{Stage, listen, pcmu};

const LIMIT_US: u64 = 300_000;

fn prompt(player: u64) -> Play {
    Play { until_digit_of: vec![1], until_talk_of: vec![1], ..stage::tone(player) }
}

fn play(player: u64) -> Command {
    Command::Play(Box::new(prompt(player)))
}

/// The sound of the caller by ms, at −20 dBov; `noise` is always there.
fn caller(stage: &mut Stage, from: u64, to: u64, hertz: &'static [f32], noise: f32) {
    let mut seed = 1u32;
    stage.peer(1).voice = Some(Box::new(move |at| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = noise * ((seed >> 8) as f32 / 16_777_216.0 - 0.5);
        let on = (from * 8..to * 8).contains(&at);
        let voice = |hertz: &f32| 0.14 * (std::f32::consts::TAU * hertz * at as f32 / 8000.0).sin();
        hiss + if on { hertz.iter().map(voice).sum() } else { 0.0 }
    }));
}

/// The stage's clock when it begins.
const BEGIN_US: u64 = 1_000_000;

/// When the last packet with sound in it reached the caller's ear, its 20 ms included.
fn silent_at(stage: &Stage) -> u64 {
    let loud = |payload: &[u8]| payload.iter().any(|&octet| Law::Mu.decode(octet).abs() > 0.01);
    let audio = stage.peers[&1].received.iter().filter(|packet| packet.header.payload_type == 0);
    audio.filter(|packet| loud(&packet.payload)).map(|packet| packet.at + 20_000).max().unwrap_or(0)
}

fn reason(stage: &Stage, wanted: u64) -> Option<&'static str> {
    stage.events.iter().find_map(|event| match event {
        Event::PlayEnded { player, reason, .. } if *player == wanted => Some(*reason),
        _ => None,
    })
}

#[test]
fn a_key_as_an_event_is_silence_within_300_ms() {
    let mut stage = Stage::new("barge-event");
    stage.port(1, 400.0, pcmu());
    stage.peer(1).talking = false;
    stage.submit(vec![play(50), listen(1, &[50])]);
    stage.run(1000);
    let begin = stage.peers[&1].received.last().expect("the prompt is heard").at;
    let (timestamp, source) = (stage.peer(1).timestamp, stage.peer(1).address);
    let packet =
        stage.peer(1).packet(101, timestamp, &Payload { event: 5, end: false, volume: 10, duration: 160 }.bytes());
    stage.inject(1, &packet, source);
    stage.run(1000);
    assert_eq!(reason(&stage, 50), Some("digit"));
    let took = silent_at(&stage) - begin;
    println!("{{\"barge_in\": \"rfc4733\", \"ms\": {}}}", took / 1000);
    assert!(took <= LIMIT_US, "{took} us");
}

#[test]
fn a_key_as_tones_is_silence_within_300_ms() {
    let mut stage = Stage::new("barge-inband");
    stage.port(1, 400.0, pcmu());
    caller(&mut stage, 1000, 1120, &[770.0, 1336.0], 0.0);
    let detect = Detect { port: 1, dtmf_rfc4733: true, dtmf_inband: true, ..Detect::default() };
    let mut begins = prompt(50);
    begins.until_talk_of.clear();
    stage.submit(vec![Command::Detect(Box::new(detect)), Command::Play(Box::new(begins)), listen(1, &[50])]);
    stage.run(2000);
    assert_eq!(reason(&stage, 50), Some("digit"));
    let took = silent_at(&stage).saturating_sub(BEGIN_US + 1_000_000);
    println!("{{\"barge_in\": \"in-band\", \"ms\": {}}}", took / 1000);
    assert!((1..=LIMIT_US).contains(&took), "{took} us");
}

#[test]
fn a_voice_is_silence_within_300_ms_on_a_quiet_line_and_on_a_noisy_one() {
    for (name, noise) in [("quiet", 0.0), ("noisy", 0.04)] {
        let mut stage = Stage::new(&format!("barge-voice-{name}"));
        stage.port(1, 400.0, pcmu());
        caller(&mut stage, 2000, 4000, &[220.0, 650.0], noise);
        stage.submit(vec![play(50), listen(1, &[50])]);
        stage.run(3000);
        assert_eq!(reason(&stage, 50), Some("talk"), "{name}");
        let took = silent_at(&stage).saturating_sub(BEGIN_US + 2_000_000);
        println!("{{\"barge_in\": \"voice, {name} line\", \"ms\": {}}}", took / 1000);
        assert!((1..=LIMIT_US).contains(&took), "{name}: {took} us");
    }
}

#[test]
fn steady_noise_cuts_neither_the_first_prompt_nor_those_after_it() {
    let mut stage = Stage::new("barge-noise");
    stage.port(1, 400.0, pcmu());
    caller(&mut stage, 12_000, 14_000, &[220.0, 650.0], 0.06);
    for player in 50..54 {
        stage.submit(vec![play(player), listen(1, &[player])]);
        stage.run(1500);
        assert_eq!(reason(&stage, player), None, "{player}");
        stage.submit(vec![Command::StopPlay { player }, listen(1, &[])]);
        stage.run(1000); // nobody needs the caller's samples now
    }
    stage.submit(vec![play(60), listen(1, &[60])]);
    stage.run(1900);
    assert_eq!(reason(&stage, 60), None, "what was learned of the line outlives the player");
    stage.run(600);
    assert_eq!(reason(&stage, 60), Some("talk"));
}

#[test]
fn a_paused_player_is_silent_and_still_yields_to_a_key() {
    let mut stage = Stage::new("barge-paused");
    stage.port(1, 400.0, pcmu());
    stage.peer(1).talking = false;
    stage.submit(vec![play(50), listen(1, &[50])]);
    stage.run(500);
    let pause = |pause| Command::ControlPlay(ControlPlay { player: 50, pause: Some(pause), ..ControlPlay::default() });
    stage.submit(vec![pause(true)]);
    stage.run(1000);
    assert!(silent_at(&stage) <= BEGIN_US + 560_000, "{}", silent_at(&stage));
    stage.submit(vec![pause(false)]);
    stage.run(500);
    assert!(silent_at(&stage) > BEGIN_US + 1_900_000, "it goes on");
    stage.submit(vec![pause(true), Command::StopPlay { player: 50 }, pause(false)]);
    stage.run(100);
    assert_eq!(reason(&stage, 50), Some("stopped"));
    assert_eq!(stage.refusals(), [""; 0], "controlling what is over is harmless");
}
