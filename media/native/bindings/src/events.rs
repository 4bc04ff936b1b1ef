//! Events as objects of `media.events`; the classes are looked up once.

use engine::Reservation;
use engine::event::{EVENT_NAMES, Event, PortStats};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString, PyTuple};

/// The dataclasses, in the order of `EVENT_NAMES`, then statistics and reservation.
pub struct Classes {
    events: Vec<Py<PyAny>>,
    stats: Py<PyAny>,
    reservation: Py<PyAny>,
}

impl Classes {
    pub fn load(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("media.events")?;
        let class = |name: &str| module.getattr(name).map(Bound::unbind);
        Ok(Self {
            events: EVENT_NAMES.iter().map(|name| class(name)).collect::<PyResult<_>>()?,
            stats: class("PortStats")?,
            reservation: class("Reservation")?,
        })
    }

    pub fn reservation(&self, py: Python<'_>, value: &Reservation) -> PyResult<Py<PyAny>> {
        self.reservation.call1(py, (value.token, &value.address, value.port, value.rtcp_port, value.ssrc))
    }

    fn stats(&self, py: Python<'_>, stats: &PortStats) -> PyResult<Py<PyAny>> {
        // More values than a Rust tuple converts, so the tuple is built by hand.
        let counters = [
            stats.packets_received,
            stats.octets_received,
            stats.packets_sent,
            stats.octets_sent,
            stats.lost,
            stats.late,
            stats.duplicates,
            stats.discarded,
            stats.flooded,
            stats.concealed_ms,
        ];
        let mut values: Vec<Bound<'_, PyAny>> = Vec::with_capacity(28);
        for counter in counters {
            values.push(counter.into_pyobject(py)?.into_any());
        }
        for figure in [stats.jitter_ms, stats.delay_ms, stats.round_trip_ms] {
            values.push(figure.into_pyobject(py)?.into_any());
        }
        values.push(stats.srtp_failures.into_pyobject(py)?.into_any());
        for figure in [stats.remote_lost_ratio, stats.remote_jitter_ms] {
            values.push(figure.into_pyobject(py)?.into_any());
        }
        values.push(PyString::new(py, &stats.codec).into_any());
        for figure in [stats.mos, stats.mos_listening, stats.r_factor, stats.burst_ratio] {
            values.push(figure.into_pyobject(py)?.into_any());
        }
        values.push(PyString::intern(py, stats.one_way).into_any());
        values.push(PyString::new(py, &stats.one_way_detail).into_any());
        values.push(PyBool::new(py, stats.zero_packets).to_owned().into_any());
        for figure in [stats.drift_ppm, stats.delay_target_ms, stats.remote_mos, stats.remote_r_factor] {
            values.push(figure.into_pyobject(py)?.into_any());
        }
        self.stats.call1(py, PyTuple::new(py, values)?)
    }

    /// The dataclass for an event. The index of its class is its place in `EVENT_NAMES`.
    pub fn event(&self, py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
        let class = |index: usize| self.events[index].bind(py);
        let made = match event {
            Event::PortOpened { port } => class(0).call1((port,)),
            Event::PortClosed { port, reason, stats } => class(1).call1((port, reason, self.stats(py, &stats)?)),
            Event::PortFailed { port, reason } => class(2).call1((port, reason)),
            Event::MediaStarted { port, remote, codec, ssrc, as_signalled, at } => {
                class(3).call1((port, remote, codec, ssrc, as_signalled, at))
            }
            Event::MediaLost { port, silent_ms } => class(4).call1((port, silent_ms)),
            Event::MediaResumed { port } => class(5).call1((port,)),
            Event::RemoteChanged { port, old, new, reason } => class(6).call1((port, old, new, reason)),
            Event::IceState { port, state, pair } => class(7).call1((port, state, pair)),
            Event::DtlsState { port, state, profile, error } => class(8).call1((port, state, profile, error)),
            Event::Dtmf { port, digit, duration, way, at } => {
                class(9).call1((port, digit.to_string(), duration, way, at))
            }
            Event::ToneHeard { port, hertz, at, duration, tone } => class(10).call1((port, hertz, at, duration, tone)),
            Event::Talking { port, at, level } => class(11).call1((port, at, level)),
            Event::Silent { port, at, talk_ms } => class(12).call1((port, at, talk_ms)),
            Event::ActiveSpeakers { bus, ports } => class(13).call1((bus, PyTuple::new(py, ports)?)),
            Event::PromptLoaded { prompt, duration } => class(14).call1((prompt, duration)),
            Event::PromptFailed { prompt, reason } => class(15).call1((prompt, reason)),
            Event::PlayEnded { player, reason, played_ms } => class(16).call1((player, reason, played_ms)),
            Event::RecordStarted { recorder, path, at } => class(17).call1((recorder, path, at)),
            Event::RecordDegraded { recorder, reason } => class(18).call1((recorder, reason)),
            Event::RecordEnded { recorder, path, duration, bytes, sha256, verdict, gaps } => {
                class(19).call1((recorder, path, duration, bytes, sha256, verdict, PyTuple::new(py, gaps)?))
            }
            Event::TapAudio { tap, at, data } => class(20).call1((tap, at, PyBytes::new(py, &data))),
            Event::TapOverrun { tap, dropped_ms } => class(21).call1((tap, dropped_ms)),
            Event::InjectPosition { inject, mark, played_ms, queued_ms } => {
                class(22).call1((inject, mark, played_ms, queued_ms))
            }
            Event::Stats { port, stats } => class(23).call1((port, self.stats(py, &stats)?)),
            Event::Dumped { target, json } => class(24).call1((target, json)),
            Event::Overload { worker, level, lag_ms, shed, missed } => {
                class(25).call1((worker, level, lag_ms, shed, missed))
            }
            Event::EventsDropped { count } => class(26).call1((count,)),
            Event::CommandFailed { seq, index, command, target, reason } => {
                class(27).call1((seq, index, command, target, reason))
            }
        };
        made.map(Bound::unbind)
    }
}
