"""The messages of the last seconds and of all live calls, in memory: noted in a fraction of a microsecond, sorted in batches.

`note` is the observer of the SIP driver; it keeps octets, time and flow and looks at nothing. `sort` cuts streams into messages
and lays each into the dialog of its Call-ID. `claim` says which call a Call-ID belongs to; what nobody claims is forgotten.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from signalling.events import Flow
from signalling.message.framing import Cut, Framer

BATCH = 512
"""Messages that are sorted together; a burst is not kept unsorted for longer."""
MOST_MESSAGES = 400
MOST_OCTETS = 512 * 1024
"""Of one call; the first ones are kept, because they tell most, and the last ones: the middle is left out."""
LOOSE_SECONDS = 40.0
"""How long a dialog that no call has claimed is remembered: longer than any transaction of RFC 3261 lives."""
MOST_LOOSE = 4_000
"""Calls of strangers, and forks before their call has ended, that are remembered beside those; in a flood the oldest go."""
_CALL_ID = re.compile(rb"(?i)\r?\n(?:call-id|i)[ \t]*:[ \t]*([^\s]+)")
_SESSION = re.compile(rb"(?i)\r?\nSession-ID[ \t]*:[ \t]*([0-9a-f]{32})")
_TAIL = 40


class Message(NamedTuple):
    at: float  # UTC
    sent: bool
    flow: Flow
    data: bytes


@dataclass(slots=True)
class Dialog:
    """All messages of one Call-ID, in order; `dropped` counts those that had no room."""

    messages: list[Message] = field(default_factory=list)
    octets: int = 0
    dropped: int = 0
    call: str = ""
    session: str = ""  # of the INVITE that we sent

    def add(self, message: Message) -> int:
        """Keeps it, or keeps it instead of one in the middle; the octets that this took, negative when it freed some."""
        self.messages.append(message)
        grown = len(message.data)
        while (len(self.messages) > MOST_MESSAGES or self.octets + grown > MOST_OCTETS) and len(self.messages) > 1:
            middle = self.messages.pop(max(0, len(self.messages) - _TAIL))
            self.dropped += 1
            grown -= len(middle.data)
        self.octets += grown
        return grown


Mirror = Callable[[Message, str, Dialog | None], None]
"""Told each message as it is sorted, with its Call-ID."""


class Messages:
    """Owned by the loop. `memory` bounds the octets of all dialogs together; the oldest go first, unclaimed ones before."""

    def __init__(self, utc: Callable[[], float], *, memory: int = 64 << 20, mirror: Mirror | None = None) -> None:
        self._utc = utc
        self._memory = memory
        self._mirror = mirror
        self._fresh: deque[tuple[float, bool, Flow, bytes]] = deque()
        self._framers: dict[Flow, Framer] = {}
        self._loose: dict[str, Dialog | None] = {}  # None: a registration or a ping, whose answers are not kept either
        self._began: deque[tuple[float, str]] = deque()
        self._unclaimed = 0  # dialogs in `_loose`
        self._claimed: dict[str, Dialog] = {}
        self._sessions: dict[str, list[str]] = {}
        self.octets = 0
        self.dropped = 0
        """Dialogs that were forgotten for want of memory."""

    def note(self, way: str, data: bytes, flow: Flow) -> None:
        """One datagram or piece of a stream, "<" received or ">" sent. Nothing else here: every message comes this way."""
        self._fresh.append((self._utc(), way == ">", flow, data))
        if len(self._fresh) >= BATCH:
            self.sort()

    def sort(self) -> None:
        """Lays what is new into dialogs, and forgets what nobody has claimed in time."""
        fresh, self._fresh = self._fresh, deque()
        for at, sent, flow, data in fresh:
            if sent or flow.transport not in ("tcp", "tls"):
                self._lay(Message(at, sent, flow, data))
                continue
            for piece in self._framer(flow).feed(data):
                if piece.kind is Cut.MESSAGE:
                    self._lay(Message(at, sent, flow, piece.data))
                elif piece.kind is Cut.BAD:
                    self._framers.pop(flow, None)
        self._age(self._utc() - LOOSE_SECONDS)

    def _framer(self, flow: Flow) -> Framer:
        framer = self._framers.pop(flow, None) or Framer()
        self._framers[flow] = framer  # the newest last: who is silent for long goes first
        if len(self._framers) > 20_000:
            del self._framers[next(iter(self._framers))]
        return framer

    def _lay(self, message: Message) -> None:
        found = _CALL_ID.search(message.data)
        if found is None:
            return  # a keep-alive, or no SIP
        name = found[1].decode("utf-8", "replace")
        dialog = self._claimed.get(name)
        if dialog is None:
            dialog = self._loose_dialog(name, message)
        if dialog is not None:
            if message.sent and not dialog.session and message.data.startswith(b"INVITE "):
                self._note_session(dialog, name, message.data)
            self.octets += dialog.add(message)
            if self.octets > self._memory:
                self._shrink()
        if self._mirror is not None:
            self._mirror(message, name, dialog)

    def _loose_dialog(self, name: str, message: Message) -> Dialog | None:
        if name in self._loose:
            return self._loose[name]
        is_call = message.data.startswith(b"INVITE ")
        dialog = Dialog() if is_call else None
        self._loose[name] = dialog
        self._began.append((message.at, name))
        if dialog is not None:
            self._unclaimed += 1
            while self._unclaimed > MOST_LOOSE:
                self._forget(self._began.popleft()[1])
        return dialog

    def _note_session(self, dialog: Dialog, name: str, data: bytes) -> None:
        if (found := _SESSION.search(data)) is not None:
            dialog.session = found[1].decode().lower()
            self._sessions.setdefault(dialog.session, []).append(name)

    def _age(self, before: float) -> None:
        while self._began and self._began[0][0] < before:
            self._forget(self._began.popleft()[1])

    def _shrink(self) -> None:
        while self.octets > self._memory and (self._began or self._claimed):
            self.dropped += 1
            if self._began:
                self._forget(self._began.popleft()[1])
            else:
                name = next(iter(self._claimed))
                self._release(self._claimed.pop(name), name)

    def _forget(self, name: str) -> None:
        dialog = self._loose.pop(name, None)
        if dialog is not None:
            self._unclaimed -= 1
            self._release(dialog, name)

    def _release(self, dialog: Dialog, name: str) -> None:
        self.octets -= dialog.octets
        names = self._sessions.get(dialog.session)
        if names is not None:
            names.remove(name)
            if not names:
                del self._sessions[dialog.session]

    def claim(self, name: str, call: str) -> None:
        """The Call-ID belongs to the call, and so do the devices that were rung beside it (the same Session-ID)."""
        loose = self._loose.pop(name, None)
        self._unclaimed -= loose is not None
        dialog = loose or self._claimed.get(name) or Dialog()
        dialog.call = dialog.call or call
        self._claimed[name] = dialog

    def take(self, names: Iterable[str], call: str) -> dict[str, Dialog]:
        """The dialogs of a call that has ended, and nothing of them is kept here any more."""
        found = self.look(names, call)
        for name in found:
            self._release(self._claimed.pop(name), name)
            self._loose[name] = None  # what still comes belongs to nobody
            self._began.append((self._utc(), name))
        return found

    def look(self, names: Iterable[str], call: str) -> dict[str, Dialog]:
        """The dialogs of a call as they are now."""
        self.sort()
        known = list(names)
        for name in known:
            self.claim(name, call)
        sessions = {self._claimed[name].session for name in known} - {""}
        for session in sessions:
            for name in list(self._sessions.get(session, ())):
                if name in self._loose:
                    self.claim(name, call)
                    known.append(name)
        return {name: dialog for name in known if (dialog := self._claimed.get(name)) is not None and dialog.call == call}
