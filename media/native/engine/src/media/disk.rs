//! The disk thread: prompts in, recordings out. Nothing on the media path ever waits for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use super::notify::Notifier;
use super::prompt::Cache;
use super::recording::Recording;
use crate::event::Event;
use crate::ids::{NodeId, PromptId};

/// Recordings are written so often; the rings hold 4 s.
const TURN: Duration = Duration::from_millis(400);

/// What the manifest notes beside the audio; times are ms on the recording's time line.
#[derive(Debug, Clone)]
pub enum Note {
    Pause { at: u64 },
    Resume { at: u64 },
    Mark { at: u64, text: String },
}

/// A recording to begin.
pub struct Open {
    pub recorder: NodeId,
    pub path: PathBuf,
    /// Folder that takes the file when its own cannot.
    pub fallback: Option<PathBuf>,
    pub rate: u32,
    pub channels: u16,
    pub ring: Consumer<i16>,
    pub at: f64,
    /// Batch and index of the command, for `CommandFailed`.
    pub origin: (u64, u32),
}

pub enum Job {
    Load { prompt: PromptId, path: PathBuf },
    Open(Box<Open>),
    Note { recorder: NodeId, note: Note },
    Close { recorder: NodeId, samples: u64, gaps: Vec<(u64, u64)> },
    Shutdown,
}

/// Hands work to the disk thread.
#[derive(Clone)]
pub struct Disk(Sender<Job>);

impl Disk {
    pub fn send(&self, job: Job) {
        // The thread is gone only after `Shutdown`: then nobody is left to be told.
        let _ = self.0.send(job);
    }
}

/// Where the thread's events go.
#[derive(Clone)]
pub struct Outlet {
    pub events: Sender<Event>,
    pub notifier: Notifier,
}

impl Outlet {
    pub fn send(&self, event: Event) {
        if self.events.send(event).is_ok() {
            self.notifier.raise();
        }
    }
}

/// Starts the thread. It ends after `Shutdown`, when every recording is closed.
pub fn spawn(cache: Cache, outlet: Outlet) -> std::io::Result<(Disk, JoinHandle<()>)> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("media-disk".into()).spawn(move || {
        let mut desk = Desk { cache, outlet, recordings: HashMap::new() };
        desk.run(&receiver);
    })?;
    Ok((Disk(sender), thread))
}

struct Desk {
    cache: Cache,
    outlet: Outlet,
    recordings: HashMap<NodeId, Recording>,
}

impl Desk {
    fn run(&mut self, jobs: &Receiver<Job>) {
        let mut next_turn = Instant::now() + TURN;
        loop {
            let job = if self.recordings.is_empty() {
                jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(next_turn.saturating_duration_since(Instant::now()))
            };
            match job {
                Ok(Job::Shutdown) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(job) => self.work(job),
                Err(RecvTimeoutError::Timeout) => (),
            }
            if Instant::now() >= next_turn {
                self.turn();
                next_turn = Instant::now() + TURN;
            }
        }
        for (_, recording) in self.recordings.drain() {
            recording.abandon(&self.outlet);
        }
    }

    fn turn(&mut self) {
        for recording in self.recordings.values_mut() {
            recording.drain(&self.outlet);
        }
        let orphans: Vec<NodeId> =
            self.recordings.iter().filter(|(_, recording)| recording.is_orphaned()).map(|(id, _)| *id).collect();
        for id in orphans {
            if let Some(recording) = self.recordings.remove(&id) {
                recording.abandon(&self.outlet);
            }
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Load { prompt, path } => {
                let event = match self.cache.load(prompt, &path) {
                    Ok(duration) => Event::PromptLoaded { prompt, duration },
                    Err(reason) => Event::PromptFailed { prompt, reason },
                };
                self.outlet.send(event);
            }
            Job::Open(open) => {
                let (recorder, (seq, index)) = (open.recorder, open.origin);
                match Recording::open(*open, &self.outlet) {
                    Ok(recording) => {
                        self.recordings.insert(recorder, recording);
                    }
                    Err(_) => self.outlet.send(Event::CommandFailed {
                        seq,
                        index,
                        command: "Record",
                        target: recorder,
                        reason: "file_error",
                    }),
                }
            }
            Job::Note { recorder, note } => {
                if let Some(recording) = self.recordings.get_mut(&recorder) {
                    recording.note(note);
                }
            }
            Job::Close { recorder, samples, gaps } => {
                if let Some(recording) = self.recordings.remove(&recorder) {
                    recording.close(samples, gaps, &self.outlet);
                }
            }
            Job::Shutdown => (),
        }
    }
}
