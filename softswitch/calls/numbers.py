"""Calling numbers that are signed (STIR/SHAKEN): carriers' calls are judged before they become calls, ours are signed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from signalling.errors import RemoteProtocolError
from signalling.events import IncomingCall
from softswitch.calls.service import CallService
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.sip import SipLeg
from softswitch.model.cause import Cause
from softswitch.model.numbering import read
from softswitch.model.release import Release
from softswitch.model.target import Target
from softswitch.trunks.service import TrunkBook
from softswitch.trunks.stir import FAILED, Asked, Stir, Verdict

log = structlog.get_logger("stir")

Go = Callable[[SipLeg], None]


class CallingNumbers:
    """Owned by the loop. A call whose certificate is here goes on at once; others wait for it, two seconds at most."""

    def __init__(self, stir: Stir, trunks: TrunkBook, calls: CallService) -> None:
        self._stir = stir
        self._trunks = trunks
        self._calls = calls
        self._waiting: set[asyncio.Task[None]] = set()

    def incoming(self, leg: SipLeg, event: IncomingCall, go: Go) -> None:
        """A new call of a trunk whose signatures are wanted, as it came; `go` when it may go on."""
        manners = leg.manners
        claimed = event.caller.asserted_user or event.caller.uri_user
        dests = tuple(map(manners.canonical, dict.fromkeys((event.to_user, event.called, leg.facts.called))))
        asked = Asked(event.identities, event.date, manners.canonical(claimed), dests)
        verdict = self._stir.judge(asked)
        if verdict is not None:
            self._judged(leg, verdict, go)
            return
        task = asyncio.get_running_loop().create_task(self._later(leg, asked, go))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _later(self, leg: SipLeg, asked: Asked, go: Go) -> None:
        with suppress(RemoteProtocolError):  # judged below
            await self._stir.prepare(asked)
        verdict = self._stir.judge(asked) or Verdict(FAILED, status=436, reason="the certificate went away")
        if not leg.is_ended:  # the caller has not given up meanwhile
            self._judged(leg, verdict, go)

    def _judged(self, leg: SipLeg, verdict: Verdict, go: Go) -> None:
        facts = leg.facts
        told = {"verstat": verdict.verstat, **({"attestation": verdict.attestation} if verdict.attestation else {})}
        kept = facts.identities if verdict.verstat != FAILED else ()
        leg.facts = replace(facts, context={**facts.context, **told}, identities=kept)
        if verdict.status:
            log.info("! calling number", trunk=facts.party, status=verdict.status, reason=verdict.reason)
            if self._trunks.stir(facts.party) == "reject":
                release = Release(Cause.FORBIDDEN, verdict.status, Cause.FORBIDDEN.q850)
                self._calls.refuse(leg, Cause.FORBIDDEN, f"stir {verdict.status}", release)
                return
        go(leg)


def signed(stir: Stir, target: Target, caller: LegFacts) -> tuple[str, ...]:
    """Identity headers of a call to a trunk that wants them: A for a number of ours, B for another, C for one in transit."""
    if not target.signs or (caller.hidden and target.manners.privacy != "id"):
        return ()
    manners = target.manners
    number = caller.withheld or caller.caller
    is_own = manners.owns(number)
    attestation = "C" if caller.kind is PartyKind.TRUNK else "A" if manners.number else "B"
    dest = read(target.number, manners.form, manners.where)
    return stir.sign(number if is_own else manners.number, dest, attestation, caller.identities if is_own else ())
