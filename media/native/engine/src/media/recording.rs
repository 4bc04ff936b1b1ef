//! The disk's half of a recording: a WAV file that is playable at every moment, its manifest, and its verdict.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rtrb::Consumer;
use sha2::{Digest, Sha256};

use super::disk::{Note, Open, Outlet};
use super::wav;
use crate::event::Event;
use crate::ids::NodeId;

const PATCH_INTERVAL: Duration = Duration::from_secs(5);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

pub struct Recording {
    recorder: NodeId,
    /// Final name; `.part` is appended while it grows.
    path: PathBuf,
    fallback: Option<PathBuf>,
    file: Option<File>,
    ring: Consumer<i16>,
    rate: u32,
    channels: u16,
    /// Place on the time line, octets of samples taken from the ring.
    position: u64,
    buffer: Vec<u8>,
    patched: Instant,
    retried: Instant,
    /// Where writing failed, ms; set while the file cannot be written.
    failing_from: Option<u64>,
    gaps: Vec<(u64, u64)>,
    manifest: Manifest,
    /// Turns since the worker let go of the ring without closing the recording.
    orphaned_turns: u32,
}

#[derive(Default)]
struct Manifest {
    started_unix_ms: u128,
    pauses: Vec<(u64, Option<u64>)>,
    marks: Vec<(u64, String)>,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Recording {
    /// Creates `path.part`, in the fallback folder when the first choice fails.
    pub fn open(open: Open, outlet: &Outlet) -> io::Result<Self> {
        let started_unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let now = Instant::now();
        let mut recording = Self {
            recorder: open.recorder,
            path: open.path,
            fallback: open.fallback,
            file: None,
            ring: open.ring,
            rate: open.rate,
            channels: open.channels,
            position: 0,
            buffer: Vec::new(),
            patched: now,
            retried: now,
            failing_from: None,
            gaps: Vec::new(),
            manifest: Manifest { started_unix_ms, ..Manifest::default() },
            orphaned_turns: 0,
        };
        if let Err(error) = recording.create() {
            recording.move_to_fallback().map_err(|_| io::Error::new(error.kind(), error.to_string()))?;
            recording.degraded(&error, outlet);
        }
        let path = recording.path.display().to_string();
        outlet.send(Event::RecordStarted { recorder: recording.recorder, path, at: open.at });
        Ok(recording)
    }

    fn create(&mut self) -> io::Result<()> {
        let part = with_suffix(&self.path, ".part");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(part)?;
        file.write_all_at(&wav::header(self.rate, self.channels, 0), 0)?;
        self.file = Some(file);
        self.write_manifest("recording", "", 0)
    }

    /// Goes on in the fallback folder, taking along what could be written so far.
    fn move_to_fallback(&mut self) -> io::Result<()> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no fallback");
        let folder = self.fallback.take().ok_or_else(missing)?;
        let target = folder.join(self.path.file_name().ok_or_else(missing)?);
        let old = with_suffix(&self.path, ".part");
        let former = std::mem::replace(&mut self.path, target);
        self.file = None;
        self.create()?;
        if old.exists() {
            std::fs::copy(&old, with_suffix(&self.path, ".part"))?;
            std::fs::remove_file(&old)?;
            std::fs::remove_file(with_suffix(&former, ".json"))?;
            self.file = Some(OpenOptions::new().read(true).write(true).open(with_suffix(&self.path, ".part"))?);
        }
        Ok(())
    }

    fn frame_octets(&self) -> u64 {
        2 * u64::from(self.channels)
    }

    fn ms(&self, octets: u64) -> u64 {
        octets * 1000 / (self.frame_octets() * u64::from(self.rate))
    }

    fn degraded(&self, error: &io::Error, outlet: &Outlet) {
        outlet.send(Event::RecordDegraded { recorder: self.recorder, reason: error.to_string() });
    }

    /// Writes what the worker has produced since the last turn.
    pub fn drain(&mut self, outlet: &Outlet) {
        self.orphaned_turns = if self.ring.is_abandoned() { self.orphaned_turns + 1 } else { 0 };
        let count = self.ring.slots();
        if let Ok(chunk) = self.ring.read_chunk(count) {
            let (first, second) = chunk.as_slices();
            self.buffer.clear();
            self.buffer.extend(first.iter().chain(second).flat_map(|sample| sample.to_le_bytes()));
            chunk.commit_all();
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.append(&buffer, outlet);
        self.buffer = buffer;
        if self.patched.elapsed() >= PATCH_INTERVAL {
            self.patched = Instant::now();
            if let Err(error) = self.patch(self.position) {
                self.fail(&error, self.position, outlet);
            }
        }
    }

    /// The worker is gone or refused the recorder, and no `Close` came with it.
    pub fn is_orphaned(&self) -> bool {
        self.orphaned_turns > 3
    }

    fn append(&mut self, octets: &[u8], outlet: &Outlet) {
        if octets.is_empty() {
            return;
        }
        let start = self.position;
        self.position += octets.len() as u64;
        if self.failing_from.is_some() && self.retried.elapsed() < RETRY_INTERVAL {
            return;
        }
        self.retried = Instant::now();
        match self.write_at(octets, start) {
            // What lies between is a hole in the file: it reads as silence.
            Ok(()) => {
                if let Some(from) = self.failing_from.take() {
                    self.gaps.push((from, self.ms(start)));
                }
            }
            Err(error) => self.fail(&error, start, outlet),
        }
    }

    fn write_at(&self, octets: &[u8], start: u64) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no file"))?;
        file.write_all_at(octets, wav::HEADER_LEN as u64 + start)
    }

