"""Intercepting: a supervisor takes a call that waits or rings, before any agent has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.mix import party_name
from softswitch.calls.outcome import Outcome
from softswitch.calls.service import CallService, Handler
from softswitch.calls.supervision_devices import as_leg, page_of, phone_of
from softswitch.calls.switchboard import Switchboard
from softswitch.legs.browser import BrowserSession
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Busy, Conflict, Forbidden, Refusal


@dataclass(frozen=True, slots=True)
class _Ticket:
    """Lets one call to one page, which takes it at once. A page never answers by itself otherwise."""

    login: str
    session: BrowserSession
    actor: str


class Interception:
    """`leave_line(call, actor)` takes a caller out of its queue with the right word, before the call goes elsewhere."""

    def __init__(
        self, calls: CallService, board: Switchboard, sees: Callable[[str, str, str], bool] = lambda *_: True,
        leave_line: Callable[[str, str], None] = lambda _call, _actor: None,
    ) -> None:  # fmt: skip
        self._calls = calls
        self._board = board
        self._sees = sees
        self._leave_line = leave_line
        self._tickets: dict[str, _Ticket] = {}

    def take(self, call_id: str, supervisor: str, *, actor: str, device: str = "browser") -> None:
        """Brings a waiting or ringing caller to the supervisor; offers are withdrawn, the caller keeps hearing what it heard.

        Raises NotFound, Forbidden, Conflict when somebody talks already or the supervisor's page is not ready.
        """
        call = self._calls.get(call_id)
        view = self._calls.view(call_id)
        if view is not None and not self._sees(supervisor, view.agent, view.queue):
            raise Forbidden("this call is not in your scope", Refusal.OUT_OF_SCOPE)
        if call.conversation.is_live:
            raise Conflict("somebody talks in this call already: take it over instead")
        number = phone_of(device)
        if number:
            to = Destination(DestinationKind.EXTENSION, number)
        else:
            to = Destination(DestinationKind.AGENT, supervisor)
            self._tickets[call_id] = _Ticket(supervisor, page_of(self._board, supervisor), actor)
        self._leave_line(call_id, actor)
        call.redirect(to, kind="intercept", actor=actor)

    def wrap(self, to_agent: Handler) -> Handler:
        """The handler of `agent:LOGIN`: who has a ticket is joined at once, everybody else goes the usual way."""

        async def handle(call: Call, destination: Destination) -> Outcome:
            ticket = self._tickets.pop(call.id, None)
            if ticket is None or ticket.login != destination.name:
                return await to_agent(call, destination)
            try:
                leg = as_leg(ticket.session, call.facts)
            except Busy:
                return Outcome.failed(Cause.BUSY)
            call.monitors.intercepted(ticket.login, ticket.actor, "browser")
            return Outcome.ended(await call.bridge(leg, other=party_name(ticket.login), queue=call.tally().queue))

        return handle
