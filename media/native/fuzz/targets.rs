//! What each fuzz target does with its input. Shared by `fuzz_targets/` (cargo-fuzz) and by `engine/tests/malformed.rs`, which
//! replays the corpus, cut and changed, with the stable compiler.
//!
//! A target panics when something is wrong: a panic of the engine, or one of the assertions here.

use std::io::Cursor;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::codec::{Coding, Decoder, amr, external};
use engine::dtls::DtlsConfig;
use engine::dtls::association::{Association, Happening, Shared};
use engine::ice::{IceConfig, IceLite, stun};
use engine::jitter::{Kind as Packet, Playout};
use engine::media::source::{Source, read_all};
use engine::rtcp;
use engine::rtp::{self, telephone_event};
use engine::srtp::{Context, Profile, SrtpKeys};
use engine::worker::ways;

/// A target takes one input.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus folder.
pub const ALL: [(&str, Target); 10] = [
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("stun", stun),
    ("srtp", srtp),
    ("dtls", dtls),
    ("wav", wav),
    ("foreign", foreign),
    ("opus", opus),
    ("frames", frames),
    ("playout", playout),
];

/// Headers and telephone events.
pub fn rtp(input: &[u8]) {
    let kind = rtp::kind(input);
    assert_eq!(format!("{kind:?}"), format!("{:?}", rtp::kind(input)));
    let _ = rtp::Header::parse(input);
    if let Some(event) = telephone_event::Payload::parse(input) {
        let _ = telephone_event::digit(event.bytes()[0]);
    }
}

/// Compound packets and what a session makes of them.
pub fn rtcp(input: &[u8]) {
    let mut reports = 0;
    let framed = rtcp::parse(input, |report| {
        reports += 1;
        if let rtcp::Report::Voip { from, metrics } = report {
            let mut again = Vec::new();
            rtcp::write_voip(&mut again, from, &metrics);
            let mut same = false;
            rtcp::parse(&again, |read| same = read == report);
            assert!(same, "{metrics:?}");
        }
    });
    assert!(reports <= input.len() / 4, "more reports than words");
    let mut session = rtcp::session::Session::default();
    let mut reception = rtcp::session::Reception::default();
    assert_eq!(session.input(input, 1, 0x1234_5678_9abc_def0, &mut reception, 1_000_000), framed);
}

/// A responder that was not nominated yet answers only what is authentic, and never more than it gets.
pub fn stun(input: &[u8]) {
    let config = IceConfig {
        local_ufrag: "uFrG".into(),
        local_pwd: "passwordpasswordpassword1".into(),
        remote_ufrag: None,
        remote_pwd: None,
        lite: true,
    };
    let now = Instant::now();
    let source = SocketAddr::from(([192, 0, 2, 1], 4000));
    let Ok(mut ice) = IceLite::new(source, &config, now) else { panic!("the credentials are sound") };
    ice.input(input, source, now);
    let authentic = stun::Request::parse(input).is_ok_and(|request| request.authentic(&config.local_pwd));
    let response = ice.poll_transmit();
    assert!(authentic || response.is_none(), "a stranger was answered");
    assert!(response.is_none_or(|(bytes, to)| to == source && bytes.len() <= 3 * input.len()));
    ice.timeout(now + Duration::from_secs(20));
    while ice.poll_event().is_some() {}
}

/// All profiles: what was not sent by us is refused unless it is authentic, and leaves room for what is.
pub fn srtp(input: &[u8]) {
    for profile in Profile::ALL {
        let master = vec![0x5a; profile.key_len() + profile.salt_len()];
        let keys = SrtpKeys { profile, send: master.clone(), receive: master };
        let Ok(mut context) = Context::new(&keys) else { panic!("the keys are sound") };
        assert!(context.unprotect_rtp(&mut input.to_vec()).is_err());
        assert!(context.unprotect_rtcp(&mut input.to_vec()).is_err());
        let mut buffer = input.to_vec();
        buffer.resize(input.len() + 32, 0);
        if let Ok(length) = context.protect_rtp(&mut buffer, input.len()) {
            let plain = context.unprotect_rtp(&mut buffer[..length]);
            assert_eq!(plain.map(|length| &buffer[..length]), Ok(input));
        }
        let mut buffer = input.to_vec();
        buffer.resize(input.len() + 32, 0);
        if let Ok(length) = context.protect_rtcp(&mut buffer, input.len()) {
            let plain = context.unprotect_rtcp(&mut buffer[..length]);
            assert_eq!(plain.map(|length| &buffer[..length]), Ok(input));
        }
    }
}

thread_local! {
    static SHARED: Shared = Shared::new().unwrap_or_else(|error| panic!("{error}"));
}

/// One datagram to an association that waits: no keys, no end, and no flood of answers.
pub fn dtls(input: &[u8]) {
    let config = DtlsConfig {
        certificate_der: include_bytes!("../../../tests/vectors/dtls/bob.certificate.der").to_vec(),
        private_key_pkcs8_der: include_bytes!("../../../tests/vectors/dtls/bob.key.der").to_vec(),
        remote_fingerprint: format!("sha-256 {}", ["00"; 32].join(":")),
        active: false,
    };
    let now = Instant::now();
    let association = SHARED.with(|shared| Association::new(shared, &config, now));
    let Ok(mut association) = association else { panic!("the configuration is sound") };
    let mut said = Vec::new();
    association.input(input, now, &mut said);
    association.timeout(now + Duration::from_millis(300), &mut said);
    let connected = said.iter().any(|happening| matches!(happening, Happening::Connected { .. }));
    assert!(!connected && said.len() < 16, "{said:?}");
}

