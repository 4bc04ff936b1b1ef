//! Who talks: energy over a floor that follows the noise of the line, with an onset of 40 ms and a hang-over of 200 ms.

use crate::ids::{FRAME_US, Micros};

/// Talk is so much above the floor.
const ABOVE_FLOOR_DB: f32 = 9.0;
/// A line is never thought quieter than this, so that talk is above −50 dBov.
const QUIETEST: f32 = -59.0;
/// Two frames in a row begin talk: a click of one frame is none.
const ONSET_FRAMES: u32 = 2;
const HANG_OVER_FRAMES: u32 = 10;
/// Of talk that stops a prompt: a cough or a knock is shorter, the echo of the prompt is softer.
const BARGE_FRAMES: u32 = 6;
const BARGE_LEVEL: f32 = -40.0;
/// The floor is the least level of the last 1.6 s: nobody talks so long without a dip between two words.
const SPANS: usize = 8;
const SPAN_FRAMES: u32 = 10;

/// What a frame changed. `level` is the mean of the onset, dBov.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edge {
    Talking { at: Micros, level: f32 },
    Silent { at: Micros, talk_ms: u64 },
}

/// What one frame tells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Heard {
    pub edge: Option<Edge>,
    /// This frame made the talk long and loud enough to stop a prompt.
    pub barge: bool,
}

#[derive(Debug)]
pub struct Vad {
    /// Least levels of the last spans, the current one included.
    least: [f32; SPANS],
    /// Spans that were really heard; the others are what is thought of an unknown line.
    heard: usize,
    span: usize,
    frames: u32,
    loud: u32,
    quiet: u32,
    barging: u32,
    energy: f32,
    since: Micros,
    talking: bool,
}

impl Default for Vad {
    fn default() -> Self {
        // An unknown line is thought quiet: whoever talks at once is heard at once, noise is learned within 1.6 s.
        Self {
            least: [QUIETEST; SPANS],
            heard: 0,
            span: 0,
            frames: 0,
            loud: 0,
            quiet: 0,
            barging: 0,
            energy: 0.0,
            since: 0,
            talking: false,
        }
    }
}

impl Vad {
    /// Takes one 20 ms frame. What stands in for a line from which nothing comes (`playing` is false) teaches nothing.
    pub fn input(&mut self, frame: &[f32], playing: bool, now: Micros) -> Heard {
        let amplitude = super::level(frame);
        let level = 20.0 * amplitude.max(1e-5).log10();
        let loud = level > self.floor() + ABOVE_FLOOR_DB;
        if playing {
            self.learn(level);
        }
        // Talk that stops a prompt stands out from what was heard, not from what an unknown line is thought to be: the noise
        // of a line that begins with the prompt does not stop it, and whoever talks already does so at the first dip.
        let stands_out = loud && level > BARGE_LEVEL.max(self.quietest() + ABOVE_FLOOR_DB);
        self.barging = if stands_out { self.barging + 1 } else { 0 };
        let barge = self.barging == BARGE_FRAMES;
        let edge = if loud { self.heard_loud(amplitude, now) } else { self.heard_quiet(now) };
        Heard { edge, barge }
    }

    fn floor(&self) -> f32 {
        self.least.iter().copied().fold(f32::INFINITY, f32::min).max(QUIETEST)
    }

    /// The least level that was really heard within the last 1.6 s.
    fn quietest(&self) -> f32 {
        let unheard = |index: &usize| self.heard < SPANS && *index > self.span;
        (0..SPANS)
            .filter(|index| !unheard(index))
            .filter_map(|index| self.least.get(index))
            .copied()
            .fold(f32::INFINITY, f32::min)
    }

    fn learn(&mut self, level: f32) {
        if self.frames == SPAN_FRAMES {
            self.frames = 0;
            self.span = (self.span + 1) % SPANS;
            self.heard = (self.heard + 1).min(SPANS);
        }
        self.frames += 1;
        if self.frames == 1 {
            self.least[self.span] = level;
        }
        self.least[self.span] = self.least[self.span].min(level);
    }

    fn heard_loud(&mut self, amplitude: f32, now: Micros) -> Option<Edge> {
        self.quiet = 0;
        self.loud += 1;
        if self.talking {
            return None;
        }
        if self.loud == 1 {
            (self.since, self.energy) = (now, 0.0);
        }
        self.energy += amplitude * amplitude;
        if self.loud < ONSET_FRAMES {
            return None;
        }
        self.talking = true;
        let level = 10.0 * (self.energy / self.loud as f32).max(1e-10).log10();
        Some(Edge::Talking { at: self.since, level })
    }

