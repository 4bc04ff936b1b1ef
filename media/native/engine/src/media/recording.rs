//! The disk's half of a recording: a file that is playable at every moment, its manifest, and its verdict.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtrb::Consumer;
use sha2::{Digest, Sha256};

use super::disk::{Format, Note, Open, Outlet};
use super::manifest::Manifest;
use super::ogg::OpusFile;
use super::outline::Outline;
use super::part::Part;
use super::seal::FileKey;
use super::wav;
use crate::event::Event;
use crate::ids::{FRAMES_PER_SECOND, NodeId};

/// The header of a plain WAV file tells its length so often.
const PATCH_INTERVAL: Duration = Duration::from_secs(5);
/// Of 0 to 10; more costs more than it is heard at these rates.
const OPUS_COMPLEXITY: u8 = 3;
const SILENCE: [u8; 16 * 1024] = [0; 16 * 1024];

/// How samples become octets.
enum Body {
    Wav,
    Opus(Box<OpusFile>),
}

pub struct Recording {
    recorder: NodeId,
    /// Final name; `.part` is appended while it grows.
    path: PathBuf,
    fallback: Option<PathBuf>,
    key: Option<FileKey>,
    part: Option<Part>,
    body: Body,
    ring: Consumer<i16>,
    rate: u32,
    channels: u16,
    /// Interleaved samples taken from the ring. The last 20 ms stay here, since the end may lie within them.
    samples: Vec<i16>,
    /// Place on the time line, samples per channel.
    position: u64,
    /// Samples per channel that are still to be filled with silence, because they could not be kept.
    lost: u64,
    lost_from: u64,
    /// Writing fails, and it was told.
    failing: bool,
    /// Place on the time line up to which all is written.
    kept: u64,
    octets: Vec<u8>,
    patched: Instant,
    manifest: Manifest,
    outline: Outline,
    /// Turns since the worker let go of the ring without closing the recording.
    orphaned_turns: u32,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, what.to_owned())
}

impl Recording {
    /// Creates `path.part`, in the fallback folder when the first choice fails.
    pub fn open(open: Open, outlet: &Outlet) -> io::Result<Self> {
        let started_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let (body, format) = match open.format {
            Format::Wav => (Body::Wav, "wav"),
            Format::Opus => {
                let file = OpusFile::new(open.rate, open.channels, open.recorder as u32, OPUS_COMPLEXITY);
                (Body::Opus(Box::new(file.ok_or_else(|| missing("encoder"))?)), "opus")
            }
        };
        let manifest = Manifest {
            recorder: open.recorder,
            started_unix_ms,
            format,
            encrypted: open.key.is_some(),
            rate: open.rate,
            channels: open.channels,
            pauses: Vec::new(),
            gaps: Vec::new(),
            marks: Vec::new(),
            peaks: String::new(),
        };
        let mut recording = Self {
            recorder: open.recorder,
            path: open.path,
            fallback: open.fallback,
            key: open.key,
            part: None,
            body,
            ring: open.ring,
            rate: open.rate,
            channels: open.channels,
            samples: Vec::new(),
            position: 0,
            lost: 0,
            lost_from: 0,
            failing: false,
            kept: 0,
            octets: Vec::new(),
            patched: Instant::now(),
            manifest,
            outline: Outline::new(open.rate, usize::from(open.channels)),
            orphaned_turns: 0,
        };
        if let Err(error) = recording.create() {
            let folder = recording.fallback.take().ok_or_else(|| io::Error::new(error.kind(), error.to_string()))?;
            recording.path = folder.join(recording.path.file_name().ok_or_else(|| missing("file name"))?);
            recording.create()?;
            recording.degraded(&error, outlet);
        }
        let path = recording.path.display().to_string();
        outlet.send(Event::RecordStarted { recorder: recording.recorder, path, at: open.at });
        Ok(recording)
    }

    fn create(&mut self) -> io::Result<()> {
        let mut part = Part::create(with_suffix(&self.path, ".part"), self.key.as_ref())?;
        if matches!(self.body, Body::Wav) {
            part.push(&wav::header(self.rate, self.channels, 0));
        } else {
            self.encode(&[]);
            part.push(&self.octets);
        }
        part.flush()?;
        self.part = Some(part);
        self.note_down("recording", "", 0)
    }

    fn width(&self) -> usize {
        usize::from(self.channels)
    }

    fn ms(&self, samples: u64) -> u64 {
        samples * 1000 / u64::from(self.rate)
    }

