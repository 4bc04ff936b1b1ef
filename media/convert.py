"""Any sound file to a prompt: `python -m media.convert SOURCE TARGET MOST_MS`, a process of its own with limits.

Foreign decoders meet files of strangers here, so a crash or an endless file ends this process and nothing else. The answer is
one line of JSON: `{"ms", "loudness", "gain"}`, or `{"fault", "text"}` with a word of `media.prepare.FAULTS`. WAV (PCM16, G.711)
and Ogg/Opus are read by the engine's own code; other formats need PyAV (extra `formats`).
"""

from __future__ import annotations

import io
import json
import resource
import sys
import wave
from pathlib import Path
from typing import Any

from media.engine import level_sound

TARGET_LUFS = -23.0
"""EBU R128, as the shipped prompts."""
CEILING_DB = -2.0
"""True peak: codecs overshoot."""
RATE = 16_000
MOST_CHANNELS = 8
_MEMORY = 2 << 30
_CPU_SECONDS = 100


class Fault(Exception):
    """Why a file is no prompt: a word of `media.prepare.FAULTS`, and a sentence."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def convert(source: Path, target: Path, most_ms: int) -> dict[str, Any]:
    """Writes `target`: WAV, PCM16, mono, 16 kHz at `TARGET_LUFS`. Raises Fault, OSError."""
    content = source.read_bytes()
    try:
        made = level_sound(content, most_ms, TARGET_LUFS, CEILING_DB)
    except ValueError as own:
        word = _word(str(own))
        if word != "broken":
            raise Fault(word, str(own)) from own
        try:
            made = level_sound(_decoded(content, most_ms), most_ms, TARGET_LUFS, CEILING_DB)
        except ValueError as fault:
            raise Fault(_word(str(fault)), str(fault)) from fault
    file, duration, loudness, gain = made
    part = target.with_suffix(".part")
    part.write_bytes(file)
    part.replace(target)
    return {"ms": duration, "loudness": round(loudness, 1), "gain": round(gain, 1)}


def _word(text: str) -> str:
    return "too_long" if "longer than" in text else "silent" if "no sound" in text else "broken"


def _decoded(content: bytes, most_ms: int) -> bytes:
    """The first audio stream by FFmpeg, as a WAV file. Raises Fault."""
    try:
        import av  # noqa: PLC0415 -- an extra
    except ImportError as missing:
        raise Fault("no_decoder", "only WAV and Ogg/Opus can be read here: install the extra formats (PyAV)") from missing
    out = io.BytesIO()
    most, count = most_ms * RATE // 1000, 0
    try:
        with av.open(io.BytesIO(content)) as container, wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            if not container.streams.audio:
                raise Fault("not_audio", "there is no sound in this file")
            stream = container.streams.audio[0]
            if stream.codec_context.channels > MOST_CHANNELS:
                raise Fault("channels", f"more than {MOST_CHANNELS} channels")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in _frames(container, stream):
                for piece in resampler.resample(frame):
                    count += piece.samples
                    if count > most:
                        raise Fault("too_long", f"longer than {most_ms // 1000} s")
                    file.writeframesraw(bytes(piece.planes[0])[: piece.samples * 2])
    except av.error.FFmpegError as fault:
        raise Fault("broken", f"cannot be decoded: {fault.strerror}") from fault
    if not count:
        raise Fault("not_audio", "there is no sound in this file")
    return out.getvalue()


def _frames(container: Any, stream: Any) -> Any:
    """What is decoded, then None: the resampler gives out its rest."""
    yield from container.decode(stream)
    yield None


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    source, target, most_ms = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    try:
        answer = convert(source, target, most_ms)
    except Fault as fault:
        answer = {"fault": fault.word, "text": str(fault)}
    except (OSError, MemoryError) as fault:
        answer = {"fault": "broken", "text": str(fault) or "too much memory is needed"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
