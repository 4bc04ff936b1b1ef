//! Commands from their dataclasses, by class and field name.

use std::net::{IpAddr, SocketAddr};

use engine::command::{
    Beat, Command, ControlPlay, Detect, Direction, Dtls, Ice, LatchMode, OpenInject, OpenPort, OpenTap, PayloadMap,
    Play, Record, SampleFormat, Sdes, Sources, Tone, UpdatePort,
};
use engine::media::disk::Format;
use engine::media::seal::FileKey;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyMapping;

type Object<'a, 'py> = &'a Bound<'py, PyAny>;

fn get<'py, T>(object: Object<'_, 'py>, name: &str) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    object.getattr(name)?.extract()
}

/// A field that may be `None`, converted by `convert` when it is not.
fn optional<'py, T>(
    object: Object<'_, 'py>,
    name: &str,
    convert: impl FnOnce(Object<'_, 'py>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    let value = object.getattr(name)?;
    if value.is_none() { Ok(None) } else { convert(&value).map(Some) }
}

fn text(object: Object<'_, '_>, name: &str) -> PyResult<String> {
    object.getattr(name)?.extract()
}

fn number<'py, T>(object: Object<'_, 'py>, name: &str) -> PyResult<T>
where
    T: TryFrom<i64>,
{
    let value: i64 = object.getattr(name)?.extract()?;
    T::try_from(value).map_err(|_| PyValueError::new_err(format!("{name}: {value} is out of range")))
}

fn real(object: Object<'_, '_>, name: &str) -> PyResult<f32> {
    object.getattr(name)?.extract()
}

fn address(value: Object<'_, '_>) -> PyResult<SocketAddr> {
    let (host, port): (String, u16) = value.extract()?;
    let host: IpAddr =
        host.parse().map_err(|_| PyValueError::new_err(format!("remote {host:?}: an IP address is expected")))?;
    Ok(SocketAddr::new(host, port))
}

fn direction(value: Object<'_, '_>) -> PyResult<Direction> {
    let name: String = value.extract()?;
    Direction::from_name(&name).ok_or_else(|| PyValueError::new_err(format!("direction {name:?} is not known")))
}

fn sources(value: Object<'_, '_>) -> PyResult<Sources> {
    let items = value.cast::<PyMapping>()?.items()?;
    items.iter().map(|pair| pair.extract::<(u64, f32)>()).collect()
}

fn source_sets(value: Object<'_, '_>) -> PyResult<Vec<Sources>> {
    value.try_iter()?.map(|set| sources(&set?)).collect()
}

fn codecs(value: Object<'_, '_>) -> PyResult<Vec<PayloadMap>> {
    value.try_iter()?.map(|map| codec(&map?)).collect()
}

fn codec(map: Object<'_, '_>) -> PyResult<PayloadMap> {
    let payload_type: u8 = number(map, "payload_type")?;
    let send: i64 = get(map, "send_payload_type")?;
    Ok(PayloadMap {
        name: text(map, "name")?,
        payload_type,
        clock: number(map, "clock")?,
        channels: number(map, "channels")?,
        send_payload_type: if send < 0 { payload_type } else { number(map, "send_payload_type")? },
        fmtp: text(map, "fmtp")?,
    })
}

fn sdes(value: Object<'_, '_>) -> PyResult<Sdes> {
    Ok(Sdes {
        profile: text(value, "profile")?,
        send_key: get(value, "send_key")?,
        receive_key: get(value, "receive_key")?,
    })
}

fn dtls(value: Object<'_, '_>) -> PyResult<Dtls> {
    Ok(Dtls {
        fingerprint: text(value, "fingerprint")?,
        active: text(value, "role")? == "active",
        certificate: get(value, "certificate")?,
        private_key: get(value, "private_key")?,
    })
}

fn ice(value: Object<'_, '_>) -> PyResult<Ice> {
    Ok(Ice {
        local_ufrag: text(value, "local_ufrag")?,
        local_pwd: text(value, "local_pwd")?,
        remote_ufrag: text(value, "remote_ufrag")?,
        remote_pwd: text(value, "remote_pwd")?,
        lite: get(value, "lite")?,
        candidates: get(value, "candidates")?,
    })
}

