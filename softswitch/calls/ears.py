"""Where a supervisor listens and speaks: a page, or a phone that the switch has rung for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from media.commands import Command, Listen, UpdatePort
from softswitch.legs.base import Leg


class Ear(Protocol):
    """One supervisor's device, outside of any call. `BrowserSession` is one; compared by identity."""

    login: str
    on_moved: Callable[[int], None] | None
    """Told the old port when the device came back with a new one."""

    @property
    def port(self) -> int:
        """The engine's port; 0 while there is none."""

    def move(self, group: int) -> None:
        """Takes the port into a call's group, hearing nobody until it is told."""

    def go_idle(self) -> None:
        """Back to where it hears nobody."""


class PhoneEar:
    """A phone that supervises. Its keys steer and are heard by nobody else."""

    def __init__(self, login: str, leg: Leg, submit: Callable[[Sequence[Command]], object]) -> None:
        self.login = login
        self.leg = leg
        self.on_moved: Callable[[int], None] | None = None
        self._submit = submit
        self._home = leg.group

    @property
    def port(self) -> int:
        return 0 if self.leg.is_ended else self.leg.port

    def move(self, group: int) -> None:
        self._quiet(dtmf_pass=False)
        self.leg.join(group)

    def go_idle(self) -> None:
        self._quiet(dtmf_pass=True)
        if self.port:
            self.leg.join(self._home)

    def _quiet(self, *, dtmf_pass: bool) -> None:
        if self.port:
            self._submit([Listen(self.port, {}), UpdatePort(self.port, dtmf_pass=dtmf_pass)])
