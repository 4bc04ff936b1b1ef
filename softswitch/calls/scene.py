"""Who hears whom in one call, pure: the whole picture in, complete `Listen` sets out (call-centre.md §9).

`media.routes` names the single scenarios; a live call combines them (a held party and two supervisors, say), so the sets are
computed from the picture here and a test compares them with the named scenarios.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from media.commands import Listen
from softswitch.model.states import MonitorMode

_TALKS = (MonitorMode.WHISPER, MonitorMode.BARGE)


@dataclass(frozen=True, slots=True)
class Scene:
    """The picture. Numbers are ids of ports, players and buses; 0 means nobody.

    `caller_held`: the other side put the caller on hold. `other_held`: the caller's own device did it to the other side.
    `heard_by_caller` and `heard_by_other` are players or buses that replace the other person.
    """

    caller: int
    other: int = 0
    talking: bool = False
    caller_held: bool = False
    other_held: bool = False
    heard_by_caller: int = 0
    heard_by_other: int = 0
    supervisors: Mapping[int, MonitorMode] = field(default_factory=dict)


def routes(scene: Scene) -> tuple[Listen, ...]:
    """The complete sets of everybody in the call; send them in one batch."""
    barging = [port for port, mode in scene.supervisors.items() if mode is MonitorMode.BARGE]
    coaching = [port for port, mode in scene.supervisors.items() if mode in _TALKS]
    listens = []
    if scene.caller:
        listens.append(_hears(scene.caller, *_caller_hears(scene, barging)))
    if scene.other:
        listens.append(_hears(scene.other, *_other_hears(scene, coaching)))
    for port, mode in scene.supervisors.items():
        mates = [mate for mate in coaching if mate != port] if mode in _TALKS else []
        customer = 0 if scene.caller_held else scene.caller  # on hold it is heard by nobody
        listens.append(_hears(port, customer, scene.other, *mates))
    return tuple(listens)


def _caller_hears(scene: Scene, barging: list[int]) -> tuple[int, ...]:
    if scene.caller_held or not scene.talking:
        return (scene.heard_by_caller,) if scene.talking else (scene.heard_by_caller, *barging)
    return (scene.other, *barging)


def _other_hears(scene: Scene, coaching: list[int]) -> tuple[int, ...]:
    if scene.other_held:
        return (scene.heard_by_other, *coaching)
    if scene.caller_held or not scene.talking:
        return tuple(coaching)
    return (scene.caller, *coaching)


def left_and_right(scene: Scene) -> tuple[Mapping[int, float], Mapping[int, float]]:
    """The recorder's channels (interfaces.md §6): left the customer, right the agent's side with whoever barged in."""
    right = [scene.other, *(port for port, mode in scene.supervisors.items() if mode is MonitorMode.BARGE)]
    return {scene.caller: 0.0}, {port: 0.0 for port in right if port}


def _hears(listener: int, *sources: int) -> Listen:
    return Listen(listener, {source: 0.0 for source in sources if source and source != listener})
