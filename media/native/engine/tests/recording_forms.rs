//! Recordings as Ogg/Opus, encrypted, of many channels; what a pause sounds like; what is there when the process dies.

mod stage;

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes256Gcm, KeyInit};
use engine::codec::to_f32;
use engine::command::Command;
use engine::dsp::goertzel;
use engine::event::Event;
use engine::media::disk::Format;
use engine::media::seal::FileKey;
use ogg::PacketReader;
use opusic_c::{Channels, Decoder, SampleRate};
use sha2::{Digest, Sha256};
use stage::{Stage, listen, pcma, pcmu};

const KEY: [u8; 32] = [42; 32];

/// Every record of an encrypted file, opened; panics at one that does not fit. True when the file has its end.
fn opened(file: &[u8]) -> (Vec<u8>, bool) {
    let envelope = usize::from(u16::from_le_bytes([file[8], file[9]]));
    let (head, mut rest) = file.split_at(10 + envelope);
    let digest: [u8; 32] = Sha256::digest(head).into();
    let cipher = Aes256Gcm::new(&KEY.into());
    let (mut plain, mut number, mut ended) = (Vec::new(), 0u64, false);
    while rest.len() >= 20 && !ended {
        let word = u32::from_le_bytes(rest[..4].try_into().unwrap());
        let (flags, length) = ((word >> 24) as u8, (word & 0xff_ffff) as usize);
        if rest.len() < 20 + length {
            break;
        }
        let mut nonce = [0; 12];
        nonce[0] = flags;
        nonce[4..].copy_from_slice(&number.to_le_bytes());
        let mut text = rest[4..4 + length].to_vec();
        let tag = rest[4 + length..20 + length].into();
        cipher.decrypt_in_place_detached(&nonce.into(), &digest, &mut text, tag).expect("an authentic record");
        plain.extend(text);
        (rest, number, ended) = (&rest[20 + length..], number + 1, flags & 1 != 0);
    }
    (plain, ended)
}

/// Channels of a PCM16 file, each.
fn wav_channels(file: &[u8], count: usize) -> Vec<Vec<f32>> {
    let words: Vec<f32> =
        file[44..].chunks_exact(2).map(|pair| to_f32(i16::from_le_bytes([pair[0], pair[1]]))).collect();
    (0..count).map(|channel| words.iter().skip(channel).step_by(count).copied().collect()).collect()
}

/// Channels of an Ogg/Opus file at 8 kHz as a player gives them out: pre-skip and the end's trimming are heeded.
fn opus_channels(file: &[u8]) -> Vec<Vec<f32>> {
    let mut reader = PacketReader::new(Cursor::new(file));
    let head = reader.read_packet().unwrap().expect("a head").data;
    assert_eq!(&head[..8], b"OpusHead");
    let count = usize::from(head[9]);
    let skip = usize::from(u16::from_le_bytes([head[10], head[11]])) / 6;
    assert!(count == 1 || head[19..21] == [count as u8, 0], "one stream per channel, none coupled");
    assert_eq!(&reader.read_packet().unwrap().expect("tags").data[..8], b"OpusTags");
    let mut decoders: Vec<Decoder> =
        (0..count).map(|_| Decoder::new(Channels::Mono, SampleRate::Hz8000).unwrap()).collect();
    let mut channels = vec![Vec::new(); count];
    let mut end = 0;
    while let Some(packet) = reader.read_packet().unwrap() {
        end = packet.absgp_page() as usize / 6;
        let mut rest = packet.data.as_slice();
        for (index, (decoder, channel)) in decoders.iter_mut().zip(&mut channels).enumerate() {
            let own = if index + 1 == count { rest.to_vec() } else { split_off(&mut rest) };
            let mut samples = [0f32; 960];
            // A frame without content is loss to the library, whatever its table of contents says.
            let payload = if own.len() > 1 { own.as_slice() } else { &[] };
            let decoded = decoder.decode_float_to_slice(payload, &mut samples[..160], false).unwrap();
            assert_eq!(decoded, 160);
            channel.extend(&samples[..160]);
        }
    }
    channels.iter().map(|channel| channel[skip..end.min(channel.len())].to_vec()).collect()
}

