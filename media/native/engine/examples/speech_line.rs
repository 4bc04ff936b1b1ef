//! Speech through the engine in virtual time, for `tests/bench/speech.py`: what goes in and what is heard are WAV files (PCM16,
//! mono), so the same words give the same figures on any machine.
//!
//! `speech_line line IN OUT --from CODEC --to CODEC [--loss %] [--burst N] [--jitter MS] [--reorder %] [--ppm P] [--ptime MS]
//! [--seed N]`: one direction of a call. With equal codecs packets are passed on; `--mix` mixes nevertheless. OUT is what the
//! far end decodes. Prints one JSON line: ms concealed, mean delay, target, lost, late.
//!
//! `speech_line room IN…`: every file is a party of a conference, they talk one after another. Prints the level in dB at which each
//! hears each, against what was said.
//!
//! `speech_line record OUT --seconds S [--ppm P]`: both parties click each second, one with a clock that drifts; OUT is the recording.

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::io::Write;

use engine::codec::{Coding, external, to_f32, to_i16};
use engine::command::{Command, PayloadMap};
use engine::dsp::{level, resample};
use engine::event::{Event, PortStats};
use plugin::Libraries;
use stage::{GROUP, Stage, g722, l16, listen, map, opus, pcma, pcmu};

type Failure = Box<dyn std::error::Error>;

struct Options(Vec<String>);

impl Options {
    fn text(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, default: f64) -> Result<f64, Failure> {
        self.text(name)
            .map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} {text}: a number is expected").into()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument == name)
    }

    fn files(&self) -> impl Iterator<Item = &str> {
        self.0.iter().take_while(|argument| !argument.starts_with("--")).map(String::as_str)
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
    let options = Options(arguments);
    match mode.as_str() {
        "line" => line(&options),
        "room" => room(&options),
        "record" => record(&options),
        _ => Err("usage: speech_line line IN OUT | room IN… | record OUT; see the head of the source".into()),
    }
}

fn codec(name: Option<&str>) -> Result<Vec<PayloadMap>, Failure> {
    Ok(match name.unwrap_or("PCMU") {
        "PCMU" => pcmu(),
        "PCMA" => pcma(),
        "G722" => g722(),
        "OPUS" => opus(),
        "L16" => l16(),
        "G729" => foreign("G729", 8000, "annexb=no")?,
        "AMR" => foreign("AMR", 8000, "octet-align=1")?,
        "AMR-WB" => foreign("AMR-WB", 16_000, "octet-align=1")?,
        other => return Err(format!("{other}: no such codec").into()),
    })
}

/// A codec of the system's libraries.
fn foreign(name: &str, clock: u32, fmtp: &str) -> Result<Vec<PayloadMap>, Failure> {
    external::install(Libraries::load(&["auto".to_owned()]));
    let codec = PayloadMap { fmtp: fmtp.into(), ..map(name, 96, clock) };
    let there = Coding::of(&codec).is_some_and(external::is_available);
    if there { Ok(vec![codec]) } else { Err(format!("{name}: no library").into()) }
}

/// Samples and rate of a PCM16 mono file.
fn read(path: &str) -> Result<(Vec<f32>, u32), Failure> {
    let bytes = std::fs::read(path)?;
    let rate = bytes.get(24..28).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes).ok_or("no WAV file")?;
    let data = bytes.windows(4).position(|four| four == b"data").ok_or("no data in the file")? + 8;
    let sample = |pair: &[u8]| to_f32(i16::from_le_bytes([pair[0], pair[1]]));
    Ok((bytes[data..].chunks_exact(2).map(sample).collect(), rate))
}

fn write(path: &str, samples: &[f32], rate: u32) -> Result<(), Failure> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let size = samples.len() as u32 * 2;
    file.write_all(b"RIFF")?;
    file.write_all(&(36 + size).to_le_bytes())?;
    file.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x01\0")?;
    file.write_all(&rate.to_le_bytes())?;
    file.write_all(&(rate * 2).to_le_bytes())?;
    file.write_all(b"\x02\0\x10\0data")?;
    file.write_all(&size.to_le_bytes())?;
    for sample in samples {
        file.write_all(&to_i16(*sample).to_le_bytes())?;
    }
    Ok(file.flush()?)
}

/// A peer says these samples, then is silent.
fn say(stage: &mut Stage, port: u64, samples: &[f32], rate: u32) {
    let peer = stage.peer(port);
    let said = resample::convert(samples, rate, peer.coding.encoded_rate(16_000));
    peer.voice = Some(Box::new(move |at| said.get(at as usize).copied().unwrap_or(0.0)));
}

fn stats(stage: &mut Stage, port: u64) -> Result<PortStats, Failure> {
    stage.submit(vec![Command::Sample { port }]);
    let found = stage.events.iter().rev().find_map(|event| match event {
        Event::Stats { port: of, stats } if *of == port => Some((**stats).clone()),
        _ => None,
    });
    found.ok_or_else(|| "no statistics".into())
}

/// A line that is the same for the same seed: loss in bursts of mean length, delay uniform up to the jitter.
fn bad_line(options: &Options) -> Result<Box<dyn FnMut(u64) -> Option<u64>>, Failure> {
    let (loss, burst) = (options.number("--loss", 0.0)? / 100.0, options.number("--burst", 1.0)?.max(1.0));
    let (jitter, reorder) = (options.number("--jitter", 0.0)?, options.number("--reorder", 0.0)? / 100.0);
    let mut state = options.number("--seed", 1.0)? as u64 * 2 + 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut losing = false;
    (0..20).for_each(|_| {
        random();
    });
    Ok(Box::new(move |_| {
        // Two states: the mean burst and the share of loss give both chances.
        losing = if losing { random() >= 1.0 / burst } else { random() < loss / ((1.0 - loss) * burst) };
        let delay = random() * jitter + if random() < reorder { 25.0 } else { 0.0 };
        (!losing).then_some(delay as u64)
    }))
}

