//! Frames of groups in which only recorders need samples: nobody waits for them, so several are run at once.
//!
//! Such a group's state is out of the processor's caches when its turn comes; five frames for one turn cost little more than one.
//! The time line is the same: each frame is run for the moment at which it was due. Before anything of the group changes, the
//! frames up to then are run (`catch_up`), so that a change takes effect on the frame on which it would have otherwise.

use super::group::Group;
use super::table::{Core, Place};
use crate::ids::{FRAME_US, FRAMES_PER_SECOND, Micros, NodeId};

/// Frames that are run at once; groups take turns, so that each frame of the clock has its part of the work.
pub const BATCH: u64 = 5;

impl Core {
    /// Runs the groups of a phase whose turn it is. After a stall of the worker all of them, and the frames that were missed since
    /// `due` are left out as for the others.
    pub(super) fn run_batches(&mut self, phase: usize, due: Micros, merged: u32, now: Micros) {
        let batched = std::mem::take(&mut self.phases[phase].batched);
        for &index in &batched {
            if merged > 0 || (due / FRAME_US + u64::from(index)).is_multiple_of(BATCH) {
                self.guarded_group(index, now, |core, group| {
                    core.run_until(group, due, now);
                    group.ran_to = due + Micros::from(merged) * FRAME_US;
                });
            }
        }
        self.phases[phase].batched = batched;
    }

    /// Runs what is due before the group of this node changes.
    pub(super) fn catch_up_for(&mut self, node: NodeId, now: Micros) {
        let index = match self.nodes.get(&node) {
            Some(Place::Port(slot)) => self.port(*slot).map(|port| port.group),
            Some(Place::Player(at) | Place::Bus(at) | Place::Recorder(at) | Place::Tap(at) | Place::Inject(at)) => {
                Some(*at)
            }
            None => None,
        };
        if let Some(index) = index {
            self.catch_up_group(index, now);
        }
    }

    /// Runs what is due of a group if its frames are batched.
    pub(super) fn catch_up_group(&mut self, index: u32, now: Micros) {
        if self.group(index).is_some_and(|group| group.plan.batched) {
            self.guarded_group(index, now, |core, group| {
                let last = core.phases[group.phase].next.saturating_sub(FRAME_US);
                core.run_until(group, last, now);
            });
        }
    }

    fn run_until(&mut self, group: &mut Group, last: Micros, now: Micros) {
        let length = group.rate as usize / FRAMES_PER_SECOND;
        while group.ran_to + FRAME_US <= last {
            group.ran_to += FRAME_US;
            self.pull_ports(group, length, group.ran_to, now);
            self.feed_recorders(group, length, group.ran_to);
        }
    }
}
