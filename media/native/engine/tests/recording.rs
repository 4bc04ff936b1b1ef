//! Recordings: length, sides, gaps, a disk that fails.

mod stage;

use engine::codec::to_f32;
use engine::command::Command;
use engine::dsp::goertzel;
use engine::event::Event;
use stage::{Stage, listen, pcma, pcmu};

/// Channels of a stereo PCM16 file.
fn sides(path: &std::path::Path) -> [Vec<f32>; 2] {
    let file = std::fs::read(path).expect("the recording");
    let words: Vec<f32> =
        file[44..].chunks_exact(2).map(|pair| to_f32(i16::from_le_bytes([pair[0], pair[1]]))).collect();
    [0, 1].map(|side| words.iter().skip(side).step_by(2).copied().collect())
}

fn amplitude(samples: &[f32], from_ms: usize, to_ms: usize, hertz: f32) -> f32 {
    goertzel::power(&samples[from_ms * 8..to_ms * 8], hertz, 8000).sqrt()
}

#[test]
fn both_sides_lie_apart_at_their_time_and_the_length_is_exact() {
    let mut stage = Stage::new("sides");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(300);
    let path = stage.record(90, "call.wav", &[&[1], &[2]], None);
    stage.run(1007);
    stage.peer(2).talking = false;
    stage.run(1000);
    stage.peer(2).talking = true;
    stage.run(1000);
    stage.submit(vec![Command::StopRecord { recorder: 90 }]);
    let Event::RecordEnded { duration, bytes, sha256, verdict, gaps, .. } = stage.recorded(90) else { unreachable!() };
    assert_eq!((duration, verdict, gaps.len(), sha256.len()), (3007, "complete", 0, 64));
    assert_eq!(bytes, 44 + 3007 * 32);
    let [left, right] = sides(&path);
    assert!(amplitude(&left, 200, 2900, 400.0) > 0.27 && amplitude(&left, 200, 2900, 700.0) < 0.01);
    assert!(amplitude(&right, 100, 900, 700.0) > 0.27 && amplitude(&right, 100, 900, 400.0) < 0.01);
    assert!(amplitude(&right, 1200, 1900, 700.0) < 0.01, "absent audio is silence");
    assert!(amplitude(&right, 2200, 2900, 700.0) > 0.27, "and nothing moves because of it");
}

#[test]
fn a_relay_that_is_recorded_stays_a_relay() {
    let mut stage = Stage::new("observed");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.record(90, "observed.wav", &[&[1], &[2]], None);
    stage.run(500);
    assert!(stage.dump(1).contains("\"path\":\"relay\",\"observed\":true"));
    stage.submit(vec![Command::StopRecord { recorder: 90 }]);
    stage.run(100);
    assert!(stage.dump(1).contains("\"path\":\"relay\",\"observed\":false"));
    stage.recorded(90);
}

#[test]
fn a_worker_that_stood_still_leaves_silence_of_that_length() {
    let mut stage = Stage::new("stall");
    stage.port(1, 400.0, pcmu());
    let path = stage.record(90, "stall.wav", &[&[1], &[]], None);
    stage.run(1000);
    stage.now += 700_000; // nothing ran
    stage.run(1000);
    stage.submit(vec![Command::StopRecord { recorder: 90 }]);
    let Event::RecordEnded { duration, .. } = stage.recorded(90) else { unreachable!() };
    assert_eq!(duration, 2700);
    let [left, _] = sides(&path);
    assert!(amplitude(&left, 1150, 1650, 400.0) < 0.02);
    assert!(amplitude(&left, 2000, 2600, 400.0) > 0.27, "audio after the stall lies where it belongs");
}

#[test]
fn pause_is_silence_and_channels_change_on_the_fly() {
    let mut stage = Stage::new("pause");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    let path = stage.record(90, "pause.wav", &[&[1], &[2]], None);
    stage.run(1000);
    let control = |channels, pause| Command::ControlRecord { recorder: 90, channels, pause, mark: String::new() };
    stage.submit(vec![control(None, Some(true))]);
    stage.run(1000);
    stage.submit(vec![control(Some(vec![vec![(2, 0.0)], vec![(1, 0.0)]]), Some(false))]);
    stage.run(1000);
    stage.submit(vec![Command::StopRecord { recorder: 90 }]);
    assert!(matches!(stage.recorded(90), Event::RecordEnded { duration: 3000, verdict: "complete", .. }));
    let [left, right] = sides(&path);
    assert!(amplitude(&left, 200, 900, 400.0) > 0.27);
    assert!(amplitude(&left, 1100, 1900, 400.0) < 0.01);
    assert!(amplitude(&left, 2100, 2900, 700.0) > 0.27 && amplitude(&right, 2100, 2900, 400.0) > 0.27);
    let manifest = std::fs::read_to_string(path.with_extension("wav.json")).expect("a manifest");
    assert!(
        manifest.contains("\"pauses\":[[1000,2000]]") && manifest.contains("\"verdict\":\"complete\""),
        "{manifest}"
    );
}

#[test]
fn frames_that_are_run_together_change_on_their_own_frame() {
    let control = |pause| Command::ControlRecord { recorder: 90, channels: None, pause, mark: String::new() };
    for offset in 0..10 {
        let mut stage = Stage::new("together");
        stage.port(1, 400.0, pcmu());
        stage.port(2, 700.0, pcmu());
        stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
        let path = stage.record(90, "together.wav", &[&[1], &[2]], None);
        let paused_at = 500 + 10 * offset;
        stage.run(paused_at as u64);
        stage.submit(vec![control(Some(true))]);
        stage.run(200);
        stage.submit(vec![control(Some(false))]);
        stage.run(200);
        stage.submit(vec![Command::StopRecord { recorder: 90 }]);
        assert!(matches!(stage.recorded(90), Event::RecordEnded { verdict: "complete", .. }));
        for (side, tone) in sides(&path).iter().zip([400.0, 700.0]) {
            let heard = |from, to| amplitude(side, from, to, tone);
            assert!(heard(paused_at - 100, paused_at - 20) > 0.25, "{offset}: not paused too early");
            assert!(heard(paused_at + 20, paused_at + 180) < 0.01, "{offset}: nothing of the pause is kept");
            assert!(heard(paused_at + 220, paused_at + 380) > 0.25, "{offset}: resumed in time");
        }
    }
}

#[test]
fn a_folder_that_is_not_there_is_refused_and_a_fallback_takes_over() {
    let mut stage = Stage::new("fallback");
    stage.port(1, 400.0, pcmu());
    stage.record(90, "nowhere/call.wav", &[&[1]], None);
    let other = stage.folder.join("other");
    std::fs::create_dir_all(&other).expect("a folder");
    stage.record(91, "nowhere/second.wav", &[&[1]], Some(other.clone()));
    stage.run(500);
    std::thread::sleep(std::time::Duration::from_millis(50)); // the disk thread's own time
    stage.run(100);
    assert_eq!(stage.refusals(), ["file_error"]);
    assert!(stage.events.iter().any(|event| matches!(event, Event::RecordDegraded { recorder: 91, .. })));
    stage.submit(vec![Command::StopRecord { recorder: 91 }]);
    let Event::RecordEnded { path, verdict, .. } = stage.recorded(91) else { unreachable!() };
    assert_eq!((path, verdict), (other.join("second.wav").display().to_string(), "complete"));
}
