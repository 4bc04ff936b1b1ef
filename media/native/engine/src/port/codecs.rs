//! The agreed payload types of a port, by direction.

use crate::codec::{Coding, parameter};
use crate::command::PayloadMap;

/// What a payload type means when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming {
    Audio(Coding),
    /// Telephone events with their clock, Hz.
    Event(u32),
    /// Comfort noise (RFC 3389).
    Noise,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    receive: u8,
    send: u8,
    meaning: Incoming,
}

/// Never empty of audio.
#[derive(Debug, Clone)]
pub struct Codecs {
    rows: Vec<Row>,
    first: Coding,
    first_send: u8,
    /// Codings whose own discontinuous transmission the peer asked for (`usedtx=1`, RFC 7587 §6.1), or that both agreed to do
    /// without (G.729, AMR: the same word).
    dtx: Vec<Coding>,
}

impl Codecs {
    /// `None` when no audio codec is known or a payload type is out of range.
    pub fn new(maps: &[PayloadMap]) -> Option<Self> {
        let mut rows = Vec::with_capacity(maps.len());
        let (mut first, mut dtx) = (None, Vec::new());
        for map in maps {
            let name = map.name.to_ascii_lowercase();
            let meaning = match (name.as_str(), Coding::of(map)) {
                ("telephone-event", _) => Incoming::Event(map.clock.max(8000)),
                ("cn", _) => Incoming::Noise,
                (_, Some(coding)) => {
                    if first.is_none() {
                        first = Some((coding, map.send_payload_type));
                    }
                    if coding.has_own_silence() && parameter(&map.fmtp, "usedtx") == Some("1") {
                        dtx.push(coding);
                    }
                    Incoming::Audio(coding)
                }
                _ => return None,
            };
            if map.payload_type > 127 || map.send_payload_type > 127 {
                return None;
            }
            rows.push(Row { receive: map.payload_type, send: map.send_payload_type, meaning });
        }
        let (first, first_send) = first?;
        Some(Self { rows, first, first_send, dtx })
    }

    pub fn incoming(&self, payload_type: u8) -> Option<Incoming> {
        self.rows.iter().find(|row| row.receive == payload_type).map(|row| row.meaning)
    }

    /// The first codec of the agreement.
    pub fn preferred(&self) -> (Coding, u8) {
        (self.first, self.first_send)
    }

    /// The payload type for sending this coding, if it was agreed.
    pub fn sending(&self, coding: Coding) -> Option<u8> {
        self.rows.iter().find(|row| row.meaning == Incoming::Audio(coding)).map(|row| row.send)
    }

    /// The payload type for comfort noise (RFC 3389), if it was agreed. Its clock is that of narrow-band codecs.
    pub fn sending_noise(&self, beside: Coding) -> Option<u8> {
        let row = self.rows.iter().find(|row| row.meaning == Incoming::Noise)?;
        (beside.clock() == 8000).then_some(row.send)
    }

    /// Whether silence need not be sent in this coding: comfort noise was agreed, or the peer asked for DTX of Opus.
    pub fn spares_silence(&self, coding: Coding) -> bool {
        if coding.has_own_silence() { self.dtx.contains(&coding) } else { self.sending_noise(coding).is_some() }
    }

    /// Payload type and clock for telephone events beside audio of `clock` Hz; any clock when none fits.
    pub fn sending_event(&self, clock: u32) -> Option<(u8, u32)> {
        let events = || {
            self.rows.iter().filter_map(|row| match row.meaning {
                Incoming::Event(clock) => Some((row.send, clock)),
                _ => None,
            })
        };
        events().find(|(_, theirs)| *theirs == clock).or_else(|| events().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: &str, payload_type: u8, clock: u32) -> PayloadMap {
        PayloadMap {
            name: name.into(),
            payload_type,
            clock,
            channels: 1,
            send_payload_type: payload_type + 1,
            fmtp: String::new(),
        }
    }

    #[test]
    fn directions_may_differ_and_events_follow_the_clock() {
        let codecs = Codecs::new(&[
            map("telephone-event", 110, 48_000),
            map("OPUS", 111, 48_000),
            map("telephone-event", 96, 8000),
            map("PCMA", 8, 8000),
        ])
        .unwrap();
        assert_eq!(codecs.preferred(), (Coding::Opus, 112));
        assert_eq!(codecs.incoming(8), Some(Incoming::Audio(Coding::Pcma)));
        assert_eq!(codecs.incoming(9), None);
        assert_eq!(codecs.sending(Coding::Pcma), Some(9));
        assert_eq!(codecs.sending_event(8000), Some((97, 8000)));
        assert_eq!(codecs.sending_event(16_000), Some((111, 48_000)));
    }

    #[test]
    fn what_cannot_be_coded_is_refused() {
        assert!(Codecs::new(&[map("telephone-event", 96, 8000)]).is_none());
        assert!(Codecs::new(&[map("GSM", 3, 8000), map("PCMA", 8, 8000)]).is_none());
        assert!(Codecs::new(&[]).is_none());
    }
}
