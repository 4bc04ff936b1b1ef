"""English letters to phonemes from misaki's own dictionaries, without any GPL component.

The shipped prompts use plain words; a word that neither dictionaries nor suffix rules know is an error: nobody ships a guess.
"""

from __future__ import annotations

import json
import re
from importlib.resources import files

_WORD = re.compile(r"[A-Za-z']+|[.,?!;:]")
_WEAK = {"a": "ɐ", "the": "ðə", "to": "tə", "and": "ænd", "an": "ɐn", "for": "fɔɹ", "of": "ʌv"}


def _load() -> dict[str, object]:
    data = files("misaki.data")
    words: dict[str, object] = json.loads(data.joinpath("us_silver.json").read_text(encoding="utf-8"))
    words.update(json.loads(data.joinpath("us_gold.json").read_text(encoding="utf-8")))
    return words


def _lookup(words: dict[str, object], word: str) -> str | None:
    found = words.get(word) or words.get(word.lower()) or words.get(word.capitalize())
    if isinstance(found, dict):
        found = found["DEFAULT"]
    return found if isinstance(found, str) else None


def _with_suffix(words: dict[str, object], word: str) -> str | None:
    for suffix, cut, sound in (("s", 1, "z"), ("es", 2, "ɪz"), ("ing", 3, "ɪŋ"), ("ed", 2, "d"), ("d", 1, "d")):
        if word.endswith(suffix):
            stem = _lookup(words, word[:-cut]) or (_lookup(words, word[:-cut] + "e") if suffix == "ing" else None)
            if stem:
                return stem + ("s" if suffix == "s" and stem[-1] in "ptkfθ" else sound)
    return None


def phonemes(text: str) -> str:
    """Phonemes of an English sentence in the model's alphabet. Raises KeyError(word) for a word that is in no dictionary."""
    words = _load()
    out: list[str] = []
    for token in _WORD.findall(text):
        if not token[0].isalpha() and token[0] != "'":
            out.append(token)
            continue
        sound = _WEAK.get(token.lower()) or _lookup(words, token) or _with_suffix(words, token.lower())
        if sound is None:
            raise KeyError(token)
        out.append((" " if out else "") + sound)
    return "".join(out)
