//! Events: the same words and fields as `media/events.py`. `at` is engine monotonic seconds, times are ms.

use crate::ids::{NodeId, PromptId};

/// Counters since open. Loss and jitter are of what we receive; `remote_*` is the far end's view from RTCP.
#[derive(Debug, Clone, PartialEq)]
pub struct PortStats {
    pub packets_received: u64,
    pub octets_received: u64,
    pub packets_sent: u64,
    pub octets_sent: u64,
    pub lost: u64,
    pub late: u64,
    pub duplicates: u64,
    pub discarded: u64,
    pub flooded: u64,
    pub concealed_ms: u64,
    pub jitter_ms: f64,
    pub delay_ms: f64,
    pub round_trip_ms: f64,
    pub srtp_failures: u64,
    pub remote_lost_ratio: f64,
    pub remote_jitter_ms: f64,
    pub codec: String,
    /// E-model (G.107) of what we receive, conversational; −1 while nothing came.
    pub mos: f64,
    pub mos_listening: f64,
    pub r_factor: f64,
    pub burst_ratio: f64,
    /// Why nothing is heard although we send, by the words of `quality::flow::Cause`; empty when all is well.
    pub one_way: &'static str,
    pub one_way_detail: String,
    /// Not one packet came although they are expected.
    pub zero_packets: bool,
    pub drift_ppm: f64,
    pub delay_target_ms: f64,
    /// The far end's view by VoIP metrics (RFC 3611), −1 when it sends none.
    pub remote_mos: f64,
    pub remote_r_factor: f64,
}

impl Default for PortStats {
    fn default() -> Self {
        Self {
            packets_received: 0,
            octets_received: 0,
            packets_sent: 0,
            octets_sent: 0,
            lost: 0,
            late: 0,
            duplicates: 0,
            discarded: 0,
            flooded: 0,
            concealed_ms: 0,
            jitter_ms: 0.0,
            delay_ms: 0.0,
            round_trip_ms: -1.0,
            srtp_failures: 0,
            remote_lost_ratio: -1.0,
            remote_jitter_ms: -1.0,
            codec: String::new(),
            mos: -1.0,
            mos_listening: -1.0,
            r_factor: -1.0,
            burst_ratio: 1.0,
            one_way: "",
            one_way_detail: String::new(),
            zero_packets: false,
            drift_ppm: 0.0,
            delay_target_ms: 0.0,
            remote_mos: -1.0,
            remote_r_factor: -1.0,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    PortOpened {
        port: NodeId,
    },
    PortClosed {
        port: NodeId,
        reason: &'static str,
        stats: Box<PortStats>,
    },
    PortFailed {
        port: NodeId,
        reason: &'static str,
    },
    MediaStarted {
        port: NodeId,
        remote: String,
        codec: String,
        ssrc: u32,
        as_signalled: bool,
        at: f64,
    },
    MediaLost {
        port: NodeId,
        silent_ms: u64,
    },
    MediaResumed {
        port: NodeId,
    },
    RemoteChanged {
        port: NodeId,
        old: String,
        new: String,
        reason: &'static str,
    },
    IceState {
        port: NodeId,
        state: &'static str,
        pair: String,
    },
    DtlsState {
        port: NodeId,
        state: &'static str,
        profile: String,
        error: String,
    },
    Dtmf {
        port: NodeId,
        digit: char,
        duration: u32,
        way: &'static str,
        at: f64,
    },
    ToneHeard {
        port: NodeId,
        hertz: f64,
        at: f64,
        duration: u32,
        tone: &'static str,
    },
    Talking {
        port: NodeId,
        at: f64,
        level: f64,
    },
    Silent {
        port: NodeId,
        at: f64,
        talk_ms: u64,
    },
    ActiveSpeakers {
        bus: NodeId,
        ports: Vec<NodeId>,
    },
    PromptLoaded {
        prompt: PromptId,
        duration: u64,
    },
    PromptFailed {
        prompt: PromptId,
        reason: String,
    },
    PlayEnded {
        player: NodeId,
        reason: &'static str,
        played_ms: u64,
    },
    RecordStarted {
        recorder: NodeId,
        path: String,
        at: f64,
    },
    RecordDegraded {
        recorder: NodeId,
        reason: String,
    },
    RecordEnded {
        recorder: NodeId,
        path: String,
        duration: u64,
        bytes: u64,
        sha256: String,
        verdict: &'static str,
        gaps: Vec<(u64, u64)>,
    },
    TapAudio {
        tap: NodeId,
        at: f64,
        data: Vec<u8>,
    },
    TapOverrun {
        tap: NodeId,
        dropped_ms: u64,
    },
    InjectPosition {
        inject: NodeId,
        mark: String,
        played_ms: u64,
        queued_ms: u64,
    },
    Stats {
        port: NodeId,
        stats: Box<PortStats>,
    },
    Dumped {
        target: u64,
        json: String,
    },
    Overload {
        worker: u32,
        level: u32,
        lag_ms: f64,
        shed: &'static str,
        /// Frames that were not run at all, since the start.
        missed: u64,
    },
    EventsDropped {
        count: u64,
    },
    CommandFailed {
        seq: u64,
        index: u32,
        command: &'static str,
        target: u64,
        reason: &'static str,
    },
}

/// The names of every event, in the order of the catalogue; a test compares them with `media/events.py`.
pub const EVENT_NAMES: [&str; 28] = [
    "PortOpened",
    "PortClosed",
    "PortFailed",
    "MediaStarted",
    "MediaLost",
    "MediaResumed",
    "RemoteChanged",
    "IceState",
    "DtlsState",
    "Dtmf",
    "ToneHeard",
    "Talking",
    "Silent",
    "ActiveSpeakers",
    "PromptLoaded",
    "PromptFailed",
    "PlayEnded",
    "RecordStarted",
    "RecordDegraded",
    "RecordEnded",
    "TapAudio",
    "TapOverrun",
    "InjectPosition",
    "Stats",
    "Dumped",
    "Overload",
    "EventsDropped",
    "CommandFailed",
];

impl Event {
    /// Periodic figures may be dropped when nobody drains; state never.
    pub const fn is_periodic(&self) -> bool {
        matches!(self, Event::Stats { .. } | Event::ActiveSpeakers { .. })
    }
}
