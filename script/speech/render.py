"""Renders softswitch/prompts/LANGUAGE/NAME.wav from prompts.toml, and the hold music from score.toml.

Kokoro-82M (Apache-2.0) as an int8 ONNX model; every file is 16 kHz mono PCM16 at −23 LUFS (short ones are repeated for
the measurement: the loudness gate needs 400 ms).
Usage: render.py PROMPTS_DIR VOICES_TGZ [NAME …]
"""

from __future__ import annotations

import sys
import tomllib
import wave
from io import BytesIO
from pathlib import Path

import kokoro_worker
import music
import numpy as np
import pyloudnorm
import soxr

MODEL_RATE = kokoro_worker.RATE
RATE = 16_000
LOUDNESS = -23.0  # LUFS
VOICES = {"zh-CN": "zf_xiaoxiao", "en": "af_heart"}


def trimmed(audio: np.ndarray) -> np.ndarray:
    """Without the silence at both ends, but for 40 ms before and 120 ms after."""
    loud = np.flatnonzero(np.abs(audio) > 0.005)
    if not len(loud):
        raise SystemExit("the synthesizer produced silence")
    return audio[max(0, loud[0] - MODEL_RATE // 25) : loud[-1] + MODEL_RATE * 12 // 100]


def levelled(audio: np.ndarray) -> np.ndarray:
    """At −23 LUFS, never clipping."""
    padded = np.pad(audio, (0, max(0, RATE // 2 - len(audio))), mode="wrap")
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(padded.astype(np.float64))
    gain = 10 ** ((LOUDNESS - loudness) / 20)
    return audio * min(gain, 0.89 / float(np.abs(audio).max()))


def write(path: Path, audio: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())
    path.write_bytes(buffer.getvalue())


def main() -> None:
    folder, archive, wanted = Path(sys.argv[1]), Path(sys.argv[2]), set(sys.argv[3:])
    table = tomllib.loads((folder / "prompts.toml").read_text(encoding="utf-8"))
    speaker = kokoro_worker.Voice(archive, guesses=False)  # nobody ships a guess
    for name, texts in table.items():
        if wanted and name not in wanted:
            continue
        for language, text in texts.items():
            speech = soxr.resample(trimmed(speaker.samples(text, VOICES[language], language)), MODEL_RATE, RATE)
            write(folder / language / f"{name}.wav", levelled(speech))
            print(f"{language}/{name}.wav {len(speech) / RATE:.2f} s: {text}", flush=True)
    if not wanted or "music" in wanted:
        score = tomllib.loads((Path(__file__).parent / "score.toml").read_text(encoding="utf-8"))
        tune = music.render(score, RATE)
        write(folder / "music" / "default.wav", levelled(tune))
        print(f"music/default.wav {len(tune) / RATE:.2f} s", flush=True)


if __name__ == "__main__":
    main()
