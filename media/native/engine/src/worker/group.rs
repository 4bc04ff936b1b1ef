//! A group: the nodes that may hear each other, and the plan of who hears whom.

use super::bus::Bus;
use crate::ids::{GroupId, Micros, NodeId, Slot};
use crate::media::inject::Inject;
use crate::media::player::Player;
use crate::media::recorder::Recorder;
use crate::media::tap::Tap;

pub struct Group {
    pub id: GroupId,
    /// One of four, 5 ms apart.
    pub phase: usize,
    pub rate: u32,
    pub ports: Vec<Slot>,
    pub players: Vec<Player>,
    pub buses: Vec<Bus>,
    pub recorders: Vec<Recorder>,
    pub taps: Vec<Tap>,
    pub injects: Vec<Inject>,
    /// Frames of all sources, one after another.
    pub arena: Vec<f32>,
    pub plan: Plan,
    /// The plan must be made anew before the next frame or packet.
    pub dirty: bool,
    /// While frames are batched: when the newest one that was run was due.
    pub ran_to: Micros,
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
    /// Of these, the ports that go over to passing packets on as soon as their ramps have ended.
    pub settling: Vec<Slot>,
    /// By frame: nothing plays yet, but packets come.
    pub awaited: Vec<bool>,
    /// Somebody needs frames …
    pub clocked: bool,
    /// … but only recorders, which do not mind to get several at once.
    pub batched: bool,
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
            taps: Vec::new(),
            injects: Vec::new(),
            arena: Vec::new(),
            plan: Plan::default(),
            dirty: true,
            ran_to: 0,
            faults: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.nodes() == 0
    }

    pub fn nodes(&self) -> usize {
        self.ports.len()
            + self.players.len()
            + self.buses.len()
            + self.recorders.len()
            + self.taps.len()
            + self.injects.len()
    }
}
