//! What each fuzz target does with its input. Shared by `fuzz_targets/` (cargo-fuzz) and by `engine/tests/malformed.rs`, which
//! replays the corpus, cut and changed, with the stable compiler.
//!
//! A target panics when something is wrong: a panic of the engine, or one of the assertions here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::dtls::DtlsConfig;
use engine::dtls::association::{Association, Happening, Shared};
use engine::ice::{IceConfig, IceLite, stun};
use engine::media::wav;
use engine::rtcp;
use engine::rtp::{self, telephone_event};
use engine::srtp::{Context, Profile, SrtpKeys};

/// A target takes one input.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus folder.
pub const ALL: [(&str, Target); 6] =
    [("rtp", rtp), ("rtcp", rtcp), ("stun", stun), ("srtp", srtp), ("dtls", dtls), ("wav", wav)];

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
    let framed = rtcp::parse(input, |_| reports += 1);
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

/// Files of users.
pub fn wav(input: &[u8]) {
    if let Ok(audio) = wav::read(input) {
        assert!(audio.samples.len() <= input.len());
        assert!(audio.rate > 0);
    }
}