/// The first packet of several, self-delimited (RFC 6716 appendix B).
fn split_off(rest: &mut &[u8]) -> Vec<u8> {
    let (length, from) = match usize::from(rest[1]) {
        short @ 0..252 => (short, 2),
        low => (low + 4 * usize::from(rest[2]), 3),
    };
    let mut packet = vec![rest[0]];
    packet.extend(&rest[from..from + length]);
    *rest = &rest[from + length..];
    packet
}

fn amplitude(samples: &[f32], from_ms: usize, to_ms: usize, hertz: f32) -> f32 {
    goertzel::power(&samples[from_ms * 8..to_ms * 8], hertz, 8000).sqrt()
}

fn key() -> Option<FileKey> {
    FileKey::new(&KEY, b"envelope".to_vec())
}

fn await_file(path: &Path, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let file = std::fs::read(path).unwrap_or_default();
        if enough(&file) || Instant::now() > end {
            return file;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn two_talk(name: &str) -> Stage {
    let mut stage = Stage::new(name);
    stage.port(1, 400.0, pcmu());
    stage.port(2, 700.0, pcma());
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    stage.run(300);
    stage
}

#[test]
fn opus_keeps_sides_apart_times_true_and_the_length_exact() {
    let mut stage = two_talk("opus");
    let path = stage.record_with(90, "call.opus", &[&[1], &[2]], None, |record| record.format = Format::Opus);
    let beside = stage.record(91, "call.wav", &[&[1], &[2]], None);
    stage.run(1007);
    stage.peer(2).talking = false;
    stage.run(1000);
    stage.peer(2).talking = true;
    stage.run(1000);
    stage.submit(vec![Command::StopRecord { recorder: 90 }, Command::StopRecord { recorder: 91 }]);
    let Event::RecordEnded { duration, bytes, verdict, .. } = stage.recorded(90) else { unreachable!() };
    assert_eq!((duration, verdict), (3007, "complete"));
    assert!(bytes < 3 * 6000, "{bytes} octets are more than 48 kbit/s");
    let channels = opus_channels(&std::fs::read(path).unwrap());
    let [left, right] = channels.as_slice() else { panic!("two channels") };
    assert_eq!((left.len(), right.len()), (3007 * 8, 3007 * 8));
    assert!(amplitude(left, 200, 2900, 400.0) > 0.2 && amplitude(left, 200, 2900, 700.0) < 0.003);
    assert!(amplitude(right, 100, 900, 700.0) > 0.2 && amplitude(right, 100, 900, 400.0) < 0.003);
    assert!(amplitude(right, 1250, 1900, 700.0) < 0.01, "absent audio is silence");
    assert!(amplitude(right, 2200, 2900, 700.0) > 0.2, "and nothing moves because of it");
    stage.recorded(91);
    let exact = wav_channels(&std::fs::read(beside).unwrap(), 2);
    let began = |samples: &[f32]| samples.iter().position(|sample| sample.abs() > 0.05).expect("a tone") as i64;
    let skew = (began(left) - began(&exact[0])).abs();
    assert!(skew <= 8, "{skew} samples beside the WAV file of the same call");
}

#[test]
fn many_channels_each_their_own() {
    for format in [Format::Wav, Format::Opus] {
        let mut stage = two_talk("many");
        stage.port(3, 1000.0, pcmu());
        let sets: &[&[u64]] = &[&[1], &[2], &[3], &[], &[1, 2, 3]];
        let path = stage.record_with(90, "room", sets, None, |record| record.format = format);
        stage.run(1500);
        stage.submit(vec![Command::StopRecord { recorder: 90 }]);
        stage.recorded(90);
        let file = std::fs::read(path).unwrap();
        let channels = if format == Format::Wav { wav_channels(&file, 5) } else { opus_channels(&file) };
        for (channel, heard) in channels.iter().zip([&[400.0][..], &[700.0], &[1000.0], &[], &[400.0, 700.0, 1000.0]]) {
            let found: Vec<f32> = [400.0, 700.0, 1000.0]
                .into_iter()
                .filter(|hertz| amplitude(channel, 500, 1400, *hertz) > 0.1)
                .collect();
            assert_eq!(found, heard, "{format:?}");
        }
    }
}

#[test]
fn an_encrypted_file_opens_with_its_key_alone_and_says_where_it_ends() {
    for format in [Format::Wav, Format::Opus] {
        let mut stage = two_talk("sealed");
        let path = stage.record_with(90, "sealed", &[&[1], &[2]], None, |record| {
            (record.format, record.key) = (format, key());
        });
        stage.run(2000);
        stage.submit(vec![Command::StopRecord { recorder: 90 }]);
        let Event::RecordEnded { bytes, sha256, verdict, .. } = stage.recorded(90) else { unreachable!() };
        let file = std::fs::read(path).unwrap();
        assert_eq!((bytes, verdict), (file.len() as u64, "complete"));
        let digest: String = Sha256::digest(&file).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(sha256, digest);
        assert!(file.starts_with(b"SSWREC1\n\x08\x00envelope"));
        let (plain, ended) = opened(&file);
        assert!(ended);
        let channels = if format == Format::Wav {
            assert_eq!(&plain[40..44], &(2000u32 * 32).to_le_bytes(), "the header tells the length");
            wav_channels(&plain, 2)
        } else {
            opus_channels(&plain)
        };
        assert!(amplitude(&channels[0], 200, 1900, 400.0) > 0.2 && amplitude(&channels[1], 200, 1900, 700.0) > 0.2);
        assert_eq!(channels[0].len(), 2000 * 8);
    }
}

#[test]
fn while_it_grows_all_but_the_last_second_is_on_the_disk_and_can_be_read() {
    for (format, sealed) in [(Format::Wav, false), (Format::Wav, true), (Format::Opus, false), (Format::Opus, true)] {
        let mut stage = two_talk("growing");
        let path = stage.record_with(90, "growing", &[&[1], &[2]], None, |record| {
            (record.format, record.key) = (format, if sealed { key() } else { None });
        });
        stage.run(5000);
        let part = path.with_extension("part");
        let seconds = |file: &[u8]| {
            let plain = if sealed { opened(file).0 } else { file.to_vec() };
            match format {
                Format::Wav => plain.len().saturating_sub(44) as f64 / 32_000.0,
                Format::Opus if plain.len() < 200 => 0.0,
                Format::Opus => opus_channels(&plain)[0].len() as f64 / 8000.0,
            }
        };
        // A turn of the disk thread after the last sample: no more than a second may be missing.
        let file = await_file(&part, |file| !file.is_empty() && seconds(file) >= 4.0);
        assert!(seconds(&file) >= 4.0, "{format:?} {sealed}: {} s", seconds(&file));
        stage.submit(vec![Command::StopRecord { recorder: 90 }]);
        stage.recorded(90);
    }
}

#[test]
fn a_pause_may_beep_and_is_noted_at_once() {
    let mut stage = two_talk("beep");
    let path = stage.record_with(90, "beep.wav", &[&[1], &[2]], None, |record| record.beep_ms = 500);
    stage.run(1000);
    stage.submit(vec![Command::ControlRecord { recorder: 90, channels: None, pause: Some(true), mark: "card".into() }]);
    stage.run(2000);
    let manifest = await_file(&path.with_extension("wav.json"), |text| text.windows(4).any(|part| part == b"card"));
    let manifest = String::from_utf8(manifest).unwrap();
    assert!(manifest.contains("\"verdict\":\"recording\"") && manifest.contains("\"pauses\":[[1000,"), "{manifest}");
    stage.submit(vec![Command::StopRecord { recorder: 90 }]);
    assert!(matches!(stage.recorded(90), Event::RecordEnded { duration: 3000, .. }));
    let channels = wav_channels(&std::fs::read(path).unwrap(), 2);
    for (side, voice) in channels.iter().zip([400.0, 700.0]) {
        assert!(amplitude(side, 1500, 1600, 1000.0) > 0.08, "a beep each half second");
        assert!(amplitude(side, 1620, 1980, 1000.0) < 0.01 && amplitude(side, 1020, 3000, voice) < 0.01);
    }
}
