//! AMR and AMR-WB payloads (RFC 4867): bandwidth-efficient and octet-aligned. CRC, interleaving and robust sorting are refused
//! where formats are agreed on.

use super::{Coding, parameter};

/// Bits of a frame by its type: speech modes, then silence (SID); what is not listed is not known.
const BITS: [u16; 9] = [95, 103, 118, 134, 148, 159, 204, 244, 39];
const BITS_WIDE: [u16; 10] = [132, 177, 253, 285, 317, 365, 397, 461, 477, 40];
/// Frame types without bits: lost on the way to the sender (AMR-WB), and nothing to send.
const SPEECH_LOST: u8 = 14;
const NO_DATA: u8 = 15;
/// Nothing is asked of the other side (codec mode request).
const NO_REQUEST: u8 = 15;
/// Frames of a payload, 240 ms.
const MOST_FRAMES: usize = 12;
/// Octets of the longest frame in storage form.
const MOST_OCTETS: usize = 61;

/// What was agreed about payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    pub aligned: bool,
    /// The modes that may be sent, a bit each.
    pub modes: u16,
}

impl Form {
    /// From format parameters; `None` for those that we do not do.
    pub fn of(fmtp: &str, wide: bool) -> Option<Self> {
        let on = |name: &str| parameter(fmtp, name).is_some_and(|value| value != "0");
        if on("crc") || on("robust-sorting") || on("interleaving") {
            return None;
        }
        let all = if wide { 0x1ff } else { 0xff };
        let modes = match parameter(fmtp, "mode-set") {
            None | Some("") => all,
            Some(list) => list
                .split(',')
                .filter_map(|mode| mode.trim().parse::<u32>().ok())
                .filter_map(|mode| 1u16.checked_shl(mode))
                .fold(0, |set, bit| set | bit),
        };
        (modes & all != 0).then_some(Self { aligned: on("octet-align"), modes: modes & all })
    }

    /// The mode to be sent when `wanted` is wished: the highest that may be and is not above it, else the lowest that may be.
    pub fn mode(self, wanted: u8) -> u8 {
        let allowed = |mode: &u8| self.modes >> mode & 1 == 1;
        (0..=wanted.min(8)).rev().find(allowed).or_else(|| (0..9).find(allowed)).unwrap_or(0)
    }
}

/// The frame types of a payload in its table of contents.
struct Contents {
    types: [(u8, bool); MOST_FRAMES],
    count: usize,
}

impl Contents {
    fn entries(&self) -> impl Iterator<Item = (u8, bool)> + '_ {
        self.types.iter().copied().take(self.count)
    }
}

fn bits(frame_type: u8, wide: bool) -> Option<usize> {
    let known = if wide { BITS_WIDE.get(usize::from(frame_type)) } else { BITS.get(usize::from(frame_type)) };
    match (known, frame_type) {
        (Some(bits), _) => Some(usize::from(*bits)),
        (None, NO_DATA) => Some(0),
        (None, SPEECH_LOST) if wide => Some(0),
        _ => None,
    }
}

/// Bits of a payload from the first to the last.
struct Reader<'a> {
    octets: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn left(&self) -> usize {
        8 * self.octets.len() - self.position.min(8 * self.octets.len())
    }

    /// Up to eight bits, as the lowest of the result.
    fn take(&mut self, count: usize) -> Option<u8> {
        let first = u16::from(*self.octets.get(self.position / 8)?) << 8;
        let both = first | u16::from(self.octets.get(self.position / 8 + 1).copied().unwrap_or(0));
        if self.left() < count {
            return None;
        }
        let value = (both << (self.position % 8)) >> (16 - count.clamp(1, 8));
        self.position += count;
        Some(value as u8)
    }

    fn align(&mut self) {
        self.position = self.position.div_ceil(8) * 8;
    }
}

/// Reads up to the speech. `None` for what cannot be such a payload.
fn contents<'a>(payload: &'a [u8], wide: bool, form: Form) -> Option<(Contents, Reader<'a>)> {
    let mut reader = Reader { octets: payload, position: 0 };
    reader.take(4)?; // what the sender asks of us
    let mut contents = Contents { types: [(NO_DATA, true); MOST_FRAMES], count: 0 };
    let mut needed = 0;
    loop {
        if form.aligned {
            reader.align();
        }
        let follows = reader.take(1)? == 1;
        let (frame_type, good) = (reader.take(4)?, reader.take(1)? == 1);
        let length = bits(frame_type, wide)?;
        needed += if form.aligned { 8 * length.div_ceil(8) } else { length };
        *contents.types.get_mut(contents.count)? = (frame_type, good);
        contents.count += 1;
        if !follows {
            break;
        }
    }
    if form.aligned {
        reader.align();
    }
    (reader.left() >= needed).then_some((contents, reader))
}

