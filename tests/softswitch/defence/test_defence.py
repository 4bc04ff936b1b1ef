"""Bans over a restart, by order and in the packet filter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signalling.endpoint.bans import Bans
from signalling.endpoint.budget import Budget
from signalling.events import Counted, Flow, SecurityEvent
from signalling.usage.config import Limits
from signalling.usage.offences import BanRules
from softswitch.defence.nftables import PacketFilter
from softswitch.defence.service import Defence
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.observe.alarms import Alarms


class Clock:
    """Monotonic and UTC seconds, apart from each other as after a restart."""

    def __init__(self, utc: float, start: float) -> None:
        self.time = start
        self._offset = utc - start

    def now(self) -> float:
        return self.time

    def utc(self) -> float:
        return self.time + self._offset


class Place:
    def __init__(self, folder: Path, *, utc: float = 1e9, start: float = 100.0, packets: PacketFilter | None = None) -> None:
        self.clock = Clock(utc, start)
        self.events: list[Event] = []
        self.alarms = Alarms(self.events.append, self.clock)
        self.bans, self.budget = Bans(BanRules()), Budget(Limits())
        self.defence = Defence(
            self.bans, self.budget, self.clock, self.events.append, self.alarms, folder / "defence.json", packets
        )


def test_bans_and_logins_outlive_a_restart(tmp_path: Path) -> None:
    before = Place(tmp_path)
    for host in ("203.0.113.1", "2001:db8::1"):
        for _ in range(5):
            before.bans.note("auth_failed", host, before.clock.now(), verified=True)
    before.budget.logged_in("198.51.100.7", before.clock.now())
    asyncio.run(before.defence.save())
    after = Place(tmp_path, utc=1e9 + 3000.0, start=7.0)
    asyncio.run(after.defence.restore())
    assert after.defence.views() == before.defence.views()
    assert after.bans.is_banned("203.0.113.1", after.clock.now())
    assert after.budget.knows("198.51.100.7", after.clock.now())
    after.clock.time += 601.0
    assert not after.bans.is_banned("2001:db8::99", after.clock.now())
    assert after.defence.views() == []


def test_a_damaged_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "defence.json").write_text('{"bans": [{"source": 1}]')
    place = Place(tmp_path)
    asyncio.run(place.defence.restore())
    assert place.defence.views() == []


def test_bans_by_order_are_audited(tmp_path: Path) -> None:
    place = Place(tmp_path)
    view = place.defence.ban("2001:db8::77", 60.0, "spam", "user:admin")
    assert (view.source, view.until, view.reason) == ("2001:db8::", place.clock.utc() + 60.0, "spam")
    assert place.bans.is_banned("2001:db8::1234", place.clock.now())
    place.defence.lift("2001:db8::77", "user:admin")
    assert not place.bans.is_banned("2001:db8::1234", place.clock.now())
    done = [(event.object, event.action) for event in place.events if isinstance(event, AdminChanged)]
    assert done == [("source:2001:db8::", "ban"), ("source:2001:db8::77", "unban")]
    with pytest.raises(NotFound):
        place.defence.lift("203.0.113.1", "user:admin")
    for source, seconds in (("example.com", 60.0), ("203.0.113.1", 0.0)):
        with pytest.raises(Invalid):
            place.defence.ban(source, seconds, "", "user:admin")


def test_an_account_that_is_guessed_is_an_alarm(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.defence.counted(Counted("account-guarded", Flow("udp", ("", 0), ("", 0)), "REGISTER", "1001"))
    place.defence.counted(Counted("flood", Flow("udp", ("", 0), ("", 0))))
    assert [(alarm.code, alarm.object) for alarm in place.alarms.active()] == [("account_guessed", "1001")]


def test_the_packet_filter_is_called_with_fixed_words(tmp_path: Path) -> None:
    """A fake nft writes down what it was called with; one that fails or is missing stops nothing."""

    async def orders() -> None:
        fake, said = tmp_path / "nft", tmp_path / "said"
        fake.write_text(f'#!/bin/sh\necho "$@" >> {said}\ncase "$2" in *) [ "$1" = add ] || exit 1;; esac\n')
        fake.chmod(0o755)
        packets = PacketFilter("inet softswitch banned", str(fake))
        place = Place(tmp_path, packets=packets)
        task = asyncio.create_task(packets.run())
        flow = Flow("tcp", ("192.0.2.1", 5060), ("203.0.113.9", 5060), 1)
        place.defence.heard(SecurityEvent("scanner", flow, "OPTIONS", 0, banned_until=place.clock.now() + 3600.0))
        place.defence.heard(SecurityEvent("scanner", flow, "OPTIONS", 0))
        place.defence.ban("2001:db8::7", 90.0, "", "user:admin")
        place.defence.lift("2001:db8::7", "user:admin")
        await packets.settled()
        task.cancel()
        assert said.read_text().splitlines() == [
            "add element inet softswitch banned { 203.0.113.9 timeout 3600s }",
            "add element inet softswitch banned6 { 2001:db8::/64 timeout 90s }",
            "delete element inet softswitch banned6 { 2001:db8::/64 }",
        ]
        missing = PacketFilter("inet softswitch banned", str(tmp_path / "none"))
        task = asyncio.create_task(missing.run())
        missing.ban("203.0.113.9", 60.0)
        await missing.settled()
        task.cancel()

    asyncio.run(orders())


@pytest.mark.parametrize("name", ["banned", "inet softswitch", "inet softswitch banned; flush ruleset", "inet a b c"])
def test_a_set_has_three_words(name: str) -> None:
    with pytest.raises(ValueError, match="FAMILY TABLE SET"):
        PacketFilter(name)
