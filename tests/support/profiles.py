"""Runs the `[[example]]` messages of carrier profiles through the switch: the SIP core, the trunk book, the crossing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from signalling import commands as sip
from signalling import events as sig
from signalling.endpoint import Endpoint, EndpointConfig
from signalling.testing import Book, counting_token
from sip_profiles.schema import Example
from softswitch.directory.model import Kind, Trunk
from softswitch.directory.snapshot import Snapshot
from softswitch.legs import crossing
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.address import Address
from softswitch.model.clock import ManualClock
from softswitch.trunks.channels import Channels
from softswitch.trunks.service import TrunkBook

PEER, US = "192.0.2.1", ("192.0.2.100", 5060)
_RANDOM = re.compile(r"(;tag=|branch=|<sip:)[0-9a-z]{16,}|(?<=Call-ID: )\S+")


class Bench:
    """One trunk of a profile and the SIP core in front of it."""

    def __init__(self, profile: str, example: Example) -> None:
        more = dict(example.trunk)
        account = {key: more.pop(key) for key in ("username", "password") if key in more}
        self.trunk = Trunk(name="t", profile=profile, addresses=(Address(PEER),), overrides=more, **account)
        self.book = TrunkBook(ManualClock(), lambda _event: None, lambda _command: None)
        self.book.configure(Snapshot.of([(Kind.TRUNK, self.trunk)]))
        self.endpoint = Endpoint(EndpointConfig(), Book(trunks={PEER: self.book.policy("t")}), counting_token("s"))

    def heard(self, text: str) -> Mapping[str, Any]:
        """What the switch makes of an INVITE of the peer, in the words of `expect`."""
        line = self.book._carriers["t"].line_token
        data = text.replace("{line}", line).replace("\n", "\r\n").encode()
        output = self.endpoint.receive(data, sig.Flow("udp", US, (PEER, 5060)), 0.0)
        (event,) = [event for event in output.events if isinstance(event, sig.IncomingCall)]
        call = self.book.caller(event)
        assert call is not None
        lines, slot = self.book.line_of("t", call.contact, call.headers)
        channel = Channels().seize("t", lines, slot=slot)
        facts = crossing.facts_of(call, self.book.manners("t"), channel, lines)
        return {
            "called": facts.called, "caller": facts.caller, "name": facts.caller_name, "anonymous": facts.hidden,
            "channel": facts.channel, "group": f"{lines[0]}-{lines[1]}", "trunk": facts.party,
            "diverted": facts.diverted[0].number if facts.diverted else "", "headers": " ".join(facts.headers),
        }  # fmt: skip

    def sent(self, call: Mapping[str, Any]) -> list[str]:
        """The lines of the INVITE for a call, random words masked by *."""
        targets = self.book.targets(["t"], call["to"])
        target = next(each for each in targets if each.group == call.get("group", each.group))
        caller = LegFacts(
            inbound=True, kind=PartyKind.PHONE, party="1001", caller=call["caller"], caller_name=call.get("name", ""),
            hidden=call.get("hidden", False), session_id="0" * 31 + "1",
        )  # fmt: skip
        sender, headers = crossing.invite(target, caller, US[0], "leg")
        delayed = target.policy is not None and target.policy.offer == "delayed"
        body = None if delayed else sig.Body(b"v=0\r\n")
        flow = target.flow._replace(local=US)
        output = self.endpoint.submit(
            sip.Invite(
                "leg", target.uri, flow, sender, target.number, body, headers={**headers, **dict(target.headers)},
                policy=target.policy,
            ),
            0.0,
        )  # fmt: skip
        text = output.transmits[0].data.decode()
        return [_RANDOM.sub(lambda found: f"{found[1] or ''}*", line) for line in text.partition("\r\n\r\n")[0].split("\r\n")]
