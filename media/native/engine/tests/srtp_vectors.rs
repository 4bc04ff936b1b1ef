//! SRTP against published vectors and against packets that other implementations protected.

use engine::srtp::kdf::{Label, derive};
use engine::srtp::{Context, MAX_SOURCES, Profile, SrtpError, SrtpKeys};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn keys(profile: Profile, seed: u8) -> SrtpKeys {
    let master = vec![seed; profile.key_len() + profile.salt_len()];
    SrtpKeys { profile, send: master.clone(), receive: master }
}

fn context(profile: Profile) -> Context {
    Context::new(&keys(profile, 7)).unwrap()
}

fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

fn protect_rtp(context: &mut Context, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = packet.to_vec();
    buf.resize(packet.len() + 32, 0xee);
    let len = context.protect_rtp(&mut buf, packet.len())?;
    buf.truncate(len);
    Ok(buf)
}

fn unprotect_rtp(context: &mut Context, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = packet.to_vec();
    let len = context.unprotect_rtp(&mut buf)?;
    buf.truncate(len);
    Ok(buf)
}

fn protect_rtcp(context: &mut Context, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = packet.to_vec();
    buf.resize(packet.len() + 32, 0xee);
    let len = context.protect_rtcp(&mut buf, packet.len())?;
    buf.truncate(len);
    Ok(buf)
}

fn unprotect_rtcp(context: &mut Context, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = packet.to_vec();
    let len = context.unprotect_rtcp(&mut buf)?;
    buf.truncate(len);
    Ok(buf)
}

fn check_derivation(key: &str, salt: &str, label: Label, expected: &str) {
    let expected = bytes(expected);
    let mut out = vec![0; expected.len()];
    derive(&bytes(key), &bytes(salt), label, &mut out).unwrap();
    assert_eq!(out, expected, "{label:?}");
}

#[test]
fn rfc_3711_appendix_b3_key_derivation() {
    let (key, salt) = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
    check_derivation(key, salt, Label::RtpEncryption, "C61E7A93744F39EE10734AFE3FF7A087");
    check_derivation(key, salt, Label::RtpSalt, "30CBBC08863D8C85D49DB34A9AE1");
    check_derivation(
        key,
        salt,
        Label::RtpAuthentication,
        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098
         6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
    );
}

#[test]
fn rfc_6188_section_7_key_derivation() {
    let key = "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6";
    let salt = "3b04803de51ee7c96423ab5b78d2";
    let expected = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4";
    check_derivation(key, salt, Label::RtpEncryption, expected);
    check_derivation(key, salt, Label::RtpSalt, "fa31791685ca444a9e07c6c64e93");
    check_derivation(key, salt, Label::RtpAuthentication, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

struct Line {
    profile: Profile,
    rtcp: bool,
    key: Vec<u8>,
    plain: Vec<u8>,
    protected: Vec<u8>,
}

fn foreign_packets() -> Vec<Line> {
    let text = include_str!("../../../../tests/vectors/srtp/packets.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [profile, kind, key, plain, protected] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            Line {
                profile: Profile::from_name(profile).unwrap(),
                rtcp: kind == "rtcp",
                key: bytes(key),
                plain: bytes(plain),
                protected: bytes(protected),
            }
        })
        .collect()
}

#[test]
fn packets_of_other_implementations_are_understood_and_reproduced() {
    let lines = foreign_packets();
    for profile in Profile::ALL {
        let of_profile: Vec<_> = lines.iter().filter(|line| line.profile == profile).collect();
        assert_eq!(of_profile.len(), 13, "{profile:?}");
        let key = of_profile[0].key.clone();
        let mut context = Context::new(&SrtpKeys { profile, send: key.clone(), receive: key }).unwrap();
        // libsrtp counts SRTCP packets from 1, RFC 3711 §3.2.1 from 0: one packet more makes our next one byte-equal.
        protect_rtcp(&mut context, &report(0x11223344)).unwrap();
        for line in of_profile {
            let (sealed, opened) = if line.rtcp {
                (protect_rtcp(&mut context, &line.plain), unprotect_rtcp(&mut context, &line.protected))
            } else {
                (protect_rtp(&mut context, &line.plain), unprotect_rtp(&mut context, &line.protected))
            };
            assert_eq!(sealed.as_ref(), Ok(&line.protected), "{profile:?}");
            assert_eq!(opened.as_ref(), Ok(&line.plain), "{profile:?}");
        }
    }
}

