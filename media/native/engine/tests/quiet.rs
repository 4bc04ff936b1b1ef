//! Senders that are silent: comfort noise in and out, Opus DTX, nothing at all; and the short wait for a packet that is late.

mod stage;

use engine::dsp::level;
use stage::{Stage, listen, map, opus, pcma, pcmu};

fn with_noise() -> Vec<engine::command::PayloadMap> {
    vec![map("PCMU", 0, 8000), map("CN", 13, 8000)]
}

/// Says a tone for a second, is silent for a second, and so on.
fn in_turns(rate: u64) -> Option<Box<dyn FnMut(u64) -> f32>> {
    Some(Box::new(
        move |at| if (at / rate).is_multiple_of(2) { 0.3 * (at as f32 * 0.3).sin() } else { (at % 7) as f32 * 0.0001 },
    ))
}

#[test]
fn comfort_noise_of_the_sender_is_heard_and_is_no_loss() {
    let mut stage = Stage::new("noise");
    stage.port(1, 400.0, with_noise());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(2, &[1])]);
    stage.run(1000);
    stage.peer(1).talking = false;
    let (address, timestamp) = (stage.peer(1).address, stage.peer(1).timestamp + 160);
    let packet = stage.peer(1).packet(13, timestamp, &[50]);
    stage.inject(1, &packet, address);
    stage.run(500);
    stage.peer(2).forget();
    stage.run(1000);
    let heard = 20.0 * level(&stage.peer(2).heard).log10();
    assert!((heard + 50.0).abs() < 2.0, "{heard} dB");
    stage.peer(1).talking = true;
    stage.run(500);
    assert!(stage.peer(2).amplitude(400.0) > 0.27);
    let stats = stage.stats(1);
    assert!(stats.concealed_ms == 0 && stats.delay_ms < 60.0, "{stats:?}");
}

#[test]
fn a_sender_that_stops_without_a_word_fades_and_comes_back_in_time() {
    let mut stage = Stage::new("mute");
    stage.port(1, 400.0, pcma());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(2, &[1])]);
    for _ in 0..5 {
        stage.peer(1).talking = true;
        stage.run(800);
        assert!(stage.peer(2).amplitude(400.0) > 0.27);
        stage.peer(1).talking = false;
        stage.run(800);
        assert!(stage.peer(2).amplitude(400.0) < 0.001);
    }
    let stats = stage.stats(1);
    assert!(stats.concealed_ms <= 5 * 200 && stats.delay_ms < 60.0, "{stats:?}");
}

#[test]
fn silence_is_not_sent_where_noise_was_agreed() {
    let mut stage = Stage::new("spare");
    stage.port(1, 400.0, pcma());
    stage.port(2, 700.0, with_noise());
    stage.peer(1).voice = in_turns(8000);
    stage.submit(vec![listen(2, &[1])]);
    stage.run(8000);
    let peer = stage.peer(2);
    let audio = peer.audio_packets().count();
    let noise = peer.received.iter().filter(|received| received.header.payload_type == 13).count();
    assert!((240..300).contains(&audio), "{audio} packets of audio in 8 s");
    assert!((4..20).contains(&noise), "{noise} packets of noise");
    let marked = peer.audio_packets().filter(|received| received.header.marker).count();
    assert!((4..=5).contains(&marked), "each talk begins with a mark: {marked}");
    let times: Vec<u32> = peer.received.iter().map(|received| received.header.timestamp).collect();
    assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "the time line goes on");
    assert!(times.last().zip(times.first()).is_some_and(|(last, first)| last - first > 7 * 8000));
}

#[test]
fn opus_rests_where_the_peer_asks_for_it() {
    let mut stage = Stage::new("dtx");
    let mut codecs = opus();
    codecs[0].fmtp = "useinbandfec=1; usedtx=1".into();
    stage.port(1, 400.0, pcma());
    stage.port(2, 700.0, codecs);
    stage.peer(1).voice = Some(Box::new(|at| if at < 8000 { 0.3 * (at as f32 * 0.3).sin() } else { 0.0 }));
    stage.submit(vec![listen(2, &[1])]);
    stage.run(6000);
    let audio = stage.peer(2).audio_packets().count();
    assert!((50..150).contains(&audio), "{audio} packets in 6 s");
}

#[test]
fn opus_that_rests_is_no_loss() {
    let mut stage = Stage::new("resting");
    stage.port(1, 400.0, opus());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(2, &[1])]);
    stage.run(1000);
    stage.peer(1).talking = false;
    let (address, timestamp) = (stage.peer(1).address, stage.peer(1).timestamp + 960);
    let packet = stage.peer(1).packet(111, timestamp, &[0x48]);
    stage.inject(1, &packet, address);
    stage.run(2000);
    stage.peer(1).talking = true;
    stage.run(600);
    assert!(stage.peer(2).amplitude(400.0) > 0.25);
    let stats = stage.stats(1);
    assert!(stats.concealed_ms <= 20 && stats.delay_ms < 80.0, "{stats:?}");
}

#[test]
fn a_frame_waits_a_moment_for_a_talker_and_not_longer() {
    let mut stage = Stage::new("grace");
    stage.port(1, 400.0, pcma());
    stage.port(2, 700.0, pcmu());
    stage.submit(vec![listen(2, &[1])]);
    // Packets come 18 ms after the frame; from the hundredth on one in two hundred comes 1 ms, then 7 ms after the next.
    stage.peer(1).line = Box::new(|n| Some(if n > 100 && n % 200 == 0 { 18 + 3 } else { 18 }));
    stage.run(16_000);
    let stats = stage.stats(1);
    assert_eq!(stats.concealed_ms, 0, "each was waited for");
    assert!(stats.delay_ms < 41.0, "{}", stats.delay_ms);
    let late = stage.peer(2).audio_packets().filter(|received| received.at % 20_000 != 0).count();
    assert!(late <= 8, "frames that waited: {late}");
}
