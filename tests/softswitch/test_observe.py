"""Metrics by events, alarms, readiness, the doctor's advice, log lines."""

import io
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from softswitch.bootstrap.certificate import self_signed
from softswitch.bootstrap.presence import present, running
from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.model.address import Listen, PortRange
from softswitch.model.clock import ManualClock
from softswitch.observe import logs
from softswitch.observe.alarms import Alarms
from softswitch.observe.doctor import Check, examine
from softswitch.observe.feed import MetricsFeed
from softswitch.observe.health import Readiness
from softswitch.observe.metrics import Metrics

NAMES = [
    "softswitch_calls_active",
    "softswitch_calls_total",
    "softswitch_call_setup_seconds",
    "softswitch_sip_requests_total",
    "softswitch_sip_responses_total",
    "softswitch_registrations_active",
    "softswitch_trunk_up",
    "softswitch_trunk_channels",
    "softswitch_rtp_packet_loss_ratio",
    "softswitch_rtp_jitter_seconds",
    "softswitch_rtp_mos",
    "softswitch_one_way_audio_total",
    "softswitch_mixer_tick_lag_seconds",
    "softswitch_loop_lag_seconds",
    "softswitch_queue_waiting",
    "softswitch_queue_longest_wait_seconds",
    "softswitch_queue_service_level_ratio",
    "softswitch_agents",
    "softswitch_recordings_total",
    "softswitch_events_outbox_pending",
]


class Scrape:
    def __init__(self, text: bytes) -> None:
        self.samples = {
            (s.name, tuple(sorted(s.labels.items()))): s.value
            for family in text_string_to_metric_families(text.decode())
            for s in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"softswitch_{name}", tuple(sorted(labels.items()))))


def feed() -> tuple[Bus, MetricsFeed, ManualClock]:
    bus, clock = Bus(), ManualClock()
    return bus, MetricsFeed(Metrics(), bus, clock), clock


def created(call: str, **more: str) -> ev.CallCreated:
    return ev.CallCreated(call=call, at=100.0, direction="in", caller="1", **more)  # type: ignore[arg-type]


def ended(call: str, cause: str) -> ev.CallEnded:
    return ev.CallEnded(call=call, at=130.0, who="caller", cause=cause, q850=16, sip_status=200)


def test_the_figures_have_the_agreed_names() -> None:
    described = Metrics().render().decode()
    missing = [name for name in NAMES if f"# HELP {name} " not in described]
    assert missing == []


def test_calls_are_counted_by_direction_and_result() -> None:
    bus, figures, _ = feed()
    for call in ("a", "b", "c", "d"):
        bus.publish(created(call))
    bus.publish(ev.CallAnswered(call="a", at=100.2))
    bus.publish(ev.CallConnected(call="a", at=103.0))
    assert Scrape(figures.render())("calls_active") == 4
    for call, cause in (("a", "normal"), ("b", "busy"), ("c", "cancelled"), ("unknown", "normal")):
        bus.publish(ended(call, cause))
    scrape = Scrape(figures.render())
    assert [scrape("calls_total", direction="in", result=r) for r in ("answered", "busy", "abandoned", "failed")] == [
        1,
        1,
        1,
        None,
    ]
    assert scrape("calls_active") == 1
    assert scrape("call_setup_seconds_count") == 1 and scrape("call_setup_seconds_sum") == pytest.approx(0.2)


def test_trunk_channels_come_back_to_zero() -> None:
    bus, figures, _ = feed()
    bus.publish(created("a", trunk="carrier"))
    bus.publish(ev.LegStarted(call="a", leg="l2", target="outside:1", trunk="other"))
    scrape = Scrape(figures.render())
    assert (scrape("trunk_channels", trunk="carrier"), scrape("trunk_channels", trunk="other")) == (1, 1)
    bus.publish(ev.LegEnded(call="a", leg="l2", cause="normal"))
    bus.publish(ended("a", "normal"))
    scrape = Scrape(figures.render())
    assert (scrape("trunk_channels", trunk="carrier"), scrape("trunk_channels", trunk="other")) == (0, 0)


