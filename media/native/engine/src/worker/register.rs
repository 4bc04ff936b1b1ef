//! Which port has which ICE user fragment, and on which worker it lives: what a stranger's first packet is judged by.
//!
//! Written by the façade, read by the door; workers never wait for its lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::NodeId;

#[derive(Debug, Default)]
struct Names {
    ports: HashMap<String, NodeId>,
    entries: HashMap<NodeId, Entry>,
}

#[derive(Debug)]
struct Entry {
    ufrag: String,
    worker: usize,
}

/// Shared by clones.
#[derive(Debug, Clone, Default)]
pub struct Register(Arc<Mutex<Names>>);

impl Register {
    fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port answers to this user fragment from now on, and to no other.
    pub fn enter(&self, port: NodeId, ufrag: &str, worker: usize) {
        let mut names = self.lock();
        if let Some(former) = names.entries.insert(port, Entry { ufrag: ufrag.to_owned(), worker }) {
            names.ports.remove(&former.ufrag);
        }
        names.ports.insert(ufrag.to_owned(), port);
    }

    /// The port went to another worker.
    pub fn moved(&self, port: NodeId, worker: usize) {
        if let Some(entry) = self.lock().entries.get_mut(&port) {
            entry.worker = worker;
        }
    }

    pub fn leave(&self, port: NodeId) {
        let mut names = self.lock();
        if let Some(entry) = names.entries.remove(&port) {
            names.ports.remove(&entry.ufrag);
        }
    }

    /// Port and worker of a user fragment.
    pub fn find(&self, ufrag: &str) -> Option<(NodeId, usize)> {
        let names = self.lock();
        let port = *names.ports.get(ufrag)?;
        names.entries.get(&port).map(|entry| (port, entry.worker))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_renames_a_port_and_a_move_keeps_its_name() {
        let register = Register::default();
        register.enter(7, "first", 0);
        register.moved(7, 1);
        assert_eq!(register.find("first"), Some((7, 1)));
        register.enter(7, "second", 1);
        assert_eq!((register.find("first"), register.find("second")), (None, Some((7, 1))));
        register.leave(7);
        assert_eq!(register.find("second"), None);
    }
}
