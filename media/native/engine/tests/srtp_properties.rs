//! SRTP over a path that loses, repeats and reorders, for any history: what arrives is what was sent, and only once.

use std::collections::HashSet;

use engine::srtp::{Context, Profile, SrtpError, SrtpKeys};
use proptest::prelude::*;

/// A packet on its way: how many sequence numbers its sender skipped before it, and what the path does with it.
#[derive(Debug, Clone)]
struct Fate {
    skipped: u16,
    lost: bool,
    copies: usize,
    /// Arrives after so many later ones.
    late: usize,
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let skipped = prop_oneof![8 => Just(0u16), 1 => 1u16..200, 1 => 10_000u16..16_000];
    let fate = (skipped, prop::bool::weighted(0.2), 1usize..3, prop_oneof![3 => Just(0usize), 1 => 0usize..90]);
    prop::collection::vec(fate.prop_map(|(skipped, lost, copies, late)| Fate { skipped, lost, copies, late }), 1..200)
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop::sample::select(Profile::ALL.to_vec())
}

fn pair(profile: Profile) -> (Context, Context) {
    let one = vec![3; profile.key_len() + profile.salt_len()];
    let two = vec![9; profile.key_len() + profile.salt_len()];
    let ours = SrtpKeys { profile, send: one.clone(), receive: two.clone() };
    let theirs = SrtpKeys { profile, send: two, receive: one };
    (Context::new(&ours).unwrap(), Context::new(&theirs).unwrap())
}

/// Sends one packet per fate, the serial number as payload; returns (serial, index, protected) in order of arrival.
fn journey(sender: &mut Context, first: u16, fates: &[Fate]) -> Vec<(u32, u64, Vec<u8>)> {
    let mut arrivals = Vec::new();
    let mut index = u64::from(first);
    for (serial, fate) in (0u32..).zip(fates) {
        index += 1 + u64::from(fate.skipped);
        let mut packet = vec![0u8; 64];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        packet[8..12].copy_from_slice(&77u32.to_be_bytes());
        packet[12..16].copy_from_slice(&serial.to_be_bytes());
        let length = sender.protect_rtp(&mut packet, 16).unwrap();
        packet.truncate(length);
        if !fate.lost {
            for copy in 0..fate.copies {
                arrivals.push((serial as usize + fate.late * (copy + 1), serial, index, packet.clone()));
            }
        }
    }
    arrivals.sort_by_key(|(at, serial, ..)| (*at, *serial));
    arrivals.into_iter().map(|(_, serial, index, packet)| (serial, index, packet)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_arrives_in_time_is_accepted_once(profile in profiles(), first in any::<u16>(), fates in fates()) {
        let (mut sender, mut receiver) = pair(profile);
        let mut accepted = HashSet::new();
        let mut highest = None;
        for (serial, index, mut packet) in journey(&mut sender, first, &fates) {
            // A first packet after a wrap that the receiver did not see tells nothing about the rollover count.
            if highest.is_none() && index > 0xffff {
                return Ok(());
            }
            // The estimate is right while the jump is less than half the sequence space.
            if highest.is_some_and(|highest| index.abs_diff(highest) >= 0x8000) {
                return Ok(());
            }
            let outcome = receiver.unprotect_rtp(&mut packet);
            let age = highest.map_or(0, |highest: u64| highest.saturating_sub(index));
            if age >= 64 {
                prop_assert_eq!(outcome, Err(SrtpError::TooOld));
            } else if accepted.contains(&index) {
                prop_assert_eq!(outcome, Err(SrtpError::Replay));
            } else {
                prop_assert_eq!(outcome, Ok(16));
                prop_assert_eq!(&packet[12..16], &serial.to_be_bytes());
                accepted.insert(index);
                highest = highest.max(Some(index));
            }
        }
    }

    #[test]
    fn control_packets_of_any_content_come_back(profile in profiles(), bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20)) {
        let (mut sender, mut receiver) = pair(profile);
        for body in bodies {
            let mut packet = vec![0x80, 200, 0, 1, 0, 0, 0, 5];
            packet.extend(&body);
            let plain = packet.clone();
            packet.resize(plain.len() + 32, 0);
            let length = sender.protect_rtcp(&mut packet, plain.len()).unwrap();
            prop_assert!(body.len() < 16 || packet[8..plain.len()] != plain[8..], "the body is encrypted");
            let opened = receiver.unprotect_rtcp(&mut packet[..length]);
            prop_assert_eq!(opened, Ok(plain.len()));
            prop_assert_eq!(&packet[..plain.len()], &plain[..]);
        }
    }
}

#[test]
fn a_direction_whose_key_stays_goes_on_counting() {
    let profile = Profile::Aes128CmSha1_80;
    let key = |octet: u8| vec![octet; 30];
    let (mut ours, mut theirs) = pair(profile);
    let packet = |serial: u16| {
        let mut packet = vec![0u8; 64];
        packet[0] = 0x80;
        packet[2..4].copy_from_slice(&serial.to_be_bytes());
        packet
    };
    // Past the wrap of the sequence number: both ends are in their second round.
    for serial in [65_000, 65_535, 100] {
        let mut sent = packet(serial);
        let length = theirs.protect_rtp(&mut sent, 16).unwrap();
        assert_eq!(ours.unprotect_rtp(&mut sent[..length]), Ok(16));
    }
    ours.rekey(&SrtpKeys { profile, send: key(5), receive: key(9) }).unwrap();
    let mut sent = packet(101);
    let length = theirs.protect_rtp(&mut sent, 16).unwrap();
    let mut again = sent.clone();
    assert_eq!(ours.unprotect_rtp(&mut sent[..length]), Ok(16), "only our key has changed");
    assert_eq!(ours.unprotect_rtp(&mut again[..length]), Err(SrtpError::Replay));
    ours.rekey(&SrtpKeys { profile, send: key(5), receive: key(6) }).unwrap();
    assert_eq!(ours.unprotect_rtp(&mut again[..length]), Err(SrtpError::Authentication), "now theirs has as well");
    let mut sent = packet(7);
    ours.protect_rtp(&mut sent, 16).unwrap();
    ours.rekey(&SrtpKeys { profile, send: key(5), receive: key(8) }).unwrap();
    assert_eq!(ours.protect_rtp(&mut packet(7), 16), Err(SrtpError::Replay), "one key never protects an index twice");
}
