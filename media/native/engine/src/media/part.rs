//! The file of a recording while it grows, `NAME.part`: append only, encrypted if wanted, patient with a disk that fails.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::seal::{FileKey, Seal};

/// So much waits in memory for a disk that fails: 8 s of stereo WAV, a minute of Opus.
const BACKLOG: usize = 256 * 1024;

pub struct Part {
    file: Option<File>,
    path: PathBuf,
    seal: Option<Seal>,
    /// Length of what stands before the container's first octet: the head of an encrypted file.
    head: u64,
    /// Octets of the file that are written.
    written: u64,
    /// What comes behind them.
    backlog: Vec<u8>,
}

impl Part {
    /// Creates the file with its head.
    pub fn create(path: PathBuf, key: Option<&FileKey>) -> io::Result<Self> {
        let (seal, head) = match key {
            Some(key) => {
                let (seal, head) = Seal::new(key);
                (Some(seal), head)
            }
            None => (None, Vec::new()),
        };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        let mut part = Self { file: Some(file), path, seal, head: head.len() as u64, written: 0, backlog: head };
        part.flush()?;
        Ok(part)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether more can be taken: not while much waits for a disk that fails.
    pub fn has_room(&self) -> bool {
        self.backlog.len() < BACKLOG
    }

    /// Takes octets of the container; `flush` writes them.
    pub fn push(&mut self, octets: &[u8]) {
        match &mut self.seal {
            _ if octets.is_empty() => (),
            Some(seal) => seal.append(octets, &mut self.backlog),
            None => self.backlog.extend_from_slice(octets),
        }
    }

    /// Writes what waits. After an error it waits on.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.backlog.is_empty() {
            return Ok(());
        }
        self.write_all_at(&self.backlog, self.written)?;
        self.written += self.backlog.len() as u64;
        self.backlog.clear();
        if self.backlog.capacity() > BACKLOG / 4 {
            self.backlog.shrink_to(0);
        }
        Ok(())
    }

    fn write_all_at(&self, octets: &[u8], at: u64) -> io::Result<()> {
        let file = self.file.as_ref().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no file"))?;
        file.write_all_at(octets, at)
    }

    /// Writes the container's first octets anew: of a plain file at any time, of an encrypted one only at its end.
    pub fn rewrite_first(&mut self, octets: &[u8], at_end: bool) -> io::Result<()> {
        match &self.seal {
            Some(seal) if at_end => self.write_all_at(&seal.rewrite_first(octets), self.head),
            Some(_) => Ok(()),
            None => self.write_all_at(octets, self.head),
        }
    }

    /// Goes on in another place, with what could be written so far.
    pub fn move_to(&mut self, path: PathBuf) -> io::Result<()> {
        std::fs::copy(&self.path, &path)?;
        self.file = Some(OpenOptions::new().read(true).write(true).open(&path)?);
        let old = std::mem::replace(&mut self.path, path);
        std::fs::remove_file(old)
    }

    /// Ends the file; it lies on the disk when this returns. False when the disk did not take all: then a plain file has
    /// the length of `length` octets all the same, and what is missing reads as zeros.
    pub fn finish(&mut self, first: Option<&[u8]>, length: Option<u64>) -> io::Result<bool> {
        if let Some(seal) = &mut self.seal {
            seal.finish(&mut self.backlog);
        }
        let whole = self.flush().is_ok();
        if let Some(first) = first {
            self.rewrite_first(first, true)?;
        }
        let file = self.file.take().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no file"))?;
        if let Some(length) = length.filter(|_| !whole && self.seal.is_none()) {
            file.set_len(length)?;
        }
        file.sync_all()?;
        Ok(whole)
    }
}
