//! The codec table: one row per codec.

use super::{Coding, Decode, Encode, amr, external, g711, g722, g729, ilbc, l16, opus};

/// What is to be known about a codec, and the two functions that do it.
pub struct Row {
    /// As in SDP, in capitals.
    pub name: &'static str,
    /// RTP clock and rate of decoded samples, Hz. Those of L16 are in the `Coding`.
    pub clock: u32,
    pub rate: u32,
    /// Duration of a payload in ticks; `None` when it cannot be one.
    pub ticks: fn(Coding, &[u8]) -> Option<u32>,
    pub tells_silence: fn(Coding, &[u8]) -> bool,
    /// The packet time next to the one that was agreed on, ms.
    pub packet_ms: fn(Coding, u32) -> u32,
    pub own_silence: bool,
    pub decoder: fn(Coding) -> Option<Box<dyn Decode>>,
    pub encoder: fn(Coding, u32) -> Option<Box<dyn Encode>>,
}

const NEVER: fn(Coding, &[u8]) -> bool = |_, _| false;
const ANY_LENGTH: fn(Coding, u32) -> u32 = |_, wanted| wanted;
/// An octet per tick: G.711, and G.722 by its wrong clock.
const OCTETS: fn(Coding, &[u8]) -> Option<u32> = |_, payload| Some(payload.len() as u32);
/// Frames of 20 ms.
const TWENTIES: fn(Coding, u32) -> u32 = |_, wanted| wanted.div_ceil(20) * 20;

static PCMU: Row = Row {
    name: "PCMU",
    clock: 8000,
    rate: 8000,
    ticks: OCTETS,
    tells_silence: NEVER,
    packet_ms: ANY_LENGTH,
    own_silence: false,
    decoder: |_| Some(Box::new(g711::Law::Mu)),
    encoder: |_, _| Some(Box::new(g711::Law::Mu)),
};

static PCMA: Row = Row {
    name: "PCMA",
    decoder: |_| Some(Box::new(g711::Law::A)),
    encoder: |_, _| Some(Box::new(g711::Law::A)),
    ..PCMU
};

static G722: Row = Row {
    name: "G722",
    rate: 16_000,
    decoder: |_| Some(Box::<g722::Decoder>::default()),
    encoder: |_, _| Some(Box::<g722::Encoder>::default()),
    ..PCMU
};

static OPUS: Row = Row {
    name: "OPUS",
    clock: 48_000,
    rate: 16_000,
    ticks: |_, payload| opus::ticks(payload),
    tells_silence: |_, payload| payload.len() <= opus::SILENT,
    packet_ms: |_, wanted| opus::packet_ms(wanted),
    own_silence: true,
    decoder: |coding| Some(Box::new(opus::Decoder::new(coding.decoded_rate())?)),
    encoder: |_, rate| Some(Box::new(opus::Encoder::new(rate)?)),
};

static L16: Row = Row {
    name: "L16",
    ticks: l16::ticks,
    packet_ms: l16::packet_ms,
    decoder: |coding| Some(Box::new(l16::Linear::of(coding)?)),
    encoder: |coding, _| Some(Box::new(l16::Linear::of(coding)?)),
    ..PCMU
};

static G729: Row = Row {
    name: "G729",
    ticks: |_, payload| g729::ticks(payload),
    tells_silence: |_, payload| g729::tells_silence(payload),
    own_silence: true,
    decoder: external::decoder,
    encoder: external::encoder,
    ..PCMU
};

static AMR: Row =
    Row { name: "AMR", ticks: amr::ticks, tells_silence: amr::tells_silence, packet_ms: TWENTIES, ..G729 };

static AMR_WB: Row = Row { name: "AMR-WB", clock: 16_000, rate: 16_000, ..AMR };

static ILBC: Row = Row {
    name: "ILBC",
    ticks: ilbc::ticks,
    packet_ms: ilbc::packet_ms,
    decoder: external::decoder,
    encoder: external::encoder,
    ..PCMU
};

pub fn row(coding: Coding) -> &'static Row {
    match coding {
        Coding::Pcmu => &PCMU,
        Coding::Pcma => &PCMA,
        Coding::G722 => &G722,
        Coding::Opus => &OPUS,
        Coding::L16 { .. } => &L16,
        Coding::G729 => &G729,
        Coding::Amr { wide: false, .. } => &AMR,
        Coding::Amr { wide: true, .. } => &AMR_WB,
        Coding::Ilbc { .. } => &ILBC,
    }
}
