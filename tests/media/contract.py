"""What every engine must do, whatever makes its sound: run on FakeEngine here and on the native one in `tests/native`.

A `Rig` knows how a party is put behind a port, how time passes, how a key is pressed, and what an ear hears.
"""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Protocol

import pytest

from media import events as e
from media import routes
from media.commands import (
    ClearInject,
    CloseBus,
    CloseInject,
    ClosePort,
    CloseTap,
    Command,
    ControlPlay,
    ControlRecord,
    Detect,
    Direction,
    Drain,
    Dump,
    Inject,
    Listen,
    LoadPrompt,
    MovePort,
    OpenBus,
    OpenInject,
    OpenPort,
    OpenTap,
    PayloadMap,
    Play,
    PortKind,
    Record,
    Sample,
    SendDtmf,
    StopPlay,
    StopRecord,
    Tone,
    UpdatePort,
)
from media.engine import MediaEngine
from media.errors import NoCapacity
from media.events import Event
from media.routes import Monitor

PCMU = (PayloadMap("PCMU", 0, 8000), PayloadMap("telephone-event", 101, 8000, fmtp="0-15"))
GROUP, ELSEWHERE = 1000, 2000
C, A, S = 1, 2, 3
MUSIC, BUS, REC, PROMPT, TAP, INJECT = 50, 60, 70, 80, 90, 91
NAMES = {C: "customer", A: "agent", S: "supervisor", MUSIC: "music"}


class Rig(Protocol):
    """One engine under test with the world around it."""

    engine: MediaEngine
    folder: Path  # recordings may be written here, prompts are found here

    def party(self, port: int, group: int, *, direction: Direction = Direction.SENDRECV) -> None:
        """Opens a port whose party sounds as `NAMES[port]`, and waits for `PortOpened`."""
        ...

    def music(self, player: int, group: int) -> Play:
        """The command of an endless player that sounds as `music`."""
        ...

    def talk(self, port: int) -> None:
        """The party behind `port` makes itself heard, if it does not all the time."""
        ...

    def press(self, port: int, digits: str) -> None:
        """The party behind `port` presses keys."""
        ...

    def pass_time(self, ms: int) -> None:
        """Lets `ms` of engine time pass."""
        ...

    def hears(self, port: int) -> set[str]:
        """Whose sound arrives at the party behind `port` now."""
        ...

    def wait(self, kind: type[Event], node: int | None = None) -> Event:
        """The next event of `kind` about `node` (its first field), those before it are skipped; fails after 3 s."""
        ...


