//! Long files, played from disk: a thread reads ahead into a ring of two seconds per player. Nothing on the media path waits
//! for it; a disk that is late is silence, and what comes then is still played whole.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::source::{RATE, Source, SourceError};
use crate::codec::to_i16;
use crate::dsp::resample::Resampler;

/// Samples that are read ahead.
const RING: usize = 2 * RATE as usize;
/// The rings are looked after so often.
const TURN: Duration = Duration::from_millis(100);
/// Files that are open at once; another one is refused.
const MAX_OPEN: usize = 2000;

/// What the thread is asked to play.
struct Feed {
    path: PathBuf,
    offset_ms: u64,
    looped: bool,
    ring: Producer<i16>,
    failed: Arc<AtomicBool>,
}

struct Live {
    source: Source<BufReader<File>>,
    feed: Feed,
    /// Read, and not yet in the ring.
    pending: Vec<f32>,
    /// Something came since the file began anew; a loop of nothing ends.
    sounded: bool,
}

/// Opens files for players. The thread begins with the first of them and ends when the last of these handles is gone.
#[derive(Debug, Clone, Default)]
pub struct Streams(Arc<OnceLock<Option<Sender<Feed>>>>);

impl Streams {
    /// Begins to read; sound comes as soon as the disk has it.
    pub fn open(&self, path: PathBuf, offset_ms: u64, looped: bool) -> Stream {
        let (ring, samples) = RingBuffer::new(RING);
        let failed = Arc::new(AtomicBool::new(false));
        let feed = Feed { path, offset_ms, looped, ring, failed: Arc::clone(&failed) };
        let sender = self.0.get_or_init(|| {
            let (sender, feeds) = channel();
            let thread = std::thread::Builder::new().name("media-stream".into());
            thread.spawn(move || run(&feeds)).ok().map(|_| sender)
        });
        if sender.as_ref().is_none_or(|sender| sender.send(feed).is_err()) {
            failed.store(true, Ordering::Release);
        }
        Stream { samples, failed, scratch: Vec::new(), narrow: Vec::new(), resampler: None }
    }
}

fn run(feeds: &Receiver<Feed>) {
    let mut live: Vec<Live> = Vec::new();
    loop {
        let next = if live.is_empty() {
            feeds.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            feeds.recv_timeout(TURN)
        };
        match next {
            Ok(feed) if live.len() >= MAX_OPEN => feed.failed.store(true, Ordering::Release),
            Ok(feed) => live.extend(begin(feed)),
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        live.retain_mut(|live| {
            let going = !live.feed.ring.is_abandoned() && live.fill().unwrap_or(false);
            if !going && !live.sounded {
                live.feed.failed.store(true, Ordering::Release);
            }
            going
        });
    }
}

fn begin(feed: Feed) -> Option<Live> {
    let opened = File::open(&feed.path).map_err(SourceError::Io).and_then(|file| {
        let mut source = Source::open(BufReader::new(file))?;
        let wanted = if feed.looped { feed.offset_ms % source.duration_ms().max(1) } else { feed.offset_ms };
        source.seek(wanted)?;
        Ok(source)
    });
    match opened {
        Ok(source) => Some(Live { source, feed, pending: Vec::new(), sounded: false }),
        Err(_) => {
            feed.failed.store(true, Ordering::Release); // the player says so: it ends with an error
            None
        }
    }
}

impl Live {
    /// Fills the ring; false when the file is over.
    fn fill(&mut self) -> Result<bool, SourceError> {
        loop {
            let count = self.pending.len().min(self.feed.ring.slots());
            for sample in self.pending.drain(..count) {
                let _ = self.feed.ring.push(to_i16(sample)); // there is room
            }
            if !self.pending.is_empty() {
                return Ok(true);
            }
            if self.source.read(&mut self.pending)? {
                self.sounded |= !self.pending.is_empty();
            } else if self.feed.looped && self.sounded {
                self.source.seek(0)?;
                self.sounded = false;
            } else {
                // Over, and heard: the rest of the ring is the player's.
                self.sounded = true;
                return Ok(false);
            }
        }
    }
}

/// What a pull from a stream gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// So many samples; fewer than asked for only at the end.
    Samples(usize),
    /// The disk is late.
    Waiting,
    Failed,
}

/// A player's end of the ring.
pub struct Stream {
    samples: Consumer<i16>,
    failed: Arc<AtomicBool>,
    scratch: Vec<f32>,
    narrow: Vec<f32>,
    resampler: Option<Resampler>,
}

impl Stream {
    /// Fills `out` at a group rate, 8 or 16 kHz.
    pub fn pull(&mut self, out: &mut [f32], rate: u32) -> Pulled {
        let step = (RATE / rate) as usize;
        let (over, wanted) = (self.samples.is_abandoned(), out.len() * step);
        let there = self.samples.slots();
        if there < wanted && !over {
            return if self.failed.load(Ordering::Acquire) { Pulled::Failed } else { Pulled::Waiting };
        }
        if there == 0 && self.failed.load(Ordering::Acquire) {
            return Pulled::Failed;
        }
        let count = there.min(wanted);
        self.scratch.clear();
        self.scratch.extend((0..count).map_while(|_| self.samples.pop().ok()).map(crate::codec::to_f32));
        let samples = if step == 1 {
            &self.scratch
        } else {
            self.narrow.clear();
            if self.resampler.is_none() {
                self.resampler = Resampler::new(RATE, rate);
            }
            if let Some(resampler) = &mut self.resampler {
                resampler.process_into(&self.scratch, &mut self.narrow);
            }
            &self.narrow
        };
        for (target, sample) in out.iter_mut().zip(samples) {
            *target = *sample;
        }
        Pulled::Samples(samples.len().min(out.len()))
    }
}