    fn degraded(&self, error: &io::Error, outlet: &Outlet) {
        outlet.send(Event::RecordDegraded { recorder: self.recorder, reason: error.to_string() });
    }

    fn note_down(&self, verdict: &str, sha256: &str, samples: u64) -> io::Result<()> {
        self.manifest.write(&with_suffix(&self.path, ".json"), verdict, sha256, self.ms(samples))
    }

    /// Writes what the worker has produced since the last turn.
    pub fn drain(&mut self, outlet: &Outlet) {
        self.orphaned_turns = if self.ring.is_abandoned() { self.orphaned_turns + 1 } else { 0 };
        self.take_ring();
        let frame = self.rate as usize / FRAMES_PER_SECOND * self.width();
        let ready = self.samples.len().saturating_sub(frame);
        self.store(ready - ready % self.width(), outlet);
        if self.patched.elapsed() >= PATCH_INTERVAL {
            self.patched = Instant::now();
            self.patch(outlet);
        }
    }

    /// The worker is gone or refused the recorder, and no `Close` came with it.
    pub fn is_orphaned(&self) -> bool {
        self.orphaned_turns > 3
    }

    fn take_ring(&mut self) {
        if let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) {
            let (first, second) = chunk.as_slices();
            self.samples.extend_from_slice(first);
            self.samples.extend_from_slice(second);
            chunk.commit_all();
        }
    }

    /// Writes the first `count` samples of those that wait. While the disk fails and no room is left they are lost.
    fn store(&mut self, count: usize, outlet: &Outlet) {
        if count == 0 {
            return;
        }
        let samples = std::mem::take(&mut self.samples);
        let now = samples.get(..count).unwrap_or_default();
        let width = self.width();
        let length = (count / width) as u64;
        if !self.part.as_ref().is_some_and(Part::has_room) {
            if self.lost == 0 {
                self.lost_from = self.position;
            }
            self.lost += length;
        } else {
            if self.lost > 0 {
                self.fill_lost();
            }
            self.outline.put(now);
            self.encode(now);
            if let Some(part) = &mut self.part {
                part.push(&self.octets);
            }
        }
        self.position += length;
        self.samples = samples;
        self.samples.drain(..count);
        self.flush(outlet);
    }

    fn encode(&mut self, samples: &[i16]) {
        self.octets.clear();
        match &mut self.body {
            Body::Wav => {
                self.octets.resize(2 * samples.len(), 0);
                for (octets, sample) in self.octets.chunks_exact_mut(2).zip(samples) {
                    octets.copy_from_slice(&sample.to_le_bytes());
                }
            }
            Body::Opus(file) => file.put(samples, &mut self.octets),
        }
    }

    /// The time that was lost becomes silence, and a gap of the verdict.
    fn fill_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        self.manifest.gaps.push((self.ms(self.lost_from), self.ms(self.lost_from + lost)));
        self.silence(lost);
    }

    fn silence(&mut self, samples: u64) {
        self.outline.skip(samples);
        let Some(part) = &mut self.part else { return };
        match &mut self.body {
            Body::Wav => {
                let mut left = samples * 2 * u64::from(self.channels);
                while left > 0 {
                    let count = left.min(SILENCE.len() as u64);
                    part.push(SILENCE.get(..count as usize).unwrap_or_default());
                    // A failure is told by the flush that follows; the octets wait until then.
                    let _ = part.flush();
                    left -= count;
                }
            }
            Body::Opus(file) => {
                self.octets.clear();
                file.silence(samples, &mut self.octets);
                part.push(&self.octets);
            }
        }
    }

    fn flush(&mut self, outlet: &Outlet) {
        match self.part.as_mut().map_or_else(|| Err(missing("no file")), Part::flush) {
            Ok(()) => (self.failing, self.kept) = (false, self.position - self.lost),
            Err(error) => self.fail(&error, outlet),
        }
    }

    /// Tells of a failure once and tries the fallback folder; else the next turn tries again.
    fn fail(&mut self, error: &io::Error, outlet: &Outlet) {
        if !std::mem::replace(&mut self.failing, true) {
            self.degraded(error, outlet);
        }
        if let Some(folder) = self.fallback.take()
            && let Err(error) = self.move_to(&folder)
        {
            self.degraded(&error, outlet);
        }
    }

    fn move_to(&mut self, folder: &Path) -> io::Result<()> {
        let target = folder.join(self.path.file_name().ok_or_else(|| missing("file name"))?);
        let part = self.part.as_mut().ok_or_else(|| missing("no file"))?;
        part.move_to(with_suffix(&target, ".part"))?;
        let former = std::mem::replace(&mut self.path, target);
        part.flush()?;
        std::fs::remove_file(with_suffix(&former, ".json"))?;
        self.note_down("recording", "", self.position)
    }

    fn patch(&mut self, outlet: &Outlet) {
        if !matches!(self.body, Body::Wav) {
            return;
        }
        let header = self.wav_header(self.position);
        // Written, not synchronised: this guards against the death of the process, not of the machine.
        if let Some(Err(error)) = self.part.as_mut().map(|part| part.rewrite_first(&header, false)) {
            self.fail(&error, outlet);
        }
    }

    fn wav_header(&self, samples: u64) -> [u8; wav::HEADER_LEN] {
        wav::header(self.rate, self.channels, samples * 2 * u64::from(self.channels))
    }

    pub fn note(&mut self, note: Note, outlet: &Outlet) {
        match note {
            Note::Pause { at } => self.manifest.pauses.push((at, None)),
            Note::Resume { at } => {
                if let Some((_, end)) = self.manifest.pauses.last_mut() {
                    end.get_or_insert(at);
                }
            }
            Note::Mark { at, text } => self.manifest.marks.push((at, text)),
        }
        if let Err(error) = self.note_down("recording", "", self.position) {
            self.degraded(&error, outlet);
        }
    }

    /// Ends the time line at exactly `samples` per channel; `finish` does what takes time.
    pub fn close(&mut self, samples: u64, worker_gaps: Vec<(u64, u64)>, outlet: &Outlet) {
        self.take_ring();
        let left = samples.saturating_sub(self.position) as usize * self.width();
        self.samples.truncate(left);
        self.store(self.samples.len(), outlet);
        if self.lost > 0 {
            self.fill_lost();
        }
        self.silence(samples.saturating_sub(self.position));
        self.position = self.position.max(samples);
        self.manifest.gaps.extend(worker_gaps);
        self.manifest.gaps.sort_unstable();
    }

    /// The engine ends without a stop: what is there becomes a finished file.
    pub fn abandon(&mut self, outlet: &Outlet) {
        self.take_ring();
        self.close(self.position + (self.samples.len() / self.width()) as u64, Vec::new(), outlet);
    }

    /// Completes the file, renames and hashes it, and tells the verdict. Waits for the disk.
    pub fn finish(mut self, outlet: &Outlet) {
        let (verdict, sha256, bytes) = match self.complete() {
            Ok((sha256, bytes)) => (if self.manifest.gaps.is_empty() { "complete" } else { "degraded" }, sha256, bytes),
            Err(error) => {
                self.degraded(&error, outlet);
                ("failed", String::new(), 0)
            }
        };
        self.manifest.peaks = self.outline.json();
        if let Err(error) = self.note_down(verdict, &sha256, self.position) {
            self.degraded(&error, outlet);
        }
        outlet.send(Event::RecordEnded {
            recorder: self.recorder,
            path: self.path.display().to_string(),
            duration: self.ms(self.position),
            bytes,
            sha256,
            verdict,
            gaps: std::mem::take(&mut self.manifest.gaps),
        });
    }

    fn complete(&mut self) -> io::Result<(String, u64)> {
        let header = self.wav_header(self.position);
        let mut part = self.part.take().ok_or_else(|| missing("no file"))?;
        let first = match &mut self.body {
            Body::Wav => Some(&header[..]),
            Body::Opus(file) => {
                self.octets.clear();
                file.finish(self.position, &mut self.octets);
                part.push(&self.octets);
                None
            }
        };
        let length = first.map(|header| header.len() as u64 + self.position * 2 * u64::from(self.channels));
        if !part.finish(first, length)? {
            let kept = self.ms(self.kept);
            self.manifest.gaps.retain(|(_, to)| *to <= kept);
            self.manifest.gaps.push((kept, self.ms(self.position)));
        }
        std::fs::rename(part.path(), &self.path)?;
        digest(&self.path)
    }
}

/// SHA-256 and length of a file as it lies on the disk.
fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0u8; 64 * 1024];
    let mut length = 0;
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        hash.update(&chunk[..count]);
        length += count as u64;
    }
    let hex = hash.finalize().iter().fold(String::new(), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    });
    Ok((hex, length))
}
