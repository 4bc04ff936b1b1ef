//! Codecs as a table: a codec is a row (`table.rs`) and two functions, one that makes its decoder, one that makes its encoder.
//! Samples are mono f32 in −1..1.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]

pub mod amr;
pub mod external;
pub mod g711;
pub mod g722;
pub mod g729;
mod ilbc;
mod l16;
pub(crate) mod opus;
mod table;

use crate::command::PayloadMap;
use table::Row;

/// An audio coding with what was agreed about its form; two that are equal may be passed on to one another.
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
    G729,
    /// AMR, or AMR-WB when `wide`.
    Amr {
        wide: bool,
        form: amr::Form,
    },
    /// Frames of 20 or 30 ms.
    Ilbc {
        ms: u8,
    },
}

impl Coding {
    /// The coding of a negotiated payload, `None` when it is no audio that we know.
    pub fn of(map: &PayloadMap) -> Option<Self> {
        let name = map.name.to_ascii_uppercase();
        // The name may tell rows of one encoding apart ("L16/8000").
        Some(match name.split('/').next().unwrap_or_default() {
            "PCMU" => Self::Pcmu,
            "PCMA" => Self::Pcma,
            "G722" => Self::G722,
            "OPUS" => Self::Opus,
            "L16" if l16::carries(map.clock, map.channels) => Self::L16 { rate: map.clock, channels: map.channels },
            "G729" => Self::G729,
            "AMR" => Self::Amr { wide: false, form: amr::Form::of(&map.fmtp, false)? },
            "AMR-WB" => Self::Amr { wide: true, form: amr::Form::of(&map.fmtp, true)? },
            "ILBC" => Self::Ilbc { ms: ilbc::frame_ms(&map.fmtp)? },
            _ => return None,
        })
    }

    fn row(self) -> &'static Row {
        table::row(self)
    }

    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Rate of decoded samples, Hz. Opus is decoded at 16 kHz, the cap of a group.
    pub fn decoded_rate(self) -> u32 {
        match self {
            Self::L16 { rate, .. } => rate,
            _ => self.row().rate,
        }
    }

    /// Rate of samples handed to the encoder in a group of `group_rate`: Opus takes what the group has.
    pub fn encoded_rate(self, group_rate: u32) -> u32 {
        match self {
            Self::Opus => group_rate,
            other => other.decoded_rate(),
        }
    }

    /// RTP clock, Hz. G.722 says 8000 although it samples at 16 kHz (RFC 3551 §4.5.2).
    pub fn clock(self) -> u32 {
        match self {
            Self::L16 { rate, .. } => rate,
            _ => self.row().clock,
        }
    }

    /// Duration of a payload in RTP clock ticks. `None` when it cannot be this codec.
    pub fn ticks(self, payload: &[u8]) -> Option<u32> {
        (self.row().ticks)(self, payload)
    }

    /// Whether a payload says that its sender is silent from now on.
    pub fn tells_silence(self, payload: &[u8]) -> bool {
        (self.row().tells_silence)(self, payload)
    }

    /// The packet time that this codec can have, ms, when `wanted` was agreed.
    pub fn packet_ms(self, wanted: u32) -> u32 {
        (self.row().packet_ms)(self, wanted)
    }

    /// Whether the codec itself spares silence when the peer agreed to that; others use comfort noise (RFC 3389).
    pub fn has_own_silence(self) -> bool {
        self.row().own_silence
    }

    /// The mode that the peer asks to be sent (AMR), if this payload says so.
    pub fn requests(self, payload: &[u8]) -> Option<u8> {
        match self {
            Self::Amr { wide, form } => amr::request(payload, wide, form),
            _ => None,
        }
    }
}

/// What a codec's decoder does. Only the first function is a must.
pub trait Decode: Send {
    /// Appends the decoded samples to `out`. False when the payload is broken; nothing is appended then.
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool;

    /// Appends concealment of `samples` if the codec has its own; `next` is the packet after the lost one, when it is
    /// already there (Opus carries forward error correction). False: the caller conceals.
    fn conceal_into(&mut self, _next: Option<&[u8]>, _samples: usize, _out: &mut Vec<f32>) -> bool {
        false
    }

    /// Appends `samples` of the noise of a sender that is silent, if the codec has its own. False: the caller makes it.
    fn rest_into(&mut self, _samples: usize, _out: &mut Vec<f32>) -> bool {
        false
    }

    /// Samples beyond the present that `relearn` wants to be told, `None` when the codec keeps no state that a loss spoils.
    fn relearns(&self) -> Option<usize> {
        None
    }

    /// Puts the decoder where it would be had it decoded what was heard instead of concealed (see `relearns`).
    fn relearn(&mut self, _heard: &[f32]) {}
}

/// What a codec's encoder does. Only the first function is a must.
pub trait Encode: Send {
    /// Encodes one packet's samples into `out` and returns the octets, 0 when nothing need be sent (silence), `None` when it
    /// does not fit or fails.
    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize>;

    /// Lets the codec itself tell silence. False: the caller suppresses it.
    fn spare_silence(&mut self) -> bool {
        false
    }

    /// Codecs whose effort can be chosen take less of it, or the usual again.
    fn spare_effort(&mut self, _sparing: bool) {}

    /// The peer wants to be sent this mode (AMR).
    fn request(&mut self, _mode: u8) {}

    /// By how many ticks the newest packet begins after the first of its samples: silence that comes before sound is not sent.
    fn late(&self) -> u32 {
        0
    }
}

/// Turns payloads into samples.
pub struct Decoder(Box<dyn Decode>);

impl Decoder {
    /// `None` when the codec library refuses or is not there.
    pub fn new(coding: Coding) -> Option<Self> {
        (coding.row().decoder)(coding).map(Self)
    }
}

impl std::ops::Deref for Decoder {
    type Target = dyn Decode;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::ops::DerefMut for Decoder {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

/// Turns samples into payloads.
pub struct Encoder(Box<dyn Encode>);

impl Encoder {
    /// `rate` is that of the samples (`Coding::encoded_rate`). `None` when the codec library refuses or is not there.
    pub fn new(coding: Coding, rate: u32) -> Option<Self> {
        (coding.row().encoder)(coding, rate).map(Self)
    }
}

impl std::ops::Deref for Encoder {
    type Target = dyn Encode;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::ops::DerefMut for Encoder {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

/// The value of a format parameter, spaces and case of its name aside.
pub fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|given| {
        let (key, value) = given.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
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
mod tests;
