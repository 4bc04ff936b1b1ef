//! The mixing sender: frames of the group's rate become packets of the agreed codec and length.

use crate::codec::{Coding, Encoder};
use crate::dsp::limiter::Limiter;
use crate::dsp::resample::Resampler;
use crate::port::suppress::{Suppression, Verdict};

/// What a packet's time becomes.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// `first` after silence; `late` ticks after the packet's time, because what comes before is not sent.
    Audio {
        payload: &'a [u8],
        first: bool,
        late: u32,
    },
    /// Comfort noise (RFC 3389).
    Noise(&'a [u8]),
    Silence,
}

pub struct Voice {
    coding: Coding,
    group_rate: u32,
    ptime_ms: u32,
    encoder: Encoder,
    resampler: Option<Resampler>,
    limiter: Limiter,
    pending: Vec<f32>,
    packet_samples: usize,
    /// Silence is not sent: by our own measure, or by the codec's.
    spare: bool,
    suppression: Option<Suppression>,
    silent: bool,
    /// Under overload the encoder takes less trouble.
    sparing: bool,
}

impl Voice {
    /// `spare`: silence need not be sent. `None` when the codec library refuses.
    pub fn new(coding: Coding, group_rate: u32, ptime_ms: u32, spare: bool) -> Option<Self> {
        let rate = coding.encoded_rate(group_rate);
        let ptime_ms = coding.packet_ms(ptime_ms);
        let mut encoder = Encoder::new(coding, rate)?;
        let own = spare && !encoder.spare_silence();
        Some(Self {
            coding,
            group_rate,
            ptime_ms,
            encoder,
            resampler: Resampler::new(group_rate, rate),
            limiter: Limiter::default(),
            pending: Vec::with_capacity(rate as usize / 10),
            packet_samples: (rate * ptime_ms / 1000) as usize,
            spare,
            suppression: own.then(Suppression::default),
            silent: false,
            sparing: false,
        })
    }

    /// Step one of the overload ladder: coding that costs half and sounds a little worse; and back.
    pub fn spare_effort(&mut self, sparing: bool) {
        if self.sparing != sparing {
            self.sparing = sparing;
            self.encoder.spare_effort(sparing);
        }
    }

    /// The peer asks for this mode (AMR).
    pub fn request(&mut self, mode: u8) {
        self.encoder.request(mode);
    }

    pub fn fits(&self, coding: Coding, group_rate: u32, ptime_ms: u32, spare: bool) -> bool {
        let same_length = self.ptime_ms == coding.packet_ms(ptime_ms);
        self.coding == coding && self.group_rate == group_rate && same_length && self.spare == spare
    }

    /// Ticks of the RTP clock in one packet.
    pub fn ticks(&self) -> u32 {
        self.coding.clock() * self.ptime_ms / 1000
    }

    /// Takes one frame (it is limited in place) and calls `each` with what every packet that became complete is.
    pub fn frame(&mut self, frame: &mut [f32], scratch: &mut [u8], mut each: impl FnMut(Piece<'_>)) {
        self.limiter.process(frame);
        if let Some(suppression) = &mut self.suppression {
            suppression.listen(frame);
        }
        match &mut self.resampler {
            Some(resampler) => resampler.process_into(frame, &mut self.pending),
            None => self.pending.extend_from_slice(frame),
        }
        while self.pending.len() >= self.packet_samples {
            each(self.packet(scratch));
            self.pending.drain(..self.packet_samples);
        }
    }

    /// No packet is half full.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes a frame as heard already, so that the resampler goes on from it.
    pub fn prime(&mut self, frame: &[f32]) {
        if let Some(resampler) = &mut self.resampler {
            resampler.process_into(frame, &mut self.pending);
            self.pending.clear();
        }
    }

    fn packet<'a>(&mut self, scratch: &'a mut [u8]) -> Piece<'a> {
        let verdict = self.suppression.as_mut().map_or(Verdict::Talk, Suppression::verdict);
        // The encoder hears silence too: what it sends after it follows from what it heard.
        let length = self.encoder.encode_into(&self.pending[..self.packet_samples], scratch).unwrap_or(0);
        let was_silent = self.silent;
        let payload = &scratch[..length];
        self.silent = verdict != Verdict::Talk || (self.spare && (length == 0 || self.coding.tells_silence(payload)));
        // Opus repeats that it is silent in packets that need not be sent; the others only make those that are to be sent.
        let repeats = self.silent && was_silent && self.coding == Coding::Opus;
        match verdict {
            Verdict::Tell(level) => {
                let Some(first) = scratch.first_mut() else { return Piece::Silence };
                *first = level;
                Piece::Noise(&scratch[..1])
            }
            Verdict::Nothing => Piece::Silence,
            Verdict::Talk if length == 0 || repeats => Piece::Silence,
            Verdict::Talk => Piece::Audio {
                payload: &scratch[..length],
                first: was_silent && !self.silent,
                late: self.encoder.late(),
            },
        }
    }

    /// What was begun is dropped: the path changed.
    pub fn clear(&mut self) {
        self.pending.clear();
    }
}
