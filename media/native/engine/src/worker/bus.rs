//! A conference bus: the sum of the loudest of its sources, levelled and gated when asked, and encoded once for all who hear
//! the same.

use crate::codec::Coding;
use crate::dsp;
use crate::ids::NodeId;
use crate::port::voice::{Piece, Voice};
use crate::route::{EdgeSet, Share};

/// Speakers of a room that an overloaded worker sums.
const SPARING_SPEAKERS: usize = 3;
/// A talker stays among the loudest for so many frames after it fell silent (300 ms).
const HANG_OVER: u32 = 15;
/// −45 dBov.
const TALKING: f32 = 0.0056;
const RANK_SMOOTHING: f32 = 0.2;
/// Somebody who is heard is displaced only by who is louder by 6 dB.
const INCUMBENT: f32 = 2.0;

/// The gate opens 9 dB above the member's noise, at −50 dBov at least; noise is never taken for more than −45 dBov.
const GATE_ABOVE: f32 = 2.8;
const GATE_LEAST: f32 = 0.0032;
const NOISE_MOST: f32 = 0.0056;
/// The estimate of the noise rises by 2 dB/s.
const NOISE_RISE: f32 = 1.005;

/// Speech is brought to −26 dBov, the nominal level of ITU-T P.56, within these gains (−12 and +18 dB).
const SPEECH: f32 = 0.05;
const AGC_RANGE: (f32, f32) = (0.25, 8.0);
/// Per frame: 3 dB/s up, 13 dB/s down.
const AGC_RISE: f32 = 1.007;
const AGC_FALL: f32 = 0.97;

/// One member as it was heard lately.
#[derive(Debug, Clone, Copy)]
struct Member {
    node: NodeId,
    level: f32,
    hang: u32,
    summed: bool,
    noise: f32,
    /// Level of the member's speech, and the gain that the level control gives it.
    speech: f32,
    levelled: f32,
    share: Share,
}

impl Member {
    fn new(node: NodeId) -> Self {
        let share = Share { frame: crate::route::ABSENT, from: 0.0, to: 0.0 };
        Self { node, level: 0.0, hang: 0, summed: false, noise: GATE_LEAST, speech: SPEECH, levelled: 1.0, share }
    }

    fn measure(&mut self, level: f32, gate: bool, agc: bool) {
        let threshold = if gate { (self.noise * GATE_ABOVE).max(GATE_LEAST) } else { TALKING };
        self.noise = if level < self.noise { level } else { self.noise * NOISE_RISE }.clamp(1e-4, NOISE_MOST);
        let talks = level > threshold;
        self.hang = if talks { HANG_OVER } else { self.hang.saturating_sub(1) };
        if agc && talks {
            self.speech += (level - self.speech) * if level > self.speech { 0.2 } else { 0.02 };
            let wanted = (SPEECH / self.speech).clamp(AGC_RANGE.0, AGC_RANGE.1);
            self.levelled = wanted.clamp(self.levelled * AGC_FALL, self.levelled * AGC_RISE);
        }
        let level = level * self.levelled;
        self.level += (level - self.level) * if level > self.level { 1.0 } else { RANK_SMOOTHING };
    }

    fn rank(&self) -> f32 {
        if self.summed && self.hang > 0 { self.level * INCUMBENT } else { self.level }
    }
}

/// The common mix in one coding, for listeners that are not in it themselves.
struct Common {
    coding: Coding,
    group_rate: u32,
    voice: Voice,
    payload: Vec<u8>,
    /// Number of the frame that `payload` is of.
    frame: u64,
}

pub struct Bus {
    pub id: NodeId,
    pub edges: EdgeSet,
    max_speakers: usize,
    /// The worker's step on the ladder of §12.
    pub overload: u32,
    agc: bool,
    gate: bool,
    /// In the order of `edges`.
    members: Vec<Member>,
    ranks: Vec<u32>,
    told: Vec<NodeId>,
    frames: u64,
    common: Vec<Common>,
    /// The sums of the frame before and of this one.
    previous: Vec<f32>,
    current: Vec<f32>,
}

impl Bus {
    /// `agc` brings everybody to the same level, `gate` leaves out who does not talk.
    pub fn new(id: NodeId, max_speakers: u32, agc: bool, gate: bool) -> Self {
        Self {
            id,
            edges: EdgeSet::default(),
            max_speakers: (max_speakers as usize).clamp(1, 64),
            overload: 0,
            agc,
            gate,
            members: Vec::new(),
            ranks: Vec::new(),
            told: Vec::new(),
            frames: 0,
            common: Vec::new(),
            previous: Vec::new(),
            current: Vec::new(),
        }
    }