fn open_port(command: Object<'_, '_>) -> PyResult<OpenPort> {
    let jitter = command.getattr("jitter")?;
    let latch = match text(command, "latch")?.as_str() {
        "strict" => LatchMode::Strict,
        "nat" => LatchMode::Nat,
        other => return Err(PyValueError::new_err(format!("latch {other:?}: strict or nat is expected"))),
    };
    Ok(OpenPort {
        port: get(command, "port")?,
        token: get(command, "token")?,
        codecs: codecs(&command.getattr("codecs")?)?,
        direction: direction(&command.getattr("direction")?)?,
        remote: optional(command, "remote", address)?,
        remote_rtcp: optional(command, "remote_rtcp", address)?,
        ptime_ms: number(command, "ptime")?,
        sdes: optional(command, "sdes", sdes)?,
        dtls: optional(command, "dtls", dtls)?,
        ice: optional(command, "ice", ice)?,
        latch,
        jitter_min_ms: number(&jitter, "min")?,
        jitter_max_ms: number(&jitter, "max")?,
        rtcp_mux: get(command, "rtcp_mux")?,
        rtcp_xr: get(command, "rtcp_xr")?,
        cname: text(command, "cname")?,
        dtmf_pass: get(command, "dtmf_pass")?,
    })
}

fn update_port(command: Object<'_, '_>) -> PyResult<UpdatePort> {
    Ok(UpdatePort {
        port: get(command, "port")?,
        codecs: optional(command, "codecs", codecs)?,
        direction: optional(command, "direction", direction)?,
        remote: optional(command, "remote", address)?,
        remote_rtcp: optional(command, "remote_rtcp", address)?,
        ptime_ms: optional(command, "ptime", |value| value.extract())?,
        sdes: optional(command, "sdes", sdes)?,
        dtls: optional(command, "dtls", dtls)?,
        ice: optional(command, "ice", ice)?,
        dtmf_pass: optional(command, "dtmf_pass", |value| value.extract())?,
        udptl: optional(command, "udptl", |value| value.extract())?,
        rtcp_xr: optional(command, "rtcp_xr", |value| value.extract())?,
    })
}

fn tone(value: Object<'_, '_>) -> PyResult<Tone> {
    Ok(Tone {
        hertz: get(value, "hertz")?,
        level: real(value, "level")?,
        on_ms: number(value, "on")?,
        off_ms: number(value, "off")?,
        then: value.getattr("then")?.try_iter()?.map(|beat| self::beat(&beat?)).collect::<PyResult<_>>()?,
    })
}

fn beat(value: Object<'_, '_>) -> PyResult<Beat> {
    Ok(Beat { hertz: get(value, "hertz")?, on_ms: number(value, "on")?, off_ms: number(value, "off")? })
}

fn play(command: Object<'_, '_>) -> PyResult<Play> {
    Ok(Play {
        player: get(command, "player")?,
        group: get(command, "group")?,
        prompts: get(command, "prompts")?,
        tone: optional(command, "tone", tone)?,
        looped: get(command, "loop")?,
        gain: real(command, "gain")?,
        until_digit_of: get(command, "until_digit_of")?,
        until_talk_of: get(command, "until_talk_of")?,
        offset_ms: number(command, "offset")?,
        fade_ms: number(command, "fade")?,
        stream: text(command, "stream")?,
    })
}

fn record(command: Object<'_, '_>) -> PyResult<Record> {
    Ok(Record {
        recorder: get(command, "recorder")?,
        group: get(command, "group")?,
        path: text(command, "path")?,
        channels: source_sets(&command.getattr("channels")?)?,
        rate: number(command, "rate")?,
        fallback: text(command, "fallback")?,
        format: match text(command, "format")?.as_str() {
            "wav" => Format::Wav,
            "opus" => Format::Opus,
            other => return Err(PyValueError::new_err(format!("format {other:?}: wav or opus is expected"))),
        },
        key: file_key(command)?,
        beep_ms: number(command, "beep_ms")?,
    })
}

/// No key: the file is not encrypted.
fn file_key(command: Object<'_, '_>) -> PyResult<Option<FileKey>> {
    let key: Vec<u8> = get(command, "key")?;
    if key.is_empty() {
        return Ok(None);
    }
    let envelope: Vec<u8> = get(command, "envelope")?;
    let key = FileKey::new(&key, envelope);
    Ok(Some(key.ok_or_else(|| PyValueError::new_err("the key of a recording has 32 octets"))?))
}

