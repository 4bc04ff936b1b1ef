"""The description as it stands on paper: sections of lines, in order, nothing interpreted and nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self


class Line(NamedTuple):
    """One `kind=value` line. A `kind` of "" is a comment line (test corpora have them), kept as `value`."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """The session part or one media part. Attribute names compare with case, as RFC 8866 §6 says."""

    lines: tuple[Line, ...] = ()
    _index: dict[str, list[str]] | None = field(default=None, init=False, repr=False, compare=False)

    def value(self, kind: str) -> str | None:
        """The value of the first line of `kind`, None without one."""
        for line in self.lines:
            if line[0] == kind:
                return line[1]
        return None

    def attributes(self, name: str) -> Sequence[str]:
        """The values of all `a=name` lines in order; a property attribute has the value ""."""
        index = self._index
        return (self.by_name if index is None else index).get(name, ())

    def attribute(self, name: str) -> str | None:
        """The value of the first `a=name` line, None without one."""
        index = self._index
        values = (self.by_name if index is None else index).get(name)
        return values[0] if values else None

    def has(self, name: str) -> bool:
        """Whether there is an `a=name` line."""
        index = self._index
        return name in (self.by_name if index is None else index)

    @property
    def by_name(self) -> Mapping[str, Sequence[str]]:
        """All attributes: name to values. Made on first use: negotiation asks a dozen times, descriptions of ours never."""
        index = self._index
        if index is None:
            index = {}
            for kind, text in self.lines:
                if kind == "a":
                    name, _, value = text.partition(":")
                    index.setdefault(name, []).append(value)
            object.__setattr__(self, "_index", index)
        return index

    def with_lines(self, lines: Iterable[Line]) -> Self:
        """The same section with other lines."""
        return replace(self, lines=tuple(lines))


@dataclass(frozen=True, slots=True)
class Media(Section):
    """One m-line and its lines. `port_count` is the number after the slash, 1 without one; `formats` are as written."""

    kind: str = "audio"
    port: int = 0
    profile: str = "RTP/AVP"
    formats: tuple[str, ...] = ()
    port_count: int = 1

    def header(self) -> str:
        """The value of the m-line."""
        ports = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        return " ".join((self.kind, ports, self.profile, *self.formats))


@dataclass(frozen=True, slots=True)
class Description(Section):
    """A whole description: the session's lines, then its media in order."""

    media: tuple[Media, ...] = ()

    def inherited(self, media: Media, name: str) -> str | None:
        """The value of `a=name` of `media`, else of the session (RFC 8866 §5.13)."""
        value = media.attribute(name)
        return self.attribute(name) if value is None else value
