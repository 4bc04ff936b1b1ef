//! The prompt cache: decoded once for both group rates, shared by all players.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::wav;
use crate::codec::to_i16;
use crate::dsp::resample;
use crate::ids::PromptId;

/// All prompts together; another one is refused with `limit`.
const MAX_OCTETS: usize = 256 << 20;

/// Audio at 8 and at 16 kHz.
#[derive(Debug)]
pub struct Prompt {
    narrow: Box<[i16]>,
    wide: Box<[i16]>,
}

impl Prompt {
    pub fn new(audio: &wav::Audio) -> Self {
        let at = |rate| resample::convert(&audio.samples, audio.rate, rate).into_iter().map(to_i16).collect();
        Self { narrow: at(8000), wide: at(16_000) }
    }

    /// Samples at a group rate, 8 or 16 kHz.
    pub fn at_rate(&self, rate: u32) -> &[i16] {
        if rate == 8000 { &self.narrow } else { &self.wide }
    }

    pub fn duration_ms(&self) -> u64 {
        self.narrow.len() as u64 / 8
    }

    fn octets(&self) -> usize {
        2 * (self.narrow.len() + self.wide.len())
    }
}

#[derive(Debug, Clone)]
pub enum Entry {
    Loading,
    Ready(Arc<Prompt>),
    Failed,
}

/// Shared by the façade, the disk thread and the workers. A worker looks a prompt up when a player reaches it, never per
/// frame of audio; the lock is held for a look-up only.
#[derive(Debug, Clone, Default)]
pub struct Cache(Arc<RwLock<HashMap<PromptId, Entry>>>);

impl Cache {
    pub fn get(&self, prompt: PromptId) -> Option<Entry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&prompt).cloned()
    }

    pub fn loading(&self, prompt: PromptId) {
        // A prompt that is loaded again stays playable until the new one is there.
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(prompt).or_insert(Entry::Loading);
        if matches!(entry, Entry::Failed) {
            *entry = Entry::Loading;
        }
    }

    pub fn forget(&self, prompt: PromptId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&prompt);
    }

    /// Decodes a file into the cache; runs on the disk thread. Returns the duration in ms or why not.
    pub fn load(&self, prompt: PromptId, path: &Path) -> Result<u64, String> {
        let loaded = std::fs::read(path)
            .map_err(|error| format!("file_error: {error}"))
            .and_then(|bytes| wav::read(&bytes).map_err(|error| format!("file_error: {error}")))
            .map(|audio| Arc::new(Prompt::new(&audio)));
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let held = |entry: &Entry| if let Entry::Ready(prompt) = entry { prompt.octets() } else { 0 };
        let total: usize = entries.values().map(held).sum();
        let outcome = loaded
            .and_then(|loaded| if total + loaded.octets() > MAX_OCTETS { Err("limit".to_owned()) } else { Ok(loaded) });
        match outcome {
            Ok(loaded) => {
                let duration = loaded.duration_ms();
                // Dropped while it was being loaded: then it stays dropped.
                if let Some(entry) = entries.get_mut(&prompt) {
                    *entry = Entry::Ready(loaded);
                }
                Ok(duration)
            }
            Err(reason) => {
                if let Some(entry) = entries.get_mut(&prompt)
                    && matches!(entry, Entry::Loading)
                {
                    *entry = Entry::Failed;
                }
                Err(reason)
            }
        }
    }

    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