fn line(options: &Options) -> Result<(), Failure> {
    let files: Vec<&str> = options.files().collect();
    let [source, target] = files[..] else { return Err("two files are expected".into()) };
    let (speech, rate) = read(source)?;
    let mut stage = Stage::new("speech");
    let ptime = options.number("--ptime", 20.0)?;
    stage.port_with(1, 0.0, codec(options.text("--from"))?, |open| open.ptime_ms = ptime as u32);
    stage.port(2, 0.0, codec(options.text("--to"))?);
    say(&mut stage, 1, &speech, rate);
    let bad = bad_line(options)?;
    let peer = stage.peer(1);
    (peer.line, peer.ptime_ms, peer.fast_ppm) = (bad, ptime as u64, options.number("--ppm", 0.0)?);
    stage.peer(2).talking = false;
    let gain = if options.has("--mix") { 0.01 } else { 0.0 };
    stage.submit(vec![Command::Listen { listener: 2, sources: vec![(1, gain)], ramp_ms: 5 }]);
    stage.run(speech.len() as u64 * 1000 / u64::from(rate) + 500);
    let stats = stats(&mut stage, 1)?;
    let peer = stage.peer(2);
    write(target, &peer.heard, peer.coding.decoded_rate())?;
    println!(
        "{{\"concealed_ms\":{},\"delay_ms\":{:.1},\"lost\":{},\"late\":{},\"packets\":{}}}",
        stats.concealed_ms, stats.delay_ms, stats.lost, stats.late, stats.packets_received
    );
    Ok(())
}

/// Level in dB of the loudest `count` pieces of 20 ms: speech pauses say nothing about gain.
fn loudness(samples: &[f32], count: usize) -> f32 {
    let mut levels: Vec<f32> = samples.chunks(160).map(level).collect();
    levels.sort_by(|a, b| b.total_cmp(a));
    levels.truncate(count);
    20.0 * level(&levels).max(1e-6).log10()
}

fn room(options: &Options) -> Result<(), Failure> {
    let files: Vec<&str> = options.files().collect();
    let mut stage = Stage::new("room");
    let ids: Vec<u64> = (1..=files.len() as u64).collect();
    let bus = 1000;
    stage.submit(vec![Command::OpenBus { bus, group: GROUP, max_speakers: 5, agc: false, gate: false }]);
    for &id in &ids {
        stage.port(id, 0.0, pcma());
        stage.peer(id).voice = Some(Box::new(|_| 0.0));
    }
    stage.submit(vec![Command::Listen {
        listener: bus,
        sources: ids.iter().map(|id| (*id, 0.0)).collect(),
        ramp_ms: 5,
    }]);
    stage.submit(ids.iter().map(|id| listen(*id, &[bus])).collect());
    stage.run(500);
    for (file, &speaker) in files.iter().zip(&ids) {
        let (speech, rate) = read(file)?;
        let said = resample::convert(&speech, rate, 8000);
        for &id in &ids {
            stage.peer(id).forget();
        }
        let mut at = 0;
        let words = said.clone();
        stage.peer(speaker).voice = Some(Box::new(move |_| {
            at += 1;
            words.get(at - 1).copied().unwrap_or(0.0)
        }));
        stage.run(said.len() as u64 / 8 + 400);
        let half = said.len() / 320;
        let reference = loudness(&said, half);
        for &id in &ids {
            let heard = loudness(&stage.peer(id).heard, half) - if id == speaker { 0.0 } else { reference };
            println!("{{\"speaker\":{speaker},\"listener\":{id},\"db\":{heard:.2}}}");
        }
    }
    Ok(())
}

fn record(options: &Options) -> Result<(), Failure> {
    let target = options.files().next().ok_or("a file is expected")?.to_owned();
    let seconds = options.number("--seconds", 60.0)? as u64;
    let ppm = options.number("--ppm", 0.0)?;
    let mut stage = Stage::new("recorded");
    stage.port(1, 0.0, pcmu());
    stage.port(2, 0.0, pcma());
    for (port, fast_ppm) in [(1, ppm), (2, 0.0)] {
        let peer = stage.peer(port);
        peer.fast_ppm = fast_ppm;
        // A click of 5 ms each second of real time, between them the breath of a room.
        let rate = 8000.0 * (1.0 + fast_ppm / 1e6);
        let mut state = 12_345u32;
        peer.voice = Some(Box::new(move |at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let room = (state >> 8) as f32 / (1 << 24) as f32 * 0.002 - 0.001;
            let into = (at as f64 / rate).fract();
            if into < 0.005 { 0.5 * (into as f32 * 1000.0 * std::f32::consts::TAU).sin() } else { room }
        }));
    }
    stage.submit(vec![listen(1, &[2]), listen(2, &[1])]);
    let path = stage.record(9, "clicks.wav", &[&[1], &[2]], None);
    for _ in 0..seconds {
        stage.run(1000);
        // The disk thread works in real time; its ring holds four seconds.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let drift = stats(&mut stage, 1)?;
    stage.submit(vec![Command::StopRecord { recorder: 9 }]);
    stage.run(100);
    stage.recorded(9);
    std::fs::copy(path, target)?;
    println!("{{\"concealed_ms\":{},\"delay_ms\":{:.1}}}", drift.concealed_ms, drift.delay_ms);
    Ok(())
}
