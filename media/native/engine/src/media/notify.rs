//! Wakes whoever waits on the engine's one event descriptor.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// An eventfd that is written once until it is acknowledged.
#[derive(Clone)]
pub struct Notifier {
    fd: Arc<OwnedFd>,
    raised: Arc<AtomicBool>,
}

impl Notifier {
    pub fn new() -> std::io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd: Arc::new(fd), raised: Arc::new(AtomicBool::new(false)) })
    }

    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // The counter cannot overflow: it is written once per acknowledgement.
            let _ = rustix::io::write(&*self.fd, &1u64.to_ne_bytes());
        }
    }

    /// Takes the signal back; what is raised afterwards wakes again.
    pub fn acknowledge(&self) {
        if self.raised.swap(false, Ordering::AcqRel) {
            let mut counter = [0u8; 8];
            let _ = rustix::io::read(&*self.fd, &mut counter);
        }
    }

    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
