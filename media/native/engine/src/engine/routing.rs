//! Which worker gets a command, and what the façade adds to it or refuses at once.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rtrb::RingBuffer;

use super::{Engine, GroupId, Move, Node};
use crate::command::{Command, ControlPlay, OpenPort, OpenTap, Record, Sources};
use crate::error::Refusal;
use crate::event::Event;
use crate::ids::{NodeId, seconds};
use crate::media::disk::{Job, Open};
use crate::media::inject;
use crate::media::recorder::ring_seconds;
use crate::media::seal::MAX_ENVELOPE;
use crate::media::tap::{self, Chunk, Queue};
use crate::worker::table::{Extra, Item};

/// A port moves within this time or not at all.
const TRAVEL_US: u64 = 100_000;
const MAX_CHANNELS: usize = 32;
/// Rates of recordings, taps and injects.
const RATES: [u32; 4] = [8000, 16_000, 24_000, 48_000];
/// Octets of one `Inject`.
const MAX_INJECTED: usize = 4 << 20;

type Split = [Vec<Item>];

impl Engine {
    /// Puts a command into its worker's share of the batch.
    pub(super) fn direct(&mut self, seq: u64, index: u32, command: Command, split: &mut Split) -> Result<(), Refusal> {
        let (worker, extra) = match &command {
            Command::OpenPort(open) => self.direct_open(open)?,
            Command::MovePort { port, group } => self.direct_move(*port, *group)?,
            Command::CloseTap { tap } => return self.direct_last(index, *tap, command, split),
            Command::CloseInject { inject } => return self.direct_last(index, *inject, command, split),
            Command::ClosePort { port: node }
            | Command::CloseBus { bus: node }
            | Command::ControlPlay(ControlPlay { player: node, .. })
            | Command::StopPlay { player: node }
            | Command::StopRecord { recorder: node } => match self.nodes.get(node) {
                Some(entry) => (entry.worker, Extra::Nothing),
                None => return Ok(()), // ending what is over is no failure
            },
            Command::Listen { listener, sources, .. } => {
                let entry = self.known(*listener)?;
                self.same_group(entry.group, sources)?;
                (entry.worker, Extra::Nothing)
            }
            Command::OpenBus { bus: node, group, .. } => (self.enter(*node, *group)?, Extra::Nothing),
            Command::Play(play) => {
                // A prompt that could not be loaded is skipped when it is reached; one that was never loaded is a mistake.
                let nothing = play.prompts.is_empty() && play.tone.is_none() && play.stream.is_empty();
                if nothing || play.prompts.iter().any(|prompt| self.cache.get(*prompt).is_none()) {
                    return Err(Refusal::UnknownId);
                }
                (self.enter(play.player, play.group)?, Extra::Nothing)
            }
            Command::Record(record) => self.direct_record(seq, index, record)?,
            Command::ControlRecord { recorder, channels, .. } => {
                let entry = self.known(*recorder)?;
                for sources in channels.iter().flatten() {
                    self.same_group(entry.group, sources)?;
                }
                (entry.worker, Extra::Nothing)
            }
            Command::OpenTap(open) => self.direct_tap(open)?,
            Command::OpenInject(open) => {
                let fits = RATES.contains(&open.rate) && (20..=inject::LONGEST_QUEUE_MS).contains(&open.queue_ms);
                if !fits {
                    return Err(Refusal::Limit);
                }
                (self.enter(open.inject, open.group)?, Extra::Nothing)
            }
            Command::Inject { inject, data, mark } => {
                if data.len() > MAX_INJECTED || mark.len() > inject::LONGEST_MARK {
                    return Err(Refusal::Limit);
                }
                (self.known(*inject)?.worker, Extra::Nothing)
            }
            Command::ClearInject { inject } => (self.known(*inject)?.worker, Extra::Nothing),
            Command::UpdatePort(update) => {
                let worker = self.known(update.port)?.worker;
                if let Some(ice) = &update.ice {
                    self.register.enter(update.port, &ice.local_ufrag, worker);
                }
                (worker, Extra::Nothing)
            }
            Command::SendDtmf { port, .. } | Command::Sample { port } => (self.known(*port)?.worker, Extra::Nothing),
            Command::Detect(detect) => (self.known(detect.port)?.worker, Extra::Nothing),
            Command::Dump { target: 0 } => {
                for items in split.iter_mut() {
                    items.push(Item { index, command: command.clone(), extra: Extra::Nothing });
                }
                return Ok(());
            }
            Command::Dump { target } => {
                let node = self.nodes.get(target).map(|entry| entry.worker);
                let group = || self.groups.get(target).map(|entry| entry.worker);
                (node.or_else(group).ok_or(Refusal::UnknownId)?, Extra::Nothing)
            }
            Command::LoadPrompt { prompt, path } => {
                self.cache.loading(*prompt);
                self.disk.send(Job::Load { prompt: *prompt, path: PathBuf::from(path) });
                return Ok(());
            }
            Command::DropPrompt { prompt } => {
                self.cache.forget(*prompt);
                return Ok(());
            }
            Command::Drain => {
                self.draining = true;
                return Ok(());
            }
        };
        split[worker].push(Item { index, command, extra });
        Ok(())
    }

    /// The end of a node that tells nothing of its end: nobody will speak of it again.
    fn direct_last(&mut self, index: u32, node: NodeId, command: Command, split: &mut Split) -> Result<(), Refusal> {
        if let Some(queue) = self.taps.get(&node).cloned() {
            self.read_tap(node, &queue);
        }
        if let Some(entry) = self.forget(node) {
            split[entry.worker].push(Item { index, command, extra: Extra::Nothing });
        }
        Ok(())
    }

