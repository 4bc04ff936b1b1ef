"""The computed picture agrees with the named scenarios of `media.routes`, and nobody ever hears themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media import routes as named
from media.commands import Listen
from softswitch.calls.scene import Scene, left_and_right, routes
from softswitch.model.states import MonitorMode

CALLER, AGENT, SUPERVISOR, PLAYER = 1, 2, 3, 9


def _sets(listens: tuple[Listen, ...]) -> dict[int, set[int]]:
    return {listen.listener: set(listen.sources) for listen in listens}


def _talking(**more: object) -> Scene:
    return Scene(caller=CALLER, other=AGENT, talking=True, **more)  # type: ignore[arg-type]


def test_bridge() -> None:
    assert _sets(routes(_talking())) == _sets(named.bridge(CALLER, AGENT))


def test_monitor_modes() -> None:
    for mode in (MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE):
        expected = named.monitored(named.Monitor(mode.value), CALLER, AGENT, SUPERVISOR)
        assert _sets(routes(_talking(supervisors={SUPERVISOR: mode}))) == _sets(expected)
        channels = left_and_right(_talking(supervisors={SUPERVISOR: mode}))
        assert channels == named.record_channels(CALLER, [AGENT], SUPERVISOR, named.Monitor(mode.value))


def test_hold_and_music() -> None:
    held = _talking(caller_held=True, heard_by_caller=PLAYER)
    assert _sets(routes(held)) == _sets(named.hold_with_music(CALLER, PLAYER, AGENT))
    for mode in (MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE):
        watched = _talking(caller_held=True, heard_by_caller=PLAYER, supervisors={SUPERVISOR: mode})
        expected = named.monitored_hold(named.Monitor(mode.value), CALLER, PLAYER, AGENT, SUPERVISOR)
        assert _sets(routes(watched)) == _sets(expected)


def test_prompt_to_a_lonely_caller() -> None:
    assert _sets(routes(Scene(caller=CALLER, heard_by_caller=PLAYER))) == _sets(named.play_to(CALLER, PLAYER))


MODES = st.sampled_from([MonitorMode.LISTEN, MonitorMode.WHISPER, MonitorMode.BARGE])


@given(
    talking=st.booleans(), caller_held=st.booleans(), other_held=st.booleans(), player=st.sampled_from([0, PLAYER]),
    supervisors=st.dictionaries(st.integers(3, 6), MODES, max_size=3),
)  # fmt: skip
def test_no_picture_leaks(
    talking: bool, caller_held: bool, other_held: bool, player: int, supervisors: dict[int, MonitorMode]
) -> None:
    scene = Scene(
        caller=CALLER, other=AGENT, talking=talking, caller_held=caller_held, other_held=other_held, heard_by_caller=player,
        supervisors=supervisors,
    )  # fmt: skip
    heard = _sets(routes(scene))
    assert all(listener not in sources for listener, sources in heard.items())
    assert all(0 not in sources for sources in heard.values())
    for port, mode in supervisors.items():
        assert (port in heard[CALLER]) <= (mode is MonitorMode.BARGE)
        assert (port in heard[AGENT]) <= (mode is not MonitorMode.LISTEN)
    if caller_held and talking:
        assert heard[CALLER] <= {player}
        assert CALLER not in heard[AGENT]
