//! The routing matrix: complete source sets per listener, gains with ramps, and the sum.

use crate::ids::{MAX_FRAME, NodeId, linear};

/// A source has no frame in this step.
pub const ABSENT: u32 = u32::MAX;

/// One source of a listener.
#[derive(Debug, Clone)]
pub struct Edge {
    pub source: NodeId,
    /// Index of the source's frame in the group's arena; set by the plan.
    pub frame: u32,
    gain: f32,
    target: f32,
    step: f32,
    /// Samples left of the ramp.
    left: u32,
    /// Not heard in this frame, see `EdgeSet::hold`.
    held: bool,
}

impl Edge {
    pub fn is_unity(&self) -> bool {
        self.target == 1.0
    }

    /// The gain that was asked for, as a factor.
    pub fn wanted_gain(&self) -> f32 {
        self.target
    }

    fn leaving(&self) -> bool {
        self.target == 0.0
    }
}

/// How a source is in a bus's sum during one frame: its gain moves from `from` to `to` within the first quarter (5 ms).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    pub frame: u32,
    pub from: f32,
    pub to: f32,
}

impl Share {
    pub fn is_heard(&self) -> bool {
        self.from != 0.0 || self.to != 0.0
    }

    /// Adds the source to `out`, times `factor`; −1 takes it out again. `arena` holds frames of `out.len()` samples.
    pub fn add(&self, arena: &[f32], out: &mut [f32], factor: f32) {
        let at = (self.frame as usize).saturating_mul(out.len());
        let Some(source) = at.checked_add(out.len()).and_then(|end| arena.get(at..end)) else { return };
        if !self.is_heard() {
            return;
        }
        let ramp = if self.from == self.to { 0 } else { out.len() / 4 };
        let step = (self.to - self.from) / ramp.max(1) as f32;
        let mut gain = self.from;
        for (target, sample) in out.iter_mut().zip(source).take(ramp) {
            gain += step;
            *target += sample * gain * factor;
        }
        let gain = self.to * factor;
        for (target, sample) in out.iter_mut().zip(source).skip(ramp) {
            *target += sample * gain;
        }
    }
}

/// The sources of one listener. Owned by the listener; only `Listen` changes it.
#[derive(Debug, Clone, Default)]
pub struct EdgeSet {
    edges: Vec<Edge>,
}

impl EdgeSet {
    /// A set that is there from its first sample, without a ramp.
    pub fn at_once(sources: &[(NodeId, f32)]) -> Self {
        let mut set = Self::default();
        set.replace(sources, 0);
        set
    }

    /// Makes `sources` the complete set. Gains move within `ramp` samples; what is not named fades out.
    pub fn replace(&mut self, sources: &[(NodeId, f32)], ramp: u32) {
        for edge in &mut self.edges {
            if !sources.iter().any(|(source, _)| *source == edge.source) {
                edge.target = 0.0;
            }
        }
        for (source, gain_db) in sources {
            let target = linear(*gain_db);
            match self.edges.iter_mut().find(|edge| edge.source == *source) {
                Some(edge) => edge.target = target,
                None => self.edges.push(Edge {
                    source: *source,
                    frame: ABSENT,
                    gain: 0.0,
                    target,
                    step: 0.0,
                    left: 0,
                    held: false,
                }),
            }
        }
        for edge in &mut self.edges {
            edge.left = ramp;
            if ramp == 0 {
                edge.gain = edge.target;
            } else {
                edge.step = (edge.target - edge.gain) / ramp as f32;
            }
        }
        if ramp == 0 {
            self.settle();
        }
    }

    /// Ends all ramps at once: the listener is not mixing.
    pub fn settle(&mut self) {
        for edge in &mut self.edges {
            (edge.gain, edge.left) = (edge.target, 0);
        }
        self.edges.retain(|edge| !edge.leaving());
    }

    /// New sources whose frame is `awaited` (nothing plays yet, but packets come) begin their ramp when there is something to
    /// hear, not before.
    pub fn hold(&mut self, awaited: &[bool]) {
        for edge in &mut self.edges {
            let is_new = edge.left > 0 && edge.gain == 0.0 && !edge.leaving();
            edge.held = is_new && awaited.get(edge.frame as usize) == Some(&true);
        }
    }

