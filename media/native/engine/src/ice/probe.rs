//! A lite agent's own checks, towards addresses from which the peer's SRTP comes and from which no check of it came.
//!
//! A router that gave its mapping up moves a browser to another address without the browser's knowing; its own check follows only
//! after up to 5 s, and until then our packets go to an address where nobody is. Media with a right tag names the new address, an
//! answer to a check of ours proves that the peer itself is there (return routability, RFC 8445 §7.2): who replays a packet from
//! elsewhere can't give it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The initial RTO of a check (RFC 8445 §14.3 has 500 ms for lite; the way is short or it is not the way).
const REPEAT: Duration = Duration::from_millis(100);
/// Unanswered checks to one address; then it has to prove itself.
const MOST: u32 = 30;
/// Addresses that are asked at the same time; the oldest makes room.
const ADDRESSES: usize = 4;

#[derive(Debug, Clone, Copy)]
struct Probe {
    remote: SocketAddr,
    transaction: [u8; 12],
    asked: Instant,
    times: u32,
}

/// Checks under way.
#[derive(Debug, Default)]
pub struct Probes {
    open: Vec<Probe>,
    count: u64,
}

impl Probes {
    /// The transaction of a check that is due now to `remote`; `secret` makes it unforeseeable for those who don't know it.
    pub fn due(&mut self, remote: SocketAddr, secret: &str, now: Instant) -> Option<[u8; 12]> {
        if let Some(probe) = self.open.iter_mut().find(|probe| probe.remote == remote) {
            let rested = now.saturating_duration_since(probe.asked) >= REPEAT && probe.times < MOST;
            // Repeated with the same transaction: the answer to any of them is the answer.
            return rested.then(|| {
                (probe.asked, probe.times) = (now, probe.times + 1);
                probe.transaction
            });
        }
        if self.open.len() >= ADDRESSES {
            self.open.remove(0);
        }
        self.count += 1;
        let transaction = transaction(secret, self.count);
        self.open.push(Probe { remote, transaction, asked: now, times: 1 });
        Some(transaction)
    }

    /// Whether an answer from there is awaited.
    pub fn asks(&self, remote: SocketAddr) -> bool {
        self.open.iter().any(|probe| probe.remote == remote)
    }

    /// Whether this transaction was asked of this address; it has to come back from where it went (RFC 8445 §7.2.5.2.1).
    pub fn was_asked(&self, remote: SocketAddr, transaction: &[u8; 12]) -> bool {
        self.open.iter().any(|probe| probe.remote == remote && probe.transaction == *transaction)
    }

    /// All is answered, or of no interest any more.
    pub fn forget(&mut self) {
        self.open.clear();
    }
}

fn transaction(secret: &str, number: u64) -> [u8; 12] {
    let Ok(mut mac) = <Hmac<Sha1> as Mac>::new_from_slice(secret.as_bytes()) else {
        return [0; 12]; // HMAC takes keys of any length
    };
    mac.update(b"check");
    mac.update(&number.to_be_bytes());
    mac.finalize().into_bytes().first_chunk().copied().unwrap_or_default()
}
