"""Who calls and who was reached, in the headers that the peer is to have: From, PAI, PPI, RPID, Privacy (sip.md §5.4).

Pure. Reading gives `Person` and facts, writing gives header values; no other module of the calls side knows these headers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from signalling.errors import RemoteProtocolError
from signalling.events import Identity, IncomingCall
from signalling.message.headers import NameAddr, parse_name_addr, split_list
from signalling.message.text import presentable
from signalling.message.uri import escape_user
from signalling.message.writer import quoted
from softswitch.model.identity import Manners, Person
from softswitch.model.number import ANONYMOUS

NOBODY = Identity(ANONYMOUS, "anonymous.invalid", "Anonymous")
_WITHHELD = frozenset({"id", "user", "header", "session", "critical"})


class Shown(NamedTuple):
    """How a caller appears to a peer: who stands in From, and the headers beside it."""

    sender: Identity
    headers: dict[str, str]


def shown(caller: Person, manners: Manners, host: str) -> Shown:
    """The caller in a peer's words. `host` is our address as the peer knows it.

    Privacy comes last (§5.4): a withheld number is in no message to a peer that is not trusted with it.
    """
    number = manners.written(caller.number if manners.owns(caller.number) else manners.number)
    name = caller.name if manners.display else ""
    if caller.hidden:
        trusted = manners.privacy == "id" and number not in ("", ANONYMOUS)
        headers = _asserted(number, "", manners, host, hidden=True) if trusted else {}
        return Shown(Identity(manners.sender, "", "") if manners.sender and trusted else NOBODY, headers)
    if number in ("", ANONYMOUS):
        return Shown(Identity(manners.sender, "", "") if manners.sender else NOBODY, {})
    return Shown(Identity(manners.sender or number, "", name), _asserted(number, name, manners, host, hidden=False))


def connected(person: Person, manners: Manners, host: str) -> dict[str, str]:
    """Whom the peer talks to, for a 18x, a 200 or an UPDATE; empty for a peer that is not told, or not to be told."""
    if not manners.connected_line or not person.number or (person.hidden and manners.privacy != "id"):
        return {}
    told = manners if manners.caller_id in ("pai", "rpid", "both") else _WITH_PAI
    name = person.name if manners.display and not person.hidden else ""
    return _asserted(manners.written(person.number), name, told, host, hidden=person.hidden, party="called")


_WITH_PAI = Manners(caller_id="pai")


def _asserted(number: str, name: str, manners: Manners, host: str, *, hidden: bool, party: str = "calling") -> dict[str, str]:
    name = quoted(name)
    address = f"{name}{' ' if name else ''}<sip:{escape_user(number)}@{host}>"
    headers = {}
    if manners.caller_id in ("pai", "both"):
        headers["P-Asserted-Identity"] = address
    if manners.caller_id == "ppi":
        headers["P-Preferred-Identity"] = address
    if manners.caller_id in ("rpid", "both"):
        headers["Remote-Party-ID"] = f"{address};party={party};privacy={'full' if hidden else 'off'};screen=yes"
    if hidden and manners.caller_id != "rpid":
        headers["Privacy"] = "id"
    return headers


def withheld(headers: Mapping[str, str]) -> bool:
    """Whether a message wants the number of its sender kept from others (RFC 3323, RFC 3325, Remote-Party-ID)."""
    words = {word.strip().lower() for word in headers.get("privacy", "").replace(",", ";").split(";")}
    if words & _WITHHELD:
        return True
    return any(f"privacy={word}" in headers.get("remote-party-id", "").lower() for word in ("full", "uri"))


def person_in(headers: Mapping[str, str], manners: Manners) -> Person | None:
    """Who the peer of a response or UPDATE says it is; None when it says nothing, or is not believed."""
    if not manners.trust:
        return None
    for name in ("p-asserted-identity", "remote-party-id"):
        if not (value := headers.get(name)):
            continue
        for address in addresses(value):
            if address.uri.username:
                number = manners.canonical(presentable(address.uri.username))
                return Person(number, presentable(address.name.strip()), withheld(headers))
    return None


_HEADERS = {"pai": "p-asserted-identity", "rpid": "remote-party-id", "ppi": "p-preferred-identity"}


def told_by(event: IncomingCall, places: Sequence[str]) -> str:
    """The caller's number from the first of these places that has one; "" when none has."""
    for place in places:
        if place == "from":
            found = event.caller.uri_user
        else:
            users = (address.uri.username for address in addresses(event.headers.get(_HEADERS[place], "")))
            found = presentable(next((user for user in users if user), ""))
        if found:
            return found
    return ""


def addresses(value: str) -> list[NameAddr]:
    """The addresses of a list header; what cannot be read is left out."""
    found = []
    try:
        items = split_list(value)
    except RemoteProtocolError:
        return []
    for item in items[:10]:
        try:
            found.append(parse_name_addr(item))
        except RemoteProtocolError:
            continue
    return found
