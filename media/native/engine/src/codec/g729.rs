//! G.729 payloads (RFC 3551 §4.5.6): frames of 10 octets for 10 ms, then at most one of 2 octets that describes silence (Annex B).

/// Octets of a frame of sound and of one that describes silence.
const SOUND: usize = 10;
const SILENCE: usize = 2;
/// Ticks of a frame.
pub const TICKS: u32 = 80;
/// Frames of a payload, 240 ms.
const MOST_FRAMES: usize = 24;

pub fn ticks(payload: &[u8]) -> Option<u32> {
    let (sound, rest) = (payload.len() / SOUND, payload.len() % SOUND);
    let frames = sound + usize::from(rest == SILENCE);
    ((rest == 0 || rest == SILENCE) && (1..=MOST_FRAMES).contains(&frames)).then_some(TICKS * frames as u32)
}

pub fn tells_silence(payload: &[u8]) -> bool {
    payload.len() % SOUND == SILENCE
}

/// The frames of a payload; none when it cannot be one.
pub fn frames(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = if ticks(payload).is_some() { payload } else { &[] };
    whole.chunks(SOUND)
}

/// Where a payload begins that carries the newest of these frames (octets, 0 where nothing is to be sent): after the last silence
/// that sound follows, because silence can only stand at the end.
pub fn begin(lengths: &[usize]) -> usize {
    let sound = |length: &usize| *length == SOUND;
    let newest = lengths.iter().rposition(sound).unwrap_or(0);
    lengths.iter().take(newest).rposition(|length| !sound(length)).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_from_lengths() {
        for (length, expected) in
            [(10, Some(80)), (20, Some(160)), (2, Some(80)), (22, Some(240)), (0, None), (11, None), (250, None)]
        {
            assert_eq!(ticks(&vec![0; length]), expected, "{length} octets");
        }
        assert!(tells_silence(&[0; 12]) && !tells_silence(&[0; 20]));
        let lengths: Vec<usize> = frames(&[0; 22]).map(<[u8]>::len).collect();
        assert_eq!(lengths, [10, 10, 2]);
        assert_eq!(frames(&[0; 13]).count(), 0);
    }

    #[test]
    fn silence_before_sound_is_left_to_the_timestamp() {
        for (lengths, expected) in
            [(&[10, 10][..], 0), (&[10, 2], 0), (&[2, 10], 1), (&[0, 10], 1), (&[0, 2], 0), (&[10, 0, 10], 2)]
        {
            assert_eq!(begin(lengths), expected, "{lengths:?}");
        }
    }
}
