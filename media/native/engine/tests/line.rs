//! What a bad line does: loss, jitter, reordering, silence, strangers, floods; and what RTCP tells of it.

mod stage;

use std::net::SocketAddr;

use engine::command::{Command, LatchMode};
use engine::event::Event;
use engine::rtcp::{self, Block, Report};
use stage::{Stage, listen, opus, pcma, pcmu};

#[test]
fn loss_jitter_and_reordering_are_heard_little() {
    type Line = fn(u64) -> Option<u64>;
    let lines: [(&str, Line, f32); 4] = [
        ("5 % loss", |n| (n * 7919 % 100 >= 5).then_some(0), 0.25),
        ("20 % loss", |n| (n * 7919 % 100 >= 20).then_some(0), 0.18),
        ("80 ms jitter", |n| Some(n * 7919 % 80), 0.27),
        ("reordering", |n| Some(if n % 5 == 0 { 25 } else { 0 }), 0.27),
    ];
    for codecs in [pcma(), opus()] {
        for (name, line, least) in lines {
            let mut stage = Stage::new("line");
            stage.port(1, 400.0, codecs.clone());
            stage.port(2, 700.0, pcmu());
            stage.peer(1).line = Box::new(line);
            stage.submit(vec![listen(2, &[1])]);
            stage.run(6000);
            let heard = stage.peers[&2].amplitude(400.0);
            assert!(heard > least, "{name} by {}: {heard}", codecs[0].name);
            let stats = stage.stats(1);
            assert!(stats.delay_ms < 180.0, "{name}: {}", stats.delay_ms);
        }
    }
}

#[test]
fn a_drifting_sender_does_not_build_up_delay() {
    let mut stage = Stage::new("drift");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(2, &[1])]);
    // The sender's clock is fast: each packet is 0.3 % earlier than the one before, for two minutes.
    stage.peer(1).line = Box::new(|n| Some(400u64.saturating_sub(n * 6 / 100)));
    stage.run(120_000);
    let stats = stage.stats(1);
    assert!(stats.delay_ms < 100.0, "{}", stats.delay_ms);
    assert!(stage.peers[&2].amplitude(400.0) > 0.25);
}

#[test]
fn silence_is_told_after_two_seconds_and_its_end_too() {
    let mut stage = Stage::new("silence");
    stage.port(1, 400.0, pcmu());
    stage.run(500);
    stage.peer(1).talking = false;
    stage.run(2200);
    assert!(stage.events.iter().any(|event| matches!(event, Event::MediaLost { port: 1, silent_ms: 2000..=2100 })));
    stage.peer(1).talking = true;
    stage.run(100);
    assert!(stage.events.contains(&Event::MediaResumed { port: 1 }));
}

#[test]
fn strangers_are_not_heard_and_a_flood_is_cut() {
    let mut stage = Stage::new("strangers");
    stage.port_with(1, 400.0, pcmu(), |open| open.latch = LatchMode::Strict);
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(2, &[1])]);
    stage.peer(1).talking = false;
    let stranger = SocketAddr::from(([127, 0, 0, 1], 9));
    for index in 0..50u16 {
        stage.peer(1).sequence = 500 + index;
        let packet = stage.peer(1).packet(0, u32::from(index) * 160, &[0; 160]);
        stage.inject(1, &packet, stranger);
        stage.run(20);
    }
    assert_eq!(stage.peers[&2].received.len(), 0);
    assert_eq!(stage.stats(1).discarded, 50);
    let source = stage.peer(1).address;
    for index in 0..2000u32 {
        let packet = stage.peer(1).packet(0, index * 160, &[0; 160]);
        stage.inject(1, &packet, source);
    }
    let stats = stage.stats(1);
    assert!(stats.packets_received <= 160 && stats.flooded >= 1800, "{stats:?}");
}

#[test]
fn a_rebound_source_is_followed_and_told() {
    let mut stage = Stage::new("rebind");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(300);
    let old = stage.peer(1).address;
    stage.peer(1).talking = false;
    stage.run(2500);
    let new = SocketAddr::from(([127, 0, 0, 1], 12_345));
    (stage.peer(1).address, stage.peer(1).talking) = (new, true);
    stage.run(300);
    let told = |event: &Event| {
        matches!(event, Event::RemoteChanged { port: 1, old: from, new: to, reason: "rebound" }
            if *from == old.to_string() && *to == new.to_string())
    };
    assert!(stage.events.iter().any(told));
    assert_eq!(stage.hears(1, &[700.0]), [700.0]);
}

#[test]
fn reports_come_every_five_seconds_and_theirs_are_read() {
    let mut stage = Stage::new("rtcp");
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcmu());
    stage.peer(2).line = Box::new(|n| (n % 10 != 3).then_some(0));
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(20_000);
    let reports = &stage.peers[&2].rtcp;
    assert!((2..=8).contains(&reports.len()), "{}", reports.len());
    let (mut last_sr, mut fraction) = (0u32, 0);
    rtcp::parse(reports.last().expect("a report"), |report| match report {
        Report::Sender { sender, .. } => last_sr = (sender.ntp >> 16) as u32,
        Report::Block { block, .. } => fraction = block.fraction,
        Report::Bye { .. } => panic!("not yet"),
        Report::Voip { .. } => panic!("nobody asked for it"),
    });
    assert!((20..=32).contains(&fraction), "about 10 % of 256: {fraction}");
    let mut answer = Vec::new();
    let block = Block { ssrc: 2, fraction: 26, jitter: 80, last_sr, delay: 0, ..Block::default() };
    rtcp::write_report(&mut answer, 99, None, Some(block), "peer");
    let (slot, source) = (stage.slot(2), SocketAddr::from(([127, 0, 0, 1], 10_021)));
    stage.core.rtcp_input(slot, &mut answer, source, stage.now);
    let theirs = stage.stats(2);
    assert!(theirs.round_trip_ms >= 0.0 && theirs.remote_jitter_ms == 10.0, "{theirs:?}");
    assert!((theirs.remote_lost_ratio - 0.1).abs() < 0.01);
    assert!((95..=110).contains(&theirs.lost), "{}", theirs.lost);
    stage.peer(2).rtcp.clear();
    stage.submit(vec![Command::ClosePort { port: 2 }]);
    stage.run(1);
    let mut bye = false;
    stage.peers[&2].rtcp.iter().for_each(|packet| {
        rtcp::parse(packet, |report| bye |= report == Report::Bye { ssrc: 2 });
    });
    assert!(bye);
}
