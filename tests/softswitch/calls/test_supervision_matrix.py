"""The matrix of call-centre.md §9, written out for every mode in every situation of the supervised agent."""

from __future__ import annotations

import pytest

from softswitch.calls.scene import PartyRole, Seat, left_and_right, routes
from softswitch.model.states import MonitorMode as M

C, A, X, S, MUSIC = 1, 2, 3, 4, 9
CUSTOMER, AGENT = PartyRole.CUSTOMER, PartyRole.AGENT
SITUATIONS: dict[str, tuple[Seat, ...]] = {
    "two": (Seat(C, CUSTOMER), Seat(A, AGENT)),
    "hold": (Seat(C, CUSTOMER, held=True, player=MUSIC), Seat(A, AGENT)),
    "consult": (
        Seat(C, CUSTOMER, held=True, player=MUSIC), Seat(A, AGENT, circle=1), Seat(X, PartyRole.CONSULTED, circle=1),
    ),
    "conference": (Seat(C, CUSTOMER), Seat(A, AGENT), Seat(X, PartyRole.MEMBER)),
}  # fmt: skip
HEARD: dict[str, dict[M, dict[str, str]]] = {
    "two": {
        M.OFF: {"C": "A", "A": "C", "S": ""},
        M.LISTEN: {"C": "A", "A": "C", "S": "CA"},
        M.LISTEN_CUSTOMER: {"C": "A", "A": "C", "S": "C"},
        M.LISTEN_AGENT: {"C": "A", "A": "C", "S": "A"},
        M.WHISPER: {"C": "A", "A": "CS", "S": "CA"},
        M.BARGE: {"C": "AS", "A": "CS", "S": "CA"},
    },
    "hold": {
        M.OFF: {"C": "M", "A": "", "S": ""},
        M.LISTEN: {"C": "M", "A": "", "S": "A"},
        M.LISTEN_CUSTOMER: {"C": "M", "A": "", "S": ""},
        M.LISTEN_AGENT: {"C": "M", "A": "", "S": "A"},
        M.WHISPER: {"C": "M", "A": "S", "S": "A"},
        M.BARGE: {"C": "M", "A": "S", "S": "A"},
        M.PRIVATE: {"C": "M", "A": "S", "S": "A"},
    },
    "consult": {
        M.OFF: {"C": "M", "A": "X", "X": "A", "S": ""},
        M.LISTEN: {"C": "M", "A": "X", "X": "A", "S": "AX"},
        M.LISTEN_CUSTOMER: {"C": "M", "A": "X", "X": "A", "S": ""},
        M.LISTEN_AGENT: {"C": "M", "A": "X", "X": "A", "S": "A"},
        M.WHISPER: {"C": "M", "A": "XS", "X": "A", "S": "AX"},
        M.BARGE: {"C": "M", "A": "XS", "X": "AS", "S": "AX"},
        M.PRIVATE: {"C": "M", "A": "S", "X": "", "S": "A"},
    },
    "conference": {
        M.OFF: {"C": "AX", "A": "CX", "X": "AC", "S": ""},
        M.LISTEN: {"C": "AX", "A": "CX", "X": "AC", "S": "CAX"},
        M.LISTEN_CUSTOMER: {"C": "AX", "A": "CX", "X": "AC", "S": "C"},
        M.LISTEN_AGENT: {"C": "AX", "A": "CX", "X": "AC", "S": "A"},
        M.WHISPER: {"C": "AX", "A": "CXS", "X": "AC", "S": "CAX"},
        M.BARGE: {"C": "AXS", "A": "CXS", "X": "ACS", "S": "CAX"},
        M.PRIVATE: {"C": "X", "A": "S", "X": "C", "S": "A"},
    },
}
_PORTS = {"C": C, "A": A, "X": X, "S": S, "M": MUSIC}
CASES = [(situation, mode) for situation, modes in HEARD.items() for mode in modes]


@pytest.mark.parametrize(("situation", "mode"), CASES, ids=[f"{situation}-{mode}" for situation, mode in CASES])
def test_who_hears_whom(situation: str, mode: M) -> None:
    scene = (*SITUATIONS[situation], Seat(S, PartyRole.SUPERVISOR, mode=mode, target=A))
    heard = {listen.listener: set(listen.sources) for listen in routes(scene)}
    assert heard == {_PORTS[who]: {_PORTS[one] for one in ones} for who, ones in HEARD[situation][mode].items()}


@pytest.mark.parametrize(("situation", "mode"), CASES, ids=[f"{situation}-{mode}" for situation, mode in CASES])
def test_only_who_barges_is_in_the_customers_recording(situation: str, mode: M) -> None:
    scene = (*SITUATIONS[situation], Seat(S, PartyRole.SUPERVISOR, mode=mode, target=A))
    left, right = left_and_right(scene)
    assert S not in left
    assert (S in right) is (mode is M.BARGE)
    assert (A in right) is (mode is not M.PRIVATE)


@pytest.mark.parametrize("first", [M.LISTEN, M.WHISPER, M.BARGE])
@pytest.mark.parametrize("second", [M.LISTEN, M.WHISPER, M.BARGE])
def test_two_supervisors_hear_each_other_when_both_speak(first: M, second: M) -> None:
    scene = (
        *SITUATIONS["two"], Seat(S, PartyRole.SUPERVISOR, mode=first, target=A),
        Seat(5, PartyRole.SUPERVISOR, mode=second, target=A),
    )  # fmt: skip
    heard = {listen.listener: set(listen.sources) for listen in routes(scene)}
    speak = M.LISTEN not in (first, second)
    assert (5 in heard[S], S in heard[5]) == (speak, speak)
