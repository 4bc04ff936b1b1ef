"""Many at once, small enough for every run: a thousand phones by real sockets (REG-5), twenty calls a second (PRF-1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.registrants import Registrants
from tests.support.sipp import Caller, Sipp, answering
from tests.support.switch import Switch

PHONES, SECONDS, EXPIRES = 1_000, 6.0, 600
RATE, LASTS = 20, 5
USERS = [(f"{20_000 + number}", f"password-of-{number}") for number in range(PHONES)]
APPLY = """
[[trunk]]
name = "in"
addresses = ["127.0.0.1"]
[[trunk]]
name = "out"
addresses = ["127.0.0.1:{out}"]
[[route]]
pattern = "4*"
trunks = ["out"]
[[number]]
number = "4*"
to = "outside:4000"
"""


@pytest.mark.timeout(180)
@pytest.mark.acceptance("REG-5", missing="9,000 of the users and the bound of p95: the bench `registrations` has them")
@pytest.mark.acceptance("PRF-1", missing="30 of the 50 CPS, 15 of the 20 s, other switches, bounds: the bench `prf1`")
def test_a_thousand_phones_register_and_refresh_and_twenty_calls_a_second_go_on_beside(tmp_path: Path) -> None:
    calls = RATE * LASTS
    text = "".join(f'[[extension]]\nnumber = "{name}"\npassword = "{password}"\n' for name, password in USERS)
    with (
        Sipp(tmp_path, answering(ring_ms=100), calls=calls, limit=calls, trace=False) as called,
        Switch(tmp_path, text + APPLY.format(out=called.port)) as switch,
        Registrants(switch.sip_port, USERS, expires=EXPIRES) as phones,
    ):
        _registered(phones, SECONDS)
        scenario = Caller(formats="0 101").invite().answered().pause(0.2).hang_up().xml()
        target = f"127.0.0.1:{switch.sip_port}"
        with Sipp(
            tmp_path, scenario, target=target, service="4000", calls=calls, rate=RATE, limit=calls, trace=False
        ) as caller:
            _registered(phones, LASTS)
            caller.succeed(60)  # the called SIPp itself stalls on a busy machine and takes our repeated INVITE amiss
        assert len(switch.api("GET", "/registrations")["items"]) == PHONES
        assert len(switch.ended_calls(calls, 30)) == calls
        assert "Traceback" not in switch.log


def _registered(phones: Registrants, seconds: float) -> None:
    """Nobody is lost, and what is granted is spread so that refreshes do not meet."""
    outcome = phones.register(seconds, patience=32.0)
    assert (len(outcome.spent), outcome.refused, outcome.late) == (PHONES, 0, 0)
    granted = [phone.granted for phone in phones.phones]
    assert all(0.9 * EXPIRES - 1 <= seconds <= EXPIRES for seconds in granted)
    assert {int(seconds * 100 / EXPIRES) for seconds in granted} >= set(range(90, 100)), "expiries are not spread"