    fn direct_tap(&mut self, open: &OpenTap) -> Result<(usize, Extra), Refusal> {
        let chunk = open.chunk_ms.is_multiple_of(20) && (20..=tap::LONGEST_CHUNK_MS).contains(&open.chunk_ms);
        if !chunk || !RATES.contains(&open.rate) || !(open.chunk_ms..=tap::LONGEST_QUEUE_MS).contains(&open.queue_ms) {
            return Err(Refusal::Limit);
        }
        self.same_group(open.group, &open.sources)?;
        let worker = self.enter(open.tap, open.group)?;
        let queue = Queue::new(open);
        self.taps.insert(open.tap, Arc::clone(&queue));
        Ok((worker, Extra::Queue(queue)))
    }

    /// Makes events of what a tap has heard.
    pub(super) fn read_tap(&mut self, tap: NodeId, queue: &Queue) {
        let (chunks, dropped_ms) = queue.take();
        if dropped_ms > 0 {
            self.events.push(Event::TapOverrun { tap, dropped_ms });
        }
        let heard = chunks.into_iter().map(|Chunk { at, data }| Event::TapAudio { tap, at: seconds(at), data });
        self.events.extend(heard);
    }

    fn known(&self, node: NodeId) -> Result<Node, Refusal> {
        self.nodes.get(&node).copied().ok_or(Refusal::UnknownId)
    }

    /// Sources that exist must be of the listener's group; absent ones are silence.
    fn same_group(&self, group: GroupId, sources: &Sources) -> Result<(), Refusal> {
        let foreign = |(node, _): &(NodeId, f32)| self.nodes.get(node).is_some_and(|entry| entry.group != group);
        if sources.iter().any(foreign) { Err(Refusal::CrossGroup) } else { Ok(()) }
    }

    /// Registers a new node; returns its worker.
    fn enter(&mut self, node: NodeId, group: GroupId) -> Result<usize, Refusal> {
        if self.nodes.contains_key(&node) {
            return Err(Refusal::DuplicateId);
        }
        let worker = self.worker_of(group);
        self.join(group, worker);
        self.nodes.insert(node, Node { group, worker, port: None });
        Ok(worker)
    }

    fn direct_open(&mut self, open: &OpenPort) -> Result<(usize, Extra), Refusal> {
        if self.nodes.contains_key(&open.port) {
            return Err(Refusal::DuplicateId);
        }
        let reserved = self.reserved.remove(&open.token).ok_or(Refusal::BadToken)?;
        let group = reserved.group;
        let worker = self.worker_of(group);
        // The reservation's membership of the group becomes the port's.
        self.nodes.insert(open.port, Node { group, worker, port: Some(reserved.port) });
        if let Some(ice) = &open.ice {
            self.register.enter(open.port, &ice.local_ufrag, worker);
        }
        let local = SocketAddr::new(reserved.address, reserved.port);
        Ok((worker, Extra::Sockets { sockets: reserved.sockets, group, local, ssrc: reserved.ssrc }))
    }

    fn direct_move(&mut self, port: NodeId, group: GroupId) -> Result<(usize, Extra), Refusal> {
        let before = self.known(port)?;
        if before.port.is_none() {
            return Err(Refusal::UnknownId);
        }
        // A new group begins where the port is: nothing has to travel.
        let worker = self.groups.get(&group).map_or(before.worker, |entry| entry.worker);
        self.join(group, worker);
        self.leave(before.group);
        self.nodes.insert(port, Node { group, worker, ..before });
        self.register.moved(port, worker);
        if worker == before.worker {
            return Ok((worker, Extra::Nothing));
        }
        self.moving.insert(port, Move { until: self.clock.now() + TRAVEL_US, before });
        Ok((before.worker, Extra::Worker(worker)))
    }

    fn direct_record(&mut self, seq: u64, index: u32, record: &Record) -> Result<(usize, Extra), Refusal> {
        let channels = record.channels.len();
        let fits = record.key.as_ref().is_none_or(|key| key.envelope.len() <= MAX_ENVELOPE);
        if !fits || channels == 0 || channels > MAX_CHANNELS || !RATES.contains(&record.rate) {
            return Err(Refusal::Limit);
        }
        let path = self.below_root(&record.path).ok_or(Refusal::FileError)?;
        for sources in &record.channels {
            self.same_group(record.group, sources)?;
        }
        let worker = self.enter(record.recorder, record.group)?;
        let (producer, ring) = RingBuffer::new(record.rate as usize * ring_seconds(record.format) * channels);
        let fallback = (!record.fallback.is_empty()).then(|| PathBuf::from(&record.fallback));
        let open = Job::Open(Box::new(Open {
            recorder: record.recorder,
            path,
            fallback,
            format: record.format,
            key: record.key.clone(),
            rate: record.rate,
            channels: channels as u16,
            ring,
            at: self.now(),
            origin: (seq, index),
        }));
        self.disk.send_to(self.disk.lane(record.format, record.recorder), open);
        Ok((worker, Extra::Ring(producer)))
    }

    /// The path as it lies below the configured root; `None` for anything that leads out of it.
    fn below_root(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        if path.as_os_str().is_empty() || path.components().any(|part| matches!(part, Component::ParentDir)) {
            return None;
        }
        let joined = self.record_root.join(path);
        joined.starts_with(&self.record_root).then_some(joined)
    }
}
