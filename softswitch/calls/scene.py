"""Who hears whom in one call, pure: the whole picture in, complete `Listen` sets out (call-centre.md §9).

`media.routes` names the single scenarios; a live call combines them (a held customer, a consulted colleague, two supervisors),
so the sets are computed from the picture here. A test compares them with the named scenarios and with the matrix of §9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from media.commands import Listen
from softswitch.model.states import MonitorMode


class PartyRole(StrEnum):
    """What a party is in the call. The caller of a call between two phones counts as customer, the called one as agent."""

    CUSTOMER = "customer"
    AGENT = "agent"
    CONSULTED = "consulted"  # the third party that an agent asks before a transfer
    MEMBER = "member"  # of a conference, beside customer and agent
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Seat:
    """One party of the picture. Numbers are ids of ports, players and buses; 0 means none.

    Parties of one `circle` hear each other. A `held` one hears its `player` alone (music) and is heard by nobody; a `muted` one
    hears, but is not heard. `player` is heard besides people: prompt, ringback, early sound of a far end; `cover` is the music
    while whom it talks to is absent, `stream` what a program says to it. `mode` and `target` (the supervised agent's port,
    0 = every agent) are a supervisor's.
    """

    port: int
    role: PartyRole
    circle: int = 0
    held: bool = False
    muted: bool = False
    player: int = 0
    cover: int = 0
    stream: int = 0
    mode: MonitorMode = MonitorMode.OFF
    target: int = 0


Scene = Sequence[Seat]

_TALKS = (MonitorMode.WHISPER, MonitorMode.BARGE)


def routes(scene: Scene) -> tuple[Listen, ...]:
    """The complete sets of everybody in the call; send them in one batch."""
    return tuple(
        _listen(seat.port, _supervisor_hears(scene, seat) if seat.role is PartyRole.SUPERVISOR else _party_hears(scene, seat))
        for seat in scene
        if seat.port
    )


def left_and_right(scene: Scene) -> tuple[Mapping[int, float], Mapping[int, float]]:
    """The recorder's channels (interfaces.md §6): left the customer, right everybody else who can be heard in the call.

    A barging supervisor is on the right, a whispering one on a file of its own. A private word is on no channel. What a program
    says to anybody but an agent is on the right as well; what it says to an agent is a whisper.
    """
    left: dict[int, float] = {}
    right: dict[int, float] = {}
    for seat in scene:
        if seat.stream and seat.role not in (PartyRole.AGENT, PartyRole.SUPERVISOR):
            right[seat.stream] = 0.0
        if not seat.port or seat.muted or _in_private(scene, seat):
            continue
        if seat.role is PartyRole.CUSTOMER:
            left[seat.port] = 0.0
        elif seat.role is not PartyRole.SUPERVISOR or seat.mode is MonitorMode.BARGE:
            right[seat.port] = 0.0
    if not left:  # nobody counts as customer: whoever came first is on the left
        programs = {seat.stream for seat in scene}
        first = next((source for source in right if source not in programs), 0)
        if not first:
            return left, right
        left[first] = right.pop(first)
    return left, right


def _party_hears(scene: Scene, me: Seat) -> list[int]:
    sources = [me.player, me.cover, me.stream]
    if not me.held and not _in_private(scene, me):
        sources += [
            seat.port
            for seat in _people(scene)
            if seat.circle == me.circle and _is_heard(seat) and not _in_private(scene, seat)
        ]
    return sources + [seat.port for seat in scene if seat.role is PartyRole.SUPERVISOR and _speaks_to(scene, seat, me)]


def _speaks_to(scene: Scene, supervisor: Seat, me: Seat) -> bool:
    """Whether this party hears the supervisor. A held customer does not, an agent whom the customer holds does."""
    targets = _targets(scene, supervisor)
    if supervisor.mode in (MonitorMode.WHISPER, MonitorMode.PRIVATE):
        return me in targets
    if supervisor.mode is not MonitorMode.BARGE or _in_private(scene, me):
        return False
    circle = targets[0].circle if targets else 0
    return me in targets or (me.circle == circle and not me.held)


def _supervisor_hears(scene: Scene, me: Seat) -> list[int]:
    """What the supervised agent hears, and the agent; one side alone where the mode says so."""
    targets = _targets(scene, me)
    circle = targets[0].circle if targets else 0
    heard = [
        seat for seat in _people(scene) if seat.circle == circle and (_is_heard(seat) or (seat in targets and not seat.muted))
    ]
    match me.mode:
        case MonitorMode.OFF | MonitorMode.TAKE_OVER:
            return []
        case MonitorMode.LISTEN_CUSTOMER:
            return [seat.port for seat in heard if seat.role is PartyRole.CUSTOMER]
        case MonitorMode.LISTEN_AGENT:
            return [seat.port for seat in heard if seat in targets]
        case MonitorMode.PRIVATE:
            return [seat.port for seat in targets]
        case _:
            mates = [seat.port for seat in scene if seat is not me and _is_mate(seat)] if me.mode in _TALKS else []
            return [seat.port for seat in heard] + [seat.stream for seat in heard] + mates


def _targets(scene: Scene, supervisor: Seat) -> list[Seat]:
    """The agents that a supervisor is with: one, or all when none was named or that one has left."""
    agents = [seat for seat in _people(scene) if seat.role is PartyRole.AGENT]
    named = [seat for seat in _people(scene) if seat.port == supervisor.target and supervisor.target]
    return named or agents


def _in_private(scene: Scene, me: Seat) -> bool:
    for seat in scene:  # noqa: SIM110 -- asked of everybody in every picture: a generator costs more than the question
        if seat.mode is MonitorMode.PRIVATE and (seat is me or me in _targets(scene, seat)):
            return True
    return False


def _is_mate(seat: Seat) -> bool:
    """Supervisors hear each other only when both speak."""
    return seat.role is PartyRole.SUPERVISOR and seat.mode in _TALKS


def _is_heard(seat: Seat) -> bool:
    return not seat.held and not seat.muted


def _people(scene: Scene) -> list[Seat]:
    return [seat for seat in scene if seat.role is not PartyRole.SUPERVISOR and seat.port]


def _listen(listener: int, sources: Sequence[int]) -> Listen:
    return Listen(listener, {source: 0.0 for source in sources if source and source != listener})
