//! G.711 and G.722 bit for bit: against the ITU-T's vectors where they lie, and against sums of our own everywhere.

use std::path::PathBuf;

use engine::codec::g711::Law;
use engine::codec::g722::{Decoder, Encoder, Mode};

/// The folder of the ITU-T's vectors: `ACCEPTANCE_DIR`, or beside the checkout. `None`, and said so, when there is none; a folder that was
/// named has to be there.
fn vectors(codec: &str) -> Option<PathBuf> {
    let named = std::env::var("ACCEPTANCE_DIR").ok();
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/acceptance");
    let folder = PathBuf::from(named.as_deref().unwrap_or(beside)).join("codec").join(codec).join("test_data");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(named.is_none(), "ACCEPTANCE_DIR has no {}", folder.display());
    eprintln!("skipped: no ITU-T vectors at {}", folder.display());
    None
}

fn words(folder: &std::path::Path, name: &str) -> Vec<i16> {
    let octets = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn g711_is_the_itu_sweep() {
    let Some(folder) = vectors("g711") else { return };
    let source = words(&folder, "sweep.src");
    assert_eq!(source.len(), 65_536);
    for (law, coded, decoded, again) in
        [(Law::A, "sweep-r.a", "sweep-r.rea", "sweep-r.a-a"), (Law::Mu, "sweep-r.u", "sweep-r.reu", "sweep-r.u-u")]
    {
        let (coded, decoded) = (words(&folder, coded), words(&folder, decoded));
        assert_eq!((coded.len(), decoded.len()), (source.len(), source.len()));
        for ((&sample, &code), &expected) in source.iter().zip(&coded).zip(&decoded) {
            assert_eq!(law.encode_i16(sample), code as u8, "{law:?} encode {sample}");
            assert_eq!(law.decode_i16(code as u8), expected, "{law:?} decode {code}");
        }
        let both: Vec<i16> = source.iter().map(|&sample| law.decode_i16(law.encode_i16(sample))).collect();
        assert_eq!(both, words(&folder, again), "{law:?} both ways");
    }
}

#[test]
fn g722_is_the_itu_speech_in_all_modes() {
    let Some(folder) = vectors("g722") else { return };
    let mut encoder = Encoder::default();
    let coded: Vec<u8> =
        words(&folder, "inpsp.bin").chunks_exact(2).map(|pair| encoder.pair(pair[0], pair[1])).collect();
    let expected: Vec<u8> = words(&folder, "codspw.cod").into_iter().map(|word| word as u8).collect();
    assert_eq!(coded.len(), 48_768);
    assert_eq!(first_difference(&coded, &expected), None, "encoder");
    for (mode, name) in [(Mode::One, "outsp1.bin"), (Mode::Two, "outsp2.bin"), (Mode::Three, "outsp3.bin")] {
        let mut decoder = Decoder::new(mode);
        let heard: Vec<i16> = expected.iter().flat_map(|&octet| decoder.octet(octet)).collect();
        assert_eq!(first_difference(&heard, &words(&folder, name)), None, "decoder, mode {mode:?}");
    }
}

fn first_difference<T: PartialEq>(ours: &[T], theirs: &[T]) -> Option<usize> {
    if ours.len() != theirs.len() {
        return Some(ours.len().min(theirs.len()));
    }
    ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs)
}

/// FNV-1a over octets.
fn sum(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3))
}

/// Noise whose loudness swells through the whole range, in integers, so that it is the same on every machine.
fn swelling_noise() -> Vec<i16> {
    let mut state = 12_345u32;
    (0..32_000u32)
        .map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let loudness = (index % 8000) as i64 * 32_767 / 8000;
            (i64::from((state >> 16) as i16) * loudness / 32_768) as i16
        })
        .collect()
}

/// These sums were taken from the code that passes the ITU-T's vectors.
#[test]
fn sums_of_what_is_coded_do_not_change() {
    for (law, encoded, decoded) in [(Law::A, A_CODES, A_SAMPLES), (Law::Mu, MU_CODES, MU_SAMPLES)] {
        assert_eq!(sum((i16::MIN..=i16::MAX).map(|sample| law.encode_i16(sample))), encoded, "{law:?}");
        assert_eq!(sum((0..=255).flat_map(|octet| law.decode_i16(octet).to_le_bytes())), decoded, "{law:?}");
    }
    let mut encoder = Encoder::default();
    let coded: Vec<u8> = swelling_noise().chunks_exact(2).map(|pair| encoder.pair(pair[0], pair[1])).collect();
    assert_eq!(sum(coded.iter().copied()), G722_CODES);
    for (mode, expected) in [(Mode::One, G722_ONE), (Mode::Two, G722_TWO), (Mode::Three, G722_THREE)] {
        let mut decoder = Decoder::new(mode);
        let heard = coded.iter().flat_map(|&octet| decoder.octet(octet)).flat_map(i16::to_le_bytes);
        assert_eq!(sum(heard), expected, "{mode:?}");
    }
}

const A_CODES: u64 = 0xf030666eb780cf25;
const A_SAMPLES: u64 = 0x693a40ca62a3d2a5;
const MU_CODES: u64 = 0x04ec1f083fd78c2d;
const MU_SAMPLES: u64 = 0xb91e65d68481a1a8;
const G722_CODES: u64 = 0x3c5f4da3ff9fcc9a;
const G722_ONE: u64 = 0x2c2a7dd22572a34c;
const G722_TWO: u64 = 0xa5a7ff593c6cd16a;
const G722_THREE: u64 = 0x08e50bf408508696;
