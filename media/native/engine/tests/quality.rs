//! What is told of a leg: figures each five seconds, what they are worth, why nothing is heard; and RTCP XR both ways.

mod stage;

use std::net::SocketAddr;

use engine::command::{Command, Direction, LatchMode, Sdes, UpdatePort};
use engine::event::{Event, PortStats};
use engine::rtcp::xr::VoipMetrics;
use engine::rtcp::{self, Report};
use stage::{Stage, listen, map, pcma, pcmu};

fn told(stage: &Stage, port: u64) -> Vec<PortStats> {
    let of = |event: &Event| match event {
        Event::Stats { port: id, stats } if *id == port => Some((**stats).clone()),
        _ => None,
    };
    stage.events.iter().filter_map(of).collect()
}

/// A call of two; the far end of port 1 is changed by `change` before it talks.
fn call(name: &str, change: impl FnOnce(&mut Stage)) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    change(&mut stage);
    stage
}

fn newest(stage: &Stage, port: u64) -> PortStats {
    told(stage, port).pop().expect("Stats")
}

#[test]
fn figures_come_every_five_seconds_and_every_fifteen_under_overload() {
    let mut stage = call("periodic", |_| ());
    stage.run(32_000);
    assert!((6..=8).contains(&told(&stage, 1).len()), "{}", told(&stage, 1).len());
    let stats = newest(&stage, 1);
    assert!(stats.mos > 4.3 && stats.r_factor > 90.0 && stats.one_way.is_empty() && !stats.zero_packets, "{stats:?}");
}

#[test]
fn figures_come_every_fifteen_seconds_under_overload() {
    let mut stage = Stage::new("sparing");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(10_000);
    stage.events.clear();
    for _ in 0..600 {
        stage.core.lag_us = 9000; // as if frames ran late
        stage.run(100);
    }
    assert_eq!(stage.core.overload, 1);
    assert!((3..=5).contains(&told(&stage, 1).len()), "{}", told(&stage, 1).len());
}

#[test]
fn loss_lowers_the_rating_and_bursts_more_than_single_losses() {
    let single: fn(u64) -> Option<u64> = |n| (n % 20 != 7).then_some(0);
    let bursts: fn(u64) -> Option<u64> = |n| (n % 100 >= 5).then_some(0);
    let mut ratings = Vec::new();
    for line in [single, bursts] {
        let mut stage = call("rating", |stage| stage.peer(1).line = Box::new(line));
        stage.run(30_000);
        let stats = newest(&stage, 1);
        assert!((stats.lost as f64 / stats.packets_received as f64 - 0.053).abs() < 0.01, "{stats:?}");
        ratings.push(stats.r_factor);
    }
    assert!((74.0..78.5).contains(&ratings[0]), "{ratings:?}");
    assert!(ratings[1] < ratings[0] - 1.0, "{ratings:?}");
}

#[test]
fn a_new_group_is_a_new_judgement() {
    let mut stage = call("anew", |stage| stage.peer(1).line = Box::new(|n| (n > 500 || n % 5 != 0).then_some(0)));
    stage.run(10_500);
    assert!(newest(&stage, 1).mos < 3.5);
    stage.submit(vec![Command::MovePort { port: 1, group: 77 }]);
    stage.run(8000);
    let stats = newest(&stage, 1);
    assert!(stats.mos > 4.3 && stats.lost >= 100, "the counters go on: {stats:?}");
}

#[test]
fn a_party_that_sends_nothing_is_told_within_two_seconds() {
    let mut stage = call("nothing", |stage| stage.peer(1).talking = false);
    stage.run(2300);
    let stats = newest(&stage, 1);
    assert_eq!((stats.one_way, stats.zero_packets), ("no_packets", true));
    stage.peer(1).talking = true;
    stage.run(700);
    let stats = newest(&stage, 1);
    assert_eq!((stats.one_way, stats.zero_packets), ("", false));
    stage.peer(1).talking = false;
    stage.run(2700);
    assert_eq!(newest(&stage, 1).one_way, "stopped");
    assert_eq!(newest(&stage, 2).one_way, "");
}

#[test]
fn nobody_is_missed_who_need_not_send() {
    let mut stage = call("hold", |stage| stage.peer(1).talking = false);
    let update = UpdatePort { port: 1, direction: Some(Direction::SendOnly), ..UpdatePort::default() };
    stage.submit(vec![Command::UpdatePort(Box::new(update))]);
    stage.run(7000);
    assert!(told(&stage, 1).iter().all(|stats| stats.one_way.is_empty() && !stats.zero_packets));
}