    /// Writes the sum of this frame into `out`.
    pub fn sum_into(&mut self, arena: &[f32], awaited: &[bool], out: &mut [f32]) {
        let most = if self.overload >= 3 { self.max_speakers.min(SPARING_SPEAKERS) } else { self.max_speakers };
        self.frames += 1;
        std::mem::swap(&mut self.previous, &mut self.current);
        self.align();
        self.measure(arena, out.len());
        self.choose(most);
        out.fill(0.0);
        for (edge, member) in self.edges.iter().zip(&mut self.members) {
            // Who has not begun to play (`awaited`) fades in with its first sound, not before.
            let waits = member.share.to == 0.0 && awaited.get(edge.frame as usize) == Some(&true);
            let heard = member.summed && !waits && (!self.gate || member.hang > 0);
            let to = if heard { edge.wanted_gain() * member.levelled } else { 0.0 };
            member.share = Share { frame: edge.frame, from: member.share.to, to };
            member.share.add(arena, out, 1.0);
        }
        self.current.clear();
        self.current.extend_from_slice(out);
        // Who left has faded out in this frame; with the next plan it needs no samples any more.
        self.edges.settle();
        const IDLE: u64 = 100;
        self.common.retain(|common| self.frames < common.frame + IDLE);
    }

    /// Members follow the edges.
    fn align(&mut self) {
        let aligned = self.members.len() == self.edges.iter().count()
            && self.edges.iter().zip(&self.members).all(|(edge, member)| edge.source == member.node);
        if aligned {
            return;
        }
        let known = std::mem::take(&mut self.members);
        let find = |node| known.iter().find(|member| member.node == node).copied();
        self.members.extend(self.edges.iter().map(|edge| find(edge.source).unwrap_or(Member::new(edge.source))));
    }

    fn measure(&mut self, arena: &[f32], length: usize) {
        for (edge, member) in self.edges.iter().zip(&mut self.members) {
            let at = edge.frame as usize * length;
            let level =
                if edge.wanted_gain() == 0.0 { 0.0 } else { arena.get(at..at + length).map_or(0.0, dsp::level) };
            member.measure(level, self.gate, self.agc);
        }
    }

