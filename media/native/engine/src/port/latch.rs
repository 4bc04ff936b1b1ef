//! Which source a port listens to and sends to: against RTP bleed, and yet through NAT.

use std::net::SocketAddr;

use crate::command::LatchMode;
use crate::ids::Micros;

/// A source may move when the old one has been silent for so long.
const REBIND_SILENCE_US: Micros = 2_000_000;
/// Packets that a sender of 10 ms may have sent beyond what the time says.
const SEQUENCE_SLACK: u64 = 50;

/// The verdict on one packet's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    /// Accepted, and packets go there from now on.
    Moved {
        old: Option<SocketAddr>,
        reason: &'static str,
    },
    Reject,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
}

/// Owned by the port. `Strict` takes only the signalled address; `Nat` learns once and follows rarely: what was signalled and
/// what bears a right tag at once, else only the same host (a router that gave its mapping up) whose stream goes on where it
/// ended. Another host never takes over, even if it knows the SSRC.
#[derive(Debug)]
pub struct Latch {
    mode: LatchMode,
    signalled: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    /// Nothing was accepted since the address was signalled.
    learning: bool,
    candidate: Option<Candidate>,
    /// The newest accepted packet.
    ssrc: Option<u32>,
    sequence: u16,
    accepted_at: Micros,
}

impl Latch {
    pub fn new(mode: LatchMode, signalled: Option<SocketAddr>) -> Self {
        Self { mode, signalled, remote: None, learning: true, candidate: None, ssrc: None, sequence: 0, accepted_at: 0 }
    }

    /// Where to send: the proven source, else what was signalled.
    pub fn target(&self) -> Option<SocketAddr> {
        self.remote.or(self.signalled)
    }

    /// Packets of this source were accepted, or it was proven.
    pub fn is_known(&self, source: SocketAddr) -> bool {
        self.remote == Some(source)
    }

    pub fn is_signalled(&self, source: SocketAddr) -> bool {
        self.signalled == Some(source)
    }

    /// A new address was signalled: learning begins again.
    pub fn signal(&mut self, address: SocketAddr) {
        if self.signalled != Some(address) {
            self.signalled = Some(address);
            (self.remote, self.learning, self.candidate) = (None, true, None);
        }
    }

    /// ICE proved this address. Returns the old target when it changed.
    pub fn prove(&mut self, remote: SocketAddr) -> Option<Option<SocketAddr>> {
        let old = self.target();
        self.remote = Some(remote);
        self.learning = false;
        (old != Some(remote)).then_some(old)
    }

    /// Judges a packet; `authentic` tells that its SRTP tag was right.
    pub fn check(&mut self, source: SocketAddr, ssrc: u32, sequence: u16, authentic: bool, now: Micros) -> Verdict {
        if self.remote == Some(source) {
            return self.accept(ssrc, sequence, now);
        }
        if self.mode == LatchMode::Strict {
            if self.signalled != Some(source) {
                return Verdict::Reject;
            }
            self.remote = Some(source);
            return self.accept(ssrc, sequence, now);
        }
        let reason = if self.signalled == Some(source) {
            Some("signalled")
        } else if authentic {
            Some("srtp")
        } else if self.learning {
            self.repeated(source, ssrc, sequence).then_some("latched")
        } else {
            (self.goes_on(source, ssrc, sequence, now) && self.repeated(source, ssrc, sequence)).then_some("rebound")
        };
        let Some(reason) = reason else { return Verdict::Reject };
        let old = self.target();
        self.remote = Some(source);
        self.accept(ssrc, sequence, now);
        if old == Some(source) { Verdict::Accept } else { Verdict::Moved { old, reason } }
    }

