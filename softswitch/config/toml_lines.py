"""Line numbers for TOML: `tomllib` gives the values, this gives the line on which each key and array element starts.

The scanner runs only over text that `tomllib` accepted, so it recognises structure and checks nothing (TOML 1.0).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from softswitch.config.problems import Problem, Refused

Path = tuple[str | int, ...]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_DEEPEST = 32
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_DEEP_KEY = re.compile(rf"(?:^|[{{,])[ \t]*+\[{{0,2}}(?:[ \t]*+{_PART}[ \t]*+\.){{{_DEEPEST}}}", re.MULTILINE)
"""A key of more parts than anything here has. The time that tomllib takes grows with their square: a few are a bomb."""
_SIMPLE = re.compile(r"[^\s,#\]}]+(?: \d\d:\d\d:\d\d[^\s,#\]}]*)?")  # numbers, booleans, dates (one may hold a blank)


class Lines:
    """Where keys are. `of(path)` falls back to the nearest enclosing key that is written in the file."""

    def __init__(self, places: Mapping[Path, int]) -> None:
        self._places = places

    def of(self, path: Sequence[str | int]) -> int:
        for length in range(len(path), 0, -1):
            if line := self._places.get(tuple(path[:length])):
                return line
        return 1


def read_toml(text: str, file: str) -> tuple[dict[str, Any], Lines]:
    """Values and lines of a TOML text. Raises Refused with the place of a syntax error, or when it is nested beyond reason."""
    if deep := _DEEP_KEY.search(text):
        line = text.count("\n", 0, deep.end()) + 1
        raise Refused([Problem(file, line, "", f"expected keys of at most {_DEEPEST} parts")])
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        reason = _PLACE.sub("", str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        raise Refused([Problem(file, line, "", f"expected TOML, got: {reason[:1].lower()}{reason[1:]}")]) from error
    except RecursionError as error:
        raise Refused([Problem(file, 1, "", "expected values that are not nested so deeply")]) from error
    return values, Lines(_Scanner(text.replace("\r\n", "\n")).run())


class _Scanner:
    """Walks the text once; `_at` is the position, `_line` counts with it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._places: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}  # arrays of tables: how many elements so far

    def run(self) -> dict[Path, int]:
        table: Path = ()
        while self._blank(newlines=True):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._places

    def _header(self) -> Path:
        line = self._line
        array = self._text.startswith("[[", self._at)
        self._skip(2 if array else 1)
        keys = self._keys()
        self._skip(2 if array else 1)
        path: Path = ()
        for key in keys[:-1]:
            path = self._newest((*path, key))
        path = (*path, keys[-1])
        self._places.setdefault(path, line)
        if not array:
            return self._newest(path) if path in self._lengths else path
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        self._places[(*path, index)] = line
        return (*path, index)

    def _newest(self, path: Path) -> Path:
        """The last element when `path` is an array of tables: `[trunk.outbound]` belongs to the newest `[[trunk]]`."""
        return (*path, self._lengths[path] - 1) if path in self._lengths else path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for key in self._keys():
            path = (*path, key)
            self._places.setdefault(path, line)
        self._skip(1)  # =
        self._value(path)

    def _keys(self) -> list[str]:
        """A dotted key; stops at `=` or `]`."""
        keys = []
        while True:
            self._blank()
            if self._text[self._at] in "\"'":
                keys.append(self._string())
            else:
                match = _BARE.match(self._text, self._at)
                assert match is not None  # tomllib accepted the text
                keys.append(match[0])
                self._skip(len(match[0]))
            self._blank()
            if self._text[self._at] != ".":
                return keys
            self._skip(1)

    def _value(self, path: Path) -> None:
        self._blank()
        match self._text[self._at]:
            case '"' | "'":
                self._string()
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case _:
                simple = _SIMPLE.match(self._text, self._at)
                assert simple is not None
                self._skip(len(simple[0]))

    def _array(self, path: Path) -> None:
        self._skip(1)
        index = 0
        while True:
            self._blank(newlines=True)
            letter = self._text[self._at]
            if letter == "]":
                self._skip(1)
                return
            if letter == ",":
                self._skip(1)
                continue
            self._places[(*path, index)] = self._line
            self._value((*path, index))
            index += 1

    def _inline(self, path: Path) -> None:
        self._skip(1)
        while True:
            self._blank(newlines=True)
            letter = self._text[self._at]
            if letter == "}":
                self._skip(1)
                return
            if letter == ",":
                self._skip(1)
            else:
                self._pair(path)

    def _string(self) -> str:
        """Skips a string of any of the four kinds; returns its raw inside (escapes in quoted keys stay as written)."""
        quote = self._text[self._at]
        mark = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        start = end = self._at + len(mark)
        while not self._text.startswith(mark, end):
            end += 2 if quote == '"' and self._text[end] == "\\" else 1
        after = end + len(mark)
        while len(mark) == 3 and self._text.startswith(quote, after):  # up to two quotes may touch the closing mark
            after += 1
        self._skip(after - self._at)
        return self._text[start:end]

    def _blank(self, *, newlines: bool = False) -> bool:
        """Skips blanks and, where allowed, line ends and comments. False at the end of the text."""
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter in " \t" or (newlines and letter == "\n"):
                self._skip(1)
            elif newlines and letter == "#":
                end = self._text.find("\n", self._at)
                self._skip((len(self._text) if end < 0 else end) - self._at)
            else:
                return True
        return False

    def _skip(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count