    /// The loudest are summed; in a room that is small enough everybody is.
    fn choose(&mut self, most: usize) {
        if self.members.len() <= most {
            self.members.iter_mut().for_each(|member| member.summed = true);
            return;
        }
        let Self { members, ranks, .. } = self;
        ranks.clear();
        ranks.extend(0..members.len() as u32);
        let rank = |index: &u32| members.get(*index as usize).map_or(0.0, Member::rank);
        ranks.sort_unstable_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.cmp(b)));
        members.iter_mut().for_each(|member| member.summed = false);
        for &index in ranks.iter().take(most) {
            members[index as usize].summed = true;
        }
    }

    /// How a node is in the sum, `None` when it is not.
    pub fn share(&self, node: NodeId) -> Option<Share> {
        self.members.iter().find(|member| member.node == node).map(|member| member.share).filter(Share::is_heard)
    }

    /// The common mix as a payload of 20 ms in `coding`, encoded for the first who asks in a frame. `None` when the codec
    /// library refuses.
    pub fn common(
        &mut self,
        coding: Coding,
        group_rate: u32,
        sum: &[f32],
        scratch: &mut [f32],
    ) -> Option<(u32, &[u8])> {
        let index =
            match self.common.iter().position(|common| (common.coding, common.group_rate) == (coding, group_rate)) {
                Some(index) => index,
                None => {
                    let mut voice = Voice::new(coding, group_rate, 20, false)?;
                    voice.prime(&self.previous);
                    self.common.push(Common { coding, group_rate, voice, payload: vec![0; 1500], frame: 0 });
                    self.common.len() - 1
                }
            };
        let common = self.common.get_mut(index)?;
        common.voice.spare_effort(self.overload > 0);
        if common.frame != self.frames {
            common.frame = self.frames;
            let scratch = scratch.get_mut(..sum.len())?;
            scratch.copy_from_slice(sum);
            let mut length = 0;
            let mut payload = [0u8; 1500];
            common.voice.frame(scratch, &mut payload, |piece| {
                if let Piece::Audio { payload, .. } = piece {
                    length = payload.len();
                }
            });
            common.payload.clear();
            common.payload.extend_from_slice(payload.get(..length)?);
        }
        Some((common.voice.ticks(), &common.payload))
    }

    /// Leads a listener from the common encoder to its own: that one goes on from what was heard last.
    pub fn lead_out(&self, voice: &mut Voice) {
        voice.prime(&self.previous);
    }

    /// Who talks, when that has changed.
    pub fn news(&mut self) -> Option<Vec<NodeId>> {
        let talking =
            || self.members.iter().filter(|member| member.summed && member.hang > 0).map(|member| member.node);
        // Compared first: no allocation while nothing changes.
        if talking().count() == self.told.len() && talking().all(|node| self.told.binary_search(&node).is_ok()) {
            return None;
        }
        self.told = talking().collect();
        self.told.sort_unstable();
        Some(self.told.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 160;

    /// Frames of constant level, one per member, then the sum.
    fn room(levels: &[f32]) -> Vec<f32> {
        levels.iter().flat_map(|level| (0..FRAME).map(move |n| if n % 2 == 0 { *level } else { -*level })).collect()
    }

    fn bus(members: u64, most: u32, agc: bool, gate: bool) -> Bus {
        let mut bus = Bus::new(99, most, agc, gate);
        let sources: Vec<(NodeId, f32)> = (0..members).map(|node| (node, 0.0)).collect();
        bus.edges = EdgeSet::at_once(&sources);
        bus.edges.iter_mut().for_each(|edge| edge.frame = edge.source as u32);
        bus
    }

    fn gain(bus: &Bus, node: NodeId) -> f32 {
        bus.share(node).map_or(0.0, |share| share.to)
    }

    #[test]
    fn the_level_control_brings_soft_and_loud_together() {
        let mut bus = bus(2, 5, true, false);
        let (loud, soft) = (0.2, 0.0125);
        let mut out = [0.0; FRAME];
        for _ in 0..500 {
            bus.sum_into(&room(&[loud, soft]), &[], &mut out);
        }
        let heard = (loud * gain(&bus, 0), soft * gain(&bus, 1));
        assert!((heard.0 - SPEECH).abs() < 0.005 && (heard.1 - SPEECH).abs() < 0.005, "{heard:?}");
        let before = gain(&bus, 1);
        for _ in 0..500 {
            bus.sum_into(&room(&[loud, 0.001]), &[], &mut out);
        }
        assert_eq!(gain(&bus, 1), before, "a pause is not pulled up");
    }

    #[test]
    fn the_gate_leaves_noise_out_and_lets_speech_in_at_once() {
        let mut bus = bus(2, 5, false, true);
        let mut out = [0.0; FRAME];
        for _ in 0..200 {
            bus.sum_into(&room(&[0.002, 0.2]), &[], &mut out);
        }
        assert_eq!((gain(&bus, 0), gain(&bus, 1)), (0.0, 1.0));
        bus.sum_into(&room(&[0.05, 0.2]), &[], &mut out);
        assert_eq!(gain(&bus, 0), 1.0);
        let share = bus.share(0).unwrap();
        assert_eq!((share.from, share.to), (0.0, 1.0), "within a ramp, without a click");
        for _ in 0..HANG_OVER - 1 {
            bus.sum_into(&room(&[0.002, 0.2]), &[], &mut out);
        }
        assert_eq!(gain(&bus, 0), 1.0, "the ends of words stay");
        bus.sum_into(&room(&[0.002, 0.2]), &[], &mut out);
        assert_eq!(gain(&bus, 0), 0.0);
    }

    #[test]
    fn only_who_is_clearly_louder_takes_somebodys_place() {
        let mut bus = bus(3, 2, false, false);
        let mut out = [0.0; FRAME];
        bus.sum_into(&room(&[0.1, 0.11, 0.0]), &[], &mut out);
        for _ in 0..50 {
            bus.sum_into(&room(&[0.1, 0.11, 0.15]), &[], &mut out);
        }
        assert_eq!([0, 1, 2].map(|node| gain(&bus, node)), [1.0, 1.0, 0.0]);
        bus.sum_into(&room(&[0.1, 0.11, 0.3]), &[], &mut out);
        assert_eq!([0, 1, 2].map(|node| gain(&bus, node)), [0.0, 1.0, 1.0]);
        assert_eq!(bus.share(0).map(|share| share.from), Some(1.0), "fades out");
    }
}
