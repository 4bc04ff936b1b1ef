"""Who takes part in most calls of the running switch: a customer that keeps talking (SIPp) and a registered phone (baresip)."""

from __future__ import annotations

from pathlib import Path

from tests.support.audio import tone
from tests.support.phone import Phone
from tests.support.sipp import Caller, Sipp, ulaw
from tests.support.switch import Switch

HOTLINE = "4008001000"
CODECS = ("pcmu", "pcma")


def customer(folder: Path, switch: Switch, hertz: float = 440.0, *, number: str = HOTLINE) -> Sipp:
    """Calls when it is started, sounds until the switch hangs up. Its `media_port` is where a Sniffer hears what it hears."""
    voice = folder / "customer.ulaw"
    voice.write_bytes(ulaw(tone(hertz, 10)))
    scenario = Caller().invite().answered().speak(voice, -1).wait_bye().xml()
    return Sipp(folder, scenario, target=f"127.0.0.1:{switch.sip_port}", service=number)


def desk_phone(switch: Switch, hertz: float, number: str = "1001", codecs: tuple[str, ...] = CODECS) -> Phone:
    """The phone of an extension whose password is `correct-horse-NUMBER`, as in `flows.PHONE_1001`; not registered yet."""
    return Phone(number, f"correct-horse-{number}", f"127.0.0.1:{switch.sip_port}", hertz, codecs)
