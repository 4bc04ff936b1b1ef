//! Late-input grace: when a frame is due and a talker's packet is not there although it may come any moment, the group alone
//! waits a little instead of concealing (§5 of the design).

use super::io::Net;
use super::table::Core;
use crate::ids::Micros;

/// A frame waits at most so long.
pub const GRACE_US: Micros = 2_000;

impl Core {
    /// Whether the group's frame is put off; it is run by `run_waiting` then.
    pub(super) fn puts_off(&mut self, index: u32, due: Micros, now: Micros) -> bool {
        let late = now >= due + GRACE_US || !self.awaits_packet(index, due);
        if !late {
            self.waiting.push((index, due));
        }
        !late
    }

    fn awaits_packet(&self, index: u32, due: Micros) -> bool {
        let Some(group) = self.groups.get(index as usize).and_then(Option::as_deref) else { return false };
        group.plan.decode.iter().any(|(slot, ..)| {
            let port = self.ports.get(*slot as usize).and_then(Option::as_deref);
            port.is_some_and(|port| port.direction.receives() && port.receive.awaits_packet(due))
        })
    }

    /// Runs the frames whose packets came or whose time is up.
    pub(super) fn run_waiting(&mut self, now: Micros, net: &mut dyn Net) {
        let mut at = 0;
        while let Some(&(index, due)) = self.waiting.get(at) {
            if now < due + GRACE_US && self.awaits_packet(index, due) {
                at += 1;
                continue;
            }
            self.waiting.swap_remove(at);
            self.guarded_frame(index, due, now, 0, net);
        }
    }

    /// When the first frame that was put off can wait no longer.
    pub(super) fn grace_ends(&self) -> Micros {
        self.waiting.iter().map(|(_, due)| due + GRACE_US).min().unwrap_or(Micros::MAX)
    }
}
