"""Rules about sound: what the engine measured, beside what was signalled."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from softswitch.model import events as ev
from softswitch.trace.ladder import Ladder, Party, Step
from softswitch.trace.phrases import Case

POOR_MOS = 3.1
"""Below, many people are dissatisfied (G.107)."""


def one_way(why: str) -> Callable[[Ladder], Iterator[Case]]:
    """A party is not heard, for this reason."""

    def find(ladder: Ladder) -> Iterator[Case]:
        for event in ladder.events:
            if isinstance(event, ev.LegQuality) and event.one_way == why:
                party = ladder.party_of(event.leg)
                values = {
                    "detail": event.one_way_detail or "?", "agreed": event.codec or _answered(ladder, party) or "?",
                    "address": _media_address(ladder, party) or "–",
                }  # fmt: skip
                yield Case(event.at, party, values)

    return find


def _described(ladder: Ladder, party: Party) -> Iterator[Step]:
    return (step for step in ladder.of(party) if not step.sent and step.words.media)


def _answered(ladder: Ladder, party: Party) -> str:
    """The codec that the party put first when it answered or offered last."""
    found = [step.words.media[0].codecs for step in _described(ladder, party)]
    return found[-1][0] if found and found[-1] else ""


def _media_address(ladder: Ladder, party: Party) -> str:
    found = [step.words.media[0] for step in _described(ladder, party)]
    return f"{found[-1].address}:{found[-1].port}" if found else ""


def poor_sound(ladder: Ladder) -> Iterator[Case]:
    for event in ladder.events:
        if isinstance(event, ev.LegQuality) and event.final and 0 < event.mos < POOR_MOS and not event.one_way:
            expected = event.packets_received + event.lost
            loss = round(100 * event.lost / expected, 1) if expected else 0
            yield Case(
                event.at, ladder.party_of(event.leg), {"mos": event.mos, "loss": f"{loss:g}", "jitter": f"{event.jitter_ms:g}"}
            )


def not_as_signalled(ladder: Ladder) -> Iterator[Case]:
    for event in ladder.events:
        if isinstance(event, ev.LegMedia) and not event.as_signalled:
            yield Case(event.at, ladder.party_of(event.leg), {})


def private_address(ladder: Ladder) -> Iterator[Case]:
    """The peer stands behind a NAT that it does not know of."""
    for party in ladder.parties:
        for step in _described(ladder, party):
            source, address = step.message.flow.remote[0], step.words.media[0].address
            if _is_private(address) and not _is_private(source) and party.kind not in ("browser", "widget"):
                yield Case(step.at, party, {"address": address, "source": source})


_INSIDE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or any(address.version == inside.version and address in inside for inside in _INSIDE)


def left_on_hold(ladder: Ladder) -> Iterator[Case]:
    held = False
    for event in ladder.events:
        if isinstance(event, ev.CallHeld | ev.CallResumed):
            held = isinstance(event, ev.CallHeld)
        elif isinstance(event, ev.CallEnded) and held:
            yield Case(event.at, ladder.caller, {})
