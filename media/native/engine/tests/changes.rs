//! What a sender may change in the middle of a call: SSRC, sequence, timestamps, payload type, packet time, even the clock.

mod stage;

use stage::{Peer, Stage, g722, listen, map, opus, pcma, pcmu};

const TONE: f32 = 400.0;

/// Party 2 hears party 1 through the mixer, before and after the change.
fn heard_after(name: &str, change: impl FnOnce(&mut Peer)) -> (Stage, f32) {
    let mut stage = Stage::new("change");
    let codecs = vec![map("PCMU", 0, 8000), map("PCMA", 8, 8000), map("G722", 9, 8000)];
    stage.port(1, TONE, codecs);
    stage.port(2, 700.0, opus());
    stage.submit(vec![listen(2, &[1])]);
    stage.run(1000);
    assert!(stage.peer(2).amplitude(TONE) > 0.27, "{name}: before");
    change(stage.peer(1));
    stage.run(500);
    let heard = stage.peer(2).amplitude(TONE);
    (stage, heard)
}

#[test]
fn jumps_of_ssrc_sequence_and_timestamp_are_followed_at_once() {
    type Jump = fn(&mut Peer);
    let jumps: [(&str, Jump); 6] = [
        ("another SSRC", |peer| (peer.ssrc, peer.sequence, peer.timestamp) = (99, 40_000, 3)),
        ("a sequence far ahead", |peer| peer.sequence = peer.sequence.wrapping_add(20_000)),
        ("a timestamp far ahead", |peer| peer.timestamp = peer.timestamp.wrapping_add(0x5000_0000)),
        ("a timestamp half a second ahead", |peer| peer.timestamp += 4000),
        ("a timestamp half a second back", |peer| peer.timestamp -= 4000),
        ("everything at once", |peer| (peer.sequence, peer.timestamp) = (7, 7)),
    ];
    for (name, jump) in jumps {
        let (mut stage, heard) = heard_after(name, jump);
        assert!(heard > 0.27, "{name}: {heard}");
        let stats = stage.stats(1);
        assert!(stats.delay_ms < 80.0, "{name}: {}", stats.delay_ms);
        assert!(stats.concealed_ms <= 100, "{name}: {}", stats.concealed_ms);
    }
}

#[test]
fn another_payload_type_or_packet_time_goes_on_without_a_hole() {
    for (name, codecs) in [("PCMA", pcma()), ("G722", g722())] {
        let (mut stage, heard) = heard_after(name, |peer| peer.speak(&codecs[0]));
        assert!(heard > 0.25, "{name}: {heard}");
        assert!(stage.stats(1).concealed_ms <= 40, "{name}");
    }
    for ptime in [10, 30, 40, 60] {
        let (mut stage, _) = heard_after("packet time", |peer| peer.ptime_ms = ptime);
        stage.run(3000);
        stage.peer(2).forget();
        let before = stage.stats(1).concealed_ms;
        stage.run(3000);
        assert!(stage.peer(2).amplitude(TONE) > 0.27, "{ptime} ms");
        let stats = stage.stats(1);
        assert_eq!(stats.concealed_ms, before, "{ptime} ms");
        assert!(stats.delay_ms < 60.0 + ptime as f64, "{ptime} ms: {}", stats.delay_ms);
    }
}

#[test]
fn a_codec_of_another_clock_is_followed() {
    let mut stage = Stage::new("clock");
    stage.port(1, TONE, [opus(), pcma()].concat());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(2, &[1])]);
    stage.run(1000);
    stage.peer(1).speak(&pcma()[0]);
    stage.run(600);
    assert!(stage.peer(2).amplitude(TONE) > 0.25);
}

#[test]
fn duplicates_are_played_once() {
    let mut stage = Stage::new("twice");
    stage.port(1, TONE, pcma());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(2, &[1])]);
    stage.peer(1).copies = 3;
    stage.run(4000);
    assert!(stage.peer(2).amplitude(TONE) > 0.27);
    let stats = stage.stats(1);
    assert!(stats.duplicates >= 380, "{}", stats.duplicates);
    assert!(stats.delay_ms < 50.0 && stats.concealed_ms == 0, "{stats:?}");
}