class EngineContract:
    """Inherit and give a `rig` fixture."""

    @pytest.fixture
    def three(self, rig: Rig) -> Rig:
        """Customer, agent and supervisor in one group, nobody hears anybody."""
        for port in (C, A, S):
            rig.party(port, GROUP)
        return rig

    def refused(self, rig: Rig, *batch: Command) -> tuple[str, str, int]:
        """Submits a batch that must fail; command, reason and target of the first failure."""
        seq = rig.engine.submit(batch)
        failed = rig.wait(e.CommandFailed)
        assert failed.seq == seq
        return failed.command, failed.reason, failed.target

    # -- ports --------------------------------------------------------------------------------------------------------------

    def test_reservations(self, rig):
        pair, single = rig.engine.reserve(PortKind.RTP, GROUP), rig.engine.reserve(PortKind.WEBRTC, GROUP)
        assert isinstance(pair, e.Reservation)
        assert pair.token != single.token
        assert pair.port % 2 == 0
        assert pair.rtcp_port == pair.port + 1
        assert single.rtcp_port == 0
        assert single.port not in {pair.port, pair.rtcp_port}

    def test_media_starts_with_the_first_packet(self, rig):
        rig.party(C, GROUP)
        rig.engine.submit([Listen(C, {})])
        started = rig.wait(e.MediaStarted, C)
        assert started.codec == "PCMU"
        assert started.remote.rpartition(":")[2].isdigit()

    def test_a_token_opens_one_port(self, rig):
        token = rig.engine.reserve(PortKind.RTP, GROUP).token
        rig.engine.submit([OpenPort(C, token, PCMU)])
        rig.wait(e.PortOpened, C)
        assert self.refused(rig, OpenPort(A, token, PCMU)) == ("OpenPort", "bad_token", A)
        assert self.refused(rig, OpenPort(A, 0xDEAD, PCMU)) == ("OpenPort", "bad_token", A)

    def test_an_id_is_used_once(self, rig):
        rig.party(C, GROUP)
        token = rig.engine.reserve(PortKind.RTP, GROUP).token
        assert self.refused(rig, OpenPort(C, token, PCMU)) == ("OpenPort", "duplicate_id", C)

    def test_an_unknown_codec_is_refused(self, rig):
        token = rig.engine.reserve(PortKind.RTP, GROUP).token
        assert self.refused(rig, OpenPort(C, token, (PayloadMap("GSM", 3, 8000),))) == ("OpenPort", "codec_unsupported", C)

    def test_close_is_idempotent(self, rig):
        rig.party(C, GROUP)
        rig.engine.submit([ClosePort(C)])
        closed = rig.wait(e.PortClosed, C)
        assert closed.reason == "closed"
        assert isinstance(closed.stats, e.PortStats)
        rig.engine.submit([ClosePort(C), Dump()])
        rig.wait(e.Dumped)  # and no failure before it

    @pytest.mark.parametrize("command", [UpdatePort(99, ptime=20), SendDtmf(99, "1"), Detect(99), Sample(99), Listen(99, {})])
    def test_commands_to_nobody_fail(self, rig, command):
        rig.party(C, GROUP)
        assert self.refused(rig, command) == (type(command).__name__, "unknown_id", 99)

    def test_failures_name_their_place_and_the_rest_is_done(self, rig):
        rig.party(C, GROUP)
        seq = rig.engine.submit([Listen(98, {}), Sample(C), Listen(99, {})])
        failed = [rig.wait(e.CommandFailed), rig.wait(e.CommandFailed)]
        assert [(each.seq, each.index, each.target) for each in failed] == [(seq, 0, 98), (seq, 2, 99)]

    def test_a_sample_is_answered(self, rig):
        rig.party(C, GROUP)
        rig.engine.submit([Sample(C)])
        assert rig.wait(e.Stats, C).stats.codec == "PCMU"

    def test_a_dump_has_no_keys(self, three):
        three.engine.submit([Dump()])
        dumped = three.wait(e.Dumped)
        assert dumped.target == 0
        assert isinstance(json.loads(dumped.json), dict)

    def test_draining_refuses_new_ports_and_keeps_old_ones(self, three):
        three.engine.submit([*routes.bridge(C, A), Drain(), Dump()])
        three.wait(e.Dumped)
        with pytest.raises(NoCapacity):
            three.engine.reserve(PortKind.RTP, GROUP)
        assert three.hears(C) == {"agent"}

    # -- routes -------------------------------------------------------------------------------------------------------------

    def test_nobody_hears_anybody_at_first(self, three):
        assert [three.hears(each) for each in (C, A, S)] == [set(), set(), set()]

    @pytest.mark.parametrize(
        ("batch", "customer", "agent", "supervisor"),
        [
            (routes.bridge(C, A), {"agent"}, {"customer"}, set()),
            (routes.echo(C), {"customer"}, set(), set()),
            (routes.listen(C, A, S), {"agent"}, {"customer"}, {"customer", "agent"}),
            (routes.whisper(C, A, S), {"agent"}, {"customer", "supervisor"}, {"customer", "agent"}),
            (routes.barge(C, A, S), {"agent", "supervisor"}, {"customer", "supervisor"}, {"customer", "agent"}),
            (routes.supervisor_to_customer(C, A, S), {"agent", "supervisor"}, {"customer"}, {"customer", "agent"}),
            (routes.three_way((C, A, S)), {"agent", "supervisor"}, {"customer", "supervisor"}, {"customer", "agent"}),
        ],
        ids=["bridge", "echo", "listen", "whisper", "barge", "to customer", "three way"],
    )
    def test_who_hears_whom(self, three, batch, customer, agent, supervisor):
        three.engine.submit(batch)
        assert (three.hears(C), three.hears(A), three.hears(S)) == (customer, agent, supervisor)

    def test_a_new_set_replaces_the_former(self, three):
        for mode in (Monitor.BARGE, Monitor.LISTEN, Monitor.OFF):
            three.engine.submit(routes.monitored(mode, C, A, S))
        assert (three.hears(C), three.hears(A), three.hears(S)) == ({"agent"}, {"customer"}, set())

    def test_hold_with_music_and_back(self, three):
        three.engine.submit([three.music(MUSIC, GROUP), *routes.hold_with_music(C, MUSIC, A)])
        assert (three.hears(C), three.hears(A)) == ({"music"}, set())
        three.engine.submit([StopPlay(MUSIC), *routes.bridge(C, A)])
        assert three.wait(e.PlayEnded, MUSIC).reason == "stopped"
        assert (three.hears(C), three.hears(A)) == ({"agent"}, {"customer"})

    def test_a_conference_is_the_sum_minus_oneself(self, three):
        three.engine.submit([OpenBus(BUS, GROUP), *routes.conference(BUS, (C, A), (S,))])
        assert (three.hears(C), three.hears(A), three.hears(S)) == ({"agent"}, {"customer"}, {"customer", "agent"})
        three.engine.submit([CloseBus(BUS)])
        assert [three.hears(each) for each in (C, A, S)] == [set(), set(), set()]

    def test_order_inside_a_batch_does_not_matter_to_sources(self, three):
        three.engine.submit([Listen(C, {MUSIC: 0.0}), three.music(MUSIC, GROUP)])
        assert three.hears(C) == {"music"}

    def test_routes_stay_in_their_group(self, rig):
        rig.party(C, GROUP)
        rig.party(A, ELSEWHERE)
        assert self.refused(rig, Listen(C, {A: 0.0})) == ("Listen", "cross_group", C)

    def test_a_port_moves_to_another_group(self, rig):
        rig.party(C, GROUP)
        rig.party(A, ELSEWHERE)
        rig.engine.submit([MovePort(A, GROUP), *routes.bridge(C, A)])
        assert (rig.hears(C), rig.hears(A)) == ({"agent"}, {"customer"})

    def test_direction_gates_both_ways(self, three):
        three.engine.submit([*routes.bridge(C, A), UpdatePort(C, direction=Direction.RECVONLY)])
        assert (three.hears(C), three.hears(A)) == (set(), {"customer"})
        three.engine.submit([UpdatePort(C, direction=Direction.SENDONLY)])
        assert (three.hears(C), three.hears(A)) == ({"agent"}, set())
        three.engine.submit([UpdatePort(C, direction=Direction.INACTIVE)])
        assert (three.hears(C), three.hears(A)) == (set(), set())

    def test_a_port_with_a_fax_is_no_sound(self, three):
        three.engine.submit([*routes.bridge(C, A), UpdatePort(C, udptl=True)])
        assert (three.hears(C), three.hears(A)) == (set(), set())
        three.engine.submit([UpdatePort(C, udptl=False)])
        assert (three.hears(C), three.hears(A)) == ({"agent"}, {"customer"})

    # -- players and digits -------------------------------------------------------------------------------------------------

    def prompt(self, rig: Rig, ms: int) -> None:
        path = rig.folder / "prompt.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes(16 * ms))
        rig.engine.submit([LoadPrompt(PROMPT, str(path))])
        assert rig.wait(e.PromptLoaded, PROMPT).duration == ms

    def test_a_prompt_plays_to_its_end(self, three):
        self.prompt(three, 200)
        three.engine.submit([Play(MUSIC, GROUP, (PROMPT, PROMPT)), Listen(C, {MUSIC: 0.0})])
        three.pass_time(500)
        ended = three.wait(e.PlayEnded, MUSIC)
        assert ended.reason == "done"
        assert abs(ended.played_ms - 400) <= 20

    def test_a_missing_prompt_is_an_event(self, rig):
        rig.engine.submit([LoadPrompt(PROMPT, str(rig.folder / "nothing.wav"))])
        assert rig.wait(e.PromptFailed, PROMPT).reason

    def test_playing_what_is_not_loaded_is_refused(self, three):
        assert self.refused(three, Play(MUSIC, GROUP, (99,))) == ("Play", "unknown_id", MUSIC)

    def test_digits_are_reported_and_stop_the_prompt(self, three):
        self.prompt(three, 5000)
        three.engine.submit([Play(MUSIC, GROUP, (PROMPT,), until_digit_of=(C,)), Listen(C, {MUSIC: 0.0})])
        three.press(C, "5")
        assert three.wait(e.PlayEnded, MUSIC).reason == "digit"
        three.press(C, "#")
        # the events of one port keep their order; the first digit may have come before PlayEnded or after it
        heard = three.wait(e.Dtmf, C)
        assert heard.way == "rfc4733"
        assert heard.digit in {"5", "#"}

    def test_talk_is_told_and_stops_the_prompt(self, three):
        self.prompt(three, 5000)
        play = Play(MUSIC, GROUP, (PROMPT,), until_talk_of=(C,))
        three.engine.submit([Detect(C, speech=True), play, Listen(C, {MUSIC: 0.0})])
        three.talk(C)
        assert three.wait(e.Talking, C).level > -40
        ended = three.wait(e.PlayEnded, MUSIC)
        assert (ended.reason, ended.played_ms < 1000) == ("talk", True)

    def test_stopping_what_has_ended_is_harmless(self, three):
        three.engine.submit([Play(MUSIC, GROUP, tone=Tone((440.0,))), StopPlay(MUSIC)])
        three.wait(e.PlayEnded, MUSIC)
        three.engine.submit([StopPlay(MUSIC), Dump()])
        assert isinstance(three.wait(e.Dumped), e.Dumped)

    def test_a_paused_player_waits_and_steps_are_counted_from_where_it_is(self, three):
        self.prompt(three, 3000)
        three.engine.submit([Play(MUSIC, GROUP, (PROMPT, PROMPT)), Listen(C, {MUSIC: 0.0})])
        three.pass_time(300)
        three.engine.submit([ControlPlay(MUSIC, pause=True)])
        three.pass_time(300)
        three.engine.submit([ControlPlay(MUSIC, seek=1000), ControlPlay(MUSIC, skip=4600, gain=-6.0, pause=False)])
        three.pass_time(700)
        ended = three.wait(e.PlayEnded, MUSIC)
        assert ended.reason == "done"
        assert 600 <= ended.played_ms <= 900  # 300 before, 400 from 5.6 s on
        three.engine.submit([ControlPlay(MUSIC, pause=False), Dump()])
        assert isinstance(three.wait(e.Dumped), e.Dumped)

    def test_a_file_is_streamed(self, three):
        self.prompt(three, 400)
        three.engine.submit([Play(MUSIC, GROUP, stream=str(three.folder / "prompt.wav")), Listen(C, {MUSIC: 0.0})])
        three.pass_time(800)
        ended = three.wait(e.PlayEnded, MUSIC)
        assert (ended.reason, abs(ended.played_ms - 400) <= 120) == ("done", True)

    # -- recorders ----------------------------------------------------------------------------------------------------------

    def test_a_stereo_recording(self, three):
        path = three.folder / "call.wav"
        channels = routes.record_channels(C, (A,))
        three.engine.submit([*routes.bridge(C, A), Record(REC, GROUP, str(path), channels)])
        assert three.wait(e.RecordStarted, REC).path == str(path)
        three.pass_time(600)
        three.engine.submit([ControlRecord(REC, pause=True, mark="card"), ControlRecord(REC, pause=False)])
        three.engine.submit([StopRecord(REC)])
        ended = three.wait(e.RecordEnded, REC)
        assert ended.verdict == "complete"
        assert 500 <= ended.duration <= 900
        assert ended.bytes == path.stat().st_size
        assert len(ended.sha256) == 64
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 8000)
            assert abs(file.getnframes() / 8 - ended.duration) <= 20

    def test_a_folder_that_is_not_there_is_refused(self, three):
        path = str(three.folder / "nowhere" / "call.wav")
        refused = self.refused(three, Record(REC, GROUP, path, routes.record_channels(C, (A,))))
        assert refused == ("Record", "file_error", REC)

    # -- taps and injects ---------------------------------------------------------------------------------------------------

    def test_a_tap_that_cannot_be_is_refused(self, three):
        assert self.refused(three, OpenTap(TAP, GROUP, {C: 0.0}, chunk=30)) == ("OpenTap", "limit", TAP)
        assert self.refused(three, OpenTap(C, GROUP, {C: 0.0})) == ("OpenTap", "duplicate_id", C)
        assert self.refused(three, Inject(INJECT, b"")) == ("Inject", "unknown_id", INJECT)
        three.engine.submit([CloseTap(TAP), CloseInject(INJECT), Dump()])
        three.wait(e.Dumped)  # ending what never was is no failure

    def test_marks_are_told_in_order_and_in_time(self, three):
        sound = bytes(1600)  # 100 ms
        three.engine.submit([OpenInject(INJECT, GROUP), Listen(C, {INJECT: 0.0})])
        three.engine.submit([Inject(INJECT, sound, "one"), Inject(INJECT, sound + sound), Inject(INJECT, b"", "two")])
        three.pass_time(600)
        first, second = three.wait(e.InjectPosition, INJECT), three.wait(e.InjectPosition, INJECT)
        assert (first.mark, second.mark) == ("one", "two")
        assert abs(first.played_ms - 100) <= 60
        assert 180 <= second.played_ms - first.played_ms <= 220
        assert second.queued_ms == 0

    def test_clearing_tells_the_marks_at_once(self, three):
        three.engine.submit([OpenInject(INJECT, GROUP), Inject(INJECT, bytes(160_000), "far"), ClearInject(INJECT)])
        assert three.wait(e.InjectPosition, INJECT).mark == "far"
        three.engine.submit([CloseInject(INJECT)])
        assert self.refused(three, Inject(INJECT, b"", "gone")) == ("Inject", "unknown_id", INJECT)

    def test_an_inject_holds_no_more_than_it_may(self, three):
        full = Inject(INJECT, bytes(16_100))
        assert self.refused(three, OpenInject(INJECT, GROUP, queue=1000), full) == ("Inject", "limit", INJECT)

    # -- the end ------------------------------------------------------------------------------------------------------------

    def test_close_is_idempotent_for_the_engine_too(self, three):
        three.engine.submit([three.music(MUSIC, GROUP), *routes.play_to(C, MUSIC)])
        three.engine.close()
        three.engine.close()
