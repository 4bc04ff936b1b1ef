"""What is said to a caller about callbacks: which number, and what to do when one exists already."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.call import Call
from softswitch.model.number import ANONYMOUS, canonical
from softswitch.prompts import spoken

ANSWER_SECONDS = 6.0
TRIES = 3
LONGEST_NUMBER = 20


async def ask_number(call: Call, allowed: Callable[[str], bool]) -> str:
    """The number that the caller confirms; "" when it goes on waiting, or after three tries without one that may be called."""
    number = canonical(call.facts.caller)
    if number == ANONYMOUS or not allowed(number):
        number = await _enter(call)
    for _ in range(TRIES):
        if not number:
            return ""
        if not allowed(number):
            await call.play(["callback-refused"])
            number = await _enter(call)
            continue
        await call.play(["callback-number", *spoken.digits(number), "callback-confirm"], stop_on_key=True)
        match await call.collect(1, seconds=ANSWER_SECONDS, finish_on=""):
            case "1":
                return number
            case "2":
                number = await _enter(call)
            case "*" | "":
                return ""
            case _:
                await call.play(["invalid"])
    return ""


async def _enter(call: Call) -> str:
    await call.play(["callback-enter"], stop_on_key=True)
    return await call.collect(LONGEST_NUMBER, seconds=ANSWER_SECONDS, finish_on="#")


async def ask_what_to_do(call: Call, place: int) -> str:
    """The caller has a callback at this place in line (0 = none now): keep, cancel or swap. Silence swaps: it is here now."""
    where = spoken.position(place, call.language) if place else ()
    await call.play(["callback-exists", *where, "callback-choice"], stop_on_key=True)
    match await call.collect(1, seconds=ANSWER_SECONDS, finish_on=""):
        case "1":
            return "keep"
        case "2":
            return "cancel"
        case _:
            return "swap"
