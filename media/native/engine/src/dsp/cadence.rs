//! From bursts of tone and pauses to the name of a call-progress tone (ITU-T E.180, E.182). Pure: no samples here.

use std::collections::VecDeque;

/// One burst of a tone that ended: its mean frequency (of two: between them), its length, and the pause before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    pub hertz: f32,
    pub on_ms: u32,
    pub gap_ms: u32,
    /// One frequency alone, not two.
    pub single: bool,
}

const MEMORY: usize = 5;
/// Two bursts are alike in length within so much.
const ALIKE_MS: u32 = 60;
/// A tone of the network is below this, a machine's beep and a fax above.
const NETWORK_HERTZ: std::ops::Range<f32> = 300.0..660.0;
/// Dial tone is what does not stop; the longest burst of a ringing tone has 2 s (North America).
const DIAL_MS: u32 = 2800;
/// Nothing but ringing has so long a pause.
const RINGING_PAUSE_MS: u32 = 1600;
const RINGING_BURST_MS: std::ops::Range<u32> = 300..2600;
/// After so much silence whatever comes is told anew.
const FORGOTTEN_MS: u32 = 6000;
/// Silence behind a tone that makes it a beep.
const BEEP_PAUSE_MS: u32 = 140;
const BEEP_MS: std::ops::Range<u32> = 100..1600;
const BEEP_HERTZ: std::ops::Range<f32> = 660.0..2050.0;
const CNG_MS: std::ops::Range<u32> = 400..620;
const CED_MS: u32 = 500;

/// Names tones as soon as they can be told; each once until another one comes, or none for a while.
#[derive(Debug, Default)]
pub struct Classifier {
    bursts: VecDeque<Burst>,
    told: Option<&'static str>,
    /// The burst that just ended was judged.
    judged: bool,
}

impl Classifier {
    /// A burst still sounds and has lasted `on_ms`.
    pub fn sounding(&mut self, hertz: f32, on_ms: u32, single: bool) -> Option<&'static str> {
        if single && (hertz - 2100.0).abs() < 40.0 && on_ms >= CED_MS {
            return self.tell("ced");
        }
        if NETWORK_HERTZ.contains(&hertz) && on_ms >= DIAL_MS {
            self.bursts.clear();
            return self.tell("dial");
        }
        None
    }

    /// A burst ended.
    pub fn ended(&mut self, burst: Burst) -> Option<&'static str> {
        if self.bursts.len() == MEMORY {
            self.bursts.pop_front();
        }
        self.bursts.push_back(burst);
        self.judged = false;
        if self.is_sit() {
            self.bursts.clear();
            return self.tell("sit");
        }
        if self.is_cng(burst) {
            self.judged = true;
            return self.tell("cng");
        }
        let name = self.alternating()?;
        self.tell(name)
    }

    /// It is quiet behind the last burst since `gap_ms`.
    pub fn quiet(&mut self, gap_ms: u32) -> Option<&'static str> {
        if gap_ms >= FORGOTTEN_MS {
            self.bursts.clear();
            self.told = None;
        }
        let last = *self.bursts.back()?;
        if gap_ms >= BEEP_PAUSE_MS && !self.judged && is_beep(last) {
            self.judged = true;
            self.told = None; // each beep counts
            return self.tell("beep");
        }
        let rang = NETWORK_HERTZ.contains(&last.hertz) && RINGING_BURST_MS.contains(&last.on_ms);
        if gap_ms >= RINGING_PAUSE_MS && rang && !self.judged {
            self.judged = true;
            return self.tell("ringback");
        }
        None
    }

    /// Something else sounded: speech, music, noise. What was collected makes no cadence with what follows.
    pub fn disturbed(&mut self) {
        self.bursts.clear();
    }

    fn tell(&mut self, name: &'static str) -> Option<&'static str> {
        (self.told.replace(name) != Some(name)).then_some(name)
    }

    fn last<const N: usize>(&self) -> Option<[Burst; N]> {
        let start = self.bursts.len().checked_sub(N)?;
        let mut found = [*self.bursts.back()?; N];
        for (place, burst) in found.iter_mut().zip(self.bursts.iter().skip(start)) {
            *place = *burst;
        }
        Some(found)
    }

    /// Three tones going up, of 950, 1400 and 1800 Hz within the tolerances of E.180, each 330 ms.
    fn is_sit(&self) -> bool {
        let Some(bursts) = self.last::<3>() else { return false };
        let near = |burst: &Burst, hertz: f32| (burst.hertz - hertz).abs() < 60.0 && (220..=440).contains(&burst.on_ms);
        let together = bursts.iter().skip(1).all(|burst| burst.gap_ms < 120);
        together && bursts.iter().zip([950.0, 1400.0, 1800.0]).all(|(burst, hertz)| near(burst, hertz))
    }

    /// The calling tone of a fax (T.30): half a second of 1100 Hz.
    fn is_cng(&self, burst: Burst) -> bool {
        burst.single && (burst.hertz - 1100.0).abs() < 40.0 && CNG_MS.contains(&burst.on_ms)
    }

    /// Busy and congestion: a burst and a pause as long, again and again. Three bursts, so two full periods.
    fn alternating(&self) -> Option<&'static str> {
        let [first, second, third] = self.last::<3>()?;
        let network = [first, second, third].iter().all(|burst| NETWORK_HERTZ.contains(&burst.hertz));
        let steady = (first.hertz - third.hertz).abs() < 40.0 && (second.hertz - third.hertz).abs() < 40.0;
        if !network || !steady {
            return None;
        }
        let (early, late) = (first.on_ms + second.gap_ms, second.on_ms + third.gap_ms);
        let alike = |one: u32, other: u32| one.abs_diff(other) <= ALIKE_MS;
        if !alike(early, late) {
            return None;
        }
        if !alike(first.on_ms, second.on_ms) {
            // Long and short in turn within one period: the congestion tone of Great Britain.
            let uneven = first.on_ms.abs_diff(second.on_ms) > 120 && alike(first.on_ms, third.on_ms);
            return (uneven && (600..900).contains(&early)).then_some("congestion");
        }
        let share = second.on_ms as f32 / late.max(1) as f32;
        if !(0.36..0.64).contains(&share) {
            return None;
        }
        match late {
            300..620 => Some("congestion"),
            620..1200 => Some("busy"),
            1200..1700 => Some("congestion"), // 0.7 s and 0.7 s: China
            _ => None,
        }
    }
}

