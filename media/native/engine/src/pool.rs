//! Port numbers of the configured range: even for RTP, the next for RTCP; a closed one rests before it is used again.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use crate::error::EngineError;
use crate::ids::Micros;
use crate::worker::io::PortSockets;

/// Late packets of the former call must not reach the next one.
const REST_US: Micros = 5_000_000;

/// Of the address that a peer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Whatever stands first in the configuration.
    Any,
    Ipv4,
    Ipv6,
}

/// Reads one address, or one of each family separated by a comma.
pub fn addresses(text: &str) -> Result<Vec<IpAddr>, EngineError> {
    let bad = || EngineError::BadAddress(text.to_string());
    let found: Vec<IpAddr> =
        text.split(',').map(|each| each.trim().parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let is_one_each = found.len() == 1 || (found.len() == 2 && found[0].is_ipv4() != found[1].is_ipv4());
    if is_one_each { Ok(found) } else { Err(bad()) }
}

/// Binds on demand: a pair costs 15–19 µs of CPU, and a stock would have to be kept right. Owned by the façade.
#[derive(Debug)]
pub struct Pool {
    /// At most one of each family, never empty.
    addresses: Vec<IpAddr>,
    first: u16,
    pairs: u16,
    /// Pair tried next; the range is walked round, so that a number comes back as late as possible.
    next: u16,
    used: HashSet<u16>,
    resting: VecDeque<(Micros, u16)>,
}

impl Pool {
    pub fn new(addresses: Vec<IpAddr>, min: u16, max: u16) -> Result<Self, EngineError> {
        let first = min.checked_add(min % 2).ok_or(EngineError::BadRange(min, max))?;
        if first == 0 || max <= first {
            return Err(EngineError::BadRange(min, max));
        }
        let pairs = (max - first).div_ceil(2);
        Ok(Self { addresses, first, pairs, next: 0, used: HashSet::new(), resting: VecDeque::new() })
    }

    /// Binds the next free pair at this address. Numbers that another program holds are skipped.
    pub fn bind(&mut self, address: IpAddr, multiplexed: bool, now: Micros) -> Result<(u16, PortSockets), EngineError> {
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
            match PortSockets::bind(address, port, multiplexed) {
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

    /// Where a peer of this family is served: at the first address when none is of it.
    pub fn address(&self, family: Family) -> IpAddr {
        let fits = |address: &&IpAddr| match family {
            Family::Any => true,
            Family::Ipv4 => address.is_ipv4(),
            Family::Ipv6 => address.is_ipv6(),
        };
        self.addresses.iter().find(fits).copied().unwrap_or(self.addresses[0])
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
        let mut pool = Pool::new(vec![local], base - 1, base + 5).unwrap();
        let (first, sockets) = pool.bind(local, false, 0).unwrap();
        let (second, _kept) = pool.bind(local, false, 0).unwrap();
        assert_eq!((first, second), (base, base + 4));
        assert_eq!(sockets.rtcp.as_ref().unwrap().local_addr().unwrap().port(), base + 1);
        assert!(matches!(pool.bind(local, false, 0), Err(EngineError::NoCapacity(_))));
        drop(sockets);
        pool.release(first, 1_000_000);
        assert!(pool.bind(local, false, 5_900_000).is_err(), "it rests");
        assert_eq!(pool.bind(local, true, 6_000_000).unwrap().0, first);
    }

    #[test]
    fn ranges_that_hold_no_pair_are_refused() {
        let local = IpAddr::from([127, 0, 0, 1]);
        for (min, max) in [(5001, 5001), (5000, 5000), (5000, 4000), (65_535, 65_535), (0, 10)] {
            assert!(Pool::new(vec![local], min, max).is_err(), "{min}-{max}");
        }
    }

    #[test]
    fn one_address_of_each_family_and_a_number_is_given_out_once() {
        let both = addresses("127.0.0.1, ::1").unwrap();
        for bad in ["", "127.0.0.1,127.0.0.2", "::1,", "127.0.0.1,::1,::2", "localhost"] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
        let mut pool = Pool::new(both.clone(), 42_000, 42_999).unwrap();
        assert_eq!(pool.address(Family::Any), both[0]);
        assert_eq!(pool.address(Family::Ipv6), both[1]);
        assert_eq!(Pool::new(vec![both[0]], 42_000, 42_999).unwrap().address(Family::Ipv6), both[0]);
        let Ok((sixth, sockets)) = pool.bind(both[1], false, 0) else { return }; // a machine without IPv6
        assert!(sockets.rtp.local_addr().unwrap().is_ipv6());
        assert_ne!(pool.bind(both[0], false, 0).unwrap().0, sixth);
    }
}
