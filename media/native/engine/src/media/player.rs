//! A player: prompts one after another, or a tone, as a source of a group.

use std::sync::Arc;

use super::prompt::{Cache, Entry, Prompt};
use super::stream::{Pulled, Stream};
use crate::codec::to_f32;
use crate::command::{ControlPlay, Play};
use crate::dsp::tone::Generator;
use crate::ids::{FRAME_US, Micros, NodeId, PromptId, linear};

/// A frame waits so long for a prompt that is still being loaded, then skips it.
const LOADING_PATIENCE_US: Micros = 10_000_000;
/// Samples per ms of a place.
const PER_MS: u64 = 16;
/// Changes of level go over so many parts of a frame: 5 ms, against clicks.
const RAMP_PARTS: usize = 4;

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

/// What is played: out of the cache, or a file of its own.
enum Track {
    Prompt(PromptId),
    File(String),
}

enum Current {
    Memory(Arc<Prompt>),
    Disk(Box<Stream>),
}

/// A jump that waits for the sound to be faded out.
#[derive(Clone, Copy)]
enum Jump {
    To(u64),
    By(i64),
}

pub struct Player {
    pub id: NodeId,
    /// Its frame in the group's arena; set by the plan.
    pub frame: u32,
    tracks: Vec<Track>,
    index: usize,
    current: Option<Current>,
    /// Place in the current track, in samples at 16 kHz, so that a change of the group's rate moves nothing.
    position: u64,
    tone: Option<Generator>,
    looped: bool,
    gain: f32,
    /// The factor at the end of the last frame.
    level: f32,
    paused: bool,
    jump: Option<Jump>,
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
        let file = Some(play.stream).filter(|path| !path.is_empty()).map(Track::File);
        Self {
            id: play.player,
            frame: crate::route::ABSENT,
            tracks: play.prompts.into_iter().map(Track::Prompt).chain(file).collect(),
            index: 0,
            current: None,
            position: u64::from(play.offset_ms) * PER_MS,
            tone,
            looped: play.looped,
            gain: linear(play.gain),
            level: linear(play.gain),
            paused: false,
            jump: None,
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
        if self.fade_us == 0 || self.paused {
            return true;
        }
        self.stopping_at.get_or_insert(self.played_us);
        false
    }

    /// Pauses, goes on, jumps, changes the level; from the next frame on. A tone has no places to go to.
    pub fn control(&mut self, control: &ControlPlay) {
        if let Some(pause) = control.pause {
            self.paused = pause;
        }
        if let Some(gain) = control.gain {
            self.gain = linear(gain);
        }
        if let Some(to) = control.seek_ms {
            self.jump = Some(Jump::To(u64::from(to)));
        }
        if let Some(by) = control.skip_ms {
            // Two steps within a frame are one long one.
            self.jump = Some(match self.jump {
                Some(Jump::By(before)) => Jump::By(before + i64::from(by)),
                Some(Jump::To(to)) => Jump::To(to.saturating_add_signed(i64::from(by))),
                None => Jump::By(i64::from(by)),
            });
        }
    }

    /// Fills the next frame at a group rate; `Some` when the player is over after it.
    pub fn pull(&mut self, out: &mut [f32], rate: u32, cache: &Cache) -> Option<End> {
        out.fill(0.0);
        if self.level == 0.0 {
            self.take_jump(cache);
            if self.paused {
                return None;
            }
        }
        let end = match &mut self.tone {
            Some(tone) => {
                if tone.rate() != rate {
                    *tone = tone.clone().at_rate(rate);
                }
                tone.fill(out);
                None
            }
            None => self.pull_tracks(out, rate, cache),
        };
        self.shape(out);
        self.take_jump(cache);
        self.played_us += FRAME_US;
        let faded = self.stopping_at.is_some_and(|at| self.played_us >= at + self.fade_us);
        if faded { Some(End::Stopped) } else { end.filter(|_| self.jump.is_none()) }
    }

    fn pull_tracks(&mut self, out: &mut [f32], rate: u32, cache: &Cache) -> Option<End> {
        let step = u64::from(16_000 / rate);
        let mut filled = 0;
        while filled < out.len() {
            let rest = &mut out[filled..];
            let count = match &mut self.current {
                None => match self.advance(cache) {
                    Advance::Ready => continue,
                    Advance::Waiting => return None,
                    Advance::Over(end) => return Some(end),
                },
                Some(Current::Memory(prompt)) => {
                    let begin = usize::try_from(self.position / step).unwrap_or(usize::MAX);
                    let samples = prompt.at_rate(rate).get(begin..).unwrap_or_default();
                    for (target, &sample) in rest.iter_mut().zip(samples) {
                        *target = to_f32(sample);
                    }
                    samples.len().min(rest.len())
                }
                Some(Current::Disk(stream)) => match stream.pull(rest, rate) {
                    Pulled::Samples(count) => count,
                    Pulled::Waiting if self.waited_us < LOADING_PATIENCE_US => {
                        self.waited_us += FRAME_US;
                        return None;
                    }
                    Pulled::Waiting | Pulled::Failed => 0,
                },
            };
            filled += count;
            self.position += count as u64 * step;
            if count > 0 {
                (self.sounded, self.reached, self.waited_us) = (true, true, 0);
            }
            if filled < out.len() {
                self.current = None;
                self.position = 0;
                self.index += 1;
            }
        }
        None
    }

