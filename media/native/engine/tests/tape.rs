//! In-band DTMF against tapes: 128 digits that must be heard (ITU-T Q.24), 128 that are none, and ten minutes of speech and music.

use std::f64::consts::TAU;
use std::path::Path;

use engine::dsp::dtmf::{Detector, frequencies};

const RATE: f64 = 8000.0;
const DIGITS: &str = "1234567890*#ABCD";

/// Noise that is the same each time, with a triangular density of standard deviation 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        (uniform() + uniform()) * 6f64.sqrt()
    }
}

/// One digit as it is played: levels in dBm0 of row and column, factors of their frequencies, ms.
#[derive(Clone, Copy)]
struct Played {
    low: f64,
    high: f64,
    low_shift: f64,
    high_shift: f64,
    ms: f64,
    pause_ms: f64,
    snr: Option<f64>,
}

const PLAIN: Played =
    Played { low: -10.0, high: -10.0, low_shift: 1.0, high_shift: 1.0, ms: 40.0, pause_ms: 40.0, snr: None };

/// 0 dBm0 is 3.17 dB below a full-scale sine (G.711, µ-law).
fn amplitude(dbm0: f64) -> f64 {
    10f64.powf((dbm0 - 3.17) / 20.0)
}

/// Appends the digit and its pause, as a G.711 A-law decoder would give them.
fn put(tape: &mut Vec<f32>, digit: char, played: Played, noise: &mut Noise) {
    let (low, high) = frequencies(digit).expect("a digit");
    let start = tape.len() as f64 * 0.37; // each digit begins with other phases
    let on = (played.ms * RATE / 1000.0) as usize;
    let count = on + (played.pause_ms * RATE / 1000.0) as usize;
    let power = (amplitude(played.low).powi(2) + amplitude(played.high).powi(2)) / 2.0;
    let sigma = played.snr.map_or(0.0, |snr| (power / 10f64.powf(snr / 10.0)).sqrt());
    for index in 0..count {
        let t = index as f64 / RATE;
        let mut sample = sigma * noise.next();
        if index < on {
            sample += amplitude(played.low) * (TAU * f64::from(low) * played.low_shift * t + start).sin();
            sample += amplitude(played.high) * (TAU * f64::from(high) * played.high_shift * t + 2.0 * start).sin();
        }
        tape.push(sample.clamp(-1.0, 1.0) as f32);
    }
}

fn listen(tape: &[f32]) -> String {
    let mut detector = Detector::new(8000);
    let mut heard = String::new();
    for frame in tape.chunks(160) {
        detector.input(frame, 0, |_| (), |digit| heard.push(digit.digit));
    }
    heard
}

fn tape(conditions: &[Played]) -> (Vec<f32>, String) {
    let (mut samples, mut played, mut noise) = (vec![0.0; 800], String::new(), Noise(88_172_645_463_325_252));
    for &condition in conditions {
        for digit in DIGITS.chars() {
            put(&mut samples, digit, condition, &mut noise);
            played.push(digit);
        }
    }
    samples.extend(vec![0.0; 1600]);
    (samples, played)
}

#[test]
fn of_128_digits_at_the_edges_of_q24_at_least_127_are_heard() {
    let conditions = [
        Played { low: -3.0, high: -3.0, ..PLAIN },
        Played { low: -25.0, high: -25.0, ..PLAIN },
        Played { low: -12.0, high: -8.0, ..PLAIN },  // the column 4 dB above
        Played { low: -10.0, high: -18.0, ..PLAIN }, // the column 8 dB below
        Played { low_shift: 1.015, high_shift: 1.015, ..PLAIN },
        Played { low_shift: 0.985, high_shift: 0.985, ..PLAIN },
        Played { snr: Some(15.0), ..PLAIN },
        Played { low: -20.0, high: -25.0, low_shift: 0.985, high_shift: 1.015, snr: Some(15.0), ..PLAIN },
    ];
    let mut right = 0;
    for condition in conditions {
        let (samples, played) = tape(&[condition]);
        let heard = listen(&samples);
        let found = in_order(&played, &heard);
        println!("{found} of {}: {heard}", played.len());
        assert!(heard.len() <= played.len(), "no digit twice: {heard}");
        right += found;
    }
    assert!(right >= 127, "{right} of 128");
}

