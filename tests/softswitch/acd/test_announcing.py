"""What waiting callers are told: rounding, never more than last time, rotation, keys; and the spoken forms."""

from __future__ import annotations

import pytest

from softswitch.acd.announcing import LONG, Said, announcement, offers, rounded
from softswitch.directory.model import Queue
from softswitch.model.destination import Destination
from softswitch.prompts import LANGUAGES, SHIPPED, spoken

to = Destination.parse


@pytest.mark.parametrize(("seconds", "said"), [
    (0, 30), (1, 30), (30, 30), (31, 60), (271, 300), (300, 300), (301, 360), (1141, 1200), (1201, 1260),
])  # fmt: skip
def test_the_wait_is_rounded_up_to_half_minutes_then_to_minutes(seconds: float, said: int) -> None:
    assert rounded(seconds) == said


def test_never_more_than_last_time_unless_it_has_grown_by_half() -> None:
    said = Said()
    waits = [said.wait(seconds * 1000) for seconds in (120, 150, 180, 181, 60, 85, 91)]
    assert waits == [120, 120, 120, 210, 60, 60, 120]


def test_above_twenty_minutes_only_that_it_is_long() -> None:
    found = announcement(Queue(name="q", announce="wait"), Said(), place=3, p80_ms=1_201_000, language="en")
    assert found is not None
    assert found.prompts == ("queue-wait", "wait-long")


@pytest.mark.parametrize(("seconds", "language", "prompts"), [
    (30, "zh-CN", ("wait-about", "30", "seconds")), (60, "en", ("wait-about", "1", "minute")),
    (90, "en", ("wait-about", "1", "minute", "30", "seconds")), (120, "zh-CN", ("wait-about", "two-counted", "minutes")),
    (120, "en", ("wait-about", "2", "minutes")), (1200, "zh-CN", ("wait-about", "20", "minutes")),
])  # fmt: skip
def test_waits_are_spoken_from_numbers_and_units(seconds: int, language: str, prompts: tuple[str, ...]) -> None:
    assert spoken.wait(seconds, LONG, language) == prompts


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wait_that_can_be_said_has_its_files(language: str) -> None:
    needed = {name for seconds in range(30, 1300, 30) for name in spoken.wait(rounded(seconds), LONG, language)}
    assert [name for name in sorted(needed) if not (SHIPPED / language / f"{name}.wav").is_file()] == []


def test_position_and_wait_are_said_together_and_messages_take_turns() -> None:
    queue, said = Queue(name="q", announce="both", messages=("app", "web")), Said()
    first = announcement(queue, said, place=2, p80_ms=60_000, language="en")
    assert first is not None
    assert first.prompts == ("queue-wait", "position", "2", "wait-about", "1", "minute")
    later = [announcement(queue, said, place=2, p80_ms=60_000, language="en") for _ in range(3)]
    assert [one.prompts[0] for one in later if one is not None] == ["app", "web", "app"]


def test_an_unknown_wait_is_replaced_by_the_place() -> None:
    found = announcement(Queue(name="q", announce="wait"), Said(), place=4, p80_ms=-1, language="en")
    assert found is not None
    assert (found.what, found.prompts) == ("position", ("queue-wait", "position", "4"))


def test_a_queue_that_announces_nothing_still_says_its_messages() -> None:
    said = Said()
    assert announcement(Queue(name="q", announce="none"), said, place=1, p80_ms=-1, language="en") is None
    found = announcement(Queue(name="q", announce="none", messages=("app",)), said, place=1, p80_ms=-1, language="en")
    assert found is not None
    assert (found.what, found.prompts) == ("comfort", ("app",))


def test_only_mailbox_and_callback_keys_are_said() -> None:
    keys = {"1": to("callback:q"), "2": to("voicemail:q"), "0": to("extension:1003"), "*": to("voicemail:q")}
    assert offers(keys, callback=True) == ("press-callback", "1", "press-voicemail", "2")
    assert offers(keys, callback=False) == ("press-voicemail", "2")
