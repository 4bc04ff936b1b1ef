"""What a phone profile may say. An unknown key or word is an error with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SYNC = ("check-sync;reboot=false", "check-sync", "resync")
ESCAPES = ("text", "xml")


@dataclass(frozen=True, slots=True)
class Vendor:
    name: str = ""
    models: tuple[str, ...] = ()
    """Patterns of model names that the files are for."""
    user_agent: str = ""
    """Pattern of its User-Agent, in SIP and when it fetches its file."""


@dataclass(frozen=True, slots=True)
class Features:
    check_sync: str = field(default="check-sync;reboot=false", metadata={"choices": SYNC})
    """The Event of the NOTIFY after which the phone fetches its file again."""
    auto_answer: tuple[str, ...] = (
        "Answer-Mode: Auto",
        "Call-Info: <sip:softswitch>;answer-after=0",
        "Alert-Info: <http://localhost>;info=alert-autoanswer",
    )
    """Header lines of an INVITE that the phone answers by itself (intercom, paging; RFC 5373 and older forms)."""
    waiting: str = "urn:alert:service:call-waiting"
    """The Alert-Info of a call to a phone that has one already (RFC 7462); "" for none."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    template: str = "base.cfg"
    """File beside the profile, with $name for what is of the device."""
    path: str = "{mac}.cfg"
    """The name under which the phone asks for it; {mac} in lower case, {MAC} in upper case."""
    escape: str = field(default="text", metadata={"choices": ESCAPES})
    """How values are written: text (one line each) or xml."""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class PhoneProfile:
    """How one maker's phones differ from the rest."""

    schema: int = 1
    kind: str = field(default="phone", metadata={"choices": ("phone",)})
    vendor: Vendor = Vendor()
    features: Features = Features()
    provisioning: Provisioning = Provisioning()


@dataclass(frozen=True, slots=True)
class PhoneExample:
    """What a phone of this maker asks for and gets; they are run as tests.

    `agent` is the User-Agent of a real device, `mac` whose it is; `file` and `content_type` are what it asks for and the type
    of the answer; `given` are values of the device and `lines` stand in the file then, in this order. `sync` is the event of
    the NOTIFY that makes it fetch again.
    """

    agent: str = ""
    mac: str = "001565aabbcc"
    file: str = ""
    content_type: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    sync: str = ""
