"""What calls tell the call distribution about agents, and what they ask it: the seam between `calls` and `acd`.

Every word is one about an agent who is in a call or about to be. Telling never fails: a state that the distribution does not
know of is its own business. Asking (`alert`) may: the agent has no time.
"""

from __future__ import annotations

from typing import Protocol


class Desks(Protocol):
    """Made by the call distribution."""

    def station(self, login: str) -> str:
        """Where the agent works now: "browser", "extension:1001", "outside:0123"; "" when signed out."""

    def agent_at(self, station: str) -> str:
        """The login of the agent who works at a station now, "" for none."""

    def alert(self, login: str, call: str, *, internal: bool) -> None:
        """The agent's device is about to ring beside the queues.

        Raises Conflict when the agent cannot take it now, Unreachable when it is not signed in.
        """

    def answered(self, login: str, call: str, *, internal: bool) -> None:
        """The agent has taken a call beside the queues."""

    def joined(self, login: str, call: str, queue: str) -> None:
        """The customer was transferred to the agent: wrap-up is that of the queue."""

    def held(self, login: str, *, held: bool) -> None: ...

    def consulting(self, login: str) -> None: ...

    def consulted(self, login: str, result: str) -> None:
        """The consultation is over: cancelled, failed, conference."""

    def conference(self, login: str, *, more: bool) -> None:
        """Three or more are together, or (not `more`) two are left."""

    def released(self, login: str, call: str) -> None:
        """The agent's part in the call is over, also when the device only rang."""

    def is_ready(self, login: str) -> bool:
        """Whether the agent could be offered a call now."""

    def is_lost(self, login: str) -> bool:
        """Whether the agent's connection was lost for good: it has not hung up."""


class NoDesks:
    """A switch without call distribution: everybody works where the directory says and has time."""

    def station(self, login: str) -> str:
        return ""

    def agent_at(self, station: str) -> str:
        return ""

    def alert(self, login: str, call: str, *, internal: bool) -> None:
        """Nobody counts."""

    def answered(self, login: str, call: str, *, internal: bool) -> None:
        """Nobody counts."""

    def joined(self, login: str, call: str, queue: str) -> None:
        """Nobody counts."""

    def held(self, login: str, *, held: bool) -> None:
        """Nobody counts."""

    def consulting(self, login: str) -> None:
        """Nobody counts."""

    def consulted(self, login: str, result: str) -> None:
        """Nobody counts."""

    def conference(self, login: str, *, more: bool) -> None:
        """Nobody counts."""

    def released(self, login: str, call: str) -> None:
        """Nobody counts."""

    def is_ready(self, login: str) -> bool:
        return True

    def is_lost(self, login: str) -> bool:
        return False
