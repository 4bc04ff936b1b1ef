use super::*;
use proptest::prelude::*;

const EFFICIENT: Form = Form { aligned: false, modes: 0x1ff };
const ALIGNED: Form = Form { aligned: true, modes: 0x1ff };

/// A frame in storage form whose bits follow from `seed`; bits beyond the frame's end are 0.
fn frame(frame_type: u8, wide: bool, seed: u8) -> Vec<u8> {
    let length = bits(frame_type, wide).unwrap();
    let mut octets: Vec<u8> = (0..length.div_ceil(8)).map(|index| (index as u8).wrapping_mul(37) ^ seed).collect();
    if let Some(last) = octets.last_mut()
        && !length.is_multiple_of(8)
    {
        *last &= 0xff << (8 - length % 8);
    }
    octets.insert(0, frame_type << 3 | 4);
    octets
}

fn unpacked(payload: &[u8], wide: bool, form: Form) -> Option<Vec<Option<Vec<u8>>>> {
    let mut found = Vec::new();
    unpack(payload, wide, form, |frame| found.push(frame.map(<[u8]>::to_vec))).then_some(found)
}

#[test]
fn one_frame_of_122_in_both_forms() {
    // RFC 4867 §4.3.5.1 and §4.4.5: one frame of 12.2 kbit/s takes 32 octets packed tightly, 33 aligned.
    let speech = frame(7, false, 0x5a);
    let mut out = [0u8; 100];
    let tight = pack([&speech[..]].into_iter(), false, EFFICIENT, &mut out).unwrap();
    assert_eq!(tight, 32);
    assert_eq!(&out[..2], &[0xf3, 0xc0 | speech[1] >> 2], "CMR 15, no other frame, type 7, good; then speech");
    let mut out = [0u8; 100];
    let aligned = pack([&speech[..]].into_iter(), false, ALIGNED, &mut out).unwrap();
    assert_eq!((aligned, &out[..3]), (33, &[0xf0, 0x3c, speech[1]][..]));
}

#[test]
fn silence_and_missing_frames_are_told() {
    let coding = Coding::Amr { wide: false, form: ALIGNED };
    let mut out = [0u8; 100];
    let sid = frame(8, false, 1);
    let length = pack([&sid[..]].into_iter(), false, ALIGNED, &mut out).unwrap();
    assert!(tells_silence(coding, &out[..length]));
    assert_eq!(ticks(coding, &out[..length]), Some(160));
    let nothing: [&[u8]; 2] = [&[], &[]];
    let length = pack(nothing.into_iter(), false, ALIGNED, &mut out).unwrap();
    assert_eq!(unpacked(&out[..length], false, ALIGNED), Some(vec![None, None]));
    assert_eq!(unpacked(&[0xf0, 0x38, 1], false, ALIGNED), None, "cut short");
    assert_eq!(unpacked(&[0xf0, 12 << 3 | 4], false, ALIGNED), None, "a type of the future");
    assert_eq!(unpacked(&[0xf0, 0x38 & !4], false, Form { aligned: true, modes: 1 }), None);
}

#[test]
fn requests_stay_in_the_agreed_set() {
    let form = Form::of("octet-align=1; mode-set=0,2,5", false).unwrap();
    assert_eq!((form.mode(7), form.mode(4), form.mode(1)), (5, 2, 0));
    assert_eq!(request(&[0x70, 0x3c], false, form), Some(5));
    assert_eq!(request(&[0xf0, 0x3c], false, form), None);
    assert_eq!(Form::of("mode-set=7", false).unwrap().mode(2), 7, "nothing lower may be sent");
    assert_eq!(Form::of("crc=1", false), None);
    assert_eq!(Form::of("interleaving=4;octet-align=1", true), None);
    assert_eq!(Form::of("mode-set=12", true), None);
    assert_eq!(Form::of("", true), Some(EFFICIENT));
}

proptest! {
    #[test]
    fn what_is_packed_comes_out_again(
        types in prop::collection::vec(prop_oneof![0..9u8, Just(15u8)], 1..=12),
        wide: bool, aligned: bool, seed: u8,
    ) {
        let form = Form { aligned, modes: 0x1ff };
        let frames: Vec<Vec<u8>> = types
            .iter()
            .map(|&kind| if kind == 15 { Vec::new() } else { frame(kind, wide, seed) })
            .collect();
        let mut out = [0xaau8; 1000];
        let length = pack(frames.iter().map(Vec::as_slice), wide, form, &mut out).unwrap();
        let expected: Vec<_> = frames.into_iter().map(|frame| (!frame.is_empty()).then_some(frame)).collect();
        prop_assert_eq!(unpacked(&out[..length], wide, form), Some(expected));
        let coding = Coding::Amr { wide, form };
        prop_assert_eq!(ticks(coding, &out[..length]), Some(types.len() as u32 * if wide { 320 } else { 160 }));
        prop_assert!(length == 1 || unpacked(&out[..length - 1], wide, form).is_none() || types.last() == Some(&15));
    }

    #[test]
    fn anything_may_come(payload in prop::collection::vec(any::<u8>(), 0..300), wide: bool, aligned: bool) {
        let coding = Coding::Amr { wide, form: Form { aligned, modes: 0x1ff } };
        let frames = unpacked(&payload, wide, Form { aligned, modes: 0x1ff }).map_or(0, |frames| frames.len());
        prop_assert!(frames <= MOST_FRAMES);
        prop_assert_eq!(ticks(coding, &payload).unwrap_or(0), frames as u32 * if wide { 320 } else { 160 });
        tells_silence(coding, &payload);
        coding.requests(&payload);
    }
}
