//! Codecs whose coding is done by a library of the system: payloads are taken apart here, frames go to the crate `plugin`.

use std::sync::{Arc, PoisonError, RwLock};

use plugin::{Kind, Libraries, MOST_OCTETS, MOST_SAMPLES};

use super::{Coding, Decode, Encode, amr, g729, ilbc, to_f32, to_i16};

/// Frames of a packet that we send, 60 ms of G.729.
const MOST_FRAMES: usize = 6;
/// What AMR sends when the other side asks for nothing: 12.2 kbit/s, and 12.65 for AMR-WB.
const USUAL_MODE: u8 = 7;
const USUAL_MODE_WIDE: u8 = 2;

static LIBRARIES: RwLock<Option<Arc<Libraries>>> = RwLock::new(None);

/// Takes the libraries that every engine of this process uses from now on; streams that are coded keep theirs.
pub fn install(libraries: Libraries) {
    *LIBRARIES.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(libraries));
}

fn installed() -> Option<Arc<Libraries>> {
    LIBRARIES.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The library's codec of a coding, `None` when it needs none.
fn kind(coding: Coding) -> Option<Kind> {
    Some(match coding {
        Coding::G729 => Kind::G729,
        Coding::Amr { wide: false, .. } => Kind::Amr,
        Coding::Amr { wide: true, .. } => Kind::AmrWb,
        Coding::Ilbc { ms: 20 } => Kind::Ilbc20,
        Coding::Ilbc { .. } => Kind::Ilbc30,
        _ => return None,
    })
}

/// Whether samples of this coding can be had: it needs no library, or the library is there.
pub fn is_available(coding: Coding) -> bool {
    kind(coding).is_none_or(|kind| installed().is_some_and(|libraries| libraries.has(kind)))
}

pub fn decoder(coding: Coding) -> Option<Box<dyn Decode>> {
    let kind = kind(coding)?;
    let library = installed()?.decoder(kind)?;
    let state = Decoder {
        library,
        coding,
        samples: kind.samples(),
        frame: [0; MOST_SAMPLES],
        ahead: Vec::new(),
        resting: false,
    };
    Some(Box::new(state))
}

pub fn encoder(coding: Coding, _rate: u32) -> Option<Box<dyn Encode>> {
    let kind = kind(coding)?;
    let library = installed()?.encoder(kind, false)?;
    let mut state = Encoder {
        library,
        coding,
        kind,
        pcm: [0; MOST_SAMPLES],
        frames: [[0; MOST_OCTETS]; MOST_FRAMES],
        lengths: [0; MOST_FRAMES],
        late: 0,
    };
    state.request(if kind == Kind::AmrWb { USUAL_MODE_WIDE } else { USUAL_MODE });
    Some(Box::new(state))
}

struct Decoder {
    library: Box<dyn plugin::Decoder>,
    coding: Coding,
    samples: usize,
    frame: [i16; MOST_SAMPLES],
    /// Concealment that was made because the library makes whole frames, and not asked for yet.
    ahead: Vec<f32>,
    /// The newest payload told silence, and the library goes on with such silence where nothing comes.
    resting: bool,
}

impl Decoder {
    fn frame(&mut self, coded: Option<&[u8]>, out: &mut Vec<f32>) {
        self.library.decode(coded, &mut self.frame);
        out.extend(self.frame.iter().take(self.samples).map(|sample| to_f32(*sample)));
    }
}

impl Decode for Decoder {
    fn decode_into(&mut self, payload: &[u8], out: &mut Vec<f32>) -> bool {
        if self.coding.ticks(payload).is_none() {
            return false;
        }
        self.ahead.clear();
        self.resting = self.coding.tells_silence(payload);
        match self.coding {
            Coding::G729 => g729::frames(payload).for_each(|frame| self.frame(Some(frame), out)),
            Coding::Amr { wide, form } => return amr::unpack(payload, wide, form, |frame| self.frame(frame, out)),
            coding => ilbc::frames(coding, payload).for_each(|frame| self.frame(Some(frame), out)),
        }
        true
    }

    fn conceal_into(&mut self, _next: Option<&[u8]>, samples: usize, out: &mut Vec<f32>) -> bool {
        let mut ahead = std::mem::take(&mut self.ahead);
        while ahead.len() < samples {
            self.frame(None, &mut ahead);
        }
        out.extend(ahead.drain(..samples));
        self.ahead = ahead;
        true
    }

    fn rest_into(&mut self, samples: usize, out: &mut Vec<f32>) -> bool {
        self.resting && self.conceal_into(None, samples, out)
    }
}

struct Encoder {
    library: Box<dyn plugin::Encoder>,
    coding: Coding,
    kind: Kind,
    pcm: [i16; MOST_SAMPLES],
    frames: [[u8; MOST_OCTETS]; MOST_FRAMES],
    lengths: [usize; MOST_FRAMES],
    late: u32,
}

impl Encoder {
    /// Puts the frames one behind the other: G.729, iLBC.
    fn join(&mut self, count: usize, out: &mut [u8]) -> Option<usize> {
        let lengths = self.lengths.get(..count)?;
        let begin = if self.kind == Kind::G729 { g729::begin(lengths) } else { 0 };
        self.late = begin as u32 * g729::TICKS;
        let mut end = 0;
        for (frame, length) in self.frames.iter().zip(lengths).skip(begin) {
            out.get_mut(end..end + length)?.copy_from_slice(frame.get(..*length)?);
            end += length;
            if *length == 2 {
                break; // nothing may follow what describes silence
            }
        }
        Some(end)
    }
}

impl Encode for Encoder {
    fn encode_into(&mut self, samples: &[f32], out: &mut [u8]) -> Option<usize> {
        let size = self.kind.samples();
        let count = samples.len() / size;
        if count > MOST_FRAMES {
            return None;
        }
        for ((frame, length), samples) in self.frames.iter_mut().zip(&mut self.lengths).zip(samples.chunks_exact(size))
        {
            for (integer, sample) in self.pcm.iter_mut().zip(samples) {
                *integer = to_i16(*sample);
            }
            *length = self.library.encode(&self.pcm, frame);
        }
        let Coding::Amr { wide, form } = self.coding else { return self.join(count, out) };
        let frames = self.frames.iter().zip(self.lengths).take(count);
        if frames.clone().all(|(_, length)| length == 0) {
            return Some(0);
        }
        amr::pack(frames.map(|(frame, length)| frame.get(..length).unwrap_or_default()), wide, form, out)
    }

    fn spare_silence(&mut self) -> bool {
        if !self.coding.has_own_silence() {
            return false;
        }
        let Some(library) = installed().and_then(|libraries| libraries.encoder(self.kind, true)) else { return false };
        self.library = library;
        self.request(if self.kind == Kind::AmrWb { USUAL_MODE_WIDE } else { USUAL_MODE });
        true
    }

    fn request(&mut self, mode: u8) {
        if let Coding::Amr { form, .. } = self.coding {
            self.library.set_mode(form.mode(mode));
        }
    }

    fn late(&self) -> u32 {
        self.late
    }
}
