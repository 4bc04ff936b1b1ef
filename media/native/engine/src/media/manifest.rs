//! What is noted beside a recording: `NAME.json`, written at its begin, with each note, and at its end.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::ids::NodeId;

/// Times are ms on the recording's time line.
pub struct Manifest {
    pub recorder: NodeId,
    pub started_unix_ms: u128,
    pub format: &'static str,
    pub encrypted: bool,
    pub rate: u32,
    pub channels: u16,
    /// An open pause has no end yet.
    pub pauses: Vec<(u64, Option<u64>)>,
    pub gaps: Vec<(u64, u64)>,
    pub marks: Vec<(u64, String)>,
    /// JSON of the picture; empty until the end.
    pub peaks: String,
}

impl Manifest {
    /// Writes it; `verdict` is `recording` until the end is known.
    pub fn write(&self, path: &Path, verdict: &str, sha256: &str, duration_ms: u64) -> io::Result<()> {
        let list = |pairs: &mut dyn Iterator<Item = (u64, u64)>| {
            pairs.map(|(from, to)| format!("[{from},{to}]")).collect::<Vec<_>>().join(",")
        };
        let pauses = list(&mut self.pauses.iter().map(|(from, to)| (*from, to.unwrap_or(duration_ms.max(*from)))));
        let gaps = list(&mut self.gaps.iter().copied());
        let marks: Vec<String> =
            self.marks.iter().map(|(at, text)| format!("{{\"at\":{at},\"text\":{}}}", quote(text))).collect();
        let peaks = if self.peaks.is_empty() { String::new() } else { format!(",\"peaks\":{}", self.peaks) };
        let json = format!(
            "{{\"recorder\":{},\"started_unix_ms\":{},\"format\":\"{}\",\"encrypted\":{},\"rate\":{},\"channels\":{},\
             \"duration_ms\":{duration_ms},\"verdict\":\"{verdict}\",\"sha256\":\"{sha256}\",\"pauses\":[{pauses}],\
             \"gaps\":[{gaps}],\"marks\":[{}]{peaks}}}\n",
            self.recorder,
            self.started_unix_ms,
            self.format,
            self.encrypted,
            self.rate,
            self.channels,
            marks.join(","),
        );
        std::fs::write(path, json)
    }
}

/// A JSON string.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
