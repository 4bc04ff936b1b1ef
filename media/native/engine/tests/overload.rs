//! When frames run late: one stall refuses nobody, lasting lateness does, and an overload ends with what caused it.

mod stage;

use engine::command::Command;
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
