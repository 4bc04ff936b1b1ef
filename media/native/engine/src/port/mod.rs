//! A port: one RTP stream each way with its remote, codecs, keys and statistics. Owned by one worker at a time.

pub mod codecs;
pub mod dtmf;
pub mod latch;
pub mod quality;
pub mod receive;
pub mod security;
pub mod send;
pub mod suppress;
pub mod voice;

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::codec::Coding;
use crate::command::{Direction, Dtls, Ice, OpenPort, UpdatePort};
use crate::error::Refusal;
use crate::ice::{IceConfig, IceLite};
use crate::ids::{MAX_GROUP_RATE, Micros, NodeId, Slot};
use crate::route::EdgeSet;
use crate::rtcp::session::Session;
use codecs::Codecs;
use latch::Latch;
use receive::Receiver;
use security::Security;
use send::Sender;
use voice::Voice;

/// How a port gets what it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    Nothing,
    /// Packets of the port in this slot are passed on without decoding.
    Relay(Slot),
    Mix,
}

/// Whose packets a listener was passed before it began to mix, and the newest of them, by the source's own sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    pub slot: Slot,
    pub source: NodeId,
    pub newest: u16,
}

pub struct Port {
    pub id: NodeId,
    /// Index of its group in the worker's table.
    pub group: u32,
    pub local: SocketAddr,
    pub direction: Direction,
    pub ptime_ms: u32,
    pub jitter_ms: (u32, u32),
    pub dtmf_pass: bool,
    /// Carries fax datagrams instead of RTP (see `worker::udptl`).
    pub udptl: bool,
    pub rtcp_mux: bool,
    pub cname: String,
    pub codecs: Codecs,
    pub latch: Latch,
    /// Where RTCP goes when it has a socket of its own.
    pub remote_rtcp: Option<SocketAddr>,
    pub receive: Receiver,
    pub send: Sender,
    pub security: Security,
    pub ice: Option<IceLite>,
    pub ice_settings: Option<Ice>,
    /// ICE found a path; without ICE always true.
    pub reachable: bool,
    pub dtls: Option<Dtls>,
    /// The worker through which the handshake runs or ran; its association answers repeated flights until the port ends.
    pub handshaking: Option<usize>,
    /// Where the newest DTLS datagram came from: without ICE the answer goes there, for the signalled address may lie behind NAT.
    pub handshake_from: Option<SocketAddr>,
    pub rtcp: Session,
    pub report_at: Micros,
    /// The peer wants VoIP metrics in our reports (RFC 3611).
    pub rtcp_xr: bool,
    pub stats_at: Micros,
    /// Packets, lost and late ones before the port came into its group: the E-model judges from then on.
    pub judged_from: [u64; 3],
    pub edges: EdgeSet,
    pub path: Path,
    /// Until the mix goes on where the packets ended.
    pub former: Option<Former>,
    /// Ports that relay what this one receives.
    pub relays: Vec<Slot>,
    /// Frame in the group's arena, when somebody needs samples.
    pub frame: Option<u32>,
    pub voice: Option<Box<Voice>>,
    /// The newest frame was that of this bus, encoded for all who hear it.
    pub shares_encoder: Option<NodeId>,
    pub outgoing: dtmf::Outgoing,
    /// Something is to be done then (see `worker::timers`).
    pub due: Micros,
}

fn ptime(ms: u32) -> Option<u32> {
    matches!(ms, 10 | 20 | 30 | 40 | 50 | 60).then_some(ms)
}

impl Port {
    /// Builds a port from its command. `seed` gives the random numbers of RFC 3550 §5.1.
    pub fn open(open: OpenPort, group: u32, local: SocketAddr, ssrc: u32, seed: u64) -> Result<Self, Refusal> {
        let codecs = Codecs::new(&open.codecs).ok_or(Refusal::CodecUnsupported)?;
        let ptime_ms = ptime(open.ptime_ms).ok_or(Refusal::CodecUnsupported)?;
        let security = match (&open.sdes, &open.dtls) {
            (Some(sdes), _) => Security::from_sdes(sdes).ok_or(Refusal::KeyInvalid)?,
            (None, Some(_)) => Security::Awaiting,
            (None, None) => Security::Plain,
        };
        let cname = if open.cname.is_empty() { format!("{:016x}", seed) } else { open.cname };
        let receive = Receiver::new(codecs.preferred().0, ptime_ms);
        let mut port = Self {
            id: open.port,
            group,
            local,
            direction: open.direction,
            ptime_ms,
            jitter_ms: (open.jitter_min_ms.clamp(10, 500), open.jitter_max_ms.clamp(20, 500)),
            dtmf_pass: open.dtmf_pass,
            udptl: false,
            rtcp_mux: open.rtcp_mux,
            cname,
            codecs,
            latch: Latch::new(open.latch, open.remote),
            remote_rtcp: open.remote_rtcp,
            receive,
            send: Sender::new(ssrc, (seed >> 17) as u16 & 0x7fff, (seed >> 32) as u32),
            security,
            ice: None,
            ice_settings: None,
            reachable: true,
            dtls: None,
            handshaking: None,
            handshake_from: None,
            rtcp: Session::default(),
            report_at: 0,
            rtcp_xr: open.rtcp_xr,
            stats_at: 0,
            judged_from: [0; 3],
            edges: EdgeSet::default(),
            path: Path::Nothing,
            former: None,
            relays: Vec::new(),
            frame: None,
            voice: None,
            shares_encoder: None,
            outgoing: dtmf::Outgoing::default(),
            due: 0,
        };
        if let Some(ice) = open.ice {
            port.set_ice(ice, std::time::Instant::now())?;
        }
        Ok(port)
    }

