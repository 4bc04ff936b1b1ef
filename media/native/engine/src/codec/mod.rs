//! Codecs as a table of two enums: a codec is a row here and a file beside. Samples are mono f32 in −1..1.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]

pub mod g711;
mod g722;
mod l16;
pub(crate) mod opus;

use crate::command::PayloadMap;

/// An audio coding with the rate at which it runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Pcmu,
    Pcma,
    G722,
    Opus,
    /// Linear PCM, big endian, with rate in Hz and channels.
    L16 {
        rate: u32,
        channels: u8,
    },
}

impl Coding {
    /// The coding of a negotiated payload, `None` when it is no audio that we know.
    pub fn of(map: &PayloadMap) -> Option<Self> {
        Some(match map.name.to_ascii_uppercase().as_str() {
            "PCMU" => Self::Pcmu,
            "PCMA" => Self::Pcma,
            "G722" => Self::G722,
            "OPUS" => Self::Opus,
            "L16" if matches!(map.clock, 8000 | 16_000 | 24_000 | 48_000) && (1..=2).contains(&map.channels) => {
                Self::L16 { rate: map.clock, channels: map.channels }
            }
            _ => return None,
        })
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "OPUS",
            Self::L16 { .. } => "L16",
        }
    }

    /// Rate of decoded samples, Hz. Opus is decoded at 16 kHz, the cap of a group.
    pub const fn decoded_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8000,
            Self::G722 | Self::Opus => 16_000,
            Self::L16 { rate, .. } => rate,
        }
    }

    /// Rate of samples handed to the encoder in a group of `group_rate`: Opus takes what the group has.
    pub const fn encoded_rate(self, group_rate: u32) -> u32 {
        match self {
            Self::Opus => group_rate,
            other => other.decoded_rate(),
        }
    }

    /// RTP clock, Hz. G.722 says 8000 although it samples at 16 kHz (RFC 3551 §4.5.2).
    pub const fn clock(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8000,
            Self::Opus => 48_000,
            Self::L16 { rate, .. } => rate,
        }
    }

    /// Octets of `ms` of media for codecs with fixed size, `None` for Opus.
    fn octets(self, ms: u32) -> Option<usize> {
        Some(match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8 * ms as usize,
            Self::L16 { rate, channels } => (rate / 1000 * ms) as usize * 2 * usize::from(channels),
            Self::Opus => return None,
        })
    }

    /// Duration of a payload in RTP clock ticks. `None` when it cannot be this codec.
    pub fn ticks(self, payload: &[u8]) -> Option<u32> {
        match self {
            Self::Opus => opus::ticks(payload),
            other => {
                let per_ms = other.octets(1)?;
                Some((payload.len() as u64 * u64::from(other.clock() / 1000) / per_ms as u64) as u32)
            }
        }
    }
}

/// Turns payloads into samples.
pub enum Decoder {
    G711(g711::Law),
    G722(Box<g722::Decoder>),
    Opus(Box<opus::Decoder>),
    L16(u8),
}

impl Decoder {
    /// `None` when the codec library refuses.
    pub fn new(coding: Coding) -> Option<Self> {
        Some(match coding {
            Coding::Pcmu => Self::G711(g711::Law::Mu),
            Coding::Pcma => Self::G711(g711::Law::A),
            Coding::G722 => Self::G722(Box::default()),
            Coding::Opus => Self::Opus(Box::new(opus::Decoder::new(coding.decoded_rate())?)),
            Coding::L16 { channels, .. } => Self::L16(channels),
        })
    }

    /// Appends the decoded samples to `out`. False when the payload is broken; nothing is appended then.
    pub fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        match self {
            Self::G711(law) => out.extend(payload.iter().map(|&octet| law.decode(octet))),
            Self::G722(decoder) => decoder.decode_into(payload, out),
            Self::Opus(decoder) => return decoder.decode_into(payload, out),
            Self::L16(channels) => l16::decode_into(payload, *channels, out),
        }
        true
    }

    /// Appends concealment of `samples` if the codec has its own; `next` is the packet after the lost one, when it is
    /// already there (Opus carries forward error correction). False: the caller conceals.
    pub fn conceal_into(&mut self, next: Option<&[u8]>, samples: usize, out: &mut Vec<f32>) -> bool {
        match self {
            Self::Opus(decoder) => decoder.conceal_into(next, samples, out),
            _ => false,
        }
    }

    /// Samples beyond the present that `relearn` wants to be told, `None` when the codec keeps no state that a loss spoils.
    pub fn relearns(&self) -> Option<usize> {
        matches!(self, Self::G722(_)).then_some(g722::DELAY)
    }

    /// Puts the decoder where it would be had it decoded what was heard instead of concealed (see `relearns`).
    pub fn relearn(&mut self, heard: &[f32]) {
        if let Self::G722(decoder) = self {
            decoder.relearn(heard);
        }
    }
}