    fn heard_quiet(&mut self, now: Micros) -> Option<Edge> {
        self.loud = 0;
        if !self.talking {
            return None;
        }
        self.quiet += 1;
        if self.quiet < HANG_OVER_FRAMES {
            return None;
        }
        self.talking = false;
        // The talk ended where the first quiet frame began.
        let end = now.saturating_sub(u64::from(HANG_OVER_FRAMES - 1) * FRAME_US);
        Some(Edge::Silent { at: end, talk_ms: end.saturating_sub(self.since) / 1000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of a level in dBov, a new one each frame.
    fn noise(seed: &mut u32, dbov: f32) -> Vec<f32> {
        let scale = 10f32.powf(dbov / 20.0) * 12f32.sqrt();
        let mut next = || {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            scale * ((*seed >> 8) as f32 / 16_777_216.0 - 0.5)
        };
        (0..160).map(|_| next()).collect()
    }

    struct Line {
        vad: Vad,
        now: Micros,
        seed: u32,
        edges: Vec<Edge>,
        barges: Vec<Micros>,
    }

    impl Line {
        fn new() -> Self {
            Self { vad: Vad::default(), now: 0, seed: 1, edges: Vec::new(), barges: Vec::new() }
        }

        fn hear(&mut self, dbov: f32, ms: u64) -> &mut Self {
            for _ in 0..ms / 20 {
                let heard = self.vad.input(&noise(&mut self.seed, dbov), true, self.now);
                self.edges.extend(heard.edge);
                if heard.barge {
                    self.barges.push(self.now);
                }
                self.now += FRAME_US;
            }
            self
        }
    }

    #[test]
    fn talk_has_a_begin_and_an_end_and_a_pause_between_words_is_none() {
        let mut line = Line::new();
        line.hear(-90.0, 1000).hear(-25.0, 500).hear(-90.0, 160).hear(-25.0, 340).hear(-90.0, 1000);
        let [Edge::Talking { at, level }, Edge::Silent { at: end, talk_ms }] = line.edges[..] else {
            panic!("{:?}", line.edges)
        };
        assert_eq!((at, end, talk_ms), (1_000_000, 2_000_000, 1000));
        assert!((level + 25.0).abs() < 1.0, "{level}");
        assert_eq!(line.barges, [1_100_000, 1_760_000], "the 120 ms of each stretch");
    }

    #[test]
    fn a_click_is_no_talk() {
        let mut line = Line::new();
        line.hear(-90.0, 500).hear(-10.0, 20).hear(-90.0, 500);
        assert_eq!(line.edges, []);
    }

    #[test]
    fn the_noise_of_a_line_is_learned_and_talk_above_it_is_heard() {
        let mut line = Line::new();
        line.hear(-42.0, 5000);
        assert!(matches!(line.edges.last(), None | Some(Edge::Silent { .. })), "{:?}", line.edges);
        assert!(line.now - 1_000_000 > 2_000_000);
        line.edges.clear();
        line.hear(-42.0, 5000);
        assert_eq!(line.edges, [], "noise alone");
        line.hear(-28.0, 600).hear(-42.0, 600);
        assert!(
            matches!(line.edges[..], [Edge::Talking { .. }, Edge::Silent { talk_ms: 600, .. }]),
            "{:?}",
            line.edges
        );
    }

    #[test]
    fn noise_that_begins_with_the_prompt_does_not_stop_it_and_a_voice_in_it_does() {
        let mut line = Line::new();
        line.hear(-36.0, 5000);
        assert_eq!(line.barges, []);
        line.hear(-20.0, 300);
        assert_eq!(line.barges, [5_100_000]);
        let mut talking = Line::new();
        talking.hear(-20.0, 300).hear(-45.0, 40).hear(-20.0, 300);
        assert_eq!(talking.barges, [440_000], "who talked before it began is heard after the first dip");
    }

    #[test]
    fn soft_echo_does_not_stop_a_prompt() {
        let mut line = Line::new();
        line.hear(-90.0, 500).hear(-44.0, 2000);
        assert_eq!(line.barges, []);
        assert!(matches!(line.edges[..], [Edge::Talking { .. }, ..]));
    }
}
