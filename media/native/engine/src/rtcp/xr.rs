//! The VoIP metrics block of RTCP extended reports (RFC 3611 §4.7). Other blocks are read over.

use super::be32;
use crate::quality::bursts::GMIN;

const VOIP_METRICS: u8 = 7;
/// Words of the block after its first.
const WORDS: usize = 8;
/// A figure that is not known (RFC 3611 §4.7.4, §4.7.5).
pub const UNKNOWN: u8 = 127;
/// Standard concealment, adaptive jitter buffer (RFC 3611 §4.7.6).
const RECEIVER: u8 = 0b1111_0000;

/// Ratios and densities are of 256, times in ms, MOS in tenths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoipMetrics {
    pub ssrc: u32,
    pub lost: u8,
    pub discarded: u8,
    pub burst_density: u8,
    pub gap_density: u8,
    pub burst_ms: u16,
    pub gap_ms: u16,
    pub round_trip_ms: u16,
    pub end_delay_ms: u16,
    pub r_factor: u8,
    pub mos_lq: u8,
    pub mos_cq: u8,
    pub buffer_ms: u16,
    pub buffer_max_ms: u16,
}

impl Default for VoipMetrics {
    fn default() -> Self {
        Self {
            ssrc: 0,
            lost: 0,
            discarded: 0,
            burst_density: 0,
            gap_density: 0,
            burst_ms: 0,
            gap_ms: 0,
            round_trip_ms: 0,
            end_delay_ms: 0,
            r_factor: UNKNOWN,
            mos_lq: UNKNOWN,
            mos_cq: UNKNOWN,
            buffer_ms: 0,
            buffer_max_ms: 0,
        }
    }
}

/// Calls `each` for the VoIP metrics among the blocks. A broken length ends the reading.
pub fn parse(mut blocks: &[u8], mut each: impl FnMut(VoipMetrics)) {
    while let Some(&[kind, _, high, low]) = blocks.first_chunk::<4>() {
        let length = 4 * usize::from(u16::from_be_bytes([high, low]));
        let Some(body) = blocks.get(4..4 + length) else { return };
        if kind == VOIP_METRICS
            && let Some(metrics) = metrics(body)
        {
            each(metrics);
        }
        blocks = blocks.get(4 + length..).unwrap_or_default();
    }
}

fn metrics(body: &[u8]) -> Option<VoipMetrics> {
    let &[lost, discarded, burst_density, gap_density] = body.get(4..)?.first_chunk::<4>()?;
    let word = |at: usize| be32(body, at).map(|word| ((word >> 16) as u16, word as u16));
    let (burst_ms, gap_ms) = word(8)?;
    let (round_trip_ms, end_delay_ms) = word(12)?;
    let &[r_factor, _, mos_lq, mos_cq] = body.get(20..)?.first_chunk::<4>()?;
    let (_, buffer_ms) = word(24)?;
    let (buffer_max_ms, _) = word(28)?;
    Some(VoipMetrics {
        ssrc: be32(body, 0)?,
        lost,
        discarded,
        burst_density,
        gap_density,
        burst_ms,
        gap_ms,
        round_trip_ms,
        end_delay_ms,
        r_factor,
        mos_lq,
        mos_cq,
        buffer_ms,
        buffer_max_ms,
    })
}

/// Appends the block. Levels and echo return loss are not measured here.
pub fn write(out: &mut Vec<u8>, metrics: &VoipMetrics) {
    out.extend([VOIP_METRICS, 0, 0, WORDS as u8]);
    out.extend(metrics.ssrc.to_be_bytes());
    out.extend([metrics.lost, metrics.discarded, metrics.burst_density, metrics.gap_density]);
    for value in [metrics.burst_ms, metrics.gap_ms, metrics.round_trip_ms, metrics.end_delay_ms] {
        out.extend(value.to_be_bytes());
    }
    out.extend([UNKNOWN, UNKNOWN, UNKNOWN, GMIN as u8]);
    out.extend([metrics.r_factor, UNKNOWN, metrics.mos_lq, metrics.mos_cq]);
    out.extend([RECEIVER, 0]);
    out.extend(metrics.buffer_ms.to_be_bytes());
    out.extend(metrics.buffer_max_ms.to_be_bytes());
    out.extend(metrics.buffer_max_ms.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> VoipMetrics {
        VoipMetrics {
            ssrc: 0x0102_0304,
            lost: 5,
            discarded: 6,
            burst_density: 7,
            gap_density: 8,
            burst_ms: 900,
            gap_ms: 10_000,
            round_trip_ms: 110,
            end_delay_ms: 60,
            r_factor: 88,
            mos_lq: 42,
            mos_cq: 41,
            buffer_ms: 40,
            buffer_max_ms: 200,
        }
    }

    #[test]
    fn the_block_lies_as_rfc_3611_draws_it() {
        let mut out = Vec::new();
        write(&mut out, &sample());
        assert_eq!(out.len(), 36);
        assert_eq!(out.get(..12), Some(&[7, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8][..]));
        assert_eq!(out.get(20..28), Some(&[127, 127, 127, 16, 88, 127, 42, 41][..]));
    }

    #[test]
    fn it_is_found_among_other_blocks_and_cut_ones_end_the_reading() {
        let mut out = vec![4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]; // receiver reference time
        write(&mut out, &sample());
        let mut seen = Vec::new();
        parse(&out, |metrics| seen.push(metrics));
        assert_eq!(seen, [sample()]);
        for length in 0..out.len() {
            parse(out.get(..length).unwrap_or_default(), |_| seen.push(sample()));
        }
        assert_eq!(seen.len(), 1, "nothing is made of a part");
    }
}