    /// Goes to the next track that can be played.
    fn advance(&mut self, cache: &Cache) -> Advance {
        loop {
            let Some(track) = self.tracks.get(self.index) else {
                if self.looped && self.sounded {
                    self.index = 0;
                    self.sounded = false;
                    continue;
                }
                return Advance::Over(if self.looped || !self.reached { End::Error } else { End::Done });
            };
            let entry = match track {
                Track::File(path) => Some(Entry::Long { path: std::path::Path::new(path).into(), duration_ms: 0 }),
                Track::Prompt(prompt) => cache.get(*prompt),
            };
            match entry {
                Some(Entry::Ready(ready)) => {
                    self.current = Some(Current::Memory(ready));
                    self.reached = true;
                    return Advance::Ready;
                }
                Some(Entry::Long { path, .. }) => {
                    let whole = self.looped && self.tracks.len() == 1; // then the reader makes the loop, without a seam
                    let stream = cache.streams.open(path.to_path_buf(), self.position / PER_MS, whole);
                    self.current = Some(Current::Disk(Box::new(stream)));
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

    /// Makes a jump once nothing is heard any more.
    fn take_jump(&mut self, cache: &Cache) {
        if self.level != 0.0 {
            return;
        }
        let Some(jump) = self.jump.take() else { return };
        let length = |track: &Track| match track {
            Track::Prompt(prompt) => cache.duration_ms(*prompt),
            Track::File(_) => 0, // the last one: nothing is counted beyond it
        };
        let mut left = match jump {
            Jump::To(to) => to,
            Jump::By(by) => {
                let before: u64 = self.tracks.iter().take(self.index).map(length).sum();
                (before + self.position / PER_MS).saturating_add_signed(by)
            }
        };
        let all: u64 = self.tracks.iter().map(length).sum();
        if self.looped && all > 0 {
            left %= all;
        }
        let last = self.tracks.len().saturating_sub(1);
        (self.index, self.current) = (0, None);
        while self.index < last {
            let own = self.tracks.get(self.index).map_or(0, length);
            if left < own {
                break;
            }
            left -= own;
            self.index += 1;
        }
        self.position = left.saturating_mul(PER_MS);
    }

    /// Gain with its ramp, fade-in and fade-out.
    fn shape(&mut self, out: &mut [f32]) {
        let target = if self.paused || self.jump.is_some() { 0.0 } else { self.gain };
        let count = out.len() as f32;
        let ramp = (out.len() / RAMP_PARTS).max(1);
        let step = (target - self.level) / ramp as f32;
        for (index, sample) in out.iter_mut().enumerate() {
            self.level = if index < ramp { self.level + step } else { target };
            *sample *= self.level;
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
            stream: String::new(),
        }
    }

    fn control(
        player: &mut Player,
        pause: Option<bool>,
        seek_ms: Option<u32>,
        skip_ms: Option<i32>,
        gain: Option<f32>,
    ) {
        player.control(&ControlPlay { player: 9, pause, seek_ms, skip_ms, gain });
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

    /// A file of `ms` whose samples tell their place: 1 in the first 100 ms, 2 in the next, …
    fn steps(name: &str, ms: usize) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("{name}-{}.wav", std::process::id()));
        let mut file = wav::header(8000, 1, ms as u64 * 16).to_vec();
        for index in 0..ms * 8 {
            file.extend((500 * ((index / 800) as i16 + 1)).to_le_bytes());
        }
        std::fs::write(&path, file).unwrap();
        path
    }

    fn step_of(sample: f32) -> i32 {
        (sample * 65.536).round() as i32
    }

    fn largest_jump(audio: &[f32]) -> f32 {
        audio.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_pause_is_silence_and_goes_on_where_it_was() {
        let path = steps("pause", 1000);
        let cache = Cache::default();
        cache.loading(1);
        cache.load(1, &path).unwrap();
        let mut player = Player::new(play(vec![1]));
        let (before, _) = run(&mut player, &cache, 6);
        assert_eq!(step_of(before[950]), 2);
        control(&mut player, Some(true), None, None, None);
        let (paused, end) = run(&mut player, &cache, 100);
        assert_eq!(end, None);
        assert!(paused[160..].iter().all(|&sample| sample == 0.0));
        assert!(largest_jump(&paused) < 0.005, "no click: {}", largest_jump(&paused));
        control(&mut player, Some(false), None, None, None);
        let (after, end) = run(&mut player, &cache, 100);
        assert_eq!((step_of(after[100]), end), (2, Some(End::Done)));
        assert_eq!(player.played_ms(), 1020, "what was paused was not played");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn places_are_counted_over_all_prompts_and_steps_from_where_one_is() {
        let path = steps("places", 1000);
        let cache = Cache::default();
        for prompt in [1, 2] {
            cache.loading(prompt);
            cache.load(prompt, &path).unwrap();
        }
        let mut player = Player::new(play(vec![1, 2]));
        let at = |player: &mut Player| {
            let (audio, _) = run(player, &cache, 3);
            assert!(largest_jump(&audio[..160]) < 0.2, "faded out before the jump");
            step_of(audio[400])
        };
        assert_eq!(at(&mut player), 1);
        control(&mut player, None, Some(1530), None, None);
        assert_eq!((at(&mut player), player.index), (6, 1));
        control(&mut player, None, None, Some(-990), None);
        assert_eq!((at(&mut player), player.index), (7, 0));
        control(&mut player, None, None, Some(-60_000), None);
        assert_eq!((at(&mut player), player.index), (1, 0));
        control(&mut player, None, Some(60_000), None, None);
        assert_eq!(run(&mut player, &cache, 5).1, Some(End::Done), "beyond the end it is over");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_level_changes_without_a_click() {
        let (cache, ids) = cache(&[1000]);
        let mut player = Player::new(play(ids));
        let (before, _) = run(&mut player, &cache, 5);
        control(&mut player, None, None, None, Some(-20.0));
        let (after, _) = run(&mut player, &cache, 5);
        assert!((after[700] / before[700] - 0.1).abs() < 0.001);
        assert!(largest_jump(&after) < 0.002);
    }

    /// Frames as the disk brings them: a real thread reads ahead.
    fn run_slowly(player: &mut Player, cache: &Cache, frames: usize) -> (Vec<f32>, Option<End>) {
        let mut all = Vec::new();
        let mut waited = 0;
        while all.len() < frames * 160 {
            let mut frame = [0.0; 160];
            let end = player.pull(&mut frame, 8000, cache);
            if end.is_some() {
                all.extend(frame);
                return (all, end);
            }
            if frame.iter().any(|&sample| sample != 0.0) || player.paused {
                all.extend(frame);
            } else {
                waited += 1;
                assert!(waited < 2000, "the disk thread brings nothing");
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
        (all, None)
    }

    #[test]
    fn a_file_is_streamed_to_its_end_from_its_offset() {
        let path = steps("stream", 5000);
        let mut streamed = play(vec![]);
        streamed.stream = path.display().to_string();
        streamed.offset_ms = 1000;
        let mut player = Player::new(streamed);
        let (audio, end) = run_slowly(&mut player, &Cache::default(), 1000);
        assert_eq!(end, Some(End::Done));
        assert_eq!((step_of(audio[400]), step_of(audio[31_600])), (11, 50));
        assert!((31_900..=32_160).contains(&audio.len()), "{}", audio.len());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn streamed_music_goes_round_jumps_and_ends_when_it_is_missing() {
        let path = steps("music", 3000);
        let mut music = play(vec![]);
        (music.stream, music.looped) = (path.display().to_string(), true);
        let cache = Cache::default();
        let mut player = Player::new(music.clone());
        let (audio, end) = run_slowly(&mut player, &cache, 300);
        assert_eq!(end, None);
        assert_eq!((step_of(audio[23_600]), step_of(audio[24_400])), (30, 1), "without a seam");
        control(&mut player, None, Some(2000), None, None);
        let (audio, _) = run_slowly(&mut player, &cache, 5);
        assert_eq!(step_of(audio[500]), 21);
        std::fs::remove_file(path).unwrap();
        let mut gone = Player::new(music);
        assert_eq!(run_slowly(&mut gone, &cache, 5).1, Some(End::Error));
    }

    #[test]
    fn a_long_prompt_is_not_held_in_memory() {
        let path = std::env::temp_dir().join(format!("long-{}.wav", std::process::id()));
        let mut file = wav::header(8000, 1, 61_000 * 16).to_vec();
        file.resize(44 + 61_000 * 16, 1);
        std::fs::write(&path, file).unwrap();
        let cache = Cache::default();
        cache.loading(1);
        assert_eq!(cache.load(1, &path), Ok(61_000));
        assert!(matches!(cache.get(1), Some(Entry::Long { .. })));
        let mut late = play(vec![1]);
        late.offset_ms = 60_900;
        assert_eq!(run_slowly(&mut Player::new(late), &cache, 20).1, Some(End::Done));
        std::fs::remove_file(path).unwrap();
    }
}
