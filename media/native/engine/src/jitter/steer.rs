//! When delay is made to grow or shrink: silence first, speech at pitch periods and only when it cannot wait.

/// Margins are judged over so many frames: the rhythm of packets of up to 120 ms.
const WINDOW: usize = 6;
/// Less or more than this is left alone, ms: in silence, and in speech.
const QUIET_LESS: f32 = -1.0;
const QUIET_MORE: f32 = 4.0;
const SPEECH_LESS: f32 = -1.0;
const SPEECH_MORE: f32 = 12.0;
/// A frame of silence is changed by at most so much, ms.
const QUIET_STEP: f32 = 10.0;
/// Speech waits so many frames for a silence, fewer when a hole threatens …
const PATIENCE: u32 = 40;
const PATIENCE_LESS: u32 = 12;
/// … and is then changed at most once in so many frames.
const SPEECH_INTERVAL: u32 = 5;
/// So much too much delay does not wait, ms; it is shortened more often.
const URGENT: f32 = 60.0;
const URGENT_INTERVAL: u32 = 2;
/// A splice of speech wants this resemblance, less after the patience has run out twice.
const ALIKE: f32 = 0.7;
const HARDLY_ALIKE: f32 = 0.3;

/// What shall be done with the frame that is about to be played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    Keep,
    /// By ms, anywhere: nobody talks.
    ShortenQuiet(f32),
    LengthenQuiet(f32),
    /// By a pitch period of at least this resemblance.
    ShortenSpeech(f32),
    LengthenSpeech(f32),
}

#[derive(Debug, Default)]
pub struct Steering {
    margins: [f32; WINDOW],
    known: usize,
    at: usize,
    /// Frames since speech was changed, and since the wish to do so came up.
    since: u32,
    wishing: u32,
}

impl Steering {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the margin of a frame, ms: what will be in store beyond the frame even when packets are as late as they get.
    pub fn note(&mut self, margin_ms: f32) {
        self.margins[self.at] = margin_ms;
        self.at = (self.at + 1) % WINDOW;
        self.known = (self.known + 1).min(WINDOW);
        self.since = self.since.saturating_add(1);
    }

    /// The delay was changed by so many ms.
    pub fn changed(&mut self, ms: f32, speech: bool) {
        self.margins.iter_mut().for_each(|margin| *margin += ms);
        if speech {
            self.since = 0;
        }
    }

    /// The smallest margin of late; 0 until it is known.
    pub fn margin(&self) -> f32 {
        if self.known < WINDOW {
            return 0.0;
        }
        self.margins.iter().copied().fold(f32::MAX, f32::min)
    }

    pub fn step(&mut self, quiet: bool) -> Step {
        let margin = self.margin();
        if !(SPEECH_LESS..=SPEECH_MORE).contains(&margin) {
            self.wishing += 1;
        } else {
            self.wishing = 0;
        }
        if quiet {
            return match margin {
                more if more > QUIET_MORE => Step::ShortenQuiet(more.min(QUIET_STEP)),
                less if less < QUIET_LESS => Step::LengthenQuiet((-less).min(QUIET_STEP)),
                _ => Step::Keep,
            };
        }
        let urgent = margin > URGENT;
        let interval = if urgent { URGENT_INTERVAL } else { SPEECH_INTERVAL };
        let patience = if margin < 0.0 { PATIENCE_LESS } else { PATIENCE };
        if self.since < interval || (self.wishing < patience && !urgent) {
            return Step::Keep;
        }
        let alike = if urgent || self.wishing > 2 * patience { HARDLY_ALIKE } else { ALIKE };
        match margin {
            more if more > SPEECH_MORE => Step::ShortenSpeech(alike),
            less if less < SPEECH_LESS => Step::LengthenSpeech(alike),
            _ => Step::Keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steer(margin: f32, quiet: bool, frames: u32) -> Vec<Step> {
        let mut steering = Steering::default();
        (0..frames)
            .map(|_| {
                steering.note(margin);
                steering.step(quiet)
            })
            .collect()
    }

    #[test]
    fn silence_is_used_at_once_and_speech_after_a_while() {
        assert_eq!(steer(7.0, true, 6)[5], Step::ShortenQuiet(7.0));
        assert_eq!(steer(-15.0, true, 6)[5], Step::LengthenQuiet(10.0));
        assert!(steer(7.0, false, 500).iter().all(|step| *step == Step::Keep));
        let speech = steer(20.0, false, 60);
        let waited = speech.iter().take_while(|step| **step == Step::Keep).count();
        assert!((40..50).contains(&waited), "{waited}");
        assert_eq!(steer(100.0, false, 10)[6], Step::ShortenSpeech(HARDLY_ALIKE));
    }
}
