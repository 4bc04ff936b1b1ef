//! Commands: the same words and fields as `media/commands.py`.

use std::net::SocketAddr;

use crate::ids::{GroupId, NodeId, PromptId};
use crate::media::disk::Format;
use crate::media::seal::FileKey;

/// What we do on a stream (RFC 3264 §5.1), seen from the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "sendrecv" => Self::SendRecv,
            "sendonly" => Self::SendOnly,
            "recvonly" => Self::RecvOnly,
            "inactive" => Self::Inactive,
            _ => return None,
        })
    }

    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// Decides the sockets of a reservation: a pair for RTP and RTCP, or one socket with rtcp-mux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortKind {
    Rtp,
    Webrtc,
}

/// Who may become the remote of a port (see `port::latch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatchMode {
    Strict,
    Nat,
}

/// One agreed codec. `payload_type` is what we receive, `send_payload_type` what we send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadMap {
    pub name: String,
    pub payload_type: u8,
    pub clock: u32,
    pub channels: u8,
    pub send_payload_type: u8,
    pub fmtp: String,
}

/// SDES keys (RFC 4568): master key followed by salt, per direction.
#[derive(Clone)]
pub struct Sdes {
    pub profile: String,
    pub send_key: Vec<u8>,
    pub receive_key: Vec<u8>,
}

/// DTLS-SRTP (RFC 5763): what we expect of the peer and our own key pair (DER).
#[derive(Clone)]
pub struct Dtls {
    pub fingerprint: String,
    pub active: bool,
    pub certificate: Vec<u8>,
    pub private_key: Vec<u8>,
}

/// ICE credentials of both sides.
#[derive(Clone, PartialEq, Eq)]
pub struct Ice {
    pub local_ufrag: String,
    pub local_pwd: String,
    pub remote_ufrag: String,
    pub remote_pwd: String,
    pub lite: bool,
    pub candidates: Vec<String>,
}

/// Secrets never reach a log: their `Debug` says only that they are there.
macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
opaque_debug!(Sdes, Dtls, Ice);

#[derive(Debug, Clone)]
pub struct OpenPort {
    pub port: NodeId,
    pub token: u64,
    pub codecs: Vec<PayloadMap>,
    pub direction: Direction,
    pub remote: Option<SocketAddr>,
    pub remote_rtcp: Option<SocketAddr>,
    pub ptime_ms: u32,
    pub sdes: Option<Sdes>,
    pub dtls: Option<Dtls>,
    pub ice: Option<Ice>,
    pub latch: LatchMode,
    pub jitter_min_ms: u32,
    pub jitter_max_ms: u32,
    pub rtcp_mux: bool,
    pub rtcp_xr: bool,
    pub cname: String,
    pub dtmf_pass: bool,
}

/// Changes a port; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct UpdatePort {
    pub port: NodeId,
    pub codecs: Option<Vec<PayloadMap>>,
    pub direction: Option<Direction>,
    pub remote: Option<SocketAddr>,
    pub remote_rtcp: Option<SocketAddr>,
    pub ptime_ms: Option<u32>,
    pub sdes: Option<Sdes>,
    pub dtls: Option<Dtls>,
    pub ice: Option<Ice>,
    pub dtmf_pass: Option<bool>,
    pub rtcp_xr: Option<bool>,
    /// The port carries fax datagrams (UDPTL) instead of RTP, or no longer does.
    pub udptl: Option<bool>,
}

/// A part of a cadence: frequencies sounded together, then a pause.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub hertz: Vec<f32>,
    pub on_ms: u32,
    pub off_ms: u32,
}

/// A generated tone: frequencies sounded together, cadence in ms (`off` 0 is continuous), and the beats that follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Tone {
    pub hertz: Vec<f32>,
    pub level: f32,
    pub on_ms: u32,
    pub off_ms: u32,
    pub then: Vec<Beat>,
}

#[derive(Debug, Clone)]
pub struct Play {
    pub player: NodeId,
    pub group: GroupId,
    pub prompts: Vec<PromptId>,
    pub tone: Option<Tone>,
    pub looped: bool,
    pub gain: f32,
    pub until_digit_of: Vec<NodeId>,
    pub until_talk_of: Vec<NodeId>,
    pub offset_ms: u32,
    pub fade_ms: u32,
    /// A file that is read while it is played, after the prompts; empty for none.
    pub stream: String,
}

/// What changes at a player; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct ControlPlay {
    pub player: NodeId,
    pub pause: Option<bool>,
    /// A place, counted over all prompts.
    pub seek_ms: Option<u32>,
    /// A step from where it is.
    pub skip_ms: Option<i32>,
    pub gain: Option<f32>,
}

/// The complete set of detectors on what a port receives.
#[derive(Debug, Clone, Default)]
pub struct Detect {
    pub port: NodeId,
    pub dtmf_rfc4733: bool,
    pub dtmf_inband: bool,
    pub tones: Vec<f32>,
    pub speech: bool,
    pub progress: bool,
}

/// One complete source set: source and its gain in dB.
pub type Sources = Vec<(NodeId, f32)>;

#[derive(Debug, Clone)]
pub struct Record {
    pub recorder: NodeId,
    pub group: GroupId,
    pub path: String,
    pub channels: Vec<Sources>,
    pub rate: u32,
    pub fallback: String,
    pub format: Format,
    pub key: Option<FileKey>,
    /// While it is paused, a short tone so often; 0 for silence.
    pub beep_ms: u32,
}

/// How samples look outside the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleFormat {
    /// 16 bits, little endian.
    Pcm16,
    Pcmu,
}

