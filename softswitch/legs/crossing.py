"""What crosses the middle of a call and in which words the next peer gets it (sip.md §5): nothing else of a leg is told.

In: an INVITE of one peer becomes `LegFacts`. Out: the facts become From and the headers of an INVITE to another peer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from signalling import events as sig
from softswitch.legs import history, identity
from softswitch.legs.base import LegFacts, PartyKind, TransferReported, TransferWanted
from softswitch.model.cause import Cause
from softswitch.model.errors import Unreachable
from softswitch.model.identity import USUAL, Manners, Person
from softswitch.model.number import ANONYMOUS
from softswitch.model.target import Target

MAX_HEADERS = 20
MAX_VALUE = 2048
_NO_SESSION = "0" * 32
_USER_TO_USER = re.compile(r"(?:[0-9a-fA-F]{2}){1,128}(?:\s*;[!-~ ]{0,200})?")
_SESSION = re.compile(r"\s*([0-9a-fA-F]{32})\b")
_NEVER = frozenset(
    {"authorization", "proxy-authorization", "route", "record-route", "path", "service-route", "warning", "server",
     "user-agent", "via", "from", "to", "call-id", "cseq", "contact", "replaces", "require", "supported", "reason",
     "session-id"}
)  # fmt: skip
"""Not passed whatever a profile lists (§5: new on each leg, translated or never)."""


def facts_of(event: sig.IncomingCall, manners: Manners, channel: int, lines: tuple[int, int] = (1, 0)) -> LegFacts:
    """Who calls, as far as the peer is believed: a phone is who it logged in as, a trusted trunk's network vouches."""
    kind = PartyKind(event.peer_kind)
    number = _number(event, kind, manners)
    hidden = kind is PartyKind.TRUNK and (identity.withheld(event.headers) or number == ANONYMOUS)
    passed = passed_in(event.headers, manners)
    return LegFacts(
        inbound=True, kind=kind, party=event.peer_name, caller=ANONYMOUS if hidden else number,
        caller_name="" if hidden or kind is PartyKind.WIDGET else event.caller.display_name, called=event.called,
        sip_call_id=event.call_id,
        hops=event.max_forwards, asserted=kind is PartyKind.TRUNK and manners.trust and bool(event.caller.asserted_user),
        channel=channel, lines=lines, hidden=hidden, withheld=number if hidden and number != ANONYMOUS else "",
        diverted=history.read(event.headers, manners) if kind is PartyKind.TRUNK and manners.trust else (),
        session_id=session_in(event.headers) or session_made(event.leg), headers=passed,
        identities=event.identities if kind is PartyKind.TRUNK else (), may_refer=manners.may_refer,
        sends_refer=manners.sends_refer, context=dict(passed),
    )  # fmt: skip


def _number(event: sig.IncomingCall, kind: PartyKind, manners: Manners) -> str:
    if kind is PartyKind.PHONE:
        return event.peer_name
    if kind is PartyKind.WIDGET:
        return "web"  # whatever its From says
    if manners.caller_from != USUAL.caller_from and manners.trust:
        return manners.canonical(identity.told_by(event, manners.caller_from)) or ANONYMOUS
    asserted = event.caller.asserted_user if manners.trust else ""
    return manners.canonical(asserted or event.caller.uri_user) or ANONYMOUS


def passed_in(headers: Mapping[str, str], manners: Manners) -> dict[str, str]:
    """The headers that the profile lets in, for the call's data and, where the other peer's lets them out, for that peer."""
    kept = [
        (name, value)
        for name, value in headers.items()
        if _listed(name, manners.headers_in) and name not in _NEVER and len(value) <= MAX_VALUE
    ]
    return {_title(name): value for name, value in kept[:MAX_HEADERS]}


