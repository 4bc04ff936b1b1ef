//! Conferences: two to two hundred members, what is encoded once for many, wide band, channels of language and coaching.

mod stage;

use std::collections::HashSet;

use engine::command::Command;
use engine::event::Event;
use stage::{GROUP, Stage, g722, listen, opus, pcma, pcmu};

const BUS: u64 = 9000;

fn open_bus(bus: u64, max_speakers: u32, agc: bool, gate: bool) -> Command {
    Command::OpenBus { bus, group: GROUP, max_speakers, agc, gate }
}

fn gains(listener: u64, sources: &[(u64, f32)]) -> Command {
    Command::Listen { listener, sources: sources.to_vec(), ramp_ms: 5 }
}

/// Payloads of a far end by time of arrival.
fn payloads(stage: &Stage, id: u64) -> Vec<(u64, Vec<u8>)> {
    stage.peers[&id].received.iter().map(|packet| (packet.at, packet.payload.clone())).collect()
}

#[test]
fn two_hundred_hear_the_three_who_talk() {
    let mut stage = Stage::new("two-hundred");
    let members: Vec<u64> = (1..=200).collect();
    let tones = [400.0, 700.0, 1100.0];
    for &id in &members {
        stage.port(id, tones[id as usize % 3], if id % 2 == 0 { pcmu() } else { pcma() });
        stage.peer(id).talking = id <= 3;
    }
    let mut batch = vec![open_bus(BUS, 5, false, true), listen(BUS, &members)];
    batch.extend(members.iter().map(|id| listen(*id, &[BUS])));
    stage.submit(batch);
    assert_eq!(stage.refusals(), [""; 0]);
    stage.run(800);
    for id in [1, 2, 3, 4, 77, 200] {
        let own = tones[id as usize % 3];
        let others: Vec<f32> = tones.into_iter().filter(|hertz| id > 3 || *hertz != own).collect();
        assert_eq!(stage.hears(id, &tones), others, "member {id}");
        assert!(id > 3 || stage.peers[&id].amplitude(own) < 0.003, "member {id} hears itself below −40 dB");
    }
    let distinct: HashSet<_> = (4..=200).step_by(2).map(|id| payloads(&stage, id).last().cloned()).collect();
    assert_eq!(distinct.len(), 1, "all who hear the same get the same octets");
    let told = stage.events.iter().rev().find_map(|event| match event {
        Event::ActiveSpeakers { ports, .. } => Some(ports.clone()),
        _ => None,
    });
    assert_eq!(told, Some(vec![1, 2, 3]));
}

#[test]
fn the_common_mix_is_encoded_once_even_for_who_comes_late() {
    let mut stage = Stage::new("once");
    stage.port(1, 400.0, opus());
    for id in 2..=4 {
        stage.port(id, 700.0, opus());
    }
    stage.submit(vec![open_bus(BUS, 5, false, false), listen(BUS, &[1]), listen(1, &[BUS]), listen(2, &[BUS])]);
    stage.submit(vec![listen(3, &[BUS])]);
    stage.run(500);
    stage.submit(vec![listen(4, &[BUS])]);
    stage.run(500);
    // An encoder of its own would have another history, and so other octets.
    let heard: Vec<HashSet<_>> = [2, 3, 4].map(|id| payloads(&stage, id).into_iter().collect()).into();
    let late: Vec<_> = payloads(&stage, 4).into_iter().skip(2).collect();
    assert!(late.len() > 20 && late.iter().all(|packet| heard[0].contains(packet) && heard[1].contains(packet)));
    for id in [2, 3, 4] {
        assert_eq!(stage.hears(id, &[400.0, 700.0]), [400.0]);
    }
    assert!(stage.peers[&1].amplitude(400.0) < 0.003, "who talks hears the others alone");
}

