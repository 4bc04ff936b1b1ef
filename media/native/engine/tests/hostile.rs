//! Everything that is no media, through a live port: no panic, no change of state, the call goes on.

mod stage;

use std::net::SocketAddr;

use engine::event::Event;
use engine::rtcp;
use engine::rtp::telephone_event::Payload;
use stage::{Stage, listen, opus, pcma};

fn corpus(stage: &mut Stage) -> Vec<Vec<u8>> {
    let peer = stage.peer(1);
    let timestamp = peer.timestamp;
    let event = peer.packet(110, timestamp, &Payload { event: 5, end: true, volume: 10, duration: 4800 }.bytes());
    let audio = peer.packet(111, timestamp, &[0x78, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let mut extended = audio.clone();
    extended[0] |= 0x10;
    extended.splice(12..12, [0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
    let mut padded = audio.clone();
    padded[0] |= 0x20;
    padded.extend([0, 0, 3]);
    let mut report = Vec::new();
    rtcp::write_report(&mut report, 7, Some(rtcp::Sender::default()), Some(rtcp::Block::default()), "peer");
    let stun = [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0, 6, 0, 4], b"a:b!"].concat();
    let dtls = [&[22, 254, 253][..], &[0; 8], &[0, 5], &[1, 2, 3, 4, 5]].concat();
    vec![event, audio, extended, padded, report, stun, dtls]
}

#[test]
fn truncations_and_mutations_do_no_harm() {
    let mut stage = Stage::new("hostile");
    stage.port_with(1, 400.0, opus(), |open| open.rtcp_mux = true);
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(500);
    let source = stage.peer(1).address;
    let mut random = 88_172_645_463_325_252u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for packet in corpus(&mut stage) {
        for length in 0..packet.len() {
            stage.inject(1, &packet[..length], source);
        }
        for round in 0..3000 {
            let mut mutated = packet.clone();
            for _ in 0..1 + next() % 4 {
                let at = next() % mutated.len();
                mutated[at] = next() as u8;
            }
            let from = if round % 3 == 0 { SocketAddr::from(([127, 0, 0, 1], 9)) } else { source };
            stage.inject(1, &mutated, from);
            if round % 40 == 0 {
                stage.run(20); // the flood limit lets some through, frames and timers see them
            }
        }
    }
    stage.run(6000);
    assert!(!stage.events.iter().any(|event| matches!(event, Event::PortFailed { .. })));
    assert_eq!(stage.hears(1, &[700.0]), [700.0]);
    assert_eq!(stage.hears(2, &[400.0]), [400.0]);
}