#[test]
fn another_codec_than_agreed_is_named() {
    let mut stage = call("codec", |stage| stage.peer(1).speak(&map("PCMA", 8, 8000)));
    stage.run(2500);
    let stats = newest(&stage, 1);
    assert_eq!((stats.one_way, stats.one_way_detail.as_str(), stats.codec.as_str()), ("codec", "PCMA", "PCMU"));
}

#[test]
fn a_source_that_was_not_agreed_is_named() {
    let mut stage = Stage::new("source");
    stage.port_with(1, 400.0, pcmu(), |open| {
        open.latch = LatchMode::Strict;
        open.remote = Some(SocketAddr::from(([192, 0, 2, 1], 4000)));
    });
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2])]);
    stage.run(2500);
    let stats = newest(&stage, 1);
    assert_eq!((stats.one_way, stats.one_way_detail), ("source", stage.peers[&1].address.to_string()));
}

#[test]
fn keys_that_do_not_fit_are_named() {
    let mut stage = Stage::new("keys");
    let sdes = Sdes { profile: "AES_CM_128_HMAC_SHA1_80".into(), send_key: vec![1; 30], receive_key: vec![2; 30] };
    stage.port_with(1, 400.0, pcmu(), |open| open.sdes = Some(sdes)); // the far end talks without
    stage.port(2, 700.0, pcmu());
    stage.peer(2).talking = true;
    stage.submit(vec![listen(1, &[2])]);
    let before = stage.peers[&2].received.len();
    stage.peers.get_mut(&1).unwrap().line = Box::new(|_| Some(0));
    // What we send is protected, which the far end of the stage cannot read: its packets go elsewhere.
    let slot = stage.slot(1);
    let mut own = stage.peers.remove(&1).unwrap();
    let mut events = Vec::new();
    for n in 0..130u64 {
        stage.run(20);
        stage.now += 1;
        let mut packet = own.packet(0, n as u32 * 160, &[0xff; 160]);
        stage.core.rtp_input(slot, &mut packet, own.address, stage.now, &mut stage.wire);
        stage.wire.0.clear();
        events.append(&mut stage.core.events);
    }
    stage.events.append(&mut events);
    let stats = newest(&stage, 1);
    assert_eq!((stats.one_way, stats.zero_packets), ("keys", true), "{stats:?} {before}");
    assert!(stats.srtp_failures > 50);
}

fn voip(packets: &[Vec<u8>]) -> Vec<VoipMetrics> {
    let mut found = Vec::new();
    for packet in packets {
        rtcp::parse(packet, |report| {
            if let Report::Voip { metrics, .. } = report {
                found.push(metrics);
            }
        });
    }
    found
}

#[test]
fn voip_metrics_are_sent_to_whom_asked_and_read_from_all() {
    let mut stage = Stage::new("xr");
    stage.port_with(1, 400.0, pcmu(), |open| open.rtcp_xr = true);
    stage.port(2, 700.0, pcma());
    stage.peer(1).line = Box::new(|n| (n % 10 != 3).then_some(0));
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(20_000);
    let sent = voip(&stage.peers[&1].rtcp);
    let newest_block = sent.last().expect("VoIP metrics");
    assert_eq!(newest_block.ssrc, 7010);
    assert!((20..=30).contains(&newest_block.lost), "{newest_block:?}");
    assert!(
        (60..80).contains(&newest_block.r_factor) && newest_block.mos_lq >= newest_block.mos_cq,
        "{newest_block:?}"
    );
    assert!((10..=200).contains(&newest_block.buffer_ms), "{newest_block:?}");
    assert!(voip(&stage.peers[&2].rtcp).is_empty(), "not asked for");

    let mut theirs = Vec::new();
    rtcp::write_voip(&mut theirs, 7020, &VoipMetrics { ssrc: 2, r_factor: 71, mos_cq: 36, ..VoipMetrics::default() });
    let (slot, beside) = (stage.slot(2), SocketAddr::from(([127, 0, 0, 1], 10_021)));
    stage.core.rtcp_input(slot, &mut theirs, beside, stage.now); // alone in its packet, RFC 5506
    stage.run(5100);
    let stats = newest(&stage, 2);
    assert_eq!((stats.remote_mos, stats.remote_r_factor), (3.6, 71.0));
}