/// Turns samples into payloads.
pub enum Encoder {
    G711(g711::Law),
    G722(Box<g722::Encoder>),
    Opus(Box<opus::Encoder>),
    L16(u8),
}

impl Encoder {
    /// `rate` is that of the samples (`Coding::encoded_rate`). `None` when the codec library refuses.
    pub fn new(coding: Coding, rate: u32) -> Option<Self> {
        Some(match coding {
            Coding::Pcmu => Self::G711(g711::Law::Mu),
            Coding::Pcma => Self::G711(g711::Law::A),
            Coding::G722 => Self::G722(Box::default()),
            Coding::Opus => Self::Opus(Box::new(opus::Encoder::new(rate)?)),
            Coding::L16 { channels, .. } => Self::L16(channels),
        })
    }

    /// Lets the codec itself tell silence (Opus DTX). False: the caller suppresses it.
    pub fn spare_silence(&mut self) -> bool {
        match self {
            Self::Opus(encoder) => encoder.spare_silence(),
            _ => false,
        }
    }

    /// Encodes one packet's samples into `out` and returns the octets, `None` when it does not fit or fails.
    /// Codecs whose effort can be chosen take less of it, or the usual again.
    pub fn spare_effort(&mut self, sparing: bool) {
        if let Self::Opus(encoder) = self {
            encoder.spare_effort(sparing);
        }
    }

    pub fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        match self {
            Self::G711(law) => {
                let out = out.get_mut(..samples.len())?;
                for (octet, &sample) in out.iter_mut().zip(samples) {
                    *octet = law.encode(sample);
                }
                Some(samples.len())
            }
            Self::G722(encoder) => encoder.encode_into(samples, out),
            Self::Opus(encoder) => encoder.encode_into(samples, out),
            Self::L16(channels) => l16::encode_into(samples, *channels, out),
        }
    }
}

/// A sample as 16-bit integer, rounded and clamped.
pub fn to_i16(sample: f32) -> i16 {
    let scaled = sample * 32_768.0;
    // Rounds half away from zero; `f32::round` would be a library call on the x86-64 base line. The cast saturates.
    (scaled + 0.5f32.copysign(scaled)) as i16
}

/// A 16-bit sample as f32 in −1..1.
pub fn to_f32(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn sine(rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (std::f32::consts::TAU * 440.0 * n as f32 / rate as f32).sin()).collect()
    }

    fn level(samples: &[f32]) -> f32 {
        (samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn every_codec_carries_a_tone() {
        for coding in [
            Coding::Pcmu,
            Coding::Pcma,
            Coding::G722,
            Coding::Opus,
            Coding::L16 { rate: 16_000, channels: 1 },
            Coding::L16 { rate: 48_000, channels: 2 },
        ] {
            let rate = coding.encoded_rate(16_000);
            let (mut encoder, mut decoder) = (Encoder::new(coding, rate).unwrap(), Decoder::new(coding).unwrap());
            let frame = rate as usize / 50;
            let tone = sine(rate, frame * 25);
            let mut heard = Vec::new();
            let mut packet = [0u8; 4000];
            for samples in tone.chunks(frame) {
                let length = encoder.encode_into(samples, &mut packet).unwrap();
                assert_eq!(coding.ticks(&packet[..length]), Some(coding.clock() / 50), "{coding:?}");
                assert!(decoder.decode_into(&packet[..length], &mut heard));
            }
            assert_eq!(heard.len(), coding.decoded_rate() as usize / 2, "{coding:?}");
            let late = &heard[heard.len() / 2..];
            assert!((level(late) - 0.354).abs() < 0.03, "{coding:?}: {}", level(late));
        }
    }

    #[test]
    fn opus_conceals_by_itself_and_refuses_rubbish() {
        let mut decoder = Decoder::new(Coding::Opus).unwrap();
        let mut out = Vec::new();
        assert!(decoder.conceal_into(None, 320, &mut out));
        assert_eq!(out.len(), 320);
        assert!(!decoder.decode_into(&[0xff; 3], &mut out));
        assert_eq!(out.len(), 320);
    }

    #[test]
    fn unknown_names_are_no_audio() {
        let map = |name: &str, clock| PayloadMap {
            name: name.into(),
            payload_type: 96,
            clock,
            channels: 1,
            send_payload_type: 96,
            fmtp: String::new(),
        };
        assert_eq!(Coding::of(&map("telephone-event", 8000)), None);
        assert_eq!(Coding::of(&map("L16", 44_100)), None);
        assert_eq!(Coding::of(&map("pcma", 8000)), Some(Coding::Pcma));
    }
}
