use super::*;
use crate::codec::Encoder;

struct Line {
    playout: Playout,
    encoder: Encoder,
    phase: u64,
    heard: Vec<f32>,
    kinds: Vec<Pulled>,
}

impl Line {
    fn new(coding: Coding) -> Self {
        let encoder = Encoder::new(coding, 16_000.min(coding.decoded_rate())).unwrap();
        Self { playout: Playout::new(coding, 20, 200).unwrap(), encoder, phase: 0, heard: vec![], kinds: vec![] }
    }

    fn packet(&mut self, hertz: f32) -> Vec<u8> {
        let rate = self.playout.coding().decoded_rate();
        let samples: Vec<f32> = (0..rate as u64 / 50)
            .map(|n| 0.4 * (std::f32::consts::TAU * hertz * (self.phase + n) as f32 / rate as f32).sin())
            .collect();
        self.phase += samples.len() as u64;
        let mut out = vec![0; 2000];
        let length = self.encoder.encode_into(&samples, &mut out).unwrap();
        out.truncate(length);
        out
    }

    fn push(&mut self, index: u64, packet: &[u8], at_ms: u64) {
        let coding = self.playout.coding();
        let timestamp = (index as u32).wrapping_mul(coding.clock() / 50);
        self.playout.push(Kind::Audio(coding), 1000 + index, timestamp, packet, at_ms * 1000);
    }

    fn pull(&mut self, due_ms: u64) {
        let mut frame = Vec::new();
        self.kinds.push(self.playout.pull_into(due_ms * 1000, &mut frame));
        self.heard.extend(&frame);
    }

    /// Sends `count` packets with the given delay in ms each (`None` is lost), pulling each 20 ms.
    fn run(&mut self, count: u64, mut delay: impl FnMut(u64) -> Option<u64>) {
        let mut flying: Vec<(u64, u64, Vec<u8>)> = Vec::new();
        for index in 0..count {
            let packet = self.packet(400.0);
            if let Some(ms) = delay(index) {
                flying.push((index * 20 + ms, index, packet));
            }
        }
        flying.sort_by_key(|(at, ..)| *at);
        let mut flying = flying.into_iter().peekable();
        for tick in 0..count {
            let now = tick * 20 + 3;
            while let Some((at, index, packet)) = flying.next_if(|(at, ..)| *at <= now) {
                self.push(index, &packet, at);
            }
            self.pull(now);
        }
    }

    fn concealed(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == Pulled::Concealed).count()
    }
}

#[test]
fn a_clean_stream_is_heard_bit_by_bit_with_one_frame_of_delay() {
    let mut line = Line::new(Coding::Pcma);
    let mut sent = Vec::new();
    for index in 0..100 {
        let packet = line.packet(400.0);
        sent.extend(packet.iter().map(|octet| crate::codec::g711::Law::A.decode(*octet)));
        line.push(index, &packet, index * 20);
        line.pull(index * 20 + 3);
    }
    assert_eq!(line.heard, sent);
    assert!(line.playout.delay_ms() <= 25.0, "{}", line.playout.delay_ms());
}

#[test]
fn jitter_is_absorbed_after_a_short_while() {
    for coding in [Coding::Pcmu, Coding::Opus] {
        let mut line = Line::new(coding);
        line.run(500, |index| Some(index.wrapping_mul(7919) % 50));
        let late: usize = line.kinds.iter().skip(100).filter(|kind| **kind == Pulled::Concealed).count();
        assert!(late < 3, "{coding:?}: {late}");
        assert!(line.playout.delay_ms() < 90.0, "{}", line.playout.delay_ms());
    }
}

#[test]
fn loss_is_concealed_without_growing_the_delay() {
    let mut line = Line::new(Coding::Pcmu);
    line.run(1000, |index| (index % 20 != 7).then_some(0));
    assert!((45..=60).contains(&line.concealed()), "{}", line.concealed());
    assert!(line.playout.delay_ms() < 30.0, "{}", line.playout.delay_ms());
    assert!(dsp::level(&line.heard[1600..]) > 0.25);
}

#[test]
fn a_burst_of_delay_does_not_stay_in_the_ear() {
    let mut line = Line::new(Coding::Pcmu);
    // 300 ms of everything held back at once, then a calm line.
    line.run(1500, |index| Some(if (100..115).contains(&index) { (115 - index) * 20 } else { 0 }));
    assert!(line.playout.delay_ms() < 60.0, "{}", line.playout.delay_ms());
}

#[test]
fn a_fast_sender_does_not_fill_the_buffer() {
    let mut line = Line::new(Coding::Pcmu);
    // 1 % fast: every hundredth frame two packets come.
    let mut sequence = 0u64;
    for tick in 0..5000u64 {
        for _ in 0..if tick % 100 == 0 { 2 } else { 1 } {
            let packet = line.packet(300.0);
            line.push(sequence, &packet, tick * 20);
            sequence += 1;
        }
        line.pull(tick * 20);
    }
    assert!(line.playout.delay_ms() < 60.0, "{}", line.playout.delay_ms());
}

#[test]
fn a_codec_that_changes_in_the_stream_is_followed_without_a_hole() {
    let mut line = Line::new(Coding::Pcmu);
    for index in 0..200u64 {
        let coding = [Coding::Pcmu, Coding::Pcma, Coding::G722, Coding::Pcmu][index as usize / 50];
        if index % 50 == 0 {
            line.encoder = Encoder::new(coding, coding.decoded_rate()).unwrap();
        }
        let rate = coding.decoded_rate() as usize;
        let tone: Vec<f32> = (0..rate / 50)
            .map(|n| (index as f32 * 0.02 + n as f32 / rate as f32) * std::f32::consts::TAU * 400.0)
            .map(|turn| 0.4 * turn.sin())
            .collect();
        let mut packet = vec![0; 400];
        let length = line.encoder.encode_into(&tone, &mut packet).unwrap();
        line.playout.push(Kind::Audio(coding), 1000 + index, index as u32 * 160, &packet[..length], index * 20_000);
        line.pull(index * 20 + 3);
        let frame = line.playout.frame();
        let heard = dsp::level(&line.heard[line.heard.len() - frame..]);
        assert!((0.2..0.32).contains(&heard), "{index}: {heard}");
    }
    assert_eq!(line.concealed(), 0);
}