fn sample_format(command: Object<'_, '_>) -> PyResult<SampleFormat> {
    let name = text(command, "encoding")?;
    SampleFormat::from_name(&name)
        .ok_or_else(|| PyValueError::new_err(format!("encoding {name:?}: pcm or pcmu is expected")))
}

/// The engine's command for an object of `media.commands`.
pub fn extract(command: Object<'_, '_>) -> PyResult<Command> {
    let class = command.get_type();
    let name = class.name()?;
    Ok(match name.to_str()? {
        "OpenPort" => Command::OpenPort(Box::new(open_port(command)?)),
        "UpdatePort" => Command::UpdatePort(Box::new(update_port(command)?)),
        "ClosePort" => Command::ClosePort { port: get(command, "port")? },
        "MovePort" => Command::MovePort { port: get(command, "port")?, group: get(command, "group")? },
        "Listen" => Command::Listen {
            listener: get(command, "listener")?,
            sources: sources(&command.getattr("sources")?)?,
            ramp_ms: number(command, "ramp")?,
        },
        "OpenBus" => Command::OpenBus {
            bus: get(command, "bus")?,
            group: get(command, "group")?,
            max_speakers: number(command, "max_speakers")?,
            agc: get(command, "agc")?,
            gate: get(command, "gate")?,
        },
        "CloseBus" => Command::CloseBus { bus: get(command, "bus")? },
        "LoadPrompt" => Command::LoadPrompt { prompt: get(command, "prompt")?, path: text(command, "path")? },
        "DropPrompt" => Command::DropPrompt { prompt: get(command, "prompt")? },
        "Play" => Command::Play(Box::new(play(command)?)),
        "ControlPlay" => Command::ControlPlay(ControlPlay {
            player: get(command, "player")?,
            pause: optional(command, "pause", |value| value.extract())?,
            seek_ms: optional(command, "seek", |value| value.extract())?,
            skip_ms: optional(command, "skip", |value| value.extract())?,
            gain: optional(command, "gain", |value| value.extract())?,
        }),
        "StopPlay" => Command::StopPlay { player: get(command, "player")? },
        "SendDtmf" => Command::SendDtmf {
            port: get(command, "port")?,
            digits: text(command, "digits")?,
            duration_ms: number(command, "duration")?,
            gap_ms: number(command, "gap")?,
        },
        "Detect" => Command::Detect(Box::new(Detect {
            port: get(command, "port")?,
            dtmf_rfc4733: get(command, "dtmf_rfc4733")?,
            dtmf_inband: get(command, "dtmf_inband")?,
            tones: get(command, "tones")?,
            speech: get(command, "speech")?,
            progress: get(command, "progress")?,
        })),
        "Record" => Command::Record(Box::new(record(command)?)),
        "ControlRecord" => Command::ControlRecord {
            recorder: get(command, "recorder")?,
            channels: optional(command, "channels", source_sets)?,
            pause: optional(command, "pause", |value| value.extract())?,
            mark: text(command, "mark")?,
        },
        "StopRecord" => Command::StopRecord { recorder: get(command, "recorder")? },
        "OpenTap" => Command::OpenTap(Box::new(OpenTap {
            tap: get(command, "tap")?,
            group: get(command, "group")?,
            sources: sources(&command.getattr("sources")?)?,
            rate: number(command, "rate")?,
            format: sample_format(command)?,
            chunk_ms: number(command, "chunk")?,
            queue_ms: number(command, "queue")?,
            ear: get(command, "ear")?,
        })),
        "CloseTap" => Command::CloseTap { tap: get(command, "tap")? },
        "OpenInject" => Command::OpenInject(Box::new(OpenInject {
            inject: get(command, "inject")?,
            group: get(command, "group")?,
            rate: number(command, "rate")?,
            format: sample_format(command)?,
            queue_ms: number(command, "queue")?,
        })),
        "Inject" => Command::Inject {
            inject: get(command, "inject")?,
            data: command.getattr("pcm")?.extract::<&[u8]>()?.to_vec(),
            mark: text(command, "mark")?,
        },
        "ClearInject" => Command::ClearInject { inject: get(command, "inject")? },
        "CloseInject" => Command::CloseInject { inject: get(command, "inject")? },
        "Sample" => Command::Sample { port: get(command, "port")? },
        "Dump" => Command::Dump { target: get(command, "target")? },
        "Drain" => Command::Drain,
        other => return Err(PyTypeError::new_err(format!("{other} is no command of media.commands"))),
    })
}
