"""The computed picture agrees with the named scenarios of `media.routes` and with the matrix of call-centre.md §9."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import routes as named
from media.commands import Listen
from softswitch.calls.scene import PartyRole, Seat, left_and_right, routes
from softswitch.model.states import MonitorMode as M

CALLER, AGENT, THIRD, SUPERVISOR, PLAYER = 1, 2, 3, 4, 9


def _sets(listens: tuple[Listen, ...]) -> dict[int, set[int]]:
    return {listen.listener: set(listen.sources) for listen in listens}


def _customer(*, held: bool = False, player: int = 0, muted: bool = False) -> Seat:
    return Seat(CALLER, PartyRole.CUSTOMER, held=held, player=player, muted=muted)


def _agent(*, circle: int = 0, muted: bool = False) -> Seat:
    return Seat(AGENT, PartyRole.AGENT, circle=circle, muted=muted)


def _watch(mode: M, target: int = AGENT, port: int = SUPERVISOR) -> Seat:
    return Seat(port, PartyRole.SUPERVISOR, mode=mode, target=target)


def test_bridge() -> None:
    assert _sets(routes((_customer(), _agent()))) == _sets(named.bridge(CALLER, AGENT))


@pytest.mark.parametrize("mode", [M.LISTEN, M.WHISPER, M.BARGE])
def test_the_named_modes(mode: M) -> None:
    scene = (_customer(), _agent(), _watch(mode))
    word = named.Monitor(mode.value)
    assert _sets(routes(scene)) == _sets(named.monitored(word, CALLER, AGENT, SUPERVISOR))
    assert left_and_right(scene) == named.record_channels(CALLER, [AGENT], SUPERVISOR, word)
    held = (_customer(held=True, player=PLAYER), _agent(), _watch(mode))
    assert _sets(routes(held)) == _sets(named.monitored_hold(word, CALLER, PLAYER, AGENT, SUPERVISOR))


def test_prompt_to_a_lonely_caller() -> None:
    assert _sets(routes((_customer(player=PLAYER),))) == _sets(named.play_to(CALLER, PLAYER))


C, A, X, S = CALLER, AGENT, THIRD, SUPERVISOR
MATRIX = {
    M.OFF: ({A, X}, {C, X}, {A, C}, set()),
    M.LISTEN: ({A, X}, {C, X}, {A, C}, {C, A, X}),
    M.LISTEN_CUSTOMER: ({A, X}, {C, X}, {A, C}, {C}),
    M.LISTEN_AGENT: ({A, X}, {C, X}, {A, C}, {A}),
    M.WHISPER: ({A, X}, {C, X, S}, {A, C}, {C, A, X}),
    M.BARGE: ({A, X, S}, {C, X, S}, {A, C, S}, {C, A, X}),
}
"""Mode → what C, A, X and S hear, line by line as in §9."""


@pytest.mark.parametrize("mode", MATRIX)
@pytest.mark.parametrize("role", [PartyRole.CONSULTED, PartyRole.MEMBER])
def test_the_matrix_with_a_third_party(mode: M, role: PartyRole) -> None:
    scene = (_customer(), _agent(), Seat(THIRD, role), _watch(mode))
    heard = _sets(routes(scene))
    assert (heard[C], heard[A], heard[X], heard[S]) == MATRIX[mode]
    right = {A, X, S} if mode is M.BARGE else {A, X}
    assert tuple(map(set, left_and_right(scene))) == ({C}, right)


def test_a_private_word_with_the_agent() -> None:
    scene = (_customer(held=True, player=PLAYER), _agent(), _watch(M.PRIVATE))
    assert _sets(routes(scene)) == _sets(named.private_word(CALLER, PLAYER, AGENT, SUPERVISOR))
    assert tuple(map(set, left_and_right(scene))) == ({C}, set()), "the word is in no recording"


def test_a_private_word_in_a_conference_leaves_the_others_together() -> None:
    scene = (_customer(), _agent(), Seat(THIRD, PartyRole.MEMBER), _watch(M.PRIVATE))
    assert _sets(routes(scene)) == {C: {X}, A: {S}, X: {C}, S: {A}}


def test_consulting() -> None:
    scene = (_customer(held=True, player=PLAYER), _agent(circle=1), Seat(THIRD, PartyRole.CONSULTED, circle=1))
    assert _sets(routes(scene)) == _sets(named.consult(CALLER, PLAYER, AGENT, THIRD))
    watched = _sets(routes((*scene, _watch(M.LISTEN))))
    assert watched[S] == {A, X}, "the supervisor hears what the agent hears"
    assert _sets(routes((*scene, _watch(M.WHISPER))))[A] == {X, S}
    assert _sets(routes((*scene, _watch(M.BARGE)))) == {C: {PLAYER}, A: {X, S}, X: {A, S}, S: {A, X}}


def test_who_is_muted_hears_and_is_not_heard() -> None:
    scene = (_customer(), _agent(muted=True), Seat(THIRD, PartyRole.MEMBER), _watch(M.LISTEN))
    assert _sets(routes(scene)) == {C: {X}, A: {C, X}, X: {C}, S: {C, X}}
    assert tuple(map(set, left_and_right(scene))) == ({C}, {X})


def test_a_conference_of_six_hears_everybody_else() -> None:
    scene = (_customer(), _agent(), *(Seat(port, PartyRole.MEMBER) for port in (11, 12, 13, 14)))
    everybody = {seat.port for seat in scene}
    assert _sets(routes(scene)) == {port: everybody - {port} for port in everybody}


def test_two_agents_alone_are_recorded_apart() -> None:
    scene = (Seat(1, PartyRole.AGENT), Seat(2, PartyRole.AGENT))
    assert tuple(map(set, left_and_right(scene))) == ({1}, {2})


def test_a_whisper_reaches_one_agent_only() -> None:
    scene = (_customer(), _agent(), Seat(THIRD, PartyRole.AGENT), _watch(M.WHISPER, target=THIRD))
    heard = _sets(routes(scene))
    assert (S in heard[A], S in heard[X], S in heard[C]) == (False, True, False)


MODES = st.sampled_from(list(M))
SEATS = st.builds(
    Seat, port=st.integers(2, 5), role=st.sampled_from([PartyRole.AGENT, PartyRole.MEMBER, PartyRole.CONSULTED]),
    circle=st.integers(0, 1), held=st.booleans(), muted=st.booleans(), player=st.sampled_from([0, PLAYER]),
)  # fmt: skip


@given(
    held=st.booleans(), player=st.sampled_from([0, PLAYER]),
    others=st.lists(SEATS, max_size=4, unique_by=lambda seat: seat.port),
    supervisors=st.dictionaries(st.integers(6, 8), st.tuples(MODES, st.sampled_from([0, 2, 3])), max_size=3),
)  # fmt: skip
def test_no_picture_leaks(held: bool, player: int, others: list[Seat], supervisors: dict[int, tuple[M, int]]) -> None:
    watching = [_watch(mode, target, port) for port, (mode, target) in supervisors.items()]
    scene = (_customer(held=held, player=player), *others, *watching)
    heard = _sets(routes(scene))
    assert set(heard) == {seat.port for seat in scene}, "everybody's set is complete in every batch"
    assert all(listener not in sources for listener, sources in heard.items())
    assert all(0 not in sources for sources in heard.values())
    for port, (mode, _) in supervisors.items():
        assert (port in heard[CALLER]) <= (mode is M.BARGE)
        listeners = {listener for listener, sources in heard.items() if port in sources and listener not in supervisors}
        assert not listeners or mode in (M.WHISPER, M.BARGE, M.PRIVATE)
    if held:
        assert heard[CALLER] <= {player}
        assert all(CALLER not in heard[seat.port] for seat in others)
    for seat in scene:
        if seat.muted:
            assert not any(seat.port in heard[other.port] for other in (*others, scene[0]))


def test_what_a_program_says() -> None:
    """To the customer: in the recording, and a supervisor hears it. To the agent: a whisper."""
    program = 7
    scene = (Seat(CALLER, PartyRole.CUSTOMER, stream=program), _agent(), _watch(M.LISTEN))
    assert _sets(routes(scene)) == {C: {A, program}, A: {C}, S: {C, A, program}}
    assert tuple(map(set, left_and_right(scene))) == ({C}, {A, program})
    scene = (_customer(), Seat(AGENT, PartyRole.AGENT, stream=program), _watch(M.OFF))
    assert tuple(map(set, left_and_right(scene))) == ({C}, {A})
    alone = (Seat(THIRD, PartyRole.MEMBER, stream=program), Seat(AGENT, PartyRole.AGENT))
    assert tuple(map(set, left_and_right(alone))) == ({X}, {A, program}), "a program is nobody's side"