#[test]
fn who_begins_to_talk_leaves_the_common_mix_without_a_gap() {
    let mut stage = Stage::new("begins");
    let tones = [300.0, 500.0, 800.0, 1300.0];
    for (id, hertz) in (1..).zip(tones) {
        stage.port(id, hertz, pcmu());
        stage.peer(id).talking = id == 1;
    }
    let members = [1, 2, 3, 4];
    let mut batch = vec![open_bus(BUS, 2, false, true), listen(BUS, &members)];
    batch.extend(members.iter().map(|id| listen(*id, &[BUS])));
    stage.submit(batch);
    stage.run(600);
    assert_eq!(stage.hears(3, &tones), [300.0]);
    stage.peer(3).talking = true;
    stage.run(600);
    assert_eq!(stage.hears(3, &tones), [300.0], "not itself");
    assert_eq!(stage.hears(4, &tones), [300.0, 800.0]);
    assert_eq!(stage.hears(1, &tones), [800.0]);
    for id in members {
        let received = &stage.peers[&id].received;
        assert!(received.windows(2).all(|pair| {
            pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1) && pair[1].at - pair[0].at == 20_000
        }));
        let heard = &stage.peers[&id].heard;
        let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.6, "member {id}: a step of {steepest}");
    }
}

#[test]
fn a_wide_room_stays_wide_and_a_narrow_one_narrow() {
    let high = 5000.0;
    for (codecs, wide) in [([g722(), opus(), pcmu()], true), ([g722(), pcma(), pcmu()], false)] {
        let mut stage = Stage::new("wide");
        for (id, codecs) in (1..).zip(codecs) {
            stage.port(id, if id == 1 { high } else { 600.0 + 100.0 * id as f32 }, codecs);
        }
        let members = [1, 2, 3];
        let mut batch = vec![open_bus(BUS, 5, false, false), listen(BUS, &members)];
        batch.extend(members.iter().map(|id| listen(*id, &[BUS])));
        stage.submit(batch);
        stage.run(1500);
        let level = stage.peers[&2].amplitude(high);
        let heard = if wide { level > 0.2 } else { level < 0.02 };
        assert!(heard, "5 kHz at {level} with wide = {wide}");
        assert_eq!(stage.hears(3, &[800.0, 3000.0]), [800.0], "the narrow leg hears no mirror of what it cannot have");
    }
}

#[test]
fn a_language_channel_and_a_coach_are_only_sets() {
    let mut stage = Stage::new("channels");
    let [speaker, guest, interpreter, coach] = [1, 2, 3, 4];
    let tones = [400.0, 700.0, 1100.0, 1500.0];
    for (id, hertz) in (1..).zip(tones) {
        stage.port(id, hertz, pcmu());
    }
    stage.submit(vec![
        open_bus(BUS, 5, false, false),
        listen(BUS, &[speaker, guest]),
        // The speaker hears the floor and, alone, its coach; the coach hears the floor.
        listen(speaker, &[BUS, coach]),
        listen(coach, &[BUS]),
        // The interpreter hears the floor; the guest hears the interpreter with the floor under it.
        listen(interpreter, &[BUS]),
        gains(guest, &[(interpreter, 0.0), (BUS, -18.0)]),
    ]);
    stage.run(1200);
    let level = |id: u64| tones.map(|hertz| (stage.peers[&id].amplitude(hertz) * 1000.0).round() as i32);
    let [full, under] = [300, 38];
    for (id, expected) in [
        (speaker, [0, full, 0, full]),
        (guest, [under, 0, full, 0]),
        (interpreter, [full, full, 0, 0]),
        (coach, [full, full, 0, 0]),
    ] {
        let heard = level(id);
        let close = heard.iter().zip(expected).all(|(heard, wanted)| (heard - wanted).abs() < 12);
        assert!(close, "{id} hears {heard:?} instead of {expected:?}");
    }
}

#[test]
fn the_level_control_of_a_room_lifts_the_soft_one() {
    for (agc, expected) in [(false, 0.03), (true, 0.0707)] {
        let mut stage = Stage::new("agc");
        for id in 1..=3 {
            stage.port(id, 300.0 * id as f32, pcmu());
        }
        let soft = std::f32::consts::TAU * 300.0 / 8000.0;
        stage.peer(1).voice = Some(Box::new(move |n| 0.03 * (soft * n as f32).sin()));
        stage.submit(vec![open_bus(BUS, 5, agc, false), listen(BUS, &[1, 2]), listen(3, &[BUS])]);
        stage.run(4000);
        let level = stage.peers[&3].amplitude(300.0);
        assert!((level - expected).abs() < expected * 0.15, "agc {agc}: {level}");
    }
}
