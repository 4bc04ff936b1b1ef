//! The disk threads: prompts in, recordings out. Nothing on the media path ever waits for them.
//!
//! Lane 0 loads prompts and writes WAV. The lanes after it, at nice 10, write what must be coded: Ogg/Opus. One more thread
//! completes files, since synchronising with the disk takes as long as it takes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rtrb::Consumer;

use super::notify::Notifier;
use super::prompt::Cache;
use super::recording::Recording;
use super::seal::FileKey;
use crate::event::Event;
use crate::ids::{NodeId, PromptId};

/// Recordings are written so often.
const TURN: Duration = Duration::from_millis(300);
/// Niceness of the threads that code: a frame that is late is worse than a file that is.
const NICE: i32 = 10;

/// The container of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Wav,
    Opus,
}

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
    pub format: Format,
    /// Encrypts the file.
    pub key: Option<FileKey>,
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

/// Hands work to the disk threads.
#[derive(Clone)]
pub struct Disk(Vec<Sender<Job>>);

impl Disk {
    /// The thread that takes a recording from its begin to its end.
    pub fn lane(&self, format: Format, recorder: NodeId) -> usize {
        let coders = self.0.len().saturating_sub(1).max(1);
        if format == Format::Opus { 1 + recorder as usize % coders } else { 0 }
    }

    /// To lane 0: prompts, the end.
    pub fn send(&self, job: Job) {
        self.send_to(0, job);
    }

    pub fn send_to(&self, lane: usize, job: Job) {
        if let Some(sender) = self.0.get(lane) {
            // The thread is gone only after `Shutdown`: then nobody is left to be told.
            let _ = sender.send(job);
        }
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

/// Starts the threads. They end after `Shutdown`, when every recording is complete; the handle is of the last of them.
pub fn spawn(cache: Cache, outlet: Outlet) -> std::io::Result<(Disk, JoinHandle<()>)> {
    let (finished, closing) = channel::<Recording>();
    let end = outlet.clone();
    let finisher = std::thread::Builder::new().name("media-close".into()).spawn(move || {
        for recording in closing {
            recording.finish(&end);
        }
    })?;
    let mut lanes = Vec::new();
    let mut coders = Vec::new();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let (first, jobs) = channel();
    lanes.push(first);
    for number in 0..(cores / 2).max(1) {
        let (sender, receiver) = channel();
        let mut desk = Desk::new(cache.clone(), outlet.clone(), finished.clone());
        coders.push(std::thread::Builder::new().name(format!("media-code{number}")).spawn(move || {
            // Refused where priorities are not ours to change: then it competes.
            let _ = rustix::process::setpriority_process(None, NICE);
            desk.run(&receiver);
        })?);
        lanes.push(sender);
    }
    let disk = Disk(lanes);
    let others = disk.clone();
    let thread = std::thread::Builder::new().name("media-disk".into()).spawn(move || {
        let mut desk = Desk::new(cache, outlet, finished);
        desk.run(&jobs);
        drop(desk);
        (1..others.0.len()).for_each(|lane| others.send_to(lane, Job::Shutdown));
        for thread in coders.into_iter().chain([finisher]) {
            let _ = thread.join(); // a panic was printed by the runtime
        }
    })?;
    Ok((disk, thread))
}

struct Desk {
    cache: Cache,
    outlet: Outlet,
    recordings: HashMap<NodeId, Recording>,
    finished: Sender<Recording>,
}

impl Desk {
    fn new(cache: Cache, outlet: Outlet, finished: Sender<Recording>) -> Self {
        Self { cache, outlet, recordings: HashMap::new(), finished }
    }

    /// The time line is complete; the rest is for the thread that waits for the disk.
    fn hand_on(&self, recording: Recording) {
        // It is gone only when this one is.
        let _ = self.finished.send(recording);
    }

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
        for (_, mut recording) in std::mem::take(&mut self.recordings) {
            recording.abandon(&self.outlet);
            self.hand_on(recording);
        }
    }

    fn turn(&mut self) {
        for recording in self.recordings.values_mut() {
            recording.drain(&self.outlet);
        }
        let orphans: Vec<NodeId> =
            self.recordings.iter().filter(|(_, recording)| recording.is_orphaned()).map(|(id, _)| *id).collect();
        for id in orphans {
            if let Some(mut recording) = self.recordings.remove(&id) {
                recording.abandon(&self.outlet);
                self.hand_on(recording);
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
                    recording.note(note, &self.outlet);
                }
            }
            Job::Close { recorder, samples, gaps } => {
                if let Some(mut recording) = self.recordings.remove(&recorder) {
                    recording.close(samples, gaps, &self.outlet);
                    self.hand_on(recording);
                }
            }
            Job::Shutdown => (),
        }
    }
}