#[test]
fn suite_names_are_read_back() {
    for profile in Profile::ALL {
        assert_eq!(Profile::from_name(profile.name()), Some(profile));
    }
    assert_eq!(Profile::from_name("AES_CM_256_HMAC_SHA1_80"), Some(Profile::Aes256CmSha1_80));
    assert_eq!(Profile::from_name("F8_128_HMAC_SHA1_80"), None);
    assert_eq!(Profile::from_name(""), None);
}

#[test]
fn keys_of_the_wrong_length_are_refused_and_never_printed() {
    for profile in Profile::ALL {
        let mut short = keys(profile, 0xa5);
        short.receive.pop();
        assert_eq!(Context::new(&short).err(), Some(SrtpError::KeyLength));
        let text = format!("{short:?} {:?}", context(profile));
        assert!(!text.contains("165") && !text.contains("a5"), "{text}");
    }
}

#[test]
fn a_packet_passes_once_and_only_unchanged() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = (context(profile), context(profile));
        let sealed = protect_rtp(&mut sender, &rtp(1, 100, b"hello world")).unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 0x04;
            assert!(unprotect_rtp(&mut receiver, &changed).is_err(), "{profile:?} octet {position}");
        }
        assert_eq!(unprotect_rtp(&mut receiver, &sealed).unwrap(), rtp(1, 100, b"hello world"));
        assert_eq!(unprotect_rtp(&mut receiver, &sealed), Err(SrtpError::Replay));

        let sealed = protect_rtcp(&mut sender, &report(1)).unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 0x04;
            assert!(unprotect_rtcp(&mut receiver, &changed).is_err(), "{profile:?} octet {position}");
        }
        assert_eq!(unprotect_rtcp(&mut receiver, &sealed).unwrap(), report(1));
        assert_eq!(unprotect_rtcp(&mut receiver, &sealed), Err(SrtpError::Replay));
    }
}

#[test]
fn the_rollover_counter_follows_loss_and_disorder_over_several_wraps() {
    for profile in [Profile::Aes128CmSha1_80, Profile::AeadAes256Gcm] {
        let (mut sender, mut receiver) = (context(profile), context(profile));
        for index in (65_000u32..300_000).step_by(50) {
            let ahead = protect_rtp(&mut sender, &rtp(9, (index + 3) as u16, b"b")).unwrap();
            let late = protect_rtp(&mut sender, &rtp(9, index as u16, b"a")).unwrap();
            assert_eq!(unprotect_rtp(&mut receiver, &ahead).unwrap().last(), Some(&b'b'), "index {index}");
            assert_eq!(unprotect_rtp(&mut receiver, &late).unwrap().last(), Some(&b'a'), "index {index}");
        }
    }
}

#[test]
fn what_is_older_than_the_window_is_refused() {
    let (mut sender, mut receiver) = (context(Profile::Aes128CmSha1_80), context(Profile::Aes128CmSha1_80));
    let old: Vec<_> = (0..70).map(|n| protect_rtp(&mut sender, &rtp(1, n, b"x")).unwrap()).collect();
    unprotect_rtp(&mut receiver, &old[69]).unwrap();
    assert_eq!(unprotect_rtp(&mut receiver, &old[5]), Err(SrtpError::TooOld));
    unprotect_rtp(&mut receiver, &old[6]).unwrap();
}

#[test]
fn no_sequence_number_is_encrypted_twice() {
    let mut sender = context(Profile::AeadAes128Gcm);
    protect_rtp(&mut sender, &rtp(1, 5, b"one")).unwrap();
    assert_eq!(protect_rtp(&mut sender, &rtp(1, 5, b"two")), Err(SrtpError::Replay));
    protect_rtp(&mut sender, &rtp(2, 5, b"two")).unwrap();
}

#[test]
fn sources_are_bounded_on_both_sides() {
    let profile = Profile::Aes128CmSha1_32;
    let (mut sender, mut receiver) = (context(profile), context(profile));
    for ssrc in 0..MAX_SOURCES as u32 {
        let sealed = protect_rtp(&mut sender, &rtp(ssrc, 1, b"x")).unwrap();
        unprotect_rtp(&mut receiver, &sealed).unwrap();
    }
    let one_more = rtp(77, 1, b"x");
    assert_eq!(protect_rtp(&mut sender, &one_more), Err(SrtpError::TooManySources));
    assert_eq!(protect_rtcp(&mut sender, &report(77)), Err(SrtpError::TooManySources));
    // A peer that changes its SSRC often is still heard; source 0, quiet for longest, makes room.
    let sealed = protect_rtp(&mut context(profile), &one_more).unwrap();
    unprotect_rtp(&mut receiver, &sealed).unwrap();
    assert_eq!(unprotect_rtp(&mut receiver, &sealed), Err(SrtpError::Replay));
    let still_known = protect_rtp(&mut sender, &rtp(15, 2, b"x")).unwrap();
    unprotect_rtp(&mut receiver, &still_known).unwrap();
    assert_eq!(unprotect_rtp(&mut receiver, &still_known), Err(SrtpError::Replay));
}