    /// The stream that was silent goes on from the same host, by another port.
    fn goes_on(&self, source: SocketAddr, ssrc: u32, sequence: u16, now: Micros) -> bool {
        let silence = now.saturating_sub(self.accepted_at);
        let ahead = u64::from(sequence.wrapping_sub(self.sequence));
        silence >= REBIND_SILENCE_US
            && self.ssrc == Some(ssrc)
            && self.remote.is_some_and(|remote| remote.ip() == source.ip())
            && (1..=silence / 10_000 + SEQUENCE_SLACK).contains(&ahead)
    }

    fn accept(&mut self, ssrc: u32, sequence: u16, now: Micros) -> Verdict {
        (self.learning, self.candidate) = (false, None);
        (self.ssrc, self.sequence, self.accepted_at) = (Some(ssrc), sequence, now);
        Verdict::Accept
    }

    /// The second packet in sequence of one source.
    fn repeated(&mut self, source: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        let before = self.candidate.replace(Candidate { source, ssrc, sequence });
        before.is_some_and(|before| {
            before.source == source && before.ssrc == ssrc && sequence.wrapping_sub(before.sequence).wrapping_sub(1) < 3
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn strict_hears_only_the_signalled_address() {
        let mut latch = Latch::new(LatchMode::Strict, Some(at(1)));
        for sequence in 0..5 {
            assert_eq!(latch.check(at(2), 9, sequence, true, 0), Verdict::Reject);
        }
        assert_eq!(latch.check(at(1), 9, 0, false, 0), Verdict::Accept);
    }

    #[test]
    fn a_stranger_needs_two_packets_in_sequence_and_the_signalled_source_wins_at_once() {
        let mut latch = Latch::new(LatchMode::Nat, Some(at(1)));
        assert_eq!(latch.check(at(2), 9, 100, false, 0), Verdict::Reject);
        assert_eq!(latch.check(at(3), 9, 500, false, 0), Verdict::Reject);
        assert_eq!(latch.check(at(2), 9, 200, false, 0), Verdict::Reject, "not in sequence");
        assert_eq!(latch.check(at(2), 9, 201, false, 0), Verdict::Moved { old: Some(at(1)), reason: "latched" });
        assert_eq!(latch.target(), Some(at(2)));
        assert_eq!(latch.check(at(1), 7, 1, false, 0), Verdict::Moved { old: Some(at(2)), reason: "signalled" });
    }

    #[test]
    fn an_active_source_is_not_taken_over() {
        let mut latch = Latch::new(LatchMode::Nat, None);
        latch.check(at(1), 9, 1, false, 0);
        assert_eq!(latch.check(at(1), 9, 2, false, 0), Verdict::Moved { old: None, reason: "latched" });
        for sequence in 3..10 {
            assert_eq!(latch.check(at(5), 9, sequence, false, 1_000_000), Verdict::Reject);
        }
        assert_eq!(latch.check(at(5), 8, 10, false, 3_000_000), Verdict::Reject, "another SSRC");
        assert_eq!(latch.check(at(5), 9, 11, false, 3_000_000), Verdict::Reject);
        assert_eq!(latch.check(at(5), 9, 12, false, 3_000_000), Verdict::Moved { old: Some(at(1)), reason: "rebound" });
        assert_eq!(latch.check(at(6), 9, 99, true, 3_000_000), Verdict::Moved { old: Some(at(5)), reason: "srtp" });
    }

    #[test]
    fn the_right_ssrc_and_sequence_from_another_host_move_nothing() {
        let mut latch = Latch::new(LatchMode::Nat, None);
        latch.check(at(1), 9, 1, false, 0);
        latch.check(at(1), 9, 2, false, 0);
        let thief = SocketAddr::from(([192, 0, 2, 7], 1));
        for sequence in 3..300u16 {
            let now = u64::from(sequence) * 20_000;
            assert_eq!(latch.check(thief, 9, sequence, false, now), Verdict::Reject);
        }
        assert_eq!(latch.target(), Some(at(1)));
        // The same host, but not where its stream ended.
        for sequence in 40_000..40_010 {
            assert_eq!(latch.check(at(2), 9, sequence, false, 6_000_000), Verdict::Reject);
        }
    }
}