    /// Tells of a failure once, tries the fallback folder, else retries each second.
    fn fail(&mut self, error: &io::Error, start: u64, outlet: &Outlet) {
        if self.failing_from.is_none() {
            self.failing_from = Some(self.ms(start));
            self.degraded(error, outlet);
        }
        if self.fallback.is_some()
            && let Err(error) = self.move_to_fallback()
        {
            self.degraded(&error, outlet);
        }
    }

    fn patch(&self, octets: u64) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no file"))?;
        // Written, not synchronised: this guards against the death of the process, not of the machine.
        file.write_all_at(&wav::header(self.rate, self.channels, octets), 0)
    }

    pub fn note(&mut self, note: Note) {
        match note {
            Note::Pause { at } => self.manifest.pauses.push((at, None)),
            Note::Resume { at } => {
                if let Some((_, end)) = self.manifest.pauses.last_mut() {
                    end.get_or_insert(at);
                }
            }
            Note::Mark { at, text } => self.manifest.marks.push((at, text)),
        }
    }

    /// Ends the file at exactly `samples` per channel, renames and hashes it, and tells the verdict.
    pub fn close(mut self, samples: u64, worker_gaps: Vec<(u64, u64)>, outlet: &Outlet) {
        self.drain(outlet);
        let octets = samples * self.frame_octets();
        if let Some(from) = self.failing_from.take() {
            self.gaps.push((from, self.ms(octets)));
        }
        self.gaps.extend(worker_gaps);
        self.gaps.sort_unstable();
        let degraded = !self.gaps.is_empty();
        let (verdict, sha256, bytes) = match self.finish(octets) {
            Ok((sha256, bytes)) => (if degraded { "degraded" } else { "complete" }, sha256, bytes),
            Err(error) => {
                self.degraded(&error, outlet);
                ("failed", String::new(), 0)
            }
        };
        if let Err(error) = self.write_manifest(verdict, &sha256, octets) {
            self.degraded(&error, outlet);
        }
        outlet.send(Event::RecordEnded {
            recorder: self.recorder,
            path: self.path.display().to_string(),
            duration: self.ms(octets),
            bytes,
            sha256,
            verdict,
            gaps: self.gaps,
        });
    }

    /// The engine ends without a stop: what is there becomes a finished file.
    pub fn abandon(mut self, outlet: &Outlet) {
        self.drain(outlet);
        let samples = self.position / self.frame_octets();
        self.close(samples, Vec::new(), outlet);
    }

    fn finish(&mut self, octets: u64) -> io::Result<(String, u64)> {
        let part = with_suffix(&self.path, ".part");
        {
            let file = self.file.as_ref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no file"))?;
            file.set_len(wav::HEADER_LEN as u64 + octets)?;
            file.write_all_at(&wav::header(self.rate, self.channels, octets), 0)?;
            file.sync_all()?;
        }
        std::fs::rename(&part, &self.path)?;
        digest(&self.path)
    }

    fn write_manifest(&self, verdict: &str, sha256: &str, octets: u64) -> io::Result<()> {
        let list = |pairs: &[(u64, u64)]| {
            pairs.iter().map(|(from, to)| format!("[{from},{to}]")).collect::<Vec<_>>().join(",")
        };
        let pauses: Vec<(u64, u64)> =
            self.manifest.pauses.iter().map(|(from, to)| (*from, to.unwrap_or(self.ms(octets)))).collect();
        let marks: Vec<String> =
            self.manifest.marks.iter().map(|(at, text)| format!("{{\"at\":{at},\"text\":{}}}", quote(text))).collect();
        let json = format!(
            "{{\"recorder\":{},\"started_unix_ms\":{},\"rate\":{},\"channels\":{},\"duration_ms\":{},\"verdict\":\"{verdict}\",\
             \"sha256\":\"{sha256}\",\"pauses\":[{}],\"gaps\":[{}],\"marks\":[{}]}}\n",
            self.recorder,
            self.manifest.started_unix_ms,
            self.rate,
            self.channels,
            self.ms(octets),
            list(&pauses),
            list(&self.gaps),
            marks.join(","),
        );
        std::fs::write(with_suffix(&self.path, ".json"), json)
    }
}

/// A JSON string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
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
