//! Fax datagrams (T.38 UDPTL) between two ports: unchanged, from the right source, and never as sound.

mod stage;

use engine::command::{Command, Direction, UpdatePort};
use std::net::SocketAddr;

use stage::{Stage, listen, pcmu};

const CALLER: u64 = 1;
const FAX: u64 = 2;
const RECORDER: u64 = 60;

fn turned(port: u64, udptl: bool) -> Command {
    Command::UpdatePort(Box::new(UpdatePort { port, udptl: Some(udptl), ..UpdatePort::default() }))
}

/// An IFP packet of four octets with the one before as redundancy.
fn datagram(sequence: u16) -> Vec<u8> {
    let mut packet = sequence.to_be_bytes().to_vec();
    packet.extend([4, 0xc0, 0x01, 0x80, 0x11, 0x00, 0x01, 4, 0xc0, 0x01, 0x80, 0x10]);
    packet
}

fn fax(name: &str) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(CALLER, 400.0, pcmu());
    stage.port(FAX, 700.0, pcmu());
    stage.submit(vec![listen(CALLER, &[FAX]), listen(FAX, &[CALLER])]);
    stage.run(300);
    assert_eq!(stage.hears(FAX, &[400.0]), [400.0]);
    for id in [CALLER, FAX] {
        stage.peer(id).talking = false;
    }
    stage.submit(vec![turned(CALLER, true), turned(FAX, true)]);
    for id in [CALLER, FAX] {
        stage.peer(id).forget();
    }
    stage
}

#[test]
fn datagrams_arrive_unchanged_and_voice_comes_back() {
    let mut stage = fax("fax");
    stage.record(RECORDER, "call", &[&[CALLER], &[FAX]], None);
    let here = stage.peers[&CALLER].address;
    let sent: Vec<Vec<u8>> = (0..50).map(datagram).collect();
    for packet in &sent {
        stage.inject(CALLER, packet, here);
        stage.run(30);
    }
    assert_eq!(stage.peers[&FAX].others, sent);
    assert!(stage.peers[&FAX].received.is_empty() && stage.peers[&FAX].rtcp.is_empty());
    stage.run(12_000); // pauses of a fax are no loss, and no report goes out
    assert!(stage.peers[&FAX].rtcp.is_empty());
    let figures = stage.stats(CALLER);
    assert_eq!((figures.packets_received, figures.codec.as_str(), figures.one_way), (50 + 15, "T38", ""));

    stage.submit(vec![turned(CALLER, false), turned(FAX, false)]);
    stage.peer(CALLER).talking = true;
    stage.run(600);
    assert_eq!(stage.hears(FAX, &[400.0]), [400.0]);
}

#[test]
fn what_is_no_fax_of_the_party_is_dropped() {
    let mut stage = fax("fax-guard");
    let here = stage.peers[&CALLER].address;
    let voice = {
        let peer = stage.peer(CALLER);
        peer.packet(0, 1, &[0xd5; 160])
    };
    stage.inject(CALLER, &voice, here); // RTP that was still on its way
    stage.inject(CALLER, &vec![0; 1501], here);
    let stranger = SocketAddr::from(([192, 0, 2, 9], 4000));
    for sequence in 0..5 {
        stage.inject(CALLER, &datagram(sequence), stranger);
    }
    assert!(stage.peers[&FAX].others.is_empty() && stage.peers[&FAX].received.is_empty());
    assert_eq!(stage.stats(CALLER).discarded, 7);
}

#[test]
fn a_fax_never_reaches_a_voice_leg_nor_voice_a_fax() {
    let mut stage = fax("fax-voice");
    stage.submit(vec![turned(FAX, false)]);
    stage.peer(FAX).talking = true;
    let here = stage.peers[&CALLER].address;
    for sequence in 0..10 {
        stage.inject(CALLER, &datagram(sequence), here);
        stage.run(20);
    }
    assert!(stage.peers[&FAX].others.is_empty());
    assert!(stage.peers[&CALLER].received.is_empty() && stage.peers[&CALLER].others.is_empty());
    stage.submit(vec![turned(FAX, true)]);
    stage.submit(vec![Command::UpdatePort(Box::new(UpdatePort {
        port: FAX,
        direction: Some(Direction::RecvOnly),
        ..UpdatePort::default()
    }))]);
    stage.inject(CALLER, &datagram(11), here);
    assert!(stage.peers[&FAX].others.is_empty(), "a party that takes nothing gets nothing");
}
