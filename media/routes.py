"""Who hears whom, pure: a scenario and its members become `Listen` commands with complete source sets.

Send the commands of one change in one batch: they take effect on one frame, without a gap. Words and sets are those of the
table in `media/README.md`; nobody ever hears themselves but in `echo`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from media.commands import Listen

DUCK_DB = -12.0


class Monitor(StrEnum):
    """What a supervisor does to a conversation."""

    OFF = "off"
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


Routes = tuple[Listen, ...]
Channels = tuple[Mapping[int, float], ...]


def _hears(listener: int, *sources: int) -> Listen:
    return Listen(listener, dict.fromkeys(sources, 0.0))


def silence(*listeners: int) -> Routes:
    """Each of them hears nothing."""
    return tuple(_hears(listener) for listener in listeners)


def echo(port: int) -> Routes:
    """The port hears itself, for test numbers."""
    return (_hears(port, port),)


def bridge(a: int, b: int) -> Routes:
    """Two parties talk."""
    return _hears(a, b), _hears(b, a)


def play_to(port: int, player: int) -> Routes:
    """The port hears a player alone: prompt, music, ringback."""
    return (_hears(port, player),)


def hold_with_music(held: int, player: int, other: int) -> Routes:
    """The held party hears music, the other one nothing."""
    return _hears(held, player), _hears(other)


def ducked_prompt(port: int, player: int, other: int, duck: float = DUCK_DB) -> Routes:
    """A prompt to one side of a conversation, the other's voice lowered under it; the other side notices nothing."""
    return Listen(port, {other: duck, player: 0.0}), _hears(other, port)


def monitored(mode: Monitor, customer: int, agent: int, supervisor: int) -> Routes:
    """A conversation with a supervisor in `mode`; switching is sending the new batch, the old state does not matter."""
    match mode:
        case Monitor.OFF:
            return *bridge(customer, agent), _hears(supervisor)
        case Monitor.LISTEN:
            return *bridge(customer, agent), _hears(supervisor, customer, agent)
        case Monitor.WHISPER:
            return _hears(customer, agent), _hears(agent, customer, supervisor), _hears(supervisor, customer, agent)
        case Monitor.BARGE:
            return (
                _hears(customer, agent, supervisor),
                _hears(agent, customer, supervisor),
                _hears(supervisor, customer, agent),
            )


def listen(customer: int, agent: int, supervisor: int) -> Routes:
    """The supervisor hears both and is heard by none."""
    return monitored(Monitor.LISTEN, customer, agent, supervisor)


def whisper(customer: int, agent: int, supervisor: int) -> Routes:
    """The supervisor hears both and is heard by the agent alone."""
    return monitored(Monitor.WHISPER, customer, agent, supervisor)


def barge(customer: int, agent: int, supervisor: int) -> Routes:
    """All three talk."""
    return monitored(Monitor.BARGE, customer, agent, supervisor)


def supervisor_to_customer(customer: int, agent: int, supervisor: int) -> Routes:
    """The customer hears agent and supervisor, the agent hears the customer alone."""
    return _hears(customer, agent, supervisor), _hears(agent, customer), _hears(supervisor, customer, agent)


def monitored_hold(mode: Monitor, held: int, player: int, other: int, supervisor: int) -> Routes:
    """A held conversation with a supervisor: the held party has music, `other` still hears a whisper or barge."""
    talks = mode in {Monitor.WHISPER, Monitor.BARGE}
    return (
        _hears(held, player),
        _hears(other, supervisor) if talks else _hears(other),
        _hears(supervisor) if mode is Monitor.OFF else _hears(supervisor, other),
    )


def consult(held: int, player: int, agent: int, target: int) -> Routes:
    """The caller waits with music while agent and target talk."""
    return _hears(held, player), *bridge(agent, target)


def private_word(customer: int, player: int, agent: int, supervisor: int) -> Routes:
    """Agent and supervisor talk while the customer hears music."""
    return _hears(customer, player), *bridge(agent, supervisor)


def conference(bus: int, members: Iterable[int], observers: Iterable[int] = (), programs: Iterable[int] = ()) -> Routes:
    """Everybody hears the bus, which gives each member the sum minus their own voice; observers are not heard.

    `programs` (injects) are heard by all.
    """
    talking = tuple(members)
    return _hears(bus, *talking, *programs), *(_hears(member, bus) for member in (*talking, *observers))


def three_way(members: Sequence[int]) -> Routes:
    """A small conference without a bus: each hears all others. Meant for up to four; use `conference` beyond."""
    return tuple(_hears(member, *(other for other in members if other != member)) for member in members)


def record_channels(customer: int, agents: Iterable[int], supervisor: int = 0, mode: Monitor = Monitor.OFF) -> Channels:
    """Stereo as `interfaces.md` §6: left the customer, right the agent's side, with a barging supervisor in it.

    A listening supervisor says nothing that belongs there, a whispering one goes to `whisper_channels`.
    """
    right = [*agents, supervisor] if mode is Monitor.BARGE else [*agents]
    return {customer: 0.0}, dict.fromkeys(right, 0.0)


def whisper_channels(agent: int, supervisor: int) -> Channels:
    """The restricted second file of a whisper: left the agent, right the supervisor."""
    return {agent: 0.0}, {supervisor: 0.0}
