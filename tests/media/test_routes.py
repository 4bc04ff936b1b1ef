"""Who hears whom, for every scenario, at the ear of each and in the recording."""

from __future__ import annotations

import pytest

from media import routes
from media.commands import OpenBus, OpenPort, PayloadMap, Play, PortKind, Record, Tone
from media.fake import FakeEngine
from media.routes import Monitor

C, A, S, T, BUS, MUSIC, REC = 1, 2, 3, 4, 10, 20, 30
NAMES = {C: "customer", A: "agent", S: "supervisor", T: "target", MUSIC: "music"}


@pytest.fixture
def engine():
    """Four parties, a player and a bus in one group."""
    engine = FakeEngine(record_files=False)
    for party in (C, A, S, T):
        token = engine.reserve(PortKind.RTP, 1).token
        engine.submit([OpenPort(party, token, (PayloadMap("PCMU", 0, 8000),))])
    engine.submit([Play(MUSIC, 1, tone=Tone((440.0,))), OpenBus(BUS, 1)])
    for node, name in NAMES.items():
        engine.label(node, name)
    yield engine
    engine.close()


def ears(engine):
    return tuple(engine.hears(party) for party in (C, A, S, T))


N = set()
SCENARIOS = [
    # name, batch, then what customer, agent, supervisor and target hear
    ("silence", routes.silence(C, A), N, N, N, N),
    ("echo", routes.echo(C), {"customer"}, N, N, N),
    ("bridge", routes.bridge(C, A), {"agent"}, {"customer"}, N, N),
    ("play", routes.play_to(C, MUSIC), {"music"}, N, N, N),
    ("hold", routes.hold_with_music(C, MUSIC, A), {"music"}, N, N, N),
    ("ducked", routes.ducked_prompt(C, MUSIC, A), {"agent", "music"}, {"customer"}, N, N),
    ("off", routes.monitored(Monitor.OFF, C, A, S), {"agent"}, {"customer"}, N, N),
    ("listen", routes.listen(C, A, S), {"agent"}, {"customer"}, {"customer", "agent"}, N),
    ("whisper", routes.whisper(C, A, S), {"agent"}, {"customer", "supervisor"}, {"customer", "agent"}, N),
    ("barge", routes.barge(C, A, S), {"agent", "supervisor"}, {"customer", "supervisor"}, {"customer", "agent"}, N),
    ("to customer", routes.supervisor_to_customer(C, A, S), {"agent", "supervisor"}, {"customer"}, {"customer", "agent"}, N),
    ("listen held", routes.monitored_hold(Monitor.LISTEN, C, MUSIC, A, S), {"music"}, N, {"agent"}, N),
    ("whisper held", routes.monitored_hold(Monitor.WHISPER, C, MUSIC, A, S), {"music"}, {"supervisor"}, {"agent"}, N),
    ("off held", routes.monitored_hold(Monitor.OFF, C, MUSIC, A, S), {"music"}, N, N, N),
    ("consult", routes.consult(C, MUSIC, A, T), {"music"}, {"target"}, N, {"agent"}),
    ("private", routes.private_word(C, MUSIC, A, S), {"music"}, {"supervisor"}, {"agent"}, N),
    ("three way", routes.three_way((C, A, T)), {"agent", "target"}, {"customer", "target"}, N, {"customer", "agent"}),
    ("room", routes.conference(BUS, (C, A, T)), {"agent", "target"}, {"customer", "target"}, N, {"customer", "agent"}),
    (
        "room with an observer",
        routes.conference(BUS, (C, A, T), (S,)),
        {"agent", "target"},
        {"customer", "target"},
        {"customer", "agent", "target"},
        {"customer", "agent"},
    ),
]


@pytest.mark.parametrize(
    ("name", "batch", "customer", "agent", "supervisor", "target"),
    SCENARIOS,
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_who_hears_whom(engine, name, batch, customer, agent, supervisor, target):
    engine.submit(batch)
    assert ears(engine) == (customer, agent, supervisor, target)


def test_every_scenario_of_the_module_is_in_the_table():
    tested = """silence echo bridge play_to hold_with_music ducked_prompt monitored listen whisper barge
        supervisor_to_customer monitored_hold consult private_word conference three_way record_channels whisper_channels"""
    public = {
        name for name, each in vars(routes).items() if callable(each) and getattr(each, "__module__", "") == routes.__name__
    }
    assert {name for name in public if name[0].islower()} == {*tested.split()}


@pytest.mark.parametrize("before", list(Monitor))
@pytest.mark.parametrize("after", list(Monitor))
def test_switching_modes_leaves_nothing_of_the_former(engine, before, after):
    engine.submit(routes.monitored(after, C, A, S))
    fresh = ears(engine)
    engine.submit(routes.monitored(before, C, A, S))
    engine.submit(routes.monitored(after, C, A, S))
    assert ears(engine) == fresh


def test_the_duck_is_12_db(engine):
    engine.submit(routes.ducked_prompt(C, MUSIC, A))
    assert engine.levels(C) == {"agent": -12.0, "music": 0.0}


@pytest.mark.parametrize(
    ("mode", "left", "right"),
    [
        (Monitor.OFF, {"customer"}, {"agent"}),
        (Monitor.LISTEN, {"customer"}, {"agent"}),
        (Monitor.WHISPER, {"customer"}, {"agent"}),
        (Monitor.BARGE, {"customer"}, {"agent", "supervisor"}),
    ],
)
def test_what_the_recording_holds(engine, mode, left, right):
    engine.submit([Record(REC, 1, "x.wav", routes.record_channels(C, (A,), S, mode))])
    assert engine.records(REC) == (left, right)


def test_the_whisper_has_its_own_file(engine):
    engine.submit([Record(REC, 1, "x.wav", routes.whisper_channels(A, S))])
    assert engine.records(REC) == ({"agent"}, {"supervisor"})
