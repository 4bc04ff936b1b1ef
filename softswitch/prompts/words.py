"""What a text is without speech synthesis: shipped sentences, numbers and names of prompts. Pure.

The text is looked for among what the prompts say (signs and spaces do not matter). What is no prompt as a whole is taken apart
at its punctuation; digits are read out. Nothing is invented: words that nobody recorded are a prompt by their own text, which
is missing and is noted as such in the call's timeline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from softswitch.prompts import texts, values

TEXT = "text:"
"""Begins the name of a prompt that is a text to be spoken; `media.prompts.TEXT`."""
_SIGNS = re.compile(r"[\s,.!?;:，。！？；：、\"'“”‘’…-]+")
_PARTS = re.compile(r"[^,.!?;，。！？；\n]+[,.!?;，。！？；]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _bare(text: str) -> str:
    return _SIGNS.sub("", text).casefold()


@cache
def _known(language: str) -> Mapping[str, str]:
    """What is said → the prompt's name."""
    return {_bare(said[language]): name for name, said in texts().items() if language in said}


def words_of(text: str, language: str) -> tuple[str, ...]:
    """Names of prompts that say the text; of several parts in a row the longest known sentence is taken."""
    words: list[str] = []
    parts = _PARTS.findall(text)
    while parts:
        for count in range(len(parts), 0, -1):
            if found := _name("".join(parts[:count]), language):
                words += found
                break
        else:
            count = 1
            words += _with_numbers(parts[0], language)
        parts = parts[count:]
    return tuple(words)


def recorded(text: str, language: str) -> tuple[str, ...]:
    """The same when every word of it was recorded, else nothing."""
    words = words_of(text, language)
    known = set(texts())
    return words if all(word in known for word in words) else ()


def spoken(text: str, language: str) -> tuple[str, ...]:
    """The prompts of a text: recorded ones when they say all of it, else one that is spoken by synthesis."""
    return recorded(text, language) or (TEXT + text.strip(),)


def _name(text: str, language: str) -> tuple[str, ...]:
    found = _known(language).get(_bare(text))
    return (found,) if found else ()


def _with_numbers(part: str, language: str) -> list[str]:
    """Numbers are read, what stands between them is looked up or kept as the name of a prompt that is missing."""
    words: list[str] = []
    end = 0
    for match in _NUMBER.finditer(part):
        words += _unknown(part[end : match.start()], language)
        kind = "digits" if len(match[0]) > 12 or (match[0].startswith("0") and len(match[0]) > 1) else "number"
        words += values.spoken(kind, match[0], language)
        end = match.end()
    return words + _unknown(part[end:], language)


def _unknown(text: str, language: str) -> list[str]:
    if not _bare(text):
        return []
    return list(_name(text, language)) or [text.strip()[:64]]
