"""What phones watch: busy lamps, message lamps, presence; and messages between them (REG-6)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from signalling.auth import OFFERED, ha1
from softswitch.directory.model import Extension, Kind
from tests.flows.world import SWITCH, Peer, World, run


def subscribe(phone: Peer, resource: str, event: str = "dialog", name: str = "") -> str:
    name = name or f"{event}-{resource}"
    phone.node.submit(
        sip.Subscribe(
            name, f"sip:{resource}@{SWITCH[0]}", sig.Flow("udp", phone.node.address, SWITCH), event,
            sig.Identity(phone.number, "softswitch"), resource, login=sip.Login(phone.number, "secret"),
        )
    )  # fmt: skip
    return name


def told(phone: Peer, name: str) -> list[str]:
    """The documents of a subscription so far."""
    return [
        event.body.content.decode()
        for event in phone.events
        if isinstance(event, sig.Notified) and event.subscription == name and event.body is not None
    ]


def versions(documents: list[str]) -> list[int]:
    return [int(re.search(r'version="(\d+)"', text)[1]) for text in documents]  # type: ignore[index]


def states(documents: list[str]) -> list[str]:
    return [state for text in documents for state in re.findall("<state>(.*?)</state>", text)]


@pytest.mark.acceptance("REG-6")
def test_a_lamp_follows_an_extension(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        watcher, phone = await world.phone("1002"), await world.phone("1001")
        phone.answers(after=2.0)
        name = subscribe(watcher, "1001")
        await world.passes(1.0)
        leg = world.carrier.call("4001")
        await world.passes(1.0)
        early = told(watcher, name)[-1]
        assert 'direction="recipient"' in early and 'call-id="' in early and 'remote-tag="' in early
        await world.carrier.sees(sig.Answered)
        await world.passes(1.0)
        world.carrier.hang_up(leg)
        await world.passes(1.0)
        documents = told(watcher, name)
        assert 'state="full"' in documents[0] and all('state="partial"' in text for text in documents[1:])
        assert versions(documents) == list(range(len(documents)))
        assert states(documents) == ["early", "confirmed", "terminated"]
        watcher.node.submit(sip.Unsubscribe(name))
        await world.passes(1.0)
        assert len(world.switch.watching) == 0
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("REG-6")
def test_five_hundred_watchers_are_told_in_time_and_without_gap(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(1011, 1021)]

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        watchers = [Peer(world, f"203.0.113.{number}", 5062, number=number_) for number, number_ in enumerate(numbers, 1)]
        for watcher in watchers:
            for number in range(50):
                subscribe(watcher, "1001", name=f"w{number}")
                await world.passes(0.2)
        assert len(world.switch.watching) == 500
        subscribe(watchers[0], "1001", name="one-too-many")
        await world.passes(0.5)
        refused = [event.status for event in watchers[0].events if isinstance(event, sig.SubscriptionEnded)]
        assert refused == [403], "fifty per account"
        leg = world.carrier.call("4001")
        while not phone.incoming:
            await world.passes(0.001)
        before = sum(len(told(watcher, f"w{number}")) for watcher in watchers for number in range(50))
        await world.passes(0.2)
        after = sum(len(told(watcher, f"w{number}")) for watcher in watchers for number in range(50))
        assert (before, after) == (500, 1000), "everybody within 200 ms"
        world.carrier.hang_up(leg)
        await world.passes(1.0)
        for watcher in watchers:
            for number in range(50):
                documents = told(watcher, f"w{number}")
                assert versions(documents) == list(range(len(documents)))
                assert states(documents)[-1] == "terminated"
        world.network.wire.clear()  # the same messages as of one watcher, many times: nothing new for the scanner

    run(tmp_path, scenario, *(_extension(number) for number in numbers))


def _extension(number: str) -> tuple[Kind, Extension]:
    digests = {algorithm: ha1(algorithm, number, "softswitch", "secret") for algorithm in OFFERED}
    return Kind.EXTENSION, Extension(number=number, realm="softswitch", ha1=digests)


def test_slots_dnd_and_unknown_names(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        watcher = await world.phone("1002")
        dnd = subscribe(watcher, "dnd-1001")
        subscribe(watcher, "4711", name="nobody")
        await world.passes(0.5)
        assert [event.status for event in watcher.events if isinstance(event, sig.SubscriptionEnded)] == [404]
        world.switch.personal.change("1001", "test", {"dnd": True})
        await world.passes(0.2)
        world.switch.personal.change("1001", "test", {"dnd": False})
        await world.passes(0.2)
        assert states(told(watcher, dnd)) == ["confirmed", "terminated"]

    run(tmp_path, scenario)


def test_presence_of_a_phone_and_what_it_publishes(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        watcher = await world.phone("1002")
        name = subscribe(watcher, "1001", "presence")
        await world.passes(0.5)
        phone = await world.phone("1001")
        await world.passes(0.5)
        world.switch.personal.change("1001", "test", {"dnd": True})
        await world.passes(0.5)
        documents = told(watcher, name)
        assert ["closed" in documents[0], "open" in documents[1], "Do not disturb" in documents[2]] == [True] * 3
        assert phone.number

    run(tmp_path, scenario)


def test_a_message_lamp(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        counts = [0, 2]
        world.switch.sources.mailbox = lambda extension: extension
        world.switch.sources.counts = lambda _mailbox: (counts[0], counts[1])
        phone = await world.phone("1001")
        name = subscribe(phone, "1001", "message-summary")
        subscribe(phone, "1002", "message-summary", name="foreign")
        await world.passes(0.5)
        assert [event.status for event in phone.events if isinstance(event, sig.SubscriptionEnded)] == [403]
        counts[0] = 1
        before = world.loop.now
        world.switch.watching.touch("1001", "message-summary")
        await world.passes(0.15)
        assert world.loop.now - before <= 0.2
        assert ["Messages-Waiting: no" in text for text in told(phone, name)] == [True, False]
        assert "Voice-Message: 1/2 (0/0)" in told(phone, name)[-1]

    run(tmp_path, scenario)


def test_a_message_between_phones(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        sender, receiver = await world.phone("1001"), await world.phone("1002")
        receiver_heard = receiver.node.on_event

        def answer(event: sig.Event) -> None:
            receiver_heard(event)
            if isinstance(event, sig.MessageReceived):
                receiver.node.submit(sip.AnswerMessage(event.id))

        receiver.node.on_event = answer
        flow = sig.Flow("udp", sender.node.address, SWITCH)
        for name, to in (("m1", "1002"), ("m2", "1009")):
            sender.node.submit(
                sip.SendMessage(
                    name, f"sip:{to}@{SWITCH[0]}", flow, sig.Identity("1001", "softswitch"), sig.Body(b"hello", "text/plain"),
                    to, sip.Login("1001", "secret"),
                )
            )  # fmt: skip
        await world.passes(1.0)
        (got,) = [event for event in receiver.events if isinstance(event, sig.MessageReceived)]
        assert (got.body.content, got.caller.uri_user) == (b"hello", "1001")
        answered = {event.id: event.status for event in sender.events if isinstance(event, sig.MessageAnswered)}
        assert answered == {"m1": 200, "m2": 480}

    run(tmp_path, scenario)