#[test]
fn forged_packets_leave_no_trace() {
    let profile = Profile::Aes128CmSha1_80;
    let (mut sender, mut receiver) = (context(profile), context(profile));
    let first = protect_rtp(&mut sender, &rtp(1, 10, b"x")).unwrap();
    unprotect_rtp(&mut receiver, &first).unwrap();
    let mut stranger = Context::new(&keys(profile, 8)).unwrap();
    for ssrc in 0..100 {
        let forged = protect_rtp(&mut stranger, &rtp(ssrc % 20, 60_000 + ssrc as u16, b"x"));
        assert!(unprotect_rtp(&mut receiver, &forged.unwrap_or_default()).is_err());
    }
    let next = protect_rtp(&mut sender, &rtp(1, 11, b"x")).unwrap();
    unprotect_rtp(&mut receiver, &next).unwrap();
    assert_eq!(unprotect_rtp(&mut receiver, &first), Err(SrtpError::Replay), "source 1 was not displaced");
}

#[test]
fn malformed_packets_are_refused() {
    for profile in Profile::ALL {
        let mut context = context(profile);
        assert_eq!(context.unprotect_rtp(&mut []), Err(SrtpError::Length));
        assert_eq!(context.unprotect_rtcp(&mut [0x80; 8]), Err(SrtpError::Length));
        let mut wrong_version = rtp(1, 1, &[0; 40]);
        wrong_version[0] = 0x40;
        assert_eq!(unprotect_rtp(&mut context, &wrong_version), Err(SrtpError::Version));
        let mut many_sources = rtp(1, 1, &[]);
        many_sources[0] = 0x8f;
        assert_eq!(protect_rtp(&mut context, &many_sources), Err(SrtpError::Length));
        let mut endless_extension = rtp(1, 1, &[0xbe, 0xde, 0xff, 0xff, 0, 0, 0, 0]);
        endless_extension[0] = 0x90;
        assert_eq!(protect_rtp(&mut context, &endless_extension), Err(SrtpError::Length));
        let packet = rtp(1, 1, b"x");
        assert_eq!(context.protect_rtp(&mut packet.clone(), packet.len()), Err(SrtpError::BufferTooSmall));
        assert_eq!(context.protect_rtcp(&mut report(1), 8), Err(SrtpError::BufferTooSmall));
        for endless in [usize::MAX, usize::MAX - 20] {
            assert_eq!(context.protect_rtp(&mut [0; 4], endless), Err(SrtpError::BufferTooSmall));
            assert_eq!(context.protect_rtcp(&mut [0; 4], endless), Err(SrtpError::BufferTooSmall));
        }
    }
}

/// `cargo test --release -p engine --test srtp_vectors -- --ignored --nocapture` prints the cost of one packet.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_packet_of_172_octets() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = (context(profile), context(profile));
        let plain = rtp(0x1234, 0, &[0x55; 160]);
        let (mut sealing, mut opening) = (f64::MAX, f64::MAX);
        let mut packets = vec![[0u8; 200]; 10_000];
        for round in 0..10u32 {
            for (n, packet) in (0u32..).zip(packets.iter_mut()) {
                packet[..172].copy_from_slice(&plain);
                packet[2..4].copy_from_slice(&((round * 10_000 + n) as u16).to_be_bytes());
            }
            let start = std::time::Instant::now();
            let mut len = 0;
            for packet in &mut packets {
                len = sender.protect_rtp(packet, 172).unwrap();
            }
            sealing = sealing.min(start.elapsed().as_nanos() as f64 / 10_000.0);
            let start = std::time::Instant::now();
            for packet in &mut packets {
                receiver.unprotect_rtp(&mut packet[..len]).unwrap();
            }
            opening = opening.min(start.elapsed().as_nanos() as f64 / 10_000.0);
        }
        println!("{:26} protect {sealing:6.1} ns  unprotect {opening:6.1} ns", profile.name());
    }
}
