//! Clocks that drift: a day of it, without delay that creeps, without holes, without clicks.

use engine::codec::{Coding, to_i16};
use engine::jitter::{Kind, Playout, Pulled};

const RATE: f64 = 8000.0;

/// A talker whose clock is fast by `ppm(hour)`: half a second of tone, half a second of pause, packets of 20 ms.
struct Talker {
    playout: Playout,
    sequence: u64,
    sent_at: f64,
    concealed: usize,
    steepest: f32,
    last: f32,
    most_delay: f64,
}

impl Talker {
    fn new() -> Self {
        let playout = Playout::new(Coding::L16 { rate: 8000, channels: 1 }, 20, 200).expect("a decoder");
        Self { playout, sequence: 0, sent_at: 7000.0, concealed: 0, steepest: 0.0, last: 0.0, most_delay: 0.0 }
    }

    fn run(&mut self, seconds: u64, pauses: bool, ppm: impl Fn(f64) -> f64) {
        // One tone packet and one of a pause are enough: 400 Hz has eight whole periods in a packet.
        let tone: Vec<u8> = (0..160)
            .flat_map(|n| to_i16(0.3 * (std::f32::consts::TAU * 400.0 * n as f32 / 8000.0).sin()).to_be_bytes())
            .collect();
        let pause = vec![0u8; 320];
        let mut frame = Vec::new();
        for tick in 0..seconds * 50 {
            let due = tick * 20_000;
            while self.sent_at <= due as f64 {
                let payload = if pauses && self.sequence / 25 % 2 == 1 { &pause } else { &tone };
                let timestamp = (self.sequence * 160) as u32;
                let kind = Kind::Audio(self.playout.coding());
                self.playout.push(kind, self.sequence + 65_536, timestamp, payload, self.sent_at as u64);
                self.sequence += 1;
                let hours = tick as f64 / 50.0 / 3600.0;
                self.sent_at += 160.0 * 1e6 / RATE / (1.0 + ppm(hours) / 1e6);
            }
            if self.playout.pull_into(due, &mut frame) == Pulled::Concealed {
                self.concealed += 1;
            }
            for sample in &frame {
                self.steepest = self.steepest.max((sample - self.last).abs());
                self.last = *sample;
            }
            if tick > 500 {
                self.most_delay = self.most_delay.max(self.playout.delay_ms());
            }
        }
    }
}

#[test]
fn a_day_of_a_wandering_clock_is_not_heard() {
    let mut talker = Talker::new();
    talker.run(24 * 3600, true, |hours| 500.0 * (hours * 0.9).sin());
    assert!(talker.concealed == 0, "{} frames concealed", talker.concealed);
    assert!(talker.most_delay < 60.0, "{} ms", talker.most_delay);
    // A tone of 400 Hz at 0.3 moves by 0.094 per sample.
    assert!(talker.steepest < 0.12, "a click of {}", talker.steepest);
}

#[test]
fn even_a_tone_without_any_pause_survives_500_ppm() {
    for ppm in [500.0, -500.0] {
        let mut talker = Talker::new();
        talker.run(900, false, |_| ppm);
        assert!(talker.concealed <= 1, "{ppm}: {} frames concealed", talker.concealed);
        assert!(talker.most_delay < 70.0, "{ppm}: {} ms", talker.most_delay);
        assert!(talker.steepest < 0.12, "{ppm}: a click of {}", talker.steepest);
        assert!((talker.playout.drift_ppm() - ppm).abs() < 30.0, "{}", talker.playout.drift_ppm());
    }
}
