//! A player: prompts one after another, or a tone, as a source of a group.

use std::sync::Arc;

use super::prompt::{Cache, Entry, Prompt};
use crate::codec::to_f32;
use crate::command::Play;
use crate::dsp::tone::Generator;
use crate::ids::{FRAME_US, Micros, NodeId, PromptId, linear};

/// A frame waits so long for a prompt that is still being loaded, then skips it.
const LOADING_PATIENCE_US: Micros = 10_000_000;

/// Why a player ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done,
    Stopped,
    Digit,
    Talk,
    Error,
}

impl End {
    pub const fn word(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Stopped => "stopped",
            End::Digit => "digit",
            End::Talk => "talk",
            End::Error => "error",
        }
    }
}

pub struct Player {
    pub id: NodeId,
    /// Its frame in the group's arena; set by the plan.
    pub frame: u32,
    prompts: Vec<PromptId>,
    index: usize,
    current: Option<Arc<Prompt>>,
    /// Place in the current prompt, in samples at 16 kHz, so that a change of the group's rate moves nothing.
    position: usize,
    tone: Option<Generator>,
    looped: bool,
    gain: f32,
    fade_us: Micros,
    until: Vec<NodeId>,
    until_talk: Vec<NodeId>,
    played_us: Micros,
    waited_us: Micros,
    /// Something was really played in this round; a loop of nothing but missing prompts ends.
    sounded: bool,
    /// A prompt was there; if none ever was, the end is an error.
    reached: bool,
    stopping_at: Option<Micros>,
}

impl Player {
    pub fn new(play: Play) -> Self {
        let tone = play.tone.as_ref().map(|tone| {
            let mut generator = Generator::of(tone, 16_000);
            generator.skip(play.offset_ms);
            generator
        });
        Self {
            id: play.player,
            frame: crate::route::ABSENT,
            prompts: play.prompts,
            index: 0,
            current: None,
            position: play.offset_ms as usize * 16,
            tone,
            looped: play.looped,
            gain: linear(play.gain),
            fade_us: Micros::from(play.fade_ms) * 1000,
            until: play.until_digit_of,
            until_talk: play.until_talk_of,
            played_us: 0,
            waited_us: 0,
            sounded: false,
            reached: false,
            stopping_at: None,
        }
    }

    /// A digit on this port stops the player.
    pub fn yields_to(&self, port: NodeId) -> bool {
        self.until.contains(&port)
    }

    /// Talk on this port stops the player.
    pub fn yields_to_talk(&self, port: NodeId) -> bool {
        self.until_talk.contains(&port)
    }

    pub fn played_ms(&self) -> u64 {
        self.played_us / 1000
    }

    /// Begins the fade-out; true when there is none and the player is over now.
    pub fn stop(&mut self) -> bool {
        if self.fade_us == 0 {
            return true;
        }
        self.stopping_at.get_or_insert(self.played_us);
        false
    }

    /// Fills the next frame at a group rate; `Some` when the player is over after it.
    pub fn pull(&mut self, out: &mut [f32], rate: u32, cache: &Cache) -> Option<End> {
        out.fill(0.0);
        let end = match &mut self.tone {
            Some(tone) => {
                if tone.rate() != rate {
                    *tone = tone.clone().at_rate(rate);
                }
                tone.fill(out);
                None
            }
            None => self.pull_prompts(out, rate, cache),
        };
        self.shape(out);
        self.played_us += FRAME_US;
        let faded = self.stopping_at.is_some_and(|at| self.played_us >= at + self.fade_us);
        if faded { Some(End::Stopped) } else { end }
    }

    fn pull_prompts(&mut self, out: &mut [f32], rate: u32, cache: &Cache) -> Option<End> {
        let step = (16_000 / rate) as usize;
        let mut filled = 0;
        while filled < out.len() {
            let Some(prompt) = self.current.clone() else {
                match self.advance(cache) {
                    Advance::Ready => continue,
                    Advance::Waiting => return None,
                    Advance::Over(end) => return Some(end),
                }
            };
            let samples = prompt.at_rate(rate).get(self.position / step..).unwrap_or_default();
            let count = samples.len().min(out.len() - filled);
            for (target, &sample) in out[filled..].iter_mut().zip(samples) {
                *target = to_f32(sample);
            }
            filled += count;
            self.position += count * step;
            self.sounded |= count > 0;
            if filled < out.len() {
                self.current = None;
                self.position = 0;
                self.index += 1;
            }
        }
        None
    }

    /// Goes to the next prompt that can be played.
    fn advance(&mut self, cache: &Cache) -> Advance {
        loop {
            let Some(&prompt) = self.prompts.get(self.index) else {
                if self.looped && self.sounded {
                    self.index = 0;
                    self.sounded = false;
                    continue;
                }
                return Advance::Over(if self.looped || !self.reached { End::Error } else { End::Done });
            };
            match cache.get(prompt) {
                Some(Entry::Ready(ready)) => {
                    self.current = Some(ready);
                    self.reached = true;
                    return Advance::Ready;
                }
                Some(Entry::Loading) if self.waited_us < LOADING_PATIENCE_US => {
                    self.waited_us += FRAME_US;
                    return Advance::Waiting;
                }
                _ => self.index += 1, // missing: the call goes on without it, `PromptFailed` has told
            }
        }
    }

