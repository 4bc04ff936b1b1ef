//! Port numbers of the configured range: even for RTP, the next for RTCP; a closed one rests before it is used again.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use crate::error::EngineError;
use crate::ids::Micros;
use crate::worker::io::PortSockets;

/// Late packets of the former call must not reach the next one.
const REST_US: Micros = 5_000_000;

/// Binds on demand: a pair costs 15–19 µs of CPU, and a stock would have to be kept right. Owned by the façade.
#[derive(Debug)]
pub struct Pool {
    address: IpAddr,
    first: u16,
    pairs: u16,
    /// Pair tried next; the range is walked round, so that a number comes back as late as possible.
    next: u16,
    used: HashSet<u16>,
    resting: VecDeque<(Micros, u16)>,
}

impl Pool {
    pub fn new(address: IpAddr, min: u16, max: u16) -> Result<Self, EngineError> {
        let first = min.checked_add(min % 2).ok_or(EngineError::BadRange(min, max))?;
        if first == 0 || max <= first {
            return Err(EngineError::BadRange(min, max));
        }
        let pairs = (max - first).div_ceil(2);
        Ok(Self { address, first, pairs, next: 0, used: HashSet::new(), resting: VecDeque::new() })
    }

    /// Binds the next free pair. Numbers that another program holds are skipped.
    pub fn bind(&mut self, multiplexed: bool, now: Micros) -> Result<(u16, PortSockets), EngineError> {
        while let Some((since, port)) = self.resting.front().copied()
            && now >= since + REST_US
        {
            self.resting.pop_front();
            self.used.remove(&port);
        }
        for _ in 0..self.pairs {
            let port = self.first + 2 * self.next;
            self.next = (self.next + 1) % self.pairs;
            if self.used.contains(&port) {
                continue;
            }
            match PortSockets::bind(self.address, port, multiplexed) {
                Ok(sockets) => {
                    self.used.insert(port);
                    return Ok((port, sockets));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => (),
                Err(error) => return Err(EngineError::Io(error)),
            }
        }
        Err(EngineError::NoCapacity("no free port in the range"))
    }

    /// The sockets of this port are closed.
    pub fn release(&mut self, port: u16, now: Micros) {
        if self.used.contains(&port) {
            self.resting.push_back((now, port));
        }
    }

    pub fn address(&self) -> IpAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn pairs_are_even_taken_ones_are_skipped_and_closed_ones_rest() {
        let local = IpAddr::from([127, 0, 0, 1]);
        // Three pairs somewhere free; the middle one is another program's.
        let base = (0..).map(|n| 41_000 + n * 10).find(|base| UdpSocket::bind((local, base + 2)).is_ok()).unwrap();
        let _other = UdpSocket::bind((local, base + 3)).unwrap();
        let mut pool = Pool::new(local, base - 1, base + 5).unwrap();
        let (first, sockets) = pool.bind(false, 0).unwrap();
        let (second, _kept) = pool.bind(false, 0).unwrap();
        assert_eq!((first, second), (base, base + 4));
        assert_eq!(sockets.rtcp.as_ref().unwrap().local_addr().unwrap().port(), base + 1);
        assert!(matches!(pool.bind(false, 0), Err(EngineError::NoCapacity(_))));
        drop(sockets);
        pool.release(first, 1_000_000);
        assert!(pool.bind(false, 5_900_000).is_err(), "it rests");
        assert_eq!(pool.bind(true, 6_000_000).unwrap().0, first);
    }

    #[test]
    fn ranges_that_hold_no_pair_are_refused() {
        let local = IpAddr::from([127, 0, 0, 1]);
        for (min, max) in [(5001, 5001), (5000, 5000), (5000, 4000), (65_535, 65_535), (0, 10)] {
            assert!(Pool::new(local, min, max).is_err(), "{min}-{max}");
        }
    }
}
