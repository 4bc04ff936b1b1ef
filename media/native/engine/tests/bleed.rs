//! What comes from elsewhere is neither heard nor answered, whatever it knows of the call.

mod stage;

use std::net::SocketAddr;

use engine::event::Event;
use engine::rtp;
use stage::{Stage, listen, opus, pcma, pcmu};

/// A packet as the far end of port 1 would send it next, with another tone.
fn forged(stage: &Stage, ahead: u16, payload: &[u8]) -> Vec<u8> {
    let peer = &stage.peers[&1];
    let mut out = vec![0; 300];
    let (sequence, timestamp) = (peer.sequence.wrapping_add(ahead), peer.timestamp + u32::from(ahead) * 160);
    let length = rtp::write_into(&mut out, false, peer.payload_type, sequence, timestamp, peer.ssrc, payload);
    out.truncate(length.expect("fits"));
    out
}

/// 1000 Hz at half scale in µ-law.
fn loud() -> Vec<u8> {
    let law = engine::codec::g711::Law::Mu;
    (0..160).map(|n| law.encode(0.5 * (std::f32::consts::TAU * n as f32 / 8.0).sin())).collect()
}

fn moved(stage: &Stage) -> bool {
    stage.events.iter().any(|event| matches!(event, Event::RemoteChanged { .. }))
}

#[test]
fn a_stranger_who_knows_ssrc_and_sequence_is_not_heard() {
    for listener in [pcmu(), pcma(), opus()] {
        let mut stage = Stage::new("bleed");
        stage.port(1, 400.0, pcmu());
        stage.port(2, 700.0, listener); // passed on, mixed, encoded anew
        stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
        stage.run(600);
        for thief in [SocketAddr::from(([192, 0, 2, 7], 5000)), SocketAddr::from(([127, 0, 0, 1], 5000))] {
            for _ in 0..150 {
                stage.inject(1, &forged(&stage, 0, &loud()), thief);
                stage.run(20);
            }
        }
        assert!(!moved(&stage));
        assert!(stage.peers[&2].amplitude(1000.0) < 0.01, "{}", stage.peers[&2].amplitude(1000.0));
        assert!(stage.peers[&2].amplitude(400.0) > 0.25);
        assert_eq!(stage.hears(1, &[700.0]), [700.0], "and what it is sent still arrives");
    }
}

#[test]
fn silence_of_the_party_gives_another_host_no_chance() {
    let mut stage = Stage::new("patient");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(600);
    stage.peer(1).talking = false;
    stage.run(5000);
    let thief = SocketAddr::from(([192, 0, 2, 7], 5000));
    for ahead in 0..100 {
        stage.inject(1, &forged(&stage, ahead, &loud()), thief);
        stage.run(20);
    }
    assert!(!moved(&stage));
    assert!(stage.peers[&2].amplitude(1000.0) < 0.01);
    let before = stage.peers[&1].received.len();
    stage.run(1000);
    assert!(stage.peers[&1].received.len() >= before + 49, "what we send goes to the party");
}

#[test]
fn a_router_that_gave_its_mapping_up_is_followed() {
    let mut stage = Stage::new("rebind");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(600);
    stage.peer(1).talking = false;
    stage.run(2500);
    stage.peer(1).talking = true;
    stage.peer(1).address = SocketAddr::from(([127, 0, 0, 1], 31_000));
    stage.run(600);
    assert!(moved(&stage));
    assert_eq!(stage.hears(1, &[700.0]), [700.0]);
    assert_eq!(stage.hears(2, &[400.0]), [400.0]);
}

#[test]
fn a_flood_of_strangers_does_not_take_the_place_of_the_party() {
    let mut stage = Stage::new("flooded");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(2, &[1])]);
    stage.run(600);
    for round in 0..1000u32 {
        for n in 0..5u16 {
            let thief = SocketAddr::from(([192, 0, 2, 7], 5000 + n));
            stage.inject(1, &forged(&stage, n, &loud()), thief);
        }
        if round % 2 == 0 {
            stage.run(1);
        }
    }
    stage.run(400);
    assert!(stage.peers[&2].amplitude(400.0) > 0.25 && stage.peers[&2].amplitude(1000.0) < 0.01);
}
