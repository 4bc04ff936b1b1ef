//! Voice barge-in, edges of talk, and call-progress tones as events, through the whole engine in virtual time.

mod stage;

use engine::command::{Command, Detect, Play};
use engine::event::Event;
use stage::{Stage, listen, pcmu};

fn tone(player: u64, until_talk_of: Vec<u64>) -> Command {
    Command::Play(Box::new(Play { until_talk_of, ..stage::tone(player) }))
}

fn detect(port: u64, speech: bool, progress: bool) -> Command {
    Command::Detect(Box::new(Detect { port, dtmf_rfc4733: true, speech, progress, ..Detect::default() }))
}

/// Sound that is on in the given spans of ms, at −20 dBov.
fn in_spans(spans: &'static [(u64, u64)], hertz: f32) -> Option<Box<dyn FnMut(u64) -> f32>> {
    Some(Box::new(move |at| {
        let on = spans.iter().any(|&(from, to)| (from * 8..to * 8).contains(&at));
        if on { 0.14 * (std::f32::consts::TAU * hertz * at as f32 / 8000.0).sin() } else { 0.0 }
    }))
}

#[test]
fn a_prompt_stops_within_300_ms_of_talk_and_a_click_does_not_stop_it() {
    let mut stage = Stage::new("talk-stops");
    stage.port(1, 400.0, pcmu());
    stage.peer(1).voice = in_spans(&[(400, 415), (1000, 2000)], 300.0);
    stage.submit(vec![tone(50, vec![1]), tone(51, vec![]), listen(1, &[50, 51])]);
    let ended = |stage: &Stage| {
        let end = |event: &Event| match event {
            Event::PlayEnded { player, reason, played_ms } => Some((*player, *reason, *played_ms)),
            _ => None,
        };
        stage.events.iter().find_map(end)
    };
    stage.run(980);
    assert_eq!(ended(&stage), None, "silence and a click");
    stage.run(320);
    let (player, reason, played_ms) = ended(&stage).expect("the prompt stops");
    assert_eq!((player, reason), (50, "talk"), "and the one that does not yield goes on");
    assert!((1100..=1300).contains(&played_ms), "{played_ms}");
    assert!(!stage.events.iter().any(|event| matches!(event, Event::Talking { .. })), "nobody asked for the edges");
}

#[test]
fn talk_has_edges_that_are_told() {
    let mut stage = Stage::new("talk-edges");
    stage.port(1, 400.0, pcmu());
    stage.peer(1).voice = in_spans(&[(500, 1100), (2000, 2300)], 300.0);
    stage.submit(vec![detect(1, true, false)]);
    stage.run(3000);
    let edges: Vec<(bool, f64)> = stage
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Talking { port: 1, level, .. } => Some((true, *level)),
            Event::Silent { port: 1, talk_ms, .. } => Some((false, *talk_ms as f64)),
            _ => None,
        })
        .collect();
    let [(true, level), (false, first), (true, _), (false, second)] = edges[..] else { panic!("{edges:?}") };
    assert!((level + 20.0).abs() < 3.0, "{level} dBov");
    assert!((first - 600.0).abs() <= 40.0 && (second - 300.0).abs() <= 40.0, "{first} {second}");
}

#[test]
fn a_busy_far_end_is_told_by_name_and_once() {
    let mut stage = Stage::new("talk-busy");
    stage.port(1, 400.0, pcmu());
    let spans: &[(u64, u64)] = &[(0, 350), (700, 1050), (1400, 1750), (2100, 2450), (2800, 3150), (3500, 3850)];
    stage.peer(1).voice = in_spans(spans, 450.0);
    stage.submit(vec![detect(1, false, true)]);
    stage.run(4000);
    let names: Vec<(&str, f64)> = stage
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ToneHeard { port: 1, tone, hertz, .. } => Some((*tone, *hertz)),
            _ => None,
        })
        .collect();
    let [("busy", hertz)] = names[..] else { panic!("{names:?}") };
    assert!((hertz - 450.0).abs() < 8.0, "{hertz}");
}
