//! A group: the nodes that may hear each other, and the plan of who hears whom.

use crate::ids::{GroupId, Micros, NodeId, Slot};
use crate::media::player::Player;
use crate::media::recorder::Recorder;
use crate::route::EdgeSet;

/// A talker stays among the loudest for so many frames after it fell silent (300 ms).
const HANG_OVER: u32 = 15;
/// −45 dBov.
const TALKING: f32 = 0.0056;
const RANK_SMOOTHING: f32 = 0.2;

pub struct Group {
    pub id: GroupId,
    /// One of four, 5 ms apart.
    pub phase: usize,
    pub rate: u32,
    pub ports: Vec<Slot>,
    pub players: Vec<Player>,
    pub buses: Vec<Bus>,
    pub recorders: Vec<Recorder>,
    /// Frames of all sources, one after another.
    pub arena: Vec<f32>,
    pub plan: Plan,
    /// The plan must be made anew before the next frame or packet.
    pub dirty: bool,
    /// Panics within the last minute.
    pub faults: Vec<Micros>,
}

/// What a frame does, in order. Made by `plan`, never changed by a frame.
#[derive(Debug, Default)]
pub struct Plan {
    /// Ports whose samples are needed, with their frame.
    pub decode: Vec<(Slot, NodeId, u32)>,
    /// First frame of the buses; they follow each other.
    pub buses_at: u32,
    pub frames: u32,
    pub mixers: Vec<Slot>,
    /// Ports that send DTMF or wait for in-band digits.
    pub clocked: bool,
}

impl Group {
    pub fn new(id: GroupId, phase: usize) -> Self {
        Self {
            id,
            phase,
            rate: 8000,
            ports: Vec::new(),
            players: Vec::new(),
            buses: Vec::new(),
            recorders: Vec::new(),
            arena: Vec::new(),
            plan: Plan::default(),
            dirty: true,
            faults: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.players.is_empty() && self.buses.is_empty() && self.recorders.is_empty()
    }

    pub fn nodes(&self) -> usize {
        self.ports.len() + self.players.len() + self.buses.len() + self.recorders.len()
    }
}

/// One member of a bus as it was heard lately.
#[derive(Debug, Clone, Copy)]
struct Member {
    node: NodeId,
    level: f32,
    hang: u32,
    summed: bool,
}

/// A conference: the sum of the loudest of its sources.
pub struct Bus {
    pub id: NodeId,
    pub edges: EdgeSet,
    max_speakers: usize,
    members: Vec<Member>,
    told: Vec<NodeId>,
}

impl Bus {
    pub fn new(id: NodeId, max_speakers: u32) -> Self {
        let max_speakers = (max_speakers as usize).clamp(1, 64);
        Self { id, edges: EdgeSet::default(), max_speakers, members: Vec::new(), told: Vec::new() }
    }

    /// Measures the members and chooses who is summed.
    pub fn choose(&mut self, arena: &[f32], length: usize) {
        let edges = &self.edges;
        self.members.retain(|member| edges.wanted().any(|edge| edge.source == member.node));
        for edge in edges.wanted() {
            let index = match self.members.iter().position(|member| member.node == edge.source) {
                Some(index) => index,
                None => {
                    self.members.push(Member { node: edge.source, level: 0.0, hang: 0, summed: false });
                    self.members.len() - 1
                }
            };
            let at = edge.frame as usize * length;
            let level = arena.get(at..at + length).map_or(0.0, crate::dsp::level);
            let member = &mut self.members[index];
            member.level += (level - member.level) * if level > member.level { 1.0 } else { RANK_SMOOTHING };
            member.hang = if level > TALKING { HANG_OVER } else { member.hang.saturating_sub(1) };
        }
        // Loudest first; among equals who is heard already stays.
        self.members.sort_by(|a, b| b.level.total_cmp(&a.level).then(b.summed.cmp(&a.summed)));
        for (rank, member) in self.members.iter_mut().enumerate() {
            member.summed = rank < self.max_speakers;
        }
    }

    /// Writes the sum into `out`.
    pub fn sum_into(&self, arena: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for edge in self.edges.wanted() {
            let Some((frame, gain)) = self.share(edge.source) else { continue };
            let at = frame as usize * out.len();
            let Some(source) = arena.get(at..at + out.len()) else { continue };
            for (target, sample) in out.iter_mut().zip(source) {
                *target += sample * gain;
            }
        }
    }

    /// Frame and gain with which a member is in the sum, `None` when it is not.
    pub fn share(&self, node: NodeId) -> Option<(u32, f32)> {
        if !self.members.iter().any(|member| member.node == node && member.summed) {
            return None;
        }
        self.edges.wanted().find(|edge| edge.source == node).map(|edge| (edge.frame, edge.wanted_gain()))
    }

    /// Who talks, when that has changed.
    pub fn news(&mut self) -> Option<Vec<NodeId>> {
        let mut talking: Vec<NodeId> =
            self.members.iter().filter(|member| member.summed && member.hang > 0).map(|member| member.node).collect();
        talking.sort_unstable();
        if talking == self.told {
            return None;
        }
        self.told.clone_from(&talking);
        Some(talking)
    }
}