/// How many of `played` are heard, in order.
fn in_order(played: &str, heard: &str) -> usize {
    let mut rest = played.chars();
    heard.chars().filter(|digit| rest.any(|each| each == *digit)).count()
}

#[test]
fn of_128_sounds_that_are_no_digits_at_most_two_are_taken_for_one() {
    let conditions = [
        Played { ms: 22.0, ..PLAIN },
        Played { ms: 22.0, low: -4.0, high: -4.0, ..PLAIN },
        Played { low_shift: 1.035, high_shift: 1.035, ms: 100.0, ..PLAIN },
        Played { low_shift: 0.965, high_shift: 0.965, ms: 100.0, ..PLAIN },
        Played { high: -90.0, ms: 100.0, ..PLAIN }, // a single tone
        Played { low: -90.0, ms: 100.0, ..PLAIN },
        Played { low: -20.0, high: -9.0, ms: 100.0, ..PLAIN }, // twist of 11 dB
        Played { low: -6.0, high: -19.0, ms: 100.0, ..PLAIN }, // and of −13 dB
    ];
    let mut false_ones = 0;
    for condition in conditions {
        let heard = listen(&tape(&[condition]).0);
        println!("{}: {heard}", heard.len());
        false_ones += heard.len();
    }
    assert!(false_ones <= 2, "{false_ones} of 128");
}

/// Samples of a PCM16 file of one channel at 8 kHz, at another rate by repeating or leaving out after a mean.
fn read(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).expect("a file");
    let at = bytes.windows(4).position(|word| word == b"data").expect("a data chunk") + 8;
    let rate = u32::from_le_bytes(bytes[24..28].try_into().expect("four octets"));
    let samples: Vec<f32> =
        bytes[at..].chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect();
    match engine::dsp::resample::Resampler::new(rate, 8000) {
        Some(mut resampler) => {
            let mut out = Vec::new();
            resampler.process_into(&samples, &mut out);
            out
        }
        None => samples,
    }
}

#[test]
fn ten_minutes_of_speech_and_music_hold_no_digit() {
    // At run time: checkouts that share a target directory share this binary.
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo")).join("../../..");
    let mut sources = Vec::new();
    for folder in ["tests/vectors/speech", "softswitch/prompts/en", "softswitch/prompts/zh-CN"] {
        let files =
            std::fs::read_dir(root.join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "wav")).collect();
        files.sort();
        sources.extend(files.iter().map(|path| read(path)));
    }
    let music = read(&root.join("softswitch/prompts/music/default.wav"));
    sources.push(music.clone());
    let mut detector = Detector::new(8000);
    let (mut heard, mut played) = (String::new(), 0);
    let mut round = 0;
    // Other levels, speeds and mixtures each round: the same file is not the same to the detector.
    while played < 600 * 8000 {
        let gain = [1.0, 0.5, 1.8, 0.25][round % 4];
        for (index, source) in sources.iter().enumerate() {
            let speed = 1.0 + 0.03 * ((round + index) % 9) as f64 - 0.12;
            let count = (source.len() as f64 / speed) as usize;
            let mixed: Vec<f32> = (0..count)
                .map(|at| {
                    let place = (at as f64 * speed) as usize;
                    let below = if round % 3 == 2 { 0.2 * music[at % music.len()] } else { 0.0 };
                    (gain * source[place.min(source.len() - 1)] + below).clamp(-1.0, 1.0)
                })
                .collect();
            for frame in mixed.chunks(160) {
                detector.input(frame, 0, |_| (), |digit| heard.push(digit.digit));
            }
            played += count;
        }
        round += 1;
    }
    assert_eq!(heard, "", "in {} s", played / 8000);
}
