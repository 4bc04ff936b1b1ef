//! The prompt cache: decoded once for both group rates, shared by all players. A long file stays on disk and is read while it
//! is played.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::source::{self, Source, Whole};
use super::stream::Streams;
use crate::codec::to_i16;
use crate::ids::PromptId;

/// All prompts together; another one is refused with `limit`.
const MAX_OCTETS: usize = 256 << 20;

/// Longer than this it is streamed.
const LONG_MS: u64 = 60_000;

/// Audio at 8 and at 16 kHz.
#[derive(Debug)]
pub struct Prompt {
    narrow: Box<[i16]>,
    wide: Box<[i16]>,
}

impl Prompt {
    pub fn new(whole: &Whole) -> Self {
        let at = |rate| whole.at_rate(rate).into_iter().map(to_i16).collect();
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
    /// Read from disk by each of its players.
    Long {
        path: Arc<Path>,
        duration_ms: u64,
    },
    Failed,
}

impl Entry {
    fn duration_ms(&self) -> u64 {
        match self {
            Self::Ready(prompt) => prompt.duration_ms(),
            Self::Long { duration_ms, .. } => *duration_ms,
            Self::Loading | Self::Failed => 0,
        }
    }
}

/// Shared by the façade, the disk thread and the workers. A worker looks a prompt up when a player reaches it, never per
/// frame of audio; the lock is held for a look-up only.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    entries: Arc<RwLock<HashMap<PromptId, Entry>>>,
    pub streams: Streams,
}

impl Cache {
    /// How long a prompt is, as far as that is known.
    pub fn duration_ms(&self, prompt: PromptId) -> u64 {
        self.get(prompt).map_or(0, |entry| entry.duration_ms())
    }

    pub fn get(&self, prompt: PromptId) -> Option<Entry> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(&prompt).cloned()
    }

    pub fn loading(&self, prompt: PromptId) {
        // A prompt that is loaded again stays playable until the new one is there.
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(prompt).or_insert(Entry::Loading);
        if matches!(entry, Entry::Failed) {
            *entry = Entry::Loading;
        }
    }

    pub fn forget(&self, prompt: PromptId) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(&prompt);
    }

    /// Decodes a file into the cache; runs on the disk thread. Returns the duration in ms or why not.
    pub fn load(&self, prompt: PromptId, path: &Path) -> Result<u64, String> {
        let loaded = Self::read(path).map_err(|error| format!("file_error: {error}"));
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let held = |entry: &Entry| if let Entry::Ready(prompt) = entry { prompt.octets() } else { 0 };
        let total: usize = entries.values().map(held).sum();
        let outcome = loaded
            .and_then(|loaded| if total + held(&loaded) > MAX_OCTETS { Err("limit".to_owned()) } else { Ok(loaded) });
        match outcome {
            Ok(loaded) => {
                let duration = loaded.duration_ms();
                // Dropped while it was being loaded: then it stays dropped.
                if let Some(entry) = entries.get_mut(&prompt) {
                    *entry = loaded;
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

    fn read(path: &Path) -> Result<Entry, source::SourceError> {
        let source = Source::open(BufReader::new(File::open(path)?))?;
        let duration_ms = source.duration_ms();
        if duration_ms > LONG_MS {
            return Ok(Entry::Long { path: path.into(), duration_ms });
        }
        Ok(Entry::Ready(Arc::new(Prompt::new(&source::read_all(source, LONG_MS)?))))
    }

    pub fn len(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