    /// The sources that were asked for, those that fade out not among them.
    pub fn wanted(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(|edge| !edge.leaving())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Edge> {
        self.edges.iter_mut()
    }

    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// No gain moves and nothing fades out.
    pub fn is_settled(&self) -> bool {
        self.edges.iter().all(|edge| edge.left == 0 && !edge.leaving())
    }

    /// The only source of this listener, when it is heard as it is and nothing moves.
    pub fn only(&self) -> Option<NodeId> {
        match self.edges.as_slice() {
            [edge] if edge.left == 0 && edge.gain == 1.0 && edge.target == 1.0 => Some(edge.source),
            _ => None,
        }
    }

    /// Adds the sources' frames to `out`. `arena` holds frames of `out.len()` samples one after another; `minus` is
    /// subtracted from a bus frame when that bus sums the listener too.
    pub fn mix_into(&mut self, arena: &[f32], out: &mut [f32], minus: impl Fn(NodeId) -> Option<Share>) {
        let length = out.len();
        let frame = |index: u32| arena.get(index as usize * length..(index as usize + 1) * length);
        for edge in &mut self.edges {
            let Some(source) = frame(edge.frame) else {
                (edge.gain, edge.left) = (edge.target, 0);
                continue;
            };
            if std::mem::take(&mut edge.held) {
                continue;
            }
            let share = minus(edge.source);
            if edge.left == 0 {
                let gain = edge.gain;
                out.iter_mut().zip(source).for_each(|(target, sample)| *target += sample * gain);
                if let Some(share) = share {
                    share.add(arena, out, -gain);
                }
                continue;
            }
            // Both move: rare, so what is left without oneself is made first.
            let mut scratch = [0.0; MAX_FRAME];
            let Some(rest) = scratch.get_mut(..length) else { continue };
            rest.copy_from_slice(source);
            if let Some(share) = share {
                share.add(arena, rest, -1.0);
            }
            edge.add(rest, out);
        }
        self.edges.retain(|edge| edge.left > 0 || !edge.leaving());
    }
}

impl Edge {
    /// Adds a frame while the gain moves.
    fn add(&mut self, source: &[f32], out: &mut [f32]) {
        let ramp = (self.left as usize).min(out.len());
        for (index, target) in out.iter_mut().enumerate() {
            if index < ramp {
                self.gain += self.step;
            } else if index == ramp && ramp == self.left as usize {
                self.gain = self.target;
            }
            *target += source.get(index).copied().unwrap_or(0.0) * self.gain;
        }
        self.left -= ramp as u32;
        if self.left == 0 {
            self.gain = self.target;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn none(_: NodeId) -> Option<Share> {
        None
    }

    fn mixed(set: &mut EdgeSet, arena: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; 160];
        set.mix_into(arena, &mut out, none);
        out
    }

    #[test]
    fn a_new_set_takes_over_within_its_ramp() {
        let arena: Vec<f32> = [0.5; 160].into_iter().chain([-0.5; 160]).collect();
        let mut set = EdgeSet::at_once(&[(1, 0.0)]);
        set.iter_mut().for_each(|edge| edge.frame = 0);
        assert_eq!(mixed(&mut set, &arena), vec![0.5; 160]);
        set.replace(&[(2, 0.0)], 40);
        set.iter_mut().for_each(|edge| edge.frame = edge.source as u32 - 1);
        let out = mixed(&mut set, &arena);
        assert!(out[0] > 0.45 && out[20].abs() < 0.05 && out[40] == -0.5, "{:?}", &out[..42]);
        let steepest = out.windows(2).map(|pair| (pair[0] - pair[1]).abs()).fold(0.0, f32::max);
        assert!(steepest < 0.03, "{steepest}");
        assert_eq!(set.iter().map(|edge| edge.source).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn naming_the_same_set_again_changes_nothing() {
        let mut set = EdgeSet::at_once(&[(1, -6.0)]);
        set.iter_mut().for_each(|edge| edge.frame = 0);
        let arena = vec![0.5; 160];
        let before = mixed(&mut set, &arena);
        set.replace(&[(1, -6.0)], 40);
        assert_eq!(mixed(&mut set, &arena), before);
    }

    #[test]
    fn absent_sources_are_silence() {
        let mut set = EdgeSet::at_once(&[(1, 0.0), (7, 0.0)]);
        assert_eq!(mixed(&mut set, &[]), vec![0.0; 160]);
    }

    proptest! {
        #[test]
        fn mix_minus_is_the_sum_without_oneself(levels in proptest::collection::vec(-0.3f32..0.3, 2..6), me in 0usize..2) {
            // Frames 0.. are the members, the last one is the bus with their sum.
            let mut arena: Vec<f32> = levels.iter().flat_map(|level| vec![*level; 160]).collect();
            let sum: f32 = levels.iter().sum();
            arena.extend(vec![sum; 160]);
            let mut set = EdgeSet::at_once(&[(99, 0.0)]);
            set.iter_mut().for_each(|edge| edge.frame = levels.len() as u32);
            let mut out = vec![0.0; 160];
            set.mix_into(&arena, &mut out, |_| Some(Share { frame: me as u32, from: 1.0, to: 1.0 }));
            prop_assert!((out[80] - (sum - levels[me])).abs() < 1e-5);
        }
    }
}
