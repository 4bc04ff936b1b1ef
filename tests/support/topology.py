"""The scanner of sip.md §5.3: nothing that belongs to one peer is in a message to another one.

Fed with what went over the wire: the messages of a flow test, or the `-trace_msg` logs of SIPp. What belongs to a peer is
read out of the messages themselves: addresses, Call-IDs, tags, branches, Contacts, user agents, the addresses of its session
descriptions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """One message between the switch and a peer."""

    peer: str
    to_peer: bool
    data: bytes


_HEADER = {
    "i": "call-id", "f": "from", "t": "to", "v": "via", "m": "contact",
}  # fmt: skip
_REGISTER = re.compile(rb"^CSeq: *\d+ +REGISTER", re.M | re.I)
"""The answer lists every device of the account, which are one person's."""
_SHORT = 4  # characters; shorter words are in every message


def leaks(messages: Iterable[Seen], *, shared: Iterable[str] = ()) -> list[str]:
    """What was told to the wrong peer, as sentences; empty when the switch hides everything.

    `shared` are words that everybody may know: the switch's own address, its domain.
    """
    seen = [message for message in messages if message.data[:1].isalpha() and not _REGISTER.search(message.data)]
    known = frozenset(shared)
    owned: dict[str, set[str]] = defaultdict(set)
    for message in seen:
        owned[message.peer] |= set(_own(message)) - known
    public = {word for word in set().union(*owned.values()) if sum(word in words for words in owned.values()) > 1}
    found = []
    for peer, words in owned.items():
        secret = sorted(words - public)
        if not secret:
            continue
        pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}(?![\w.]*\w)" for word in secret).encode())
        for message in seen:
            if message.to_peer and message.peer != peer and (hit := pattern.search(message.data)):
                line = message.data.partition(b"\r\n")[0].decode("utf-8", "replace")
                found.append(f"{hit[0].decode()!r} of {peer} is in {line!r} to {message.peer}")
    return found


def _own(message: Seen) -> Iterator[str]:
    """The words of a message that belong to its peer. Those that the switch made for the peer's dialog do as well."""
    head, _, body = message.data.decode("utf-8", "replace").partition("\r\n\r\n")
    lines = head.split("\r\n")
    is_request = not lines[0].upper().startswith("SIP/")
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = _HEADER.get(name.strip().lower(), name.strip().lower())
        yield from _of_header(name, value.strip(), message, is_request=is_request)
    if not message.to_peer:
        for key in ("c", "o"):
            for found in re.findall(rf"^{key}=(.+?)\r?$", body, re.M):
                yield found.split()[-1]


def _of_header(name: str, value: str, message: Seen, *, is_request: bool) -> Iterator[str]:
    if name == "call-id":
        yield value
    elif name in ("from", "to"):
        tag = re.search(r";\s*tag=([^;\s]+)", value)
        if tag and len(tag[1]) > _SHORT:
            yield tag[1]
    elif message.to_peer:
        return
    elif name == "via" and is_request:
        sent_by = value.split()[1].partition(";")[0]
        yield from (sent_by, _host(sent_by))
        branch = re.search(r";\s*branch=([^;\s,]+)", value)
        if branch:
            yield branch[1]
    elif name == "contact":
        for host in re.findall(r"@([^;>\s,]+)", value):
            yield from (host, _host(host))
    elif name in ("user-agent", "server"):
        yield value


def _host(text: str) -> str:
    return text if text.startswith("[") or text.count(":") != 1 else text.partition(":")[0]


_BLOCK = re.compile(rb"^-{10,} .*?\r?\n(?:UDP|TCP|TLS) message (sent|received)[^\n]*\n\n?(.*?)(?=^-{10,} |\Z)", re.M | re.S)


def sipp_log(path: Path, peer: str) -> list[Seen]:
    """The messages of a SIPp `-trace_msg` log."""
    return [
        Seen(peer, found[1] == b"received", found[2].strip().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        for found in _BLOCK.finditer(path.read_bytes())
    ]