def without_transcoding(target: Target, theirs: tuple[str, ...]) -> Target:
    """The target with the codecs that the other party has, where the trunk wants no other. Raises Unreachable without any."""
    if target.transcode or not theirs:
        return target
    shared = tuple(codec for codec in target.codecs or theirs if codec in theirs)
    if not shared:
        raise Unreachable(Cause.INCOMPATIBLE)
    return replace(target, codecs=shared)


def user_to_user_in(headers: Mapping[str, str]) -> str:
    """What one user tells another one (RFC 7433): up to 128 octets in hexadecimal, with parameters; else ""."""
    value = headers.get("user-to-user", "").strip()
    return value if _USER_TO_USER.fullmatch(value) else ""


def invite(target: Target, caller: LegFacts, host: str, leg: str) -> tuple[sig.Identity, dict[str, str]]:
    """From and the further headers of an INVITE to a target. `host` is our address as the target knows it."""
    manners = target.manners
    host = target.policy.advertise if target.policy is not None and target.policy.advertise else host
    person = person_of(caller)
    if manners.reveals:
        person = person._replace(hidden=False)
    who = identity.shown(person, manners, host)
    headers = {name: value for name, value in caller.headers.items() if _listed(name.lower(), manners.headers_out)}
    headers |= who.headers | history.write(caller.diverted, manners, host, target.number)
    headers["Session-ID"] = f"{caller.session_id or session_made(leg)};remote={_NO_SESSION}"
    return who.sender, headers


def person_of(caller: LegFacts) -> Person:
    """The calling party, with the number that is withheld from those who may not know it."""
    number = caller.withheld or caller.caller
    return Person(number, caller.caller_name, caller.hidden, caller.session_id)


def person_at(target: Target, leg: str) -> Person:
    """Whom a call reaches, before its network has told better: the number that was dialled."""
    return Person(target.number, session=session_made(leg))


def answering(person: Person | None, own: LegFacts, manners: Manners, host: str, leg: str) -> dict[str, str]:
    """Headers of an answer to a caller: whom it has reached, and the identifiers of the session's two ends."""
    headers = identity.connected(person, manners, host) if person is not None else {}
    session = (person.session if person is not None else "") or session_made(f"{leg}.switch")
    return {**headers, "Session-ID": f"{session};remote={own.session_id or _NO_SESSION}"}


def moved_to(event: sig.Ended) -> str:
    """The number in the Contact that a 3xx prefers, "" when there is none to read."""
    if not 300 <= event.status < 400:
        return ""
    return next((entry.uri.username for contact in event.contacts for entry in identity.addresses(contact)), "")


def places_in(event: sig.Ended) -> tuple[str, ...]:
    """The addresses in the Contacts of a 3xx."""
    if not 300 <= event.status < 400:
        return ()
    return tuple(entry.uri_text for contact in event.contacts for entry in identity.addresses(contact))


def transfer(event: sig.TransferRequested | sig.TransferDone | sig.TransferFailed) -> TransferWanted | TransferReported:
    """What a REFER wants, or what became of ours. `leg` is the one that its Replaces names: "none": not ours, "": it was not
    looked up."""
    if not isinstance(event, sig.TransferRequested):
        return TransferReported(event.status)
    leg = (event.replaced.leg or "none") if event.replaced is not None else ""
    told = user_to_user_in(event.headers)
    return TransferWanted(event.refer_to_user, event.replaces, told, leg, event.referred_by)


def session_in(headers: Mapping[str, str]) -> str:
    """The sender's identifier of a Session-ID header (RFC 7989), "" when there is none that can be read."""
    found = _SESSION.match(headers.get("session-id", ""))
    value = found[1].lower() if found is not None else ""
    return "" if value == _NO_SESSION else value


def session_made(leg: str) -> str:
    """The identifier for a party that sends none; the same leg has the same one."""
    return hashlib.sha256(leg.encode()).hexdigest()[:32]


def _listed(name: str, listed: frozenset[str]) -> bool:
    """`x-*` lists every header that begins so."""
    return name in listed or any(each.endswith("*") and name.startswith(each[:-1]) for each in listed)


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