fn form_of(coding: Coding) -> Option<(bool, Form)> {
    match coding {
        Coding::Amr { wide, form } => Some((wide, form)),
        _ => None,
    }
}

pub fn ticks(coding: Coding, payload: &[u8]) -> Option<u32> {
    let (wide, form) = form_of(coding)?;
    let (contents, _) = contents(payload, wide, form)?;
    Some(contents.count as u32 * if wide { 320 } else { 160 })
}

/// Silence is described, or nothing is sent.
pub fn tells_silence(coding: Coding, payload: &[u8]) -> bool {
    let Some((wide, form)) = form_of(coding) else { return false };
    let last = contents(payload, wide, form).and_then(|(contents, _)| contents.entries().last());
    last.is_some_and(|(frame_type, _)| frame_type == NO_DATA || usize::from(frame_type) >= modes(wide))
}

fn modes(wide: bool) -> usize {
    if wide { 9 } else { 8 }
}

/// The mode that the sender of this payload asks to be sent.
pub fn request(payload: &[u8], wide: bool, form: Form) -> Option<u8> {
    let mode = payload.first()? >> 4;
    (usize::from(mode) < modes(wide)).then(|| form.mode(mode))
}

/// Calls `each` with the frames of a payload in storage form, `None` for those that are missing or damaged. False, and nothing
/// called, when it cannot be such a payload.
pub fn unpack(payload: &[u8], wide: bool, form: Form, mut each: impl FnMut(Option<&[u8]>)) -> bool {
    let Some((contents, mut reader)) = contents(payload, wide, form) else { return false };
    for (frame_type, good) in contents.entries() {
        let length = bits(frame_type, wide).unwrap_or(0);
        let mut frame = [0u8; MOST_OCTETS];
        let octets = length.div_ceil(8);
        for (index, octet) in frame.iter_mut().skip(1).take(octets).enumerate() {
            let count = (length - 8 * index).min(8);
            *octet = reader.take(count).unwrap_or(0) << (8 - count);
        }
        if form.aligned {
            reader.align();
        }
        if let Some(header) = frame.first_mut() {
            *header = frame_type << 3 | 1 << 2;
        }
        each(if good && length > 0 { frame.get(..=octets) } else { None });
    }
    true
}

/// Bits that are put one after another.
struct Writer<'a> {
    octets: &'a mut [u8],
    position: usize,
}

impl Writer<'_> {
    /// The highest `count` bits of `value`.
    fn put(&mut self, value: u8, count: usize) -> Option<()> {
        let kept = u16::from(value & !(0xff_u16 >> count.min(8)) as u8) << 8 >> (self.position % 8);
        let [high, low] = kept.to_be_bytes();
        let index = self.position / 8;
        if self.position.is_multiple_of(8) {
            *self.octets.get_mut(index)? = 0;
        }
        *self.octets.get_mut(index)? |= high;
        if self.position % 8 + count > 8 {
            *self.octets.get_mut(index + 1)? = low;
        }
        self.position += count;
        Some(())
    }

    fn align(&mut self) {
        self.position = self.position.div_ceil(8) * 8;
    }
}

/// Puts frames in storage form (empty: nothing to send) into a payload and returns its octets; `None` when it does not fit or a
/// frame is none.
pub fn pack<'f>(
    frames: impl Iterator<Item = &'f [u8]> + Clone,
    wide: bool,
    form: Form,
    out: &mut [u8],
) -> Option<usize> {
    let mut writer = Writer { octets: out, position: 0 };
    writer.put(NO_REQUEST << 4, 4)?;
    let mut following = frames.clone().count();
    for frame in frames.clone() {
        if form.aligned {
            writer.align();
        }
        following -= 1;
        let frame_type = frame.first().map_or(NO_DATA, |header| header >> 3 & 15);
        writer.put(u8::from(following > 0) << 7 | frame_type << 3 | 1 << 2, 6)?;
    }
    if form.aligned {
        writer.align();
    }
    for frame in frames {
        let Some((header, octets)) = frame.split_first() else { continue };
        let length = bits(header >> 3 & 15, wide)?;
        for (index, octet) in octets.iter().take(length.div_ceil(8)).enumerate() {
            writer.put(*octet, (length - 8 * index).min(8))?;
        }
        if form.aligned {
            writer.align();
        }
    }
    Some(writer.position.div_ceil(8))
}

#[cfg(test)]
#[path = "amr_tests.rs"]
mod tests;
