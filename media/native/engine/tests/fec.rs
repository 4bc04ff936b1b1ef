//! In-band forward error correction: a lost Opus packet is heard from the one after it.

use engine::codec::{Coding, Encoder};
use engine::dsp::level;
use engine::jitter::{Kind, Playout};

/// Party whose voice jumps in pitch with every packet, so that no repetition could guess the lost one.
fn packets(count: usize) -> (Vec<Vec<u8>>, Vec<f32>) {
    let mut encoder = Encoder::new(Coding::Opus, 16_000).expect("an encoder");
    let mut said = Vec::new();
    let mut coded = Vec::new();
    for index in 0..count {
        let hertz = if index % 12 == 7 { 900.0 } else { 300.0 };
        let frame: Vec<f32> = (0..320)
            .map(|n| std::f32::consts::TAU * hertz * (n as f32) / 16_000.0)
            .map(|turn| 0.3 * turn.sin() + 0.15 * (2.0 * turn).sin())
            .collect();
        let mut packet = vec![0; 1500];
        let length = encoder.encode_into(&frame, &mut packet).expect("coded");
        packet.truncate(length);
        coded.push(packet);
        said.extend(frame);
    }
    (coded, said)
}

/// Plays the packets with those lost for which `lost` is true; the buffer holds 60 ms.
fn play(coded: &[Vec<u8>], lost: impl Fn(usize) -> bool) -> Vec<f32> {
    let mut playout = Playout::new(Coding::Opus, 60, 200).expect("a decoder");
    let (mut heard, mut frame) = (Vec::new(), Vec::new());
    for (index, packet) in coded.iter().enumerate() {
        let now = index as u64 * 20_000 + 1_000_000;
        if !lost(index) {
            playout.push(Kind::Audio(Coding::Opus), index as u64 + 70_000, index as u32 * 960, packet, now);
        }
        playout.pull_into(now + 5000, &mut frame);
        heard.extend(&frame);
    }
    heard
}

fn error(a: &[f32], b: &[f32]) -> f32 {
    let difference: Vec<f32> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    level(&difference)
}

#[test]
fn a_lost_packet_is_heard_from_its_copy() {
    let (coded, _) = packets(300);
    let clean = play(&coded, |_| false);
    let lossy = play(&coded, |index| index > 50 && index % 12 == 7);
    let guessed = play(&coded, |index| index > 50 && matches!(index % 12, 7 | 8));
    assert_eq!(clean.len(), lossy.len());
    let (with_copy, without) = (error(&clean, &lossy), error(&clean, &guessed));
    assert!(with_copy < 0.6 * without, "{with_copy} with, {without} without");
}
