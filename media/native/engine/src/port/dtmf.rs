//! DTMF toward the far end: a queue of digits, sent as telephone events or as tone pairs, one step per frame.

use std::collections::VecDeque;

use crate::dsp::dtmf::frequencies;
use crate::dsp::tone::Generator;
use crate::rtp::telephone_event::{self, Payload};

/// RFC 4733 §2.5.1.4: the end packet is sent three times.
const END_PACKETS: u32 = 3;
/// Digits that may wait; a batch cannot queue without bound.
const MAX_QUEUED: usize = 256;
const FRAME_MS: u32 = 20;
const VOLUME: u8 = 10;
/// Level of a tone pair, dBov.
const TONE_LEVEL: f32 = -12.0;

#[derive(Debug, Clone, Copy)]
struct Queued {
    digit: char,
    duration_ms: u32,
    gap_ms: u32,
}

#[derive(Debug)]
struct Sounding {
    queued: Queued,
    elapsed_ms: u32,
    ends: u32,
    /// Timestamp that the event's packets share, once the first was sent.
    timestamp: Option<u32>,
    generator: Option<Generator>,
}

/// What the port does in this frame instead of its own audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send an event packet, with the timestamp of the event's first one.
    Event { payload: Payload, timestamp: Option<u32> },
    /// Fill the frame with the tone pair.
    Tone,
    /// The gap between digits.
    Pause,
}

#[derive(Debug, Default)]
pub struct Outgoing {
    queue: VecDeque<Queued>,
    sounding: Option<Sounding>,
}

impl Outgoing {
    /// Appends digits; false when one is no digit or there are too many.
    pub fn push(&mut self, digits: &str, duration_ms: u32, gap_ms: u32) -> bool {
        let valid = digits.chars().all(|digit| telephone_event::event(digit).is_some());
        if !valid || self.queue.len() + digits.len() > MAX_QUEUED {
            return false;
        }
        let (duration_ms, gap_ms) = (duration_ms.clamp(40, 8000), gap_ms.clamp(40, 8000));
        self.queue.extend(digits.chars().map(|digit| Queued { digit, duration_ms, gap_ms }));
        true
    }

    pub fn is_active(&self) -> bool {
        self.sounding.is_some() || !self.queue.is_empty()
    }

    /// The step of the next 20 ms; `clock` is that of the telephone event, `None` sends tones.
    pub fn step(&mut self, clock: Option<u32>) -> Option<Step> {
        if self.sounding.is_none() {
            let queued = self.queue.pop_front()?;
            self.sounding = Some(Sounding { queued, elapsed_ms: 0, ends: 0, timestamp: None, generator: None });
        }
        let sounding = self.sounding.as_mut()?;
        let step = sounding.step(clock);
        if sounding.elapsed_ms >= sounding.queued.duration_ms + sounding.queued.gap_ms {
            self.sounding = None;
        }
        Some(step)
    }

    /// Notes the timestamp of the event that just began.
    pub fn begun_at(&mut self, timestamp: u32) {
        if let Some(sounding) = &mut self.sounding {
            sounding.timestamp.get_or_insert(timestamp);
        }
    }

    /// Fills a frame with the tone pair of the current digit.
    pub fn tone_into(&mut self, frame: &mut [f32], rate: u32) {
        let Some(sounding) = &mut self.sounding else { return };
        let digit = sounding.queued.digit;
        let generator = sounding.generator.get_or_insert_with(|| {
            let (low, high) = frequencies(digit).unwrap_or((0.0, 0.0));
            Generator::steady(&[low, high], TONE_LEVEL, rate)
        });
        generator.fill(frame);
    }
}

impl Sounding {
    fn step(&mut self, clock: Option<u32>) -> Step {
        self.elapsed_ms += FRAME_MS;
        let Some(clock) = clock else {
            return if self.elapsed_ms <= self.queued.duration_ms { Step::Tone } else { Step::Pause };
        };
        let end = self.elapsed_ms >= self.queued.duration_ms;
        if end {
            self.ends += 1;
            if self.ends > END_PACKETS {
                return Step::Pause;
            }
        }
        let ticks = u64::from(self.elapsed_ms.min(self.queued.duration_ms)) * u64::from(clock) / 1000;
        let payload = Payload {
            event: telephone_event::event(self.queued.digit).unwrap_or(0),
            end,
            volume: VOLUME,
            duration: u16::try_from(ticks).unwrap_or(u16::MAX),
        };
        Step::Event { payload, timestamp: self.timestamp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_is_updates_then_three_ends_then_a_gap() {
        let mut outgoing = Outgoing::default();
        assert!(outgoing.push("5#", 100, 60));
        let mut steps = Vec::new();
        while let Some(step) = outgoing.step(Some(8000)) {
            if let Step::Event { .. } = step {
                outgoing.begun_at(777);
            }
            steps.push(step);
        }
        let events: Vec<(u8, bool, u16, Option<u32>)> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Event { payload, timestamp } => Some((payload.event, payload.end, payload.duration, *timestamp)),
                _ => None,
            })
            .collect();
        let seven = Some(777);
        assert_eq!(
            events[..7],
            [
                (5, false, 160, None),
                (5, false, 320, seven),
                (5, false, 480, seven),
                (5, false, 640, seven),
                (5, true, 800, seven),
                (5, true, 800, seven),
                (5, true, 800, seven)
            ]
        );
        assert_eq!(events.len(), 14);
        assert!(!outgoing.is_active());
    }

    #[test]
    fn tones_have_their_duration_and_rubbish_is_refused() {
        let mut outgoing = Outgoing::default();
        assert!(!outgoing.push("1x", 100, 100));
        assert!(outgoing.push("1", 100, 40));
        let steps: Vec<Step> = std::iter::from_fn(|| outgoing.step(None)).collect();
        assert_eq!(steps.iter().filter(|step| **step == Step::Tone).count(), 5);
        assert_eq!(steps.len(), 7);
    }
}
