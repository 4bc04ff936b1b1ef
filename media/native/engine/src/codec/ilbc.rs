//! iLBC payloads (RFC 3952): frames of 38 octets for 20 ms or 50 octets for 30 ms, as agreed by `mode`.

use super::{Coding, parameter};

/// Frames of a payload, 240 ms.
const MOST_MS: u32 = 240;

/// Length of a frame by the format parameters; 30 ms is what a missing `mode` means (RFC 3952 §4.2).
pub fn frame_ms(fmtp: &str) -> Option<u8> {
    match parameter(fmtp, "mode") {
        Some("20") => Some(20),
        Some("30") | None => Some(30),
        Some(_) => None,
    }
}

fn octets(ms: u8) -> usize {
    if ms == 20 { 38 } else { 50 }
}

fn length(coding: Coding) -> Option<u8> {
    match coding {
        Coding::Ilbc { ms } => Some(ms),
        _ => None,
    }
}

pub fn ticks(coding: Coding, payload: &[u8]) -> Option<u32> {
    let ms = length(coding)?;
    let (frames, rest) = (payload.len() / octets(ms), payload.len() % octets(ms));
    let whole = frames as u32 * u32::from(ms);
    (rest == 0 && (1..=MOST_MS).contains(&whole)).then_some(8 * whole)
}

/// Whole frames.
pub fn packet_ms(coding: Coding, wanted: u32) -> u32 {
    let ms = u32::from(length(coding).unwrap_or(30));
    wanted.div_ceil(ms).max(1) * ms
}

/// The frames of a payload; none when it cannot be one.
pub fn frames(coding: Coding, payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = if ticks(coding, payload).is_some() { payload } else { &[] };
    whole.chunks(length(coding).map_or(50, octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_the_mode() {
        assert_eq!(frame_ms("mode=20"), Some(20));
        assert_eq!(frame_ms(""), Some(30));
        assert_eq!(frame_ms("mode=25"), None);
        let (short, long) = (Coding::Ilbc { ms: 20 }, Coding::Ilbc { ms: 30 });
        assert_eq!(ticks(short, &[0; 76]), Some(320));
        assert_eq!(ticks(long, &[0; 50]), Some(240));
        assert_eq!(ticks(long, &[0; 38]), None);
        assert_eq!(ticks(short, &[]), None);
        assert_eq!((packet_ms(long, 20), packet_ms(long, 40), packet_ms(short, 30)), (30, 60, 40));
        assert_eq!(frames(short, &[0; 76]).count(), 2);
    }
}