fn is_beep(burst: Burst) -> bool {
    burst.single && BEEP_HERTZ.contains(&burst.hertz) && BEEP_MS.contains(&burst.on_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a cadence of (on, off) sound and collects what is told, each 20 ms.
    fn run(hertz: f32, single: bool, cadence: &[(u32, u32)]) -> Vec<&'static str> {
        let mut classifier = Classifier::default();
        let (mut told, mut gap_ms) = (Vec::new(), 9999);
        for &(on, off) in cadence {
            told.extend((20..=on).step_by(20).filter_map(|ms| classifier.sounding(hertz, ms, single)));
            told.extend(classifier.ended(Burst { hertz, on_ms: on, gap_ms, single }));
            told.extend((20..=off).step_by(20).filter_map(|ms| classifier.quiet(ms)));
            gap_ms = off;
        }
        told
    }

    #[test]
    fn the_cadences_of_many_countries_have_their_names() {
        let cases: [(&str, &[(u32, u32)]); 13] = [
            ("ringback", &[(1000, 4000)]),             // CN, DE
            ("ringback", &[(2000, 4000)]),             // US
            ("ringback", &[(400, 200), (400, 2000)]),  // GB
            ("ringback", &[(1500, 3500)]),             // FR
            ("ringback", &[(1000, 2000)]),             // JP, TW
            ("busy", &[(360, 340), (340, 360)]),       // CN
            ("busy", &[(500, 500)]),                   // US, FR, HK, JP, TW
            ("busy", &[(380, 370)]),                   // GB
            ("busy", &[(480, 480)]),                   // DE
            ("congestion", &[(700, 700)]),             // CN
            ("congestion", &[(240, 240)]),             // DE
            ("congestion", &[(400, 340), (220, 520)]), // GB
            ("congestion", &[(260, 240)]),             // US
        ];
        for (name, cadence) in cases {
            assert_eq!(run(440.0, true, &cadence.repeat(4)), [name], "{cadence:?}");
        }
    }

    #[test]
    fn dial_tone_fax_and_beep_have_theirs() {
        assert_eq!(run(425.0, true, &[(5000, 500)]), ["dial"]);
        assert_eq!(run(1100.0, true, &[(500, 3000), (500, 3000)]), ["cng"]);
        assert_eq!(run(2100.0, true, &[(3000, 500)]), ["ced"]);
        assert_eq!(run(1000.0, true, &[(400, 500)]), ["beep"]);
        assert_eq!(run(1000.0, false, &[(400, 500)]), [] as [&str; 0], "two frequencies are no beep");
        assert_eq!(run(1000.0, true, &[(40, 500)]), [] as [&str; 0], "a click is none");
    }

    #[test]
    fn three_rising_tones_say_that_the_number_is_not_there() {
        let mut classifier = Classifier::default();
        let mut told = Vec::new();
        for (hertz, gap_ms) in [(950.0, 3000), (1400.0, 0), (1800.0, 20)] {
            told.extend(classifier.ended(Burst { hertz, on_ms: 320, gap_ms, single: true }));
        }
        assert_eq!(told, ["sit"]);
    }

    #[test]
    fn single_bursts_and_disturbed_ones_are_nothing() {
        assert_eq!(run(440.0, true, &[(500, 500), (500, 500)]), [] as [&str; 0], "two bursts are not yet busy");
        let mut classifier = Classifier::default();
        for _ in 0..6 {
            assert_eq!(classifier.ended(Burst { hertz: 440.0, on_ms: 500, gap_ms: 500, single: true }), None);
            classifier.disturbed();
        }
    }
}