    /// Gain, fade-in and fade-out.
    fn shape(&self, out: &mut [f32]) {
        let count = out.len() as f32;
        for (index, sample) in out.iter_mut().enumerate() {
            *sample *= self.gain;
            if self.fade_us > 0 {
                let at = self.played_us as f32 + index as f32 / count * FRAME_US as f32;
                let fade = self.fade_us as f32;
                let mut factor = (at / fade).min(1.0);
                if let Some(stop) = self.stopping_at {
                    factor *= (1.0 - (at - stop as f32) / fade).max(0.0);
                }
                *sample *= factor;
            }
        }
    }
}

enum Advance {
    Ready,
    Waiting,
    Over(End),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::wav;

    fn cache(lengths_ms: &[usize]) -> (Cache, Vec<PromptId>) {
        let folder =
            std::env::temp_dir().join(format!("player-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::create_dir_all(&folder).unwrap();
        let cache = Cache::default();
        let mut ids = Vec::new();
        for (index, &ms) in lengths_ms.iter().enumerate() {
            let path = folder.join(format!("{index}.wav"));
            let mut file = wav::header(8000, 1, ms as u64 * 16).to_vec();
            for _ in 0..ms * 8 {
                file.extend((1000 * (index as i16 + 1)).to_le_bytes());
            }
            std::fs::write(&path, file).unwrap();
            let id = index as PromptId + 1;
            cache.loading(id);
            assert_eq!(cache.load(id, &path), Ok(ms as u64));
            ids.push(id);
        }
        std::fs::remove_dir_all(folder).unwrap();
        (cache, ids)
    }

    fn play(prompts: Vec<PromptId>) -> Play {
        Play {
            player: 9,
            group: 1,
            prompts,
            tone: None,
            looped: false,
            gain: 0.0,
            until_digit_of: vec![],
            until_talk_of: vec![],
            offset_ms: 0,
            fade_ms: 0,
        }
    }

    fn run(player: &mut Player, cache: &Cache, frames: usize) -> (Vec<f32>, Option<End>) {
        let mut all = Vec::new();
        for _ in 0..frames {
            let mut frame = [0.0; 160];
            let end = player.pull(&mut frame, 8000, cache);
            all.extend(frame);
            if end.is_some() {
                return (all, end);
            }
        }
        (all, None)
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap_and_end() {
        let (cache, ids) = cache(&[50, 30]);
        let mut player = Player::new(play(ids));
        let (audio, end) = run(&mut player, &cache, 10);
        assert_eq!(end, Some(End::Done));
        let near = |at: usize, level: f32| (audio[at] - level).abs() < 0.002;
        assert!(near(200, 1000.0 / 32_768.0) && near(500, 2000.0 / 32_768.0), "{} {}", audio[200], audio[500]);
        assert_eq!(audio[650], 0.0);
        assert_eq!(player.played_ms(), 100);
    }

    #[test]
    fn a_missing_prompt_is_skipped_and_only_missing_ones_are_an_error() {
        let (cache, _) = cache(&[40]);
        assert_eq!(run(&mut Player::new(play(vec![7, 1])), &cache, 10).1, Some(End::Done));
        assert_eq!(run(&mut Player::new(play(vec![7, 8])), &cache, 10).1, Some(End::Error));
        let mut endless = play(vec![7]);
        endless.looped = true;
        assert_eq!(run(&mut Player::new(endless), &cache, 10).1, Some(End::Error));
    }

    #[test]
    fn loops_go_on_offsets_skip_and_loading_is_waited_for() {
        let (cache, ids) = cache(&[50]);
        let mut looped = play(ids.clone());
        looped.looped = true;
        looped.offset_ms = 30;
        let (audio, end) = run(&mut Player::new(looped), &cache, 50);
        assert_eq!(end, None);
        assert!(audio[2000] != 0.0);
        cache.loading(5);
        let mut player = Player::new(play(vec![5, 1]));
        assert_eq!(run(&mut player, &cache, 20).1, None, "still loading");
        cache.forget(5);
        assert_eq!(run(&mut player, &cache, 20).1, Some(End::Done));
    }

    #[test]
    fn a_faded_stop_takes_its_time() {
        let (cache, ids) = cache(&[1000]);
        let mut fading = play(ids);
        fading.fade_ms = 100;
        let mut player = Player::new(fading);
        run(&mut player, &cache, 10);
        assert!(!player.stop());
        let (audio, end) = run(&mut player, &cache, 50);
        assert_eq!((end, audio.len()), (Some(End::Stopped), 800));
        assert!(audio[0] > audio[400] && audio[400] > audio[799]);
    }
}