def test_queues_agents_trunks_phones_and_recordings() -> None:
    bus, figures, clock = feed()
    for visit, wait in (("v1", 5_000), ("v2", 30_000)):
        bus.publish(ev.QueueEntered(at=clock.utc(), queue="sales", visit=visit, position=1))
        bus.publish(ev.QueueLeft(at=clock.utc(), queue="sales", visit=visit, result="answered", wait_ms=wait))
    bus.publish(ev.QueueEntered(at=clock.utc(), queue="sales", visit="v3", position=1))
    clock.advance(7.0)
    for agent, state in (("li", "ready"), ("wu", "ready"), ("li", "talking")):
        bus.publish(ev.AgentStateChanged(agent=agent, old="", new=state))
    bus.publish(ev.TrunkStateChanged(trunk="carrier", state="registered"))
    bus.publish(ev.RegistrationChanged(extension="1001", contacts=2))
    bus.publish(ev.RecordingFinished(recording="r", file="f", status="complete", duration_ms=1, bytes=1, sha256=""))
    scrape = Scrape(figures.render())
    assert scrape("queue_waiting", queue="sales") == 1 and scrape("queue_longest_wait_seconds", queue="sales") == 7
    assert scrape("queue_service_level_ratio", queue="sales") == 0.5
    assert scrape("agents", state="ready") == 1 and scrape("agents", state="talking") == 1
    assert scrape("trunk_up", trunk="carrier") == 1 and scrape("registrations_active") == 2
    assert scrape("recordings_total", verdict="complete") == 1


def test_quality_is_counted_once_for_a_party_at_its_end() -> None:
    bus, figures, _ = feed()
    bus.publish(ev.LegQuality(leg="l1", packets_sent=500, one_way="no_packets", final=False))
    bus.publish(ev.LegQuality(leg="l1", packets_received=0, packets_sent=500, one_way="no_packets"))
    bus.publish(ev.LegQuality(leg="l2", packets_received=99, packets_sent=500, lost=1, mos=4.1))
    scrape = Scrape(figures.render())
    assert scrape("one_way_audio_total") == 1 and scrape("rtp_packet_loss_ratio_sum") == 0.01
    assert scrape("rtp_mos_sum") == 4.1 and scrape("rtp_mos_count") == 1


def test_an_alarm_is_told_once_and_cleared_once() -> None:
    told: list[ev.Event] = []
    clock = ManualClock()
    alarms = Alarms(told.append, clock)
    alarms.raise_("disk_full", "critical", "No space", "recordings")
    since = alarms.active()[0].since
    clock.advance(60)
    alarms.raise_("disk_full", "critical", "Still none", "recordings")
    assert [(a.text, a.since) for a in alarms.active()] == [("Still none", since)]
    alarms.clear("disk_full", "recordings")
    alarms.clear("disk_full", "recordings")
    assert [event.type for event in told] == ["alarm.raised", "alarm.cleared"] and alarms.active() == []


def test_ready_only_when_every_condition_holds() -> None:
    readiness = Readiness("database", "sip")
    assert not readiness.ready and not Readiness().ready
    readiness.set("database", True)
    readiness.set("sip", True)
    assert readiness.ready
    readiness.set("sip", False, "draining")
    assert not readiness.ready and readiness.report()[1].text == "draining"
    with pytest.raises(KeyError):
        readiness.set("spi", True)


