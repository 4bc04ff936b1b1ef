//! Commands to taps and injects.

use super::apply::Outcome;
use super::table::{Core, Extra, MAX_SOURCES, Place};
use crate::command::{OpenInject, OpenTap};
use crate::error::Refusal;
use crate::event::Event;
use crate::ids::NodeId;
use crate::media::inject::{Inject, Reached};
use crate::media::tap::Tap;

impl Reached {
    pub(super) fn told(self, inject: NodeId) -> Event {
        let Self { mark, played_ms, queued_ms } = self;
        Event::InjectPosition { inject, mark, played_ms, queued_ms }
    }
}

impl Core {
    pub(super) fn open_tap(&mut self, open: &OpenTap, extra: Extra) -> Outcome {
        let Extra::Queue(queue) = extra else { return Err(Refusal::Internal) };
        if self.nodes.contains_key(&open.tap) {
            return Err(Refusal::DuplicateId);
        }
        if self.overload >= 2 {
            return Err(Refusal::NoCapacity);
        }
        if open.sources.len() > MAX_SOURCES {
            return Err(Refusal::Limit);
        }
        let index = self.room(open.group)?;
        if let Some(group) = self.group(index) {
            group.taps.push(Tap::new(open, queue));
        }
        self.nodes.insert(open.tap, Place::Tap(index));
        self.soil(index);
        Ok(())
    }

    pub(super) fn close_tap(&mut self, id: NodeId) -> Outcome {
        let Some(index) = self.vacate(id, Place::Tap) else { return Ok(()) };
        if let Some(group) = self.group(index) {
            group.taps.retain(|tap| tap.id != id);
        }
        self.soil(index);
        Ok(())
    }

    pub(super) fn open_inject(&mut self, open: &OpenInject) -> Outcome {
        if self.nodes.contains_key(&open.inject) {
            return Err(Refusal::DuplicateId);
        }
        let index = self.room(open.group)?;
        if let Some(group) = self.group(index) {
            group.injects.push(Inject::new(open));
        }
        self.nodes.insert(open.inject, Place::Inject(index));
        self.soil(index);
        Ok(())
    }

    fn inject(&mut self, id: NodeId) -> Option<&mut Inject> {
        let Some(Place::Inject(index)) = self.nodes.get(&id).copied() else { return None };
        self.group(index)?.injects.iter_mut().find(|inject| inject.id == id)
    }

    pub(super) fn put(&mut self, id: NodeId, data: &[u8], mark: String) -> Outcome {
        self.inject(id).ok_or(Refusal::UnknownId)?.put(data, mark)
    }

    pub(super) fn clear_inject(&mut self, id: NodeId) -> Outcome {
        let mut told = Vec::new();
        self.inject(id).ok_or(Refusal::UnknownId)?.clear(|reached| told.push(reached.told(id)));
        self.events.append(&mut told);
        Ok(())
    }

    pub(super) fn close_inject(&mut self, id: NodeId) -> Outcome {
        let Some(index) = self.vacate(id, Place::Inject) else { return Ok(()) };
        if let Some(group) = self.group(index) {
            group.injects.retain(|inject| inject.id != id);
        }
        self.soil(index);
        Ok(())
    }
}
