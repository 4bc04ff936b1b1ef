//! Python face of the media engine: conversions only. `media.commands` in, `media.events` out.

mod commands;
mod events;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::command::PortKind;
use engine::pool::Family;
use engine::{Config, Engine, EngineError};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use events::Classes;

/// The engine with its threads. All methods may be called from one thread; `close` waits for the threads to end.
#[pyclass(frozen, module = "media._native")]
struct NativeEngine {
    engine: Mutex<Engine>,
    classes: Classes,
    no_capacity: Py<PyAny>,
    closed: Py<PyAny>,
}

impl NativeEngine {
    fn lock(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, py: Python<'_>, error: EngineError) -> PyErr {
        let text = error.to_string();
        let class = match error {
            EngineError::NoCapacity(_) => &self.no_capacity,
            EngineError::Closed => &self.closed,
            EngineError::BadAddress(_) | EngineError::BadRange(..) => return PyValueError::new_err(text),
            EngineError::Io(_) => return PyOSError::new_err(text),
        };
        match class.bind(py).call1((text,)) {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    }
}

fn start_error(error: EngineError) -> PyErr {
    match error {
        EngineError::Io(error) => PyOSError::new_err(error.to_string()),
        other => PyValueError::new_err(other.to_string()),
    }
}

#[pymethods]
impl NativeEngine {
    #[new]
    #[allow(clippy::too_many_arguments)] // a call from Python, by position or name
    #[pyo3(signature = (listen, port_min, port_max, workers, record_root, webrtc_port=0, tcp_port=0, plugins=vec![]))]
    fn new(
        py: Python<'_>,
        listen: String,
        port_min: u16,
        port_max: u16,
        workers: usize,
        record_root: PathBuf,
        webrtc_port: u16,
        tcp_port: u16,
        plugins: Vec<String>,
    ) -> PyResult<Self> {
        let config = Config { listen, port_min, port_max, workers, record_root, webrtc_port, tcp_port, plugins };
        let engine = py.detach(|| Engine::new(config)).map_err(start_error)?;
        let errors = py.import("media.errors")?;
        Ok(Self {
            engine: Mutex::new(engine),
            classes: Classes::load(py)?,
            no_capacity: errors.getattr("NoCapacity")?.unbind(),
            closed: errors.getattr("EngineClosed")?.unbind(),
        })
    }

    /// Binds sockets for a port of `group`, for a peer of `family` ("ipv4", "ipv6", "" for either); raises NoCapacity.
    #[pyo3(signature = (kind, group, family=""))]
    fn reserve(&self, py: Python<'_>, kind: &str, group: u64, family: &str) -> PyResult<Py<PyAny>> {
        let kind = match kind {
            "rtp" => PortKind::Rtp,
            "webrtc" => PortKind::Webrtc,
            other => return Err(PyValueError::new_err(format!("port kind {other:?}: rtp or webrtc is expected"))),
        };
        let family = match family {
            "" => Family::Any,
            "ipv4" => Family::Ipv4,
            "ipv6" => Family::Ipv6,
            other => return Err(PyValueError::new_err(format!("family {other:?}: ipv4 or ipv6 is expected"))),
        };
        let reservation = self.lock().reserve_at(kind, group, family).map_err(|error| self.raise(py, error))?;
        self.classes.reservation(py, &reservation)
    }

    /// Hands a batch over and returns its number; never blocks. Raises TypeError or ValueError for what is no command.
    fn submit(&self, batch: &Bound<'_, PyAny>) -> PyResult<u64> {
        let mut commands = Vec::new();
        for command in batch.try_iter()? {
            commands.push(commands::extract(&command?)?);
        }
        Ok(self.lock().submit(commands))
    }

    /// All events since the last call.
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = self.lock().drain();
        let list = PyList::empty(py);
        for event in events {
            list.append(self.classes.event(py, event)?)?;
        }
        Ok(list)
    }

    /// The descriptor that becomes readable when events wait.
    fn fileno(&self) -> i32 {
        self.lock().fileno()
    }

    /// Engine monotonic seconds.
    fn now(&self) -> f64 {
        self.lock().now()
    }

    /// Closes all ports and recordings and ends the threads; idempotent. The last events can still be drained.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.lock().close());
    }
}

/// Reads a WAV or Ogg/Opus file of at most `most_ms` and brings it to `target` LUFS, true peaks below `ceiling` dB: a WAV file
/// (PCM16, mono, 16 kHz), its length in ms, what its loudness was in LUFS, and the gain in dB. Raises ValueError.
#[pyfunction]
fn level(
    py: Python<'_>,
    file: &[u8],
    most_ms: u64,
    target: f64,
    ceiling: f64,
) -> PyResult<(Py<PyBytes>, u64, f64, f64)> {
    let done = py.detach(|| engine::media::loudness::level(file, most_ms, target, ceiling));
    let done = done.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((PyBytes::new(py, &done.file).unbind(), done.duration_ms, done.loudness, done.gain))
}

/// Codecs that need a library of the system and what is wrong with it: name and reason, "" when nothing is. `plugins` as in the engine.
#[pyfunction]
fn codec_libraries(py: Python<'_>, plugins: Vec<String>) -> Vec<(&'static str, String)> {
    let libraries = py.detach(|| plugin::Libraries::load(&plugins));
    let reason = |name: &str| libraries.missing().iter().find(|missing| missing.codec == name).map(ToString::to_string);
    plugin::KINDS.iter().map(|kind| (kind.name(), reason(kind.name()).unwrap_or_default())).collect()
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeEngine>()?;
    module.add_function(wrap_pyfunction!(level, module)?)?;
    module.add_function(wrap_pyfunction!(codec_libraries, module)?)?;
    module.add("COMMANDS", engine::command::COMMAND_NAMES.to_vec())?;
    module.add("EVENTS", engine::event::EVENT_NAMES.to_vec())?;
    Ok(())
}
