//! Fax datagrams (T.38 UDPTL): from the port that hears them to the port that listens to it, octet for octet.

use super::input::Arrival;
use super::io::Net;
use super::table::Core;
use crate::event::Event;
use crate::ids::seconds;
use crate::port::Port;
use crate::port::latch::Verdict;

/// Longest datagram that is passed on, octets. T38FaxMaxDatagram of gateways is 72 to 1400.
const MAX_DATAGRAM: usize = 1500;
/// Sequence number, length, one octet of fax, form of the error recovery and its count.
const MIN_DATAGRAM: usize = 6;

/// The sequence number of what can be a UDPTL datagram (T.38 §9.1.2): the primary packet fits, and after it comes the word for
/// redundancy or parity. `None` for the rest, of which most is RTP that is still on its way when a call turns into a fax.
pub fn sequence(packet: &[u8]) -> Option<u16> {
    if !(MIN_DATAGRAM..=MAX_DATAGRAM).contains(&packet.len()) {
        return None;
    }
    let (length, begins) = match (*packet.get(2)?, *packet.get(3)?) {
        (short @ 1..=0x7f, _) => (usize::from(short), 3),
        (high @ 0x80..=0xbf, low) => (usize::from(high & 0x3f) << 8 | usize::from(low), 4),
        _ => return None,
    };
    let recovery = *packet.get(begins + length)?;
    matches!(recovery, 0x00 | 0x80).then(|| u16::from_be_bytes([packet[0], packet[1]]))
}

impl Core {
    /// Takes a datagram of a port that carries a fax. Only ports that do the same get it; nothing of it is ever sound.
    pub(super) fn fax(&mut self, port: &mut Port, packet: &[u8], arrival: Arrival, net: &mut dyn Net) {
        let receive = &mut port.receive;
        let known = port.latch.is_known(arrival.source);
        let flood = if known { &mut receive.flood } else { &mut receive.strangers };
        if !flood.admits(arrival.now) {
            receive.counters.flooded += 1;
            return;
        }
        let Some(sequence) = sequence(packet) else {
            receive.counters.discarded += 1;
            return;
        };
        match port.latch.check(arrival.source, 0, sequence, false, arrival.now) {
            Verdict::Accept => (),
            Verdict::Moved { old, reason } => self.remote_changed(port.id, old, arrival.source, reason),
            Verdict::Reject => {
                receive.refused.source(arrival.source);
                receive.counters.discarded += 1;
                return;
            }
        }
        let receive = &mut port.receive;
        if !port.direction.receives() {
            receive.counters.discarded += 1;
            return;
        }
        receive.counters.packets += 1;
        receive.counters.octets += packet.len() as u64;
        receive.last_at = arrival.now;
        if !receive.started {
            receive.started = true;
            self.events.push(Event::MediaStarted {
                port: port.id,
                remote: arrival.source.to_string(),
                codec: "T38".to_owned(),
                ssrc: 0,
                as_signalled: port.latch.is_signalled(arrival.source),
                at: seconds(arrival.now),
            });
        }
        for &slot in &port.relays {
            let Some(listener) = self.ports.get_mut(slot as usize).and_then(Option::as_deref_mut) else { continue };
            let Some(target) = listener.target().filter(|_| listener.udptl) else { continue };
            net.send(slot, false, packet, target);
            listener.send.count(packet.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sequence;

    #[test]
    fn what_can_be_a_datagram() {
        assert_eq!(sequence(&[0x12, 0x34, 0x01, 0x06, 0x00, 0x00]), Some(0x1234), "an indicator, no redundancy");
        assert_eq!(sequence(&[0, 1, 0x01, 0x06, 0x80, 0x00]), Some(1), "parity");
        let mut long = vec![0x80, 0x00, 0x81, 0x00];
        long.extend([7; 256]);
        long.extend([0x00, 0x00]);
        assert_eq!(sequence(&long), Some(0x8000), "a primary packet of 256 octets");
    }

    #[test]
    fn what_cannot() {
        assert_eq!(sequence(&[]), None);
        assert_eq!(sequence(&[0, 1, 0x01, 0x06, 0x00]), None, "too short");
        assert_eq!(sequence(&[0, 1, 0x20, 0x06, 0x00, 0x00]), None, "the primary packet ends beyond the datagram");
        assert_eq!(sequence(&[0, 1, 0xc1, 0x06, 0x00, 0x00]), None, "fragments");
        assert_eq!(sequence(&[0; 1501]), None, "too long");
        let mut voice = vec![0x80, 0x00, 0x10, 0x20, 0, 0, 0, 9, 1, 2, 3, 4];
        voice.extend([0xd5; 160]);
        assert_eq!(sequence(&voice), None, "G.711");
    }
}
