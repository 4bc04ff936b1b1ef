//! DTMF both ways, tones, and what a digit does inside the engine.

mod stage;

use engine::command::{Command, Detect, Play};
use engine::dsp::dtmf::Detector;
use engine::event::Event;
use engine::rtp::telephone_event::Payload;
use stage::{Stage, listen, map, pcma, pcmu};

/// Sends a digit as a phone does: updates each 20 ms, three ends. `drop_end` loses the ends.
fn press(stage: &mut Stage, port: u64, payload_type: u8, event: u8, drop_end: bool) {
    let timestamp = stage.peer(port).timestamp;
    stage.peer(port).talking = false;
    let last = if drop_end { 5 } else { 8 };
    for step in 1..last {
        let end = step >= 5;
        let payload = Payload { event, end, volume: 10, duration: 160 * step.min(5) };
        let packet = stage.peer(port).packet(payload_type, timestamp, &payload.bytes());
        let source = stage.peer(port).address;
        stage.inject(port, &packet, source);
        stage.run(20);
    }
    stage.peer(port).talking = true;
}

fn digits(stage: &Stage) -> Vec<(u64, char, u32, &'static str)> {
    let digit = |event: &Event| match event {
        Event::Dtmf { port, digit, duration, way, .. } => Some((*port, *digit, *duration, *way)),
        _ => None,
    };
    stage.events.iter().filter_map(digit).collect()
}

#[test]
fn a_digit_is_reported_once_and_passes_a_relay_with_its_payload_type_mapped() {
    let mut stage = Stage::new("digit-relay");
    stage.port(1, 400.0, pcmu()); // events 101
    stage.port(2, 700.0, vec![map("PCMU", 0, 8000), map("telephone-event", 96, 8000)]);
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(200);
    press(&mut stage, 1, 101, 7, false);
    stage.run(300);
    assert_eq!(digits(&stage), [(1, '7', 100, "rfc4733")]);
    let events: Vec<Payload> = stage.peers[&2]
        .received
        .iter()
        .filter(|packet| packet.header.payload_type == 96)
        .filter_map(|packet| Payload::parse(&packet.payload))
        .collect();
    assert_eq!((events.len(), events.iter().filter(|event| event.end).count()), (7, 3));
    assert!(events.iter().all(|event| event.event == 7));
}

#[test]
fn a_digit_passes_between_codecs_and_is_blocked_when_it_is_secret() {
    for pass in [true, false] {
        let mut stage = Stage::new("digit-mix");
        stage.port_with(1, 400.0, pcmu(), |open| open.dtmf_pass = pass);
        stage.port(2, 700.0, pcma());
        stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
        stage.run(300);
        press(&mut stage, 1, 101, 11, false);
        stage.run(200);
        assert_eq!(digits(&stage), [(1, '#', 100, "rfc4733")]);
        let events: Vec<_> =
            stage.peers[&2].received.iter().filter(|packet| packet.header.payload_type == 96).collect();
        assert_eq!(events.is_empty(), !pass);
        let stamps: Vec<u32> = events.iter().map(|packet| packet.header.timestamp).collect();
        assert!(stamps.windows(2).all(|pair| pair[0] == pair[1]), "one event, one timestamp");
        let all = &stage.peers[&2].received;
        assert!(all.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1)));
    }
}

#[test]
fn a_digit_without_end_is_closed_after_150_ms() {
    let mut stage = Stage::new("digit-lost");
    stage.port(1, 400.0, pcmu());
    stage.run(100);
    press(&mut stage, 1, 101, 3, true);
    assert_eq!(digits(&stage), []);
    stage.run(250);
    assert_eq!(digits(&stage), [(1, '3', 80, "rfc4733")]);
}

#[test]
fn a_prompt_stops_at_the_beginning_of_a_digit() {
    let mut stage = Stage::new("digit-stops");
    stage.port(1, 400.0, pcmu());
    stage.submit(vec![Command::Play(Box::new(Play { until_digit_of: vec![1], ..stage::tone(50) })), listen(1, &[50])]);
    stage.run(500);
    assert!(stage.peers[&1].amplitude(1000.0) > 0.2);
    let (timestamp, source) = (stage.peer(1).timestamp, stage.peer(1).address);
    let packet =
        stage.peer(1).packet(101, timestamp, &Payload { event: 1, end: false, volume: 10, duration: 160 }.bytes());
    stage.inject(1, &packet, source);
    let ended = |event: &Event| matches!(event, Event::PlayEnded { player: 50, reason: "digit", .. });
    assert!(stage.events.iter().any(ended), "at once, not at the digit's end");
}

#[test]
fn digits_are_sent_as_events_and_audio_is_silent_meanwhile() {
    let mut stage = Stage::new("digit-send");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(200);
    stage.peer(1).forget();
    stage.submit(vec![Command::SendDtmf { port: 1, digits: "19".into(), duration_ms: 100, gap_ms: 80 }]);
    stage.run(700);
    let received = &stage.peers[&1].received;
    let ends: Vec<u8> = received
        .iter()
        .filter(|packet| packet.header.payload_type == 101)
        .filter_map(|packet| Payload::parse(&packet.payload))
        .filter(|event| event.end)
        .map(|event| event.event)
        .collect();
    assert_eq!(ends, [1, 1, 1, 9, 9, 9]);
    let first = received.iter().position(|packet| packet.header.payload_type == 101).expect("events");
    let last = received.iter().rposition(|packet| packet.header.payload_type == 101).expect("events");
    assert!(received[first..=last].iter().all(|packet| packet.header.payload_type == 101), "no audio in between");
    assert!(received.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1)));
    assert_eq!(stage.hears(1, &[700.0]), [700.0], "the relay goes on afterwards");
}

#[test]
fn without_agreed_events_digits_are_tones_and_tones_are_heard() {
    let mut stage = Stage::new("digit-inband");
    stage.port(1, 400.0, vec![map("PCMA", 8, 8000)]);
    stage.submit(vec![Command::SendDtmf { port: 1, digits: "5".into(), duration_ms: 100, gap_ms: 100 }]);
    stage.run(400);
    let mut detector = Detector::new(8000);
    let mut heard = Vec::new();
    let mut audio = stage.peers[&1].heard.clone();
    audio.extend(vec![0.0; 800]);
    detector.input(&audio, 0, |_| (), |digit| heard.push(digit.digit));
    assert_eq!(heard, ['5']);
}

#[test]
fn in_band_digits_and_tones_are_detected_on_demand() {
    let mut stage = Stage::new("detect");
    stage.port(1, 1000.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![Command::Detect(Box::new(Detect {
        port: 1,
        dtmf_rfc4733: true,
        dtmf_inband: true,
        tones: vec![1000.0, 440.0],
        ..Detect::default()
    }))]);
    stage.run(1000);
    stage.peer(1).talking = false;
    stage.run(500);
    let tone = stage.events.iter().find_map(|event| match event {
        Event::ToneHeard { port: 1, hertz, duration, .. } => Some((*hertz, *duration)),
        _ => None,
    });
    let (hertz, duration) = tone.expect("ToneHeard");
    assert_eq!(hertz, 1000.0);
    assert!((900..=1100).contains(&duration), "{duration}");
    assert_eq!(digits(&stage), []);
}
