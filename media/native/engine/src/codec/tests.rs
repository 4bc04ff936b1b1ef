use super::*;

const CODINGS: [Coding; 7] = [
    Coding::Pcmu,
    Coding::Pcma,
    Coding::G722,
    Coding::Opus,
    Coding::L16 { rate: 8000, channels: 1 },
    Coding::L16 { rate: 16_000, channels: 1 },
    Coding::L16 { rate: 48_000, channels: 2 },
];

fn sine(rate: u32, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| 0.5 * (std::f32::consts::TAU * 440.0 * n as f32 / rate as f32).sin()).collect()
}

fn level(samples: &[f32]) -> f32 {
    (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
}

/// Codes and decodes half a second of a tone.
fn carried(coding: Coding) -> Vec<f32> {
    let rate = coding.encoded_rate(16_000);
    let (mut encoder, mut decoder) = (Encoder::new(coding, rate).unwrap(), Decoder::new(coding).unwrap());
    let ms = coding.packet_ms(20);
    let frame = (rate * ms / 1000) as usize;
    let mut heard = Vec::new();
    let mut packet = [0u8; 4000];
    for samples in sine(rate, rate as usize / 2).chunks_exact(frame) {
        let length = encoder.encode_into(samples, &mut packet).unwrap();
        assert_eq!(coding.ticks(&packet[..length]), Some(coding.clock() * ms / 1000), "{coding:?}");
        assert!(decoder.decode_into(&packet[..length], &mut heard));
    }
    heard
}

fn carries_a_tone(coding: Coding, within: f32) {
    let heard = carried(coding);
    let late = &heard[heard.len() / 2..];
    assert!((level(late) - 0.354).abs() < within, "{coding:?}: {}", level(late));
}

#[test]
fn every_codec_carries_a_tone() {
    for coding in CODINGS.into_iter().chain([Coding::L16 { rate: 44_100, channels: 1 }]) {
        carries_a_tone(coding, 0.03);
    }
}

#[test]
fn opus_conceals_by_itself_and_refuses_rubbish() {
    let mut decoder = Decoder::new(Coding::Opus).unwrap();
    let mut out = Vec::new();
    assert!(decoder.conceal_into(None, 320, &mut out));
    assert_eq!(out.len(), 320);
    assert!(!decoder.decode_into(&[0xff; 3], &mut out));
    assert_eq!(out.len(), 320);
}

fn map(name: &str, clock: u32, fmtp: &str) -> PayloadMap {
    PayloadMap { name: name.into(), payload_type: 96, clock, channels: 1, send_payload_type: 96, fmtp: fmtp.into() }
}

#[test]
fn names_and_parameters_make_a_coding() {
    assert_eq!(Coding::of(&map("telephone-event", 8000, "")), None);
    assert_eq!(Coding::of(&map("L16", 11_025, "")), None);
    assert_eq!(Coding::of(&map("pcma", 8000, "")), Some(Coding::Pcma));
    assert_eq!(Coding::of(&map("L16/8000", 8000, "")), Some(Coding::L16 { rate: 8000, channels: 1 }));
    assert_eq!(Coding::of(&map("iLBC", 8000, "mode=20")), Some(Coding::Ilbc { ms: 20 }));
    assert_eq!(Coding::of(&map("AMR", 8000, "crc=1")), None);
    let form = amr::Form { aligned: true, modes: 0b1000_0101 };
    let agreed = Coding::of(&map("AMR", 8000, "octet-align=1; mode-set=0,2,7"));
    assert_eq!(agreed, Some(Coding::Amr { wide: false, form }));
}

#[test]
fn packets_have_lengths_that_the_codec_and_the_network_can_carry() {
    let form = amr::Form::of("", false).unwrap();
    for (coding, wanted, given) in [
        (Coding::Opus, 30, 20),
        (Coding::Opus, 50, 40),
        (Coding::Pcmu, 30, 30),
        (Coding::G729, 10, 10),
        (Coding::Amr { wide: false, form }, 30, 40),
        (Coding::L16 { rate: 16_000, channels: 1 }, 60, 40),
        (Coding::L16 { rate: 44_100, channels: 1 }, 20, 10),
    ] {
        assert_eq!(coding.packet_ms(wanted), given, "{coding:?} {wanted}");
    }
}

/// The libraries of this machine; the codecs that it has not are told and left out.
fn with_libraries(coding: Coding) -> bool {
    external::install(plugin::Libraries::load(&["auto".to_owned()]));
    let there = external::is_available(coding);
    if !there {
        eprintln!("skipped: no library for {}", coding.name());
    }
    there
}

fn foreign() -> Vec<Coding> {
    let tight = amr::Form { aligned: false, modes: 0x1ff };
    let aligned = amr::Form { aligned: true, modes: 0x1ff };
    vec![
        Coding::G729,
        Coding::Amr { wide: false, form: tight },
        Coding::Amr { wide: false, form: aligned },
        Coding::Amr { wide: true, form: tight },
        Coding::Amr { wide: true, form: aligned },
        Coding::Ilbc { ms: 20 },
        Coding::Ilbc { ms: 30 },
    ]
}

#[test]
fn libraries_of_the_system_carry_a_tone_and_conceal() {
    for coding in foreign().into_iter().filter(|coding| with_libraries(*coding)) {
        carries_a_tone(coding, 0.08);
        let rate = coding.decoded_rate();
        let mut encoder = Encoder::new(coding, rate).unwrap();
        let mut decoder = Decoder::new(coding).unwrap();
        let (mut packet, mut heard) = ([0u8; 500], Vec::new());
        let frame = (rate * coding.packet_ms(20) / 1000) as usize;
        for (index, samples) in sine(rate, rate as usize / 2).chunks_exact(frame).enumerate() {
            let length = encoder.encode_into(samples, &mut packet).unwrap();
            if index % 10 == 9 {
                let before = heard.len();
                assert!(decoder.conceal_into(None, frame, &mut heard));
                assert_eq!(heard.len() - before, frame);
                let concealed = level(&heard[before..]);
                assert!(concealed > 0.05, "{coding:?}: a hole of {concealed}");
            } else {
                assert!(decoder.decode_into(&packet[..length], &mut heard));
            }
        }
    }
}

#[test]
fn silence_is_spared_and_its_noise_goes_on() {
    for coding in foreign().into_iter().filter(|coding| coding.has_own_silence() && with_libraries(*coding)) {
        let rate = coding.decoded_rate();
        let (mut encoder, mut decoder) = (Encoder::new(coding, rate).unwrap(), Decoder::new(coding).unwrap());
        assert!(encoder.spare_silence());
        let frame = rate as usize / 50;
        let tone = sine(rate, frame * 50);
        let mut seed = 1u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / 16_777_216.0 * 0.004 - 0.002
        };
        let (mut packet, mut heard, mut sent, mut told) = ([0u8; 500], Vec::new(), 0, 0);
        for index in 0..200 {
            let samples: Vec<f32> = match index {
                0..50 => tone[index * frame..][..frame].to_vec(),
                _ => (0..frame).map(|_| noise()).collect(),
            };
            let length = encoder.encode_into(&samples, &mut packet).unwrap();
            if length == 0 {
                assert!(decoder.rest_into(frame, &mut heard), "{coding:?}");
            } else {
                sent += 1;
                told += usize::from(coding.tells_silence(&packet[..length]));
                // What the timestamp leaves out before and after is silence too.
                assert!(encoder.late() == 0 || decoder.rest_into(encoder.late() as usize, &mut heard), "{coding:?}");
                assert!(decoder.decode_into(&packet[..length], &mut heard));
                let missing = (index + 1) * frame - heard.len();
                assert!(missing == 0 || decoder.rest_into(missing, &mut heard) || index < 52, "{coding:?} {index}");
                heard.resize((index + 1) * frame, 0.0);
            }
        }
        assert!((50..150).contains(&sent) && told > 0, "{coding:?}: {sent} sent, {told} of silence");
        assert_eq!(heard.len(), 200 * frame);
        let rest = level(&heard[150 * frame..]);
        assert!((1e-5..0.02).contains(&rest), "{coding:?}: {rest}");
    }
}

#[test]
fn a_missing_library_is_named() {
    let none = plugin::Libraries::load(&["/nowhere".to_owned()]);
    let reasons: Vec<String> = none.missing().iter().map(ToString::to_string).collect();
    assert_eq!(reasons.len(), 4);
    assert!(reasons[0].starts_with("G729 needs libbcg729.so.0: not found"), "{}", reasons[0]);
    assert!(plugin::Libraries::load(&[]).missing()[0].reason.contains("switched off"));
}

#[test]
fn broken_payloads_of_foreign_codecs_are_refused_whole() {
    for coding in foreign().into_iter().filter(|coding| with_libraries(*coding)) {
        let mut decoder = Decoder::new(coding).unwrap();
        let mut out = Vec::new();
        for payload in [&[][..], &[0xff], &[0; 37], &[0xff; 299]] {
            if coding.ticks(payload).is_none() {
                assert!(!decoder.decode_into(payload, &mut out), "{coding:?} {}", payload.len());
                assert!(out.is_empty());
            }
        }
    }
}