/// A payload of G.729, AMR or iLBC; the first octet says which. What is told of its length holds, and a library, where one is
/// there, decodes exactly that.
pub fn foreign(input: &[u8]) {
    static LIBRARIES: std::sync::Once = std::sync::Once::new();
    LIBRARIES.call_once(|| external::install(plugin::Libraries::load(&["auto".to_owned()])));
    let Some((kind, payload)) = input.split_first() else { return };
    let (wide, form) = (kind & 1 == 1, amr::Form { aligned: kind & 2 == 2, modes: 0xff });
    let coding = match kind >> 2 & 3 {
        0 => Coding::G729,
        1 => Coding::Ilbc { ms: if wide { 20 } else { 30 } },
        _ => Coding::Amr { wide, form },
    };
    let ticks = coding.ticks(payload);
    assert!(ticks.is_none_or(|ticks| (80..=3840).contains(&ticks)), "10 to 240 ms: {ticks:?}");
    coding.tells_silence(payload);
    assert!(coding.requests(payload).is_none_or(|mode| mode < 9));
    let mut frames = 0;
    let unpacked = amr::unpack(payload, wide, form, |frame| {
        frames += 1;
        assert!(frame.is_none_or(|frame| (2..=61).contains(&frame.len())));
    });
    assert!(frames <= 12 && unpacked == (frames > 0));
    let Some(mut decoder) = Decoder::new(coding) else { return };
    let mut out = Vec::new();
    assert_eq!(decoder.decode_into(payload, &mut out), ticks.is_some());
    assert_eq!(out.len() as u32, ticks.unwrap_or(0), "a sample per tick");
}

/// A payload of Opus: decoded, or used to conceal the one before it. What is told of its length holds.
pub fn opus(input: &[u8]) {
    let ticks = Coding::Opus.ticks(input);
    assert!(ticks.is_none_or(|ticks| (120..=5760).contains(&ticks)), "2.5 to 120 ms: {ticks:?}");
    let Some(mut decoder) = Decoder::new(Coding::Opus) else { panic!("the library is there") };
    let mut out = Vec::new();
    decoder.conceal_into(Some(input), 320, &mut out);
    assert!(out.len() <= 2 * 5760, "{}", out.len());
    out.clear();
    if decoder.decode_into(input, &mut out) {
        assert!(!out.is_empty() && out.len() <= 1920, "{}", out.len());
        assert!(out.iter().all(|sample| sample.abs() <= 2.0), "no louder, and a number");
    } else {
        assert!(out.is_empty());
    }
    decoder.conceal_into(None, 320, &mut out);
}

/// A TCP stream in pieces (RFC 4571): the packets are those of the stream as a whole, and what waits is bounded.
pub fn frames(input: &[u8]) {
    let Some((&size, stream)) = input.split_first() else { return };
    let whole: Vec<Vec<u8>> = {
        let mut received = stream.to_vec();
        std::iter::from_fn(|| ways::take_frame(&mut received)).collect()
    };
    let (mut received, mut taken) = (Vec::new(), Vec::new());
    for piece in stream.chunks(usize::from(size).max(1)) {
        received.extend_from_slice(piece);
        taken.extend(std::iter::from_fn(|| ways::take_frame(&mut received)));
    }
    assert_eq!(taken, whole);
    assert!(whole.iter().map(|packet| packet.len() + 2).sum::<usize>() <= stream.len());
}

/// What a party may put into a jitter buffer: four octets say codec, sequence, timestamp and time of each packet.
pub fn playout(input: &[u8]) {
    let codings = [Coding::Pcmu, Coding::G722, Coding::Opus, Coding::L16 { rate: 48_000, channels: 2 }];
    let Some((&first, mut rest)) = input.split_first() else { return };
    let coding = codings[usize::from(first) % codings.len()];
    let Some(mut playout) = Playout::new(coding, 20, 200) else { panic!("the library is there") };
    let (mut sequence, mut timestamp, mut now, mut due) = (1u64 << 16, 0u32, 1_000_000u64, 1_000_000u64);
    let mut frame = Vec::new();
    while let Some((&[step, ticks, wait, length], tail)) = rest.split_first_chunk::<4>() {
        sequence = sequence.wrapping_add_signed(i64::from(step as i8)).max(1);
        timestamp = timestamp.wrapping_add((i32::from(ticks as i8) * 160) as u32);
        now += u64::from(wait) * 1000;
        let payload = tail.get(..usize::from(length).min(tail.len())).unwrap_or_default();
        let kind = if step == 0x7f { Packet::Noise } else { Packet::Audio(coding) };
        playout.push(kind, sequence, timestamp, payload, now);
        while due <= now {
            playout.pull_into(due, &mut frame);
            assert_eq!(frame.len(), coding.decoded_rate() as usize / 50);
            assert!(frame.iter().all(|sample| sample.is_finite() && sample.abs() < 8.0));
            due += 20_000;
        }
        rest = tail.get(payload.len()..).unwrap_or_default();
    }
    assert!(playout.delay_ms().is_finite() && playout.target_ms() <= 400.0);
}

/// Files of users: WAV and Ogg/Opus.
pub fn wav(input: &[u8]) {
    let (Ok(mut source), Ok(same)) = (Source::open(Cursor::new(input)), Source::open(Cursor::new(input))) else {
        return;
    };
    // A packet of one octet may stand for 120 ms: only what is short is decoded.
    if let Ok(whole) = read_all(same, 10_000) {
        assert!(whole.samples.len() <= 48 * 10_200);
        assert!(whole.samples.iter().all(|sample| sample.is_finite()));
        let mut rest = Vec::new();
        if source.seek(50).is_ok() {
            while source.read(&mut rest).unwrap_or(false) {}
        }
        assert!(rest.len() <= whole.at_rate(16_000).len() + 1);
    }
}
