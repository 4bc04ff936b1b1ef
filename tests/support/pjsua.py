"""A PJSIP phone (pjsua2) as a test sees it: a `Phone` with several calls at once, REFER, presence, MWI, 100rel, timers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.support.phone import Phone
from tests.support.switch import free_sip_port

REL100 = {"off": 0, "required": 1, "optional": 2}
"""pjsua_100rel_use."""
TIMER = {"off": 0, "optional": 1, "required": 2, "always": 3}
"""pjsua_sip_timer_use (RFC 4028)."""


@dataclass
class Pjsua(Phone):
    """Orders apply to the latest call, or to `call=` (0 is the first that was dialled or answered)."""

    PROCESS: ClassVar[str] = "tests.support.pjsua_process"
    rel100: str = "off"
    timer: str = "optional"
    interval: int = 0
    """Session-Expires in seconds that it asks for; 0 is PJSIP's 1800."""
    mwi: bool = False
    proxies: tuple[str, ...] = ()
    """Route URIs of its outbound proxies, with lr."""
    contact: str = ""
    """The Contact that it shows instead of its own address, as behind a NAT."""
    media_port: int = field(default_factory=free_sip_port)

    def options(self) -> dict[str, Any]:
        more = {"interval": self.interval} if self.interval else {}
        return {
            **super().options(), **more, "prack": REL100[self.rel100], "timer": TIMER[self.timer], "mwi": self.mwi,
            "proxies": self.proxies, "contact": self.contact, "media_port": self.media_port,
        }  # fmt: skip

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self.domain}" + (f";transport={self.transport}" if self.transport != "udp" else "")

    def transfer(self, number: str, call: int = -1) -> None:
        """Blind, by REFER."""
        self.do("transfer", uri=self.uri(number), call=call)

    def transfer_attended(self, call: int, to: int) -> None:
        """Connects the parties of two of its calls, by REFER with Replaces."""
        self.do("attended", call=call, to=to)

    def states(self) -> list[str]:
        """Of all its calls, oldest first."""
        found: list[str] = self.do("state")["calls"]
        return found

    def watch(self, number: str) -> None:
        self.do("watch", uri=self.uri(number))

    def watched(self, number: str) -> list[str]:
        """What it was told of somebody's presence, in order."""
        found: list[str] = self.do("watched")["states"].get(self.uri(number), [])
        return found

    def summaries(self) -> list[str]:
        """The NOTIFYs about its mailbox."""
        found: list[str] = self.do("watched")["summaries"]
        return found
