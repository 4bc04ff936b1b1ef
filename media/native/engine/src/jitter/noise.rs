//! Comfort noise: what a silent party's room sounds like, as told by RFC 3389 or as last measured.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic))]

/// Order of the spectrum that is taken; what a packet says beyond is detail that nobody hears in noise.
const ORDER: usize = 10;
/// Louder than −30 dBov is no background, whatever a packet says.
const LOUDEST: f32 = 0.0316;
/// A room that was only measured is not imitated above −50 dBov: it may have been music.
const MEASURED: f32 = 0.003;
/// Rooms have more low sound than high.
const ROOM: f32 = -0.5;
/// The level moves to a new one within about 20 ms.
const SMOOTHING: f32 = 0.008;

#[derive(Debug)]
pub struct Comfort {
    target: f32,
    level: f32,
    /// Reflection coefficients, and the lattice's memory.
    reflections: [f32; ORDER],
    memory: [f32; ORDER + 1],
    /// Makes the filter's output as loud as its input.
    gain: f32,
    state: u32,
    /// The sender described its noise; measurements do not count then.
    described: bool,
}

impl Default for Comfort {
    fn default() -> Self {
        let mut comfort = Self {
            target: 0.0,
            level: 0.0,
            reflections: [0.0; ORDER],
            memory: [0.0; ORDER + 1],
            gain: 1.0,
            state: 0x2545_f491,
            described: false,
        };
        comfort.shape(&[ROOM]);
        comfort
    }
}

impl Comfort {
    fn shape(&mut self, reflections: &[f32]) {
        self.reflections = [0.0; ORDER];
        self.reflections.iter_mut().zip(reflections).for_each(|(own, new)| *own = *new);
        self.gain = self.reflections.iter().map(|k| (1.0 - k * k).max(1e-4)).product::<f32>().sqrt();
    }

    /// Takes a packet of RFC 3389: level in −dBov, then reflection coefficients, which are for 8 kHz.
    pub fn describe(&mut self, payload: &[u8], rate: u32) {
        let Some((level, spectrum)) = payload.split_first() else { return };
        self.target = 10f32.powf(-f32::from(level & 0x7f) / 20.0).min(LOUDEST);
        self.described = true;
        let mut reflections = [0.0; ORDER];
        let known = if rate == 8000 { spectrum } else { &[] };
        for (reflection, octet) in reflections.iter_mut().zip(known) {
            *reflection = (258.0 / 32_768.0 * (f32::from(*octet) - 127.0)).clamp(-0.98, 0.98);
        }
        if known.is_empty() {
            self.shape(&[ROOM]);
        } else {
            self.shape(&reflections);
        }
    }

    /// Takes the quietest level that was heard lately.
    pub fn measured(&mut self, level: f32) {
        if !self.described {
            self.target = level.min(MEASURED);
        }
    }

    /// The sender talks again; what comes next is described anew or measured.
    pub fn forget(&mut self) {
        self.described = false;
    }

    /// The next sample of noise.
    pub fn sample(&mut self) -> f32 {
        if self.target == 0.0 && self.level < 1e-6 {
            return 0.0; // a line that is digitally silent stays so
        }
        self.level += (self.target - self.level) * SMOOTHING;
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        // Uniform in −√3..√3: power 1.
        let white = (self.state as f32 / u32::MAX as f32 * 2.0 - 1.0) * 1.732;
        // All-pole lattice: stable for every |k| < 1.
        let mut forward = white * self.gain;
        let mut below = self.memory;
        for (index, reflection) in self.reflections.iter().enumerate().rev() {
            let Some(delayed) = self.memory.get(index).copied() else { break };
            forward -= reflection * delayed;
            if let Some(next) = below.get_mut(index + 1) {
                *next = delayed + reflection * forward;
            }
        }
        if let Some(first) = below.first_mut() {
            *first = forward;
        }
        self.memory = below;
        forward * self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::level;

    #[test]
    fn noise_is_as_loud_as_the_packet_says() {
        for octets in [&[50u8][..], &[50, 20, 160, 127, 90]] {
            let mut comfort = Comfort::default();
            comfort.describe(octets, 8000);
            let out: Vec<f32> = (0..16_000).map(|_| comfort.sample()).collect();
            let heard = 20.0 * level(&out[4000..]).log10();
            assert!((heard + 50.0).abs() < 2.0, "{heard} for {octets:?}");
        }
    }

    #[test]
    fn a_silent_line_stays_silent_and_no_packet_makes_it_loud() {
        let mut comfort = Comfort::default();
        comfort.measured(0.0);
        assert!((0..100).all(|_| comfort.sample() == 0.0));
        comfort.describe(&[0, 255, 255, 0, 255], 8000);
        assert!((0..16_000).all(|_| comfort.sample().abs() < 0.5));
    }
}
