"""Orders about calls by their names: one table for the WebSocket, for REST and for programs (centre.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from softswitch.acd.service import AcdService
from softswitch.calls.call import Call
from softswitch.calls.control import CallControl, Hand
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Invalid, Refusal, Unreachable

Values = Mapping[str, Any]
Order = Callable[[Hand, Values], Mapping[str, Any] | None]


class Orders:
    """Owned by the floor. An order is a name, the values that go with it, and the hand that gives it."""

    def __init__(self, acd: AcdService, control: CallControl) -> None:
        self._acd = acd
        self._control = control
        self._table = _table(control)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._table) | {"dial", "pickup"}

    async def by_agent(self, login: str, command: str, values: Values, actor: str) -> Mapping[str, Any]:
        """In the agent's own call."""
        if command == "dial":
            return {"call": self.dial(login, _text(values, "to"))}
        if command == "pickup":
            return self._pick_up(login, values)
        return self._act(self._control.hand(login, actor) if command in self._table else None, command, values)

    async def in_call(self, call: str, command: str, values: Values, actor: str, agent: str) -> Mapping[str, Any]:
        """In a call that is named; what its agent could do."""
        if command == "pickup":
            picker = agent or _text(values, "agent")
            self._control.pickup.by_agent(self._control.calls.get(call), picker)
            return {"call": call}
        return self._act(self._control.hand_in(call, actor, agent) if command in self._table else None, command, values)

    def _act(self, hand: Hand | None, command: str, values: Values) -> Mapping[str, Any]:
        if hand is None:
            raise Invalid("command", f"expected one of {' '.join(sorted(self.names))}, got {command!r}")
        return {"call": hand.call.id, **(self._table[command](hand, values) or {})}

    def dial(self, login: str, text: str) -> str:
        """A call of the agent's own. Raises Conflict in a state that its profile does not dial from."""
        agent, record = self._acd.known(login), self._acd.core.state.agents.get(login)
        to = self._control.destination(text, login=login)
        state = record.state.value if record is not None else "logged_out"
        if state not in agent.dial_from:
            raise Conflict(f"agent {login} is {state}: it may call when {', '.join(agent.dial_from)}", Refusal.OTHER_STATE)
        self._acd.core.check_may_dial(login)
        try:
            from_ = Destination(DestinationKind.AGENT, login)
            return self._control.calls.place(from_, to, actor=login, source="browser").id
        except Unreachable as fault:
            raise Conflict(str(fault)) from fault

    def _pick_up(self, login: str, values: Values) -> Mapping[str, Any]:
        """`slot`: a parked call; `agent`: what rings at a login or an extension; `call`: a call by id; none: the group's."""
        self._acd.core.check_may_dial(login)
        find, pickup = self._control.calls.get, self._control.pickup
        if values.get("slot"):
            call: Call = pickup.parked(_text(values, "slot"))
        elif values.get("agent"):
            call = pickup.ringing_at(_text(values, "agent"))
        elif values.get("call"):
            call = find(_text(values, "call"))
        else:
            call = pickup.ringing_in_group(login)
        try:
            pickup.by_agent(call, login)
        except Unreachable as fault:
            raise Conflict(str(fault)) from fault
        return {"call": call.id}


def _table(control: CallControl) -> dict[str, Order]:
    return {
        "hold": lambda hand, _: control.hold(hand),
        "resume": lambda hand, _: control.resume(hand),
        "mute": lambda hand, _: control.mute(hand, muted=True),
        "unmute": lambda hand, _: control.mute(hand, muted=False),
        "mute_member": lambda hand, v: control.mute(hand, muted=v.get("on", True), participant=_text(v, "participant")),
        "consult": lambda hand, v: control.consult(hand, _text(v, "to")),
        "consult_complete": lambda hand, _: control.consult_complete(hand),
        "consult_merge": lambda hand, _: control.consult_merge(hand),
        "consult_cancel": lambda hand, _: control.consult_cancel(hand),
        "transfer": lambda hand, v: control.transfer(hand, _text(v, "to"), v.get("data")),
        "invite": lambda hand, v: {"participant": control.invite(hand, _text(v, "to"))},
        "remove": lambda hand, v: control.remove(hand, _text(v, "participant")),
        "park": lambda hand, v: {"slot": control.park(hand, str(v.get("slot") or ""))},
        "dtmf": lambda hand, v: control.press(hand, _text(v, "digits")),
        "hangup": lambda hand, _: control.hang_up(hand),
        "data": lambda hand, v: control.set_data(hand, v.get("values") or {}),
        "record": lambda hand, v: _recording(control, _text(v, "action"))(hand, v),
        **{f"record_{action}": _recording(control, action) for action in ("start", "stop", "pause", "resume")},
    }  # fmt: skip


def _recording(control: CallControl, action: str) -> Order:
    return lambda hand, _: control.record(hand, action, forced=hand.actor != hand.party.agent)


def _text(values: Values, name: str) -> str:
    found = values.get(name)
    if not isinstance(found, str) or not found.strip():
        raise Invalid(name, "is missing")
    return found