def test_a_broken_subscriber_does_not_stop_the_others_and_order_is_kept() -> None:
    bus = Bus()
    seen: list[str] = []

    def breaks(event: ev.Event) -> None:
        raise RuntimeError(event.type)

    def answers(event: ev.Event) -> None:
        if isinstance(event, ev.CallHeld):
            bus.publish(ev.CallResumed())

    bus.subscribe(breaks)
    bus.subscribe(answers)
    subscription = bus.subscribe(lambda event: seen.append(event.type), (ev.CallHeld, ev.CallResumed))
    bus.publish(ev.CallHeld())
    bus.publish(ev.SupervisionEnded())
    assert seen == ["call.held", "call.resumed"]
    subscription.close()
    bus.publish(ev.CallHeld())
    assert len(seen) == 2


def checked(tmp_path: Path, *, sip: tuple[Listen, ...] = (), http_port: int = 0, **more: object) -> dict[str, Check]:
    found = examine(
        sip=sip, http=Listen("http", "127.0.0.1", http_port), media_host="127.0.0.1", media_ports=PortRange(42000, 42063),
        data_dir=tmp_path / "data", codecs=["OPUS", "PCMA", "PCMU"], **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return {check.name: check for check in found}


def test_the_doctor_finds_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        listen = Listen("udp", "127.0.0.1", other.getsockname()[1])
        check = checked(tmp_path, sip=(listen,))[f"port {listen}"]
        assert not check.ok and f"sport = :{listen.port}" in check.advice
        assert f"port {listen}" not in checked(tmp_path, sip=(listen,), running=True)
        (tmp_path / "data").mkdir()
        assert running(tmp_path / "data") is None
        with present(tmp_path / "data", (listen,)):
            own = running(tmp_path / "data")
            assert own is not None and own.process == os.getpid()
            check = checked(tmp_path, sip=(listen,), own=own)[f"port {listen}"]
            assert check.ok and check.text == f"in use by this switch (process {os.getpid()})"
        with present(tmp_path / "data", ()):
            assert not checked(tmp_path, sip=(listen,), own=running(tmp_path / "data"))[f"port {listen}"].ok, "somebody else's"
        assert running(tmp_path / "data") is None
    assert checked(tmp_path, sip=(listen,))[f"port {listen}"].ok


def test_the_doctor_finds_a_key_file_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    key = tmp_path / "data" / "secret.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o644)
    assert "chmod 600" in checked(tmp_path)["key file"].advice
    key.chmod(0o600)
    assert checked(tmp_path)["key file"].ok


@pytest.mark.parametrize("secret", ["", "north"])
def test_the_doctor_misses_the_secret_of_turn(tmp_path: Path, secret: str) -> None:
    check = checked(tmp_path, turn=("turn:turn.example:3478",), turn_secret=secret)["TURN"]
    assert check.ok is bool(secret)
    assert ("media.turn_secret" in check.advice) is not bool(secret)
    assert "TURN" not in checked(tmp_path)


def test_the_doctor_reads_the_certificate(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, datetime.now(UTC))
    assert checked(tmp_path, certificate=str(certificate), key=str(key))["certificate"].ok
    assert not checked(tmp_path, certificate=str(certificate))["certificate"].ok
    assert not checked(tmp_path, certificate=str(key), key=str(certificate))["certificate"].ok
    assert self_signed(tmp_path, datetime.now(UTC)) == (certificate, key) and key.stat().st_mode & 0o077 == 0
    _, other = self_signed(tmp_path / "other", datetime.now(UTC))
    assert "do not belong together" in checked(tmp_path, certificate=str(certificate), key=str(other))["certificate"].text


def test_json_lines_carry_the_call_and_hide_what_is_below_the_level() -> None:
    out = io.StringIO()
    logs.configure("info", "auto", out)
    try:
        logs.bind_call("c1")
        structlog.get_logger("x").debug("hidden")
        structlog.get_logger("x").info("= state", leg="l1")
        (line,) = out.getvalue().splitlines()
        data = json.loads(line)
        assert (data["call"], data["leg"], data["event"], data["level"]) == ("c1", "l1", "= state", "info")
    finally:
        structlog.contextvars.clear_contextvars()
        structlog.reset_defaults()
