//! Codec libraries that the machine may have: bcg729 (G.729), opencore-amr and vo-amrwbenc (AMR, AMR-WB), libilbc (iLBC).
//!
//! They are found and loaded at run time and never linked or shipped: some have licences of their own (bcg729 is GPL-3), and most
//! installations need none. This crate is the only place of the workspace with `unsafe`; what it gives out is safe. One frame goes in,
//! one frame comes out; what a payload looks like on the wire is the engine's business.

mod ffi;

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Octets of the longest coded frame: AMR-WB at 23.85 kbit/s with its header.
pub const MOST_OCTETS: usize = 61;
/// Samples of the longest frame: AMR-WB 20 ms at 16 kHz.
pub const MOST_SAMPLES: usize = 320;

/// A codec that comes from a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    G729,
    Amr,
    AmrWb,
    /// Frames of 20 ms and of 30 ms.
    Ilbc20,
    Ilbc30,
}

impl Kind {
    /// Samples of a frame.
    pub const fn samples(self) -> usize {
        match self {
            Self::G729 => 80,
            Self::Amr | Self::Ilbc20 => 160,
            Self::Ilbc30 => 240,
            Self::AmrWb => 320,
        }
    }

    /// The name in SDP, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::G729 => "G729",
            Self::Amr => "AMR",
            Self::AmrWb => "AMR-WB",
            Self::Ilbc20 | Self::Ilbc30 => "ILBC",
        }
    }

    /// What has to be installed for it, by the name of the files.
    pub const fn files(self) -> &'static [&'static str] {
        match self {
            Self::G729 => &["libbcg729.so.0"],
            Self::Amr => &["libopencore-amrnb.so.0"],
            Self::AmrWb => &["libopencore-amrwb.so.0", "libvo-amrwbenc.so.0"],
            Self::Ilbc20 | Self::Ilbc30 => &["libilbc.so.3", "libilbc.so.2", "libilbc.so.0"],
        }
    }
}

/// One of each codec, for lists.
pub const KINDS: [Kind; 4] = [Kind::G729, Kind::Amr, Kind::AmrWb, Kind::Ilbc20];

/// Why a codec cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{codec} needs {library}: {reason}")]
pub struct Missing {
    pub codec: &'static str,
    pub library: String,
    pub reason: String,
}

/// Decodes frames of one stream. AMR frames are in storage form (RFC 4867 §5.3): the header octet, then the bits.
pub trait Decoder: Send {
    /// Writes the `Kind::samples` of a frame. `None`: the frame is lost, or the sender is silent and goes on being so.
    fn decode(&mut self, frame: Option<&[u8]>, out: &mut [i16; MOST_SAMPLES]);
}

/// Encodes frames of one stream.
pub trait Encoder: Send {
    /// Takes `Kind::samples` and writes one frame; returns its octets, 0 when nothing is to be sent.
    fn encode(&mut self, samples: &[i16; MOST_SAMPLES], out: &mut [u8; MOST_OCTETS]) -> usize;

    /// The mode of the following frames, for codecs that have several.
    fn set_mode(&mut self, _mode: u8) {}
}

/// The libraries of a process.
#[derive(Default)]
pub struct Libraries {
    g729: Option<Arc<ffi::G729>>,
    amr: Option<Arc<ffi::Amr>>,
    amr_wb: Option<Arc<ffi::AmrWb>>,
    ilbc: Option<Arc<ffi::Ilbc>>,
    missing: Vec<Missing>,
}

impl Libraries {
    /// Looks for every library in `places`: a folder, a file, or `auto` for wherever the system keeps libraries. No place: none
    /// is loaded.
    pub fn load(places: &[String]) -> Self {
        let mut libraries = Self::default();
        let mut missing = Vec::new();
        libraries.g729 = keep(ffi::G729::load(places), &mut missing);
        libraries.amr = keep(ffi::Amr::load(places), &mut missing);
        libraries.amr_wb = keep(ffi::AmrWb::load(places), &mut missing);
        libraries.ilbc = keep(ffi::Ilbc::load(places), &mut missing);
        libraries.missing = missing;
        libraries
    }

    /// What could not be loaded, and why.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    pub fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::G729 => self.g729.is_some(),
            Kind::Amr => self.amr.is_some(),
            Kind::AmrWb => self.amr_wb.is_some(),
            Kind::Ilbc20 | Kind::Ilbc30 => self.ilbc.is_some(),
        }
    }

    /// `None` when the library is not there, or has no memory.
    pub fn decoder(&self, kind: Kind) -> Option<Box<dyn Decoder>> {
        match kind {
            Kind::G729 => ffi::G729Decoder::open(self.g729.as_ref()?),
            Kind::Amr => ffi::AmrDecoder::open(self.amr.as_ref()?),
            Kind::AmrWb => ffi::AmrWbDecoder::open(self.amr_wb.as_ref()?),
            Kind::Ilbc20 | Kind::Ilbc30 => ffi::IlbcDecoder::open(self.ilbc.as_ref()?, kind),
        }
    }

    /// `silence`: what is silence need not be sent. `None` when the library is not there, or has no memory.
    pub fn encoder(&self, kind: Kind, silence: bool) -> Option<Box<dyn Encoder>> {
        match kind {
            Kind::G729 => ffi::G729Encoder::open(self.g729.as_ref()?, silence),
            Kind::Amr => ffi::AmrEncoder::open(self.amr.as_ref()?, silence),
            Kind::AmrWb => ffi::AmrWbEncoder::open(self.amr_wb.as_ref()?, silence),
            Kind::Ilbc20 | Kind::Ilbc30 => ffi::IlbcEncoder::open(self.ilbc.as_ref()?, kind),
        }
    }
}

fn keep<T>(loaded: Result<T, Missing>, missing: &mut Vec<Missing>) -> Option<Arc<T>> {
    match loaded {
        Ok(library) => Some(Arc::new(library)),
        Err(reason) => {
            missing.push(reason);
            None
        }
    }
}

/// Where `file` may lie when the configuration says `place`.
fn candidate(place: &str, file: &str) -> Option<PathBuf> {
    if place == "auto" {
        return Some(PathBuf::from(file)); // a bare name is looked up by the loader
    }
    let path = Path::new(place);
    if path.is_dir() {
        return Some(path.join(file));
    }
    let stem = file.split(".so").next().unwrap_or(file);
    let name = path.file_name()?.to_str()?;
    name.starts_with(stem).then(|| path.to_path_buf())
}

#[cfg(test)]
mod tests;
