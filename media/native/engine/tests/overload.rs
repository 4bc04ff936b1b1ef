//! When frames run late: one stall refuses nobody, lasting lateness does, and an overload ends with what caused it.

mod stage;

use engine::command::Command;
use engine::event::Event;
use stage::{Stage, listen, pcma, pcmu};

/// Two parties that have to be mixed (their codecs differ).
fn mixing(name: &str) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(200);
    stage
}

/// The worker runs only every `step_ms`, as on a machine that gives it no time.
fn starve(stage: &mut Stage, ms: u64, step_ms: u64) {
    let end = stage.now + ms * 1000;
    while stage.now < end {
        stage.now += step_ms * 1000;
        stage.core.run_frames(stage.now, &mut stage.wire);
        stage.core.run_timers(stage.now, &mut stage.wire);
        stage.core.changes.clear();
    }
}

#[test]
fn one_stall_is_no_overload() {
    let mut stage = mixing("stall");
    starve(&mut stage, 300, 300);
    assert!(stage.core.overload < 2, "level {}", stage.core.overload);
    stage.run(500);
    assert_eq!(stage.core.overload, 0);
}

#[test]
fn lasting_lateness_refuses_new_ports_and_ends_when_it_ends() {
    let mut stage = mixing("lasting");
    starve(&mut stage, 15_000, 60);
    assert!(stage.core.overload >= 2, "level {}", stage.core.overload);
    stage.run(5_000);
    assert_eq!(stage.core.overload, 0);
}

#[test]
fn an_overload_does_not_outlive_its_calls() {
    let mut stage = mixing("outlive");
    starve(&mut stage, 15_000, 60);
    assert!(stage.core.overload >= 2);
    stage.submit(vec![Command::ClosePort { port: 1 }, Command::ClosePort { port: 2 }]);
    stage.core.run_frames(stage.now, &mut stage.wire);
    assert_eq!(stage.core.overload, 0, "nobody is left to be late");
}

#[test]
fn the_ladder_says_what_it_leaves_out_and_a_crowded_room_hears_three() {
    let mut stage = Stage::new("ladder");
    let tones = [300.0, 500.0, 700.0, 1100.0, 1500.0];
    let ids: Vec<u64> = (1..=6).collect();
    for &id in &ids {
        stage.port(id, *tones.get(id as usize - 1).unwrap_or(&2000.0), if id % 2 == 0 { pcmu() } else { pcma() });
    }
    stage.peer(6).talking = false;
    let bus = Command::OpenBus { bus: 90, group: stage::GROUP, max_speakers: 5, agc: false, gate: false };
    let mut batch = vec![bus, listen(90, &ids)];
    batch.extend(ids.iter().map(|id| listen(*id, &[90])));
    stage.submit(batch);
    stage.run(600);
    assert_eq!(stage.hears(6, &tones), tones);
    stage.events.clear();
    for (lag, level) in [(7_000, 1), (14_000, 2), (30_000, 3)] {
        for _ in 0..10 {
            stage.core.lag_us = lag;
            stage.run(60);
        }
        assert_eq!(stage.core.overload, level);
    }
    let shed = |event: &Event| match event {
        Event::Overload { level, shed, .. } => Some((*level, *shed)),
        _ => None,
    };
    let mut said: Vec<_> = stage.events.iter().filter_map(shed).collect();
    said.dedup();
    assert_eq!(said, [(1, "opus effort, statistics"), (2, "new ports, new taps"), (3, "speakers of rooms")]);
    assert_eq!(stage.hears(6, &tones).len(), 3);
    stage.core.lag_us = 0;
    stage.run(600);
    assert_eq!(stage.hears(6, &tones), tones, "and it all comes back");
}
