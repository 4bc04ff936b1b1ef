"""Ids are distinct types made in one place. The source of randomness is given, so that tests are repeatable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NewType

CallId = NewType("CallId", str)
LegId = NewType("LegId", str)
OfferId = NewType("OfferId", str)
VisitId = NewType("VisitId", str)
RecordingId = NewType("RecordingId", str)


class Ids:
    """Makes ids: one letter for the kind, then the token (at least 64 random bits in production)."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def call(self) -> CallId:
        return CallId("c" + self._token())

    def leg(self) -> LegId:
        return LegId("l" + self._token())

    def offer(self) -> OfferId:
        return OfferId("o" + self._token())

    def visit(self) -> VisitId:
        return VisitId("v" + self._token())

    def siprec(self) -> str:
        return "x" + self._token()

    def stream(self) -> str:
        return "s" + self._token()

    def recording(self) -> RecordingId:
        return RecordingId("r" + self._token())