impl SampleFormat {
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "pcm" => Self::Pcm16,
            "pcmu" => Self::Pcmu,
            _ => return None,
        })
    }

    /// Octets of a sample.
    pub const fn octets(self) -> usize {
        match self {
            Self::Pcm16 => 2,
            Self::Pcmu => 1,
        }
    }
}

#[derive(Debug, Clone)]
pub struct OpenTap {
    pub tap: NodeId,
    pub group: GroupId,
    pub sources: Sources,
    pub rate: u32,
    pub format: SampleFormat,
    pub chunk_ms: u32,
    pub queue_ms: u32,
    /// Hears what this port hears, whatever that is; 0: only `sources`.
    pub ear: NodeId,
}

#[derive(Debug, Clone)]
pub struct OpenInject {
    pub inject: NodeId,
    pub group: GroupId,
    pub rate: u32,
    pub format: SampleFormat,
    pub queue_ms: u32,
}

#[derive(Debug, Clone)]
pub enum Command {
    OpenPort(Box<OpenPort>),
    UpdatePort(Box<UpdatePort>),
    ClosePort { port: NodeId },
    MovePort { port: NodeId, group: GroupId },
    Listen { listener: NodeId, sources: Sources, ramp_ms: u32 },
    OpenBus { bus: NodeId, group: GroupId, max_speakers: u32, agc: bool, gate: bool },
    CloseBus { bus: NodeId },
    LoadPrompt { prompt: PromptId, path: String },
    DropPrompt { prompt: PromptId },
    Play(Box<Play>),
    ControlPlay(ControlPlay),
    StopPlay { player: NodeId },
    SendDtmf { port: NodeId, digits: String, duration_ms: u32, gap_ms: u32 },
    Detect(Box<Detect>),
    Record(Box<Record>),
    ControlRecord { recorder: NodeId, channels: Option<Vec<Sources>>, pause: Option<bool>, mark: String },
    StopRecord { recorder: NodeId },
    OpenTap(Box<OpenTap>),
    CloseTap { tap: NodeId },
    OpenInject(Box<OpenInject>),
    Inject { inject: NodeId, data: Vec<u8>, mark: String },
    ClearInject { inject: NodeId },
    CloseInject { inject: NodeId },
    Sample { port: NodeId },
    Dump { target: u64 },
    Drain,
}

impl Command {
    /// The class name in `media/commands.py`.
    pub const fn name(&self) -> &'static str {
        match self {
            Command::OpenPort(_) => "OpenPort",
            Command::UpdatePort(_) => "UpdatePort",
            Command::ClosePort { .. } => "ClosePort",
            Command::MovePort { .. } => "MovePort",
            Command::Listen { .. } => "Listen",
            Command::OpenBus { .. } => "OpenBus",
            Command::CloseBus { .. } => "CloseBus",
            Command::LoadPrompt { .. } => "LoadPrompt",
            Command::DropPrompt { .. } => "DropPrompt",
            Command::Play(_) => "Play",
            Command::ControlPlay(_) => "ControlPlay",
            Command::StopPlay { .. } => "StopPlay",
            Command::SendDtmf { .. } => "SendDtmf",
            Command::Detect(_) => "Detect",
            Command::Record(_) => "Record",
            Command::ControlRecord { .. } => "ControlRecord",
            Command::StopRecord { .. } => "StopRecord",
            Command::OpenTap(_) => "OpenTap",
            Command::CloseTap { .. } => "CloseTap",
            Command::OpenInject(_) => "OpenInject",
            Command::Inject { .. } => "Inject",
            Command::ClearInject { .. } => "ClearInject",
            Command::CloseInject { .. } => "CloseInject",
            Command::Sample { .. } => "Sample",
            Command::Dump { .. } => "Dump",
            Command::Drain => "Drain",
        }
    }

    /// The id that `CommandFailed.target` names.
    pub fn target(&self) -> u64 {
        match self {
            Command::OpenPort(open) => open.port,
            Command::UpdatePort(update) => update.port,
            Command::ClosePort { port }
            | Command::MovePort { port, .. }
            | Command::SendDtmf { port, .. }
            | Command::Sample { port } => *port,
            Command::Listen { listener, .. } => *listener,
            Command::OpenBus { bus, .. } | Command::CloseBus { bus } => *bus,
            Command::LoadPrompt { prompt, .. } | Command::DropPrompt { prompt } => *prompt,
            Command::Detect(detect) => detect.port,
            Command::Play(play) => play.player,
            Command::ControlPlay(control) => control.player,
            Command::StopPlay { player } => *player,
            Command::Record(record) => record.recorder,
            Command::ControlRecord { recorder, .. } | Command::StopRecord { recorder } => *recorder,
            Command::OpenTap(open) => open.tap,
            Command::CloseTap { tap } => *tap,
            Command::OpenInject(open) => open.inject,
            Command::Inject { inject, .. } | Command::ClearInject { inject } | Command::CloseInject { inject } => {
                *inject
            }
            Command::Dump { target } => *target,
            Command::Drain => 0,
        }
    }
}

/// The names of every command, in the order of the catalogue; a test compares them with `media/commands.py`.
pub const COMMAND_NAMES: [&str; 26] = [
    "OpenPort",
    "UpdatePort",
    "ClosePort",
    "MovePort",
    "Listen",
    "OpenBus",
    "CloseBus",
    "LoadPrompt",
    "DropPrompt",
    "Play",
    "ControlPlay",
    "StopPlay",
    "SendDtmf",
    "Detect",
    "Record",
    "ControlRecord",
    "StopRecord",
    "OpenTap",
    "CloseTap",
    "OpenInject",
    "Inject",
    "ClearInject",
    "CloseInject",
    "Sample",
    "Dump",
    "Drain",
];
