//! Opus (RFC 6716, RFC 7587) through libopus, mono, with in-band forward error correction.

use super::{Decode, Encode};
use opusic_c::{Application, Bitrate, Channels, InbandFec, SampleRate};

/// Longest Opus packet, 120 ms, in samples at 16 kHz.
const MAX_SAMPLES: usize = 1920;

/// Packets of so few octets say that the sender is silent and need not be sent (RFC 7587 §3.1.3).
pub const SILENT: usize = 2;

/// libopus codes 10, 20, 40 and 60 ms.
pub fn packet_ms(wanted: u32) -> u32 {
    match wanted {
        30 => 20,
        50 => 40,
        other => other,
    }
}

fn sample_rate(rate: u32) -> Option<SampleRate> {
    Some(match rate {
        8000 => SampleRate::Hz8000,
        16_000 => SampleRate::Hz16000,
        48_000 => SampleRate::Hz48000,
        _ => return None,
    })
}

/// Duration of a packet in 48 kHz ticks from its table-of-contents octet (RFC 6716 §3.1).
pub fn ticks(payload: &[u8]) -> Option<u32> {
    let toc = *payload.first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => *[480, 960, 1920, 2880].get(usize::from(config & 3))?,
        config @ 12..=15 => *[480, 960].get(usize::from(config & 1))?,
        config => *[120, 240, 480, 960].get(usize::from(config & 3))?,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    let ticks = frame * frames;
    (ticks > 0 && ticks <= 5760).then_some(ticks)
}

/// The most that is taken for sound: overshoots of loud speech lie far below, and the mixer limits them.
const LOUDEST: f32 = 2.0;

/// A packet made for it drives the decoder's filters to hundreds of times full scale, or out of the numbers.
fn tame(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

pub struct Decoder {
    decoder: opusic_c::Decoder,
    rate: u32,
    samples: Box<[f32; MAX_SAMPLES]>,
}

impl Decoder {
    pub fn new(rate: u32) -> Option<Self> {
        let decoder = opusic_c::Decoder::new(Channels::Mono, sample_rate(rate)?).ok()?;
        Some(Self { decoder, rate, samples: Box::new([0.0; MAX_SAMPLES]) })
    }
}

impl Decode for Decoder {
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        // Framing is checked first: an empty payload would mean loss to the library, and a lie a decode of silence.
        if ticks(payload).is_none() {
            return false;
        }
        match self.decoder.decode_float_to_slice(payload, self.samples.as_mut_slice(), false) {
            Ok(count) => {
                out.extend(self.samples.iter().take(count).copied().map(tame));
                true
            }
            Err(_) => false,
        }
    }

    fn conceal_into(&mut self, next: Option<&[u8]>, samples: usize, out: &mut Vec<f32>) -> bool {
        // The library conceals in multiples of 2.5 ms.
        let step = self.rate as usize / 400;
        let wanted = (samples.div_ceil(step) * step).min(MAX_SAMPLES);
        let (payload, correct) = next.map_or((&[][..], false), |next| (next, true));
        let Some(target) = self.samples.get_mut(..wanted) else { return false };
        match self.decoder.decode_float_to_slice(payload, target, correct) {
            Ok(count) => {
                // All of it, even a little more than was asked for: a cut would click.
                out.extend(self.samples.iter().take(count).copied().map(tame));
                true
            }
            Err(_) => false,
        }
    }
}

/// What sounds good at a third of the CPU of the highest one; and what an overloaded worker takes.
const COMPLEXITY: u8 = 5;
const COMPLEXITY_SPARING: u8 = 2;

pub struct Encoder(opusic_c::Encoder);

impl Encoder {
    pub fn new(rate: u32) -> Option<Self> {
        let mut encoder = opusic_c::Encoder::new(Channels::Mono, sample_rate(rate)?, Application::Voip).ok()?;
        encoder.set_complexity(COMPLEXITY).ok()?;
        encoder.set_bitrate(Bitrate::Value(if rate > 8000 { 28_000 } else { 20_000 })).ok()?;
        encoder.set_inband_fec(InbandFec::Mode1).ok()?;
        encoder.set_packet_loss(5).ok()?;
        Some(Self(encoder))
    }
}

impl Encode for Encoder {
    /// A refusal leaves it as it was, which costs CPU and nothing else.
    fn spare_effort(&mut self, sparing: bool) {
        let _ = self.0.set_complexity(if sparing { COMPLEXITY_SPARING } else { COMPLEXITY });
    }

    /// Lets silence be coded in packets of at most two octets, which need not be sent.
    fn spare_silence(&mut self) -> bool {
        self.0.set_dtx(true).is_ok()
    }

    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        self.0.encode_float_to_slice(samples, out).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn durations_follow_the_table_of_contents() {
        for (payload, expected) in [
            (&[0x08u8][..], Some(960)), // SILK 20 ms, one frame
            (&[0x0b, 2], Some(1920)),   // code 3 with two frames
            (&[0xfc], Some(960)),       // CELT 20 ms
            (&[0x78], Some(960)),       // hybrid 20 ms
            (&[0x1b, 3], None),         // 180 ms
            (&[0x03, 0], None),         // no frames
            (&[0x03], None),
            (&[], None),
        ] {
            assert_eq!(ticks(payload), expected, "{payload:02x?}");
        }
    }
}