    /// Applies the given fields. DTLS is left to the worker, which owns the handshake.
    pub fn update(&mut self, update: &UpdatePort, now: std::time::Instant) -> Result<(), Refusal> {
        let codecs = match &update.codecs {
            Some(maps) => Some(Codecs::new(maps).ok_or(Refusal::CodecUnsupported)?),
            None => None,
        };
        let ptime_ms = match update.ptime_ms {
            Some(ms) => ptime(ms).ok_or(Refusal::CodecUnsupported)?,
            None => self.ptime_ms,
        };
        if let Some(sdes) = &update.sdes {
            self.security.rekey(sdes).then_some(()).ok_or(Refusal::KeyInvalid)?;
        }
        if let Some(ice) = &update.ice {
            self.set_ice(ice.clone(), now)?;
        }
        if let Some(codecs) = codecs {
            let (first, _) = codecs.preferred();
            if first != self.codecs.preferred().0 || codecs.sending(self.receive.coding).is_none() {
                self.receive.coding = first; // a new agreement begins as every agreement does
            }
            self.codecs = codecs;
        }
        self.ptime_ms = ptime_ms;
        if let Some(direction) = update.direction {
            self.direction = direction;
        }
        if let Some(remote) = update.remote
            && self.ice.is_none()
        {
            self.latch.signal(remote);
            self.remote_rtcp = update.remote_rtcp;
        }
        self.rtcp_xr = update.rtcp_xr.unwrap_or(self.rtcp_xr);
        if let Some(pass) = update.dtmf_pass {
            self.dtmf_pass = pass;
        }
        if let Some(udptl) = update.udptl
            && self.udptl != udptl
        {
            self.udptl = udptl;
            self.receive.silent = false; // what was missing before is not missing now
            self.receive.awaited_since = 0;
            self.receive.last_at = 0;
        }
        Ok(())
    }

