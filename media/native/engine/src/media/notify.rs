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

    /// Takes the signal back; what is raised afterwards wakes again. Look for work after this call, not before.
    ///
    /// The counter is emptied before the flag: the other way round a `raise` in between would have its write taken away
    /// while its flag stays, and no later `raise` would ever write again. One that comes between the two lines below writes
    /// nothing, but its work is there already for the caller to find.
    pub fn acknowledge(&self) {
        let mut counter = [0u8; 8];
        let _ = rustix::io::read(&*self.fd, &mut counter);
        self.raised.swap(false, Ordering::AcqRel);
    }

    pub fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::Notifier;

    /// One thread adds work and raises, the other sleeps until it is woken: no work may be left lying.
    #[test]
    fn no_wake_up_is_lost_however_raise_and_acknowledge_meet() {
        const ROUNDS: u64 = 200_000;
        let notifier = Notifier::new().unwrap();
        let work = Arc::new(AtomicU64::new(0));
        let (raiser, given) = (notifier.clone(), Arc::clone(&work));
        let thread = std::thread::spawn(move || {
            for round in 1..=ROUNDS {
                given.store(round, Ordering::Release);
                raiser.raise();
                if round % 1000 == 0 {
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
        let patience = Timespec { tv_sec: 5, tv_nsec: 0 };
        while work.load(Ordering::Acquire) < ROUNDS {
            let fd = notifier.fd();
            let mut wait = [PollFd::new(&fd, PollFlags::IN)];
            assert_ne!(poll(&mut wait, Some(&patience)).unwrap(), 0, "asleep although work was raised");
            notifier.acknowledge();
        }
        thread.join().unwrap();
    }
}
