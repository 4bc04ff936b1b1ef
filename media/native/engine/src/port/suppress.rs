//! Silence suppression of what we send, where comfort noise (RFC 3389) was agreed: while nobody talks, the level is told in a
//! packet now and then instead of audio.

use crate::dsp;
use crate::dsp::floor::Floor;

/// Above −40 dBov somebody talks, whatever the room; below −60 dBov nobody does.
const SURELY: f32 = 0.01;
const HARDLY: f32 = 0.001;
/// A voice is so much louder than the room.
const ABOVE_ROOM: f32 = 3.0;
/// Frames that are sent after the last loud one (240 ms), so that endings are not cut.
const HANG_OVER: u32 = 12;
/// The room is as loud as the quietest frame of the last one to two seconds.
const WINDOW: u32 = 50;
/// The level is told anew after so many frames, sooner when it changed by 3 dB; RTP never rests for long.
const REPEAT: u32 = 50;
const REPEAT_SOON: u32 = 10;
const CHANGE: f32 = 1.41;

/// What is to be sent for a packet's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Talk,
    /// Tell the room's level, −dBov.
    Tell(u8),
    Nothing,
}

#[derive(Debug)]
pub struct Suppression {
    room: Floor,
    quiet: u32,
    since_told: u32,
    told: f32,
    level: f32,
}

impl Default for Suppression {
    fn default() -> Self {
        Self { room: Floor::new(WINDOW), quiet: 0, since_told: REPEAT, told: 0.0, level: 0.0 }
    }
}

impl Suppression {
    /// Takes a frame of 20 ms.
    pub fn listen(&mut self, frame: &[f32]) {
        let level = dsp::level(frame);
        self.room.input(level);
        let talks = level > SURELY || (level > HARDLY && level > ABOVE_ROOM * self.room.recent());
        self.quiet = if talks { 0 } else { self.quiet.saturating_add(1) };
        self.level += (level - self.level) * 0.2;
        self.since_told = self.since_told.saturating_add(1);
    }

    /// Decides about a packet that is complete.
    pub fn verdict(&mut self) -> Verdict {
        if self.quiet <= HANG_OVER {
            self.since_told = REPEAT;
            return Verdict::Talk;
        }
        let ratio = self.level.max(1e-6) / self.told.max(1e-6);
        let changed = !(1.0 / CHANGE..=CHANGE).contains(&ratio);
        if self.since_told < if changed { REPEAT_SOON } else { REPEAT } {
            return Verdict::Nothing;
        }
        (self.since_told, self.told) = (0, self.level);
        Verdict::Tell((-20.0 * self.level.max(1e-6).log10()).clamp(30.0, 127.0) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_kept_and_the_room_is_told_each_second() {
        let mut suppression = Suppression::default();
        let mut verdicts = Vec::new();
        for index in 0..300 {
            let level = if index < 50 { 0.1 } else { 0.0005 };
            suppression.listen(&[level; 160]);
            verdicts.push(suppression.verdict());
        }
        assert!(verdicts[..62].iter().all(|verdict| *verdict == Verdict::Talk));
        let told = verdicts[62..].iter().filter(|verdict| matches!(verdict, Verdict::Tell(_))).count();
        assert!((5..=8).contains(&told), "{told}");
        assert!(matches!(verdicts.iter().rev().find(|v| **v != Verdict::Nothing), Some(Verdict::Tell(66))));
    }
}
