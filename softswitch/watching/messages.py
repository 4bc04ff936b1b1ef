"""Short messages between phones (RFC 3428): taken from one, given to every device of the other, the first 2xx is the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from signalling import commands as sip
from signalling import events as sig
from softswitch.legs.base import PartyKind
from softswitch.model.target import Target
from softswitch.watching.bodies import SUMMARY, summary


@dataclass(slots=True)
class _Open:
    """A message on its way to several devices."""

    id: str
    left: int


class Messages:
    """Owned by the loop."""

    def __init__(self, targets: Callable[[str], Sequence[Target]], submit: Callable[[sip.Command], None]) -> None:
        self._targets = targets
        self._submit = submit
        self._open: dict[str, _Open] = {}

    def heard(self, event: sig.MessageReceived | sig.MessageAnswered) -> None:
        if isinstance(event, sig.MessageAnswered):
            self._answered(event)
        elif event.peer_kind != PartyKind.PHONE:
            self._submit(sip.AnswerMessage(event.id, 403))
        elif not event.body.content_type.lower().startswith("text/"):
            self._submit(sip.AnswerMessage(event.id, 415, {"Accept": "text/plain"}))
        else:
            self._pass_on(event)

    def lamp(self, extension: str, new: int, old: int) -> None:
        """The message lamp of every device of an extension, unasked (RFC 3842 as many phones want it)."""
        for number, target in enumerate(self._targets(extension)):
            body = summary(extension, target.flow.remote[0], new, old)
            who = sig.Identity(extension, "")
            name, routes = f"mwi.{extension}.{number}", target.routes
            self._submit(sip.SendNotify(name, target.uri, target.flow, SUMMARY, who, extension, body, routes=routes))

    def _pass_on(self, event: sig.MessageReceived) -> None:
        targets = self._targets(event.called)
        if not targets:
            self._submit(sip.AnswerMessage(event.id, 480))
            return
        waiting = _Open(event.id, len(targets))
        caller = sig.Identity(event.peer_name, "", event.caller.display_name)
        for number, target in enumerate(targets):
            name = f"{event.id}.{number}"
            self._open[name] = waiting
            routes = target.routes
            self._submit(sip.SendMessage(name, target.uri, target.flow, caller, event.body, target.number, routes=routes))

    def _answered(self, event: sig.MessageAnswered) -> None:
        waiting = self._open.pop(event.id, None)
        if waiting is None:
            return
        waiting.left -= 1
        if event.status < 300:
            if waiting.id:
                self._submit(sip.AnswerMessage(waiting.id, 200))
            waiting.id = ""
        elif not waiting.left and waiting.id:
            self._submit(sip.AnswerMessage(waiting.id, event.status if event.status != 401 else 480))