    fn set_ice(&mut self, ice: Ice, now: std::time::Instant) -> Result<(), Refusal> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let config = IceConfig {
            local_ufrag: ice.local_ufrag.clone(),
            local_pwd: ice.local_pwd.clone(),
            remote_ufrag: given(&ice.remote_ufrag),
            remote_pwd: given(&ice.remote_pwd),
            lite: ice.lite,
        };
        match (&mut self.ice, &self.ice_settings) {
            (Some(agent), Some(old)) if old.local_ufrag == ice.local_ufrag && old.local_pwd == ice.local_pwd => {
                if old.remote_ufrag != ice.remote_ufrag || old.remote_pwd != ice.remote_pwd {
                    agent.set_remote(&ice.remote_ufrag, &ice.remote_pwd, now);
                }
            }
            (Some(agent), _) => agent.restart(&config, now).map_err(|_| Refusal::KeyInvalid)?,
            (None, _) => {
                self.ice = Some(IceLite::new(self.local, &config, now).map_err(|_| Refusal::KeyInvalid)?);
                self.reachable = false;
                self.rtcp_mux = true;
            }
        }
        self.ice_settings = Some(ice);
        Ok(())
    }

    /// Where media goes now; `None` while it must not be sent.
    pub fn target(&self) -> Option<SocketAddr> {
        (self.direction.sends() && self.reachable && self.security.is_ready()).then(|| self.latch.target()).flatten()
    }

    /// Where RTCP goes and whether by its own socket.
    pub fn rtcp_target(&self) -> Option<(SocketAddr, bool)> {
        if !self.reachable || !self.security.is_ready() {
            return None;
        }
        let remote = self.latch.target()?;
        if self.rtcp_mux {
            return Some((remote, false));
        }
        let beside = SocketAddr::new(remote.ip(), remote.port().checked_add(1)?);
        Some((self.remote_rtcp.unwrap_or(beside), true))
    }

    /// What this port sends: the codec in which the peer sends, which is the first of the agreement until it sends.
    ///
    /// RFC 3264 §6.1 and §7 want the first one and allow the others. A phone that is sent another codec than its own may
    /// decode nothing any more after its next re-INVITE.
    pub fn sending(&self) -> (Coding, u8) {
        let coding = self.receive.coding;
        self.codecs.sending(coding).map_or_else(|| self.codecs.preferred(), |payload_type| (coding, payload_type))
    }

    /// Whether packets in `coding` may be passed on as they are. Browsers decode all that was agreed at any time.
    pub fn takes(&self, coding: Coding) -> bool {
        let (own, _) = self.sending();
        coding == own || self.dtls.is_some() && self.codecs.sending(coding).is_some()
    }

    /// The clock of what is being sent.
    pub fn sending_clock(&self) -> u32 {
        self.sending().0.clock()
    }

    /// Changes the path; numbers stay continuous.
    pub fn set_path(&mut self, path: Path) {
        if self.path != path {
            self.former = match (self.path, self.send.relayed()) {
                (Path::Relay(slot), Some((source, newest))) if path == Path::Mix => {
                    Some(Former { slot, source, newest })
                }
                _ => None,
            };
            self.path = path;
            self.send.break_off();
            if path == Path::Mix {
                if let Some(voice) = &mut self.voice {
                    voice.clear();
                }
            } else {
                self.voice = None;
            }
        }
    }

    /// After a change from passing packets on to mixing the first frames are left out: what was sent last still sounds at the
    /// far end, and what the jitter buffer plays now was heard already. `goes_on`: the frame continues the packets. Bounded,
    /// for a source that stops: 60 ms when nothing plays, else what a jitter buffer may hold.
    pub fn waits(&mut self, goes_on: Option<bool>, now: Micros) -> bool {
        if self.former.is_none() {
            return false;
        }
        let most = match goes_on {
            Some(true) => 0,
            Some(false) => 25,
            None => 3,
        };
        if self.send.pause(now) < most {
            return true;
        }
        self.former = None;
        if goes_on == Some(true) {
            self.send.follow();
        }
        false
    }

    /// Nothing of the mix is on its way any more: what it heard before has faded out, and no packet is half full.
    pub fn is_led_over(&self) -> bool {
        self.edges.is_settled() && self.voice.as_ref().is_none_or(|voice| voice.is_empty())
    }

    /// The encoder for a group rate, made when it is first needed. `None` when the library refuses.
    pub fn voice(&mut self, rate: u32) -> Option<&mut Voice> {
        let (coding, _) = self.sending();
        let spare = self.codecs.spares_silence(coding);
        if self.voice.as_ref().is_none_or(|voice| !voice.fits(coding, rate, self.ptime_ms, spare)) {
            self.voice = Voice::new(coding, rate, self.ptime_ms, spare).map(Box::new);
            self.send.break_off();
        }
        if let (Some(voice), Some(mode)) = (&mut self.voice, self.receive.request) {
            voice.request(mode);
        }
        self.voice.as_deref_mut()
    }

    /// A JSON picture without keys.
    pub fn dump_into(&self, out: &mut String) {
        let path = match self.path {
            Path::Nothing => "nothing",
            Path::Relay(_) => "relay",
            Path::Mix => "mix",
        };
        let remote = self.latch.target().map_or_else(String::new, |remote| remote.to_string());
        let edges: Vec<String> = self.edges.wanted().map(|edge| edge.source.to_string()).collect();
        let counters = &self.receive.counters;
        let _ = write!(
            out,
            "{{\"port\":{},\"local\":\"{}\",\"remote\":\"{remote}\",\"direction\":\"{:?}\",\"codec\":\"{}\",\"path\":\"{path}\",\
             \"observed\":{},\"security\":\"{}\",\"reachable\":{},\"ssrc\":{},\"listens\":[{}],\"received\":{},\"sent\":{},\
             \"lost\":{},\"discarded\":{}}}",
            self.id,
            self.local,
            self.direction,
            self.sending().0.name(),
            self.frame.is_some(),
            self.security.name(),
            self.reachable,
            self.send.ssrc,
            edges.join(","),
            counters.packets,
            self.send.packets,
            counters.lost_before + self.receive.reception.lost(),
            counters.discarded,
        );
    }

    /// Highest rate at which this port's audio means something.
    pub fn useful_rate(&self) -> u32 {
        self.receive.coding.decoded_rate().min(MAX_GROUP_RATE)
    }
}
