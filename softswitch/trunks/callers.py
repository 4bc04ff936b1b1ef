"""Whose a new call is, where several trunks share an address, and which number it is for (sip.md §7). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from signalling.errors import RemoteProtocolError
from signalling.events import IncomingCall
from signalling.message.headers import parse_name_addr, split_list
from softswitch.directory.snapshot import best_match
from softswitch.model.numbering import Context, read
from softswitch.trunks.carrier import Carrier


def chosen(event: IncomingCall, candidates: Sequence[Carrier]) -> Carrier | None:
    """The trunk among those at this address; None when each is told apart by something that the call does not have.

    What tells most counts first: the word that we registered with, the host called, the number called. A host that a message
    claims chooses among trunks of one source, and nothing more: the source has been identified before.
    """
    registered = [carrier for carrier in candidates if carrier.trunk.username and carrier.line_token == event.called]
    if registered and (registered[0].profile.auth.line_token or len(candidates) > 1):
        return registered[0]
    for told in (_by_domain, _by_number):
        found = [carrier for carrier in candidates if told(event, carrier)]
        if found:
            return found[0]
    return next((carrier for carrier in candidates if not _is_told_apart(carrier)), None)


def _by_domain(event: IncomingCall, carrier: Carrier) -> bool:
    domains = carrier.profile.transport.domains
    return bool(domains) and event.called_host.lower() in (domain.lower() for domain in domains)


def _by_number(event: IncomingCall, carrier: Carrier) -> bool:
    into = carrier.profile.inbound
    if into.tech_prefix and _written(event, carrier).startswith(into.tech_prefix):
        return True
    if not carrier.profile.transport.dids:
        return False
    dids = dict.fromkeys(carrier.profile.transport.dids)
    number = called(event, carrier)
    return any(best_match(form, dids) is not None for form in (number, number.removeprefix("+"), f"+{number}"))


def _is_told_apart(carrier: Carrier) -> bool:
    way = carrier.profile.transport
    return bool(way.domains or way.dids or carrier.profile.inbound.tech_prefix)


def called(event: IncomingCall, carrier: Carrier) -> str:
    """The number called, canonical where the profile says how the carrier writes it."""
    into = carrier.profile.inbound
    number = _written(event, carrier).removeprefix(into.tech_prefix)
    return read(number, into.called_format, Context(into.country, into.area))


def _written(event: IncomingCall, carrier: Carrier) -> str:
    """As the carrier wrote it. A call to the word that we registered with is for the number in To."""
    place = carrier.profile.inbound.called_from
    if place == "ruri" and carrier.profile.auth.line_token and event.called == carrier.line_token:
        place = "to"
    header = {"p-called": "p-called-party-id", "diversion": "diversion"}.get(place, "")
    if header:
        return _bare(_first_user(event.headers.get(header, "")) or event.called)
    return _bare((event.to_user if place == "to" else "") or event.called)


def _first_user(value: str) -> str:
    """The user of the first address of a list header, "" when there is none that can be read."""
    try:
        return parse_name_addr(split_list(value)[0]).uri.username if value else ""
    except (RemoteProtocolError, IndexError):
        return ""


def _bare(user: str) -> str:
    """Without the parameters that stand in the user part of a URI (RFC 3966: tgrp, phone-context, rn)."""
    return user.partition(";")[0]


def named(event: IncomingCall, carrier: Carrier) -> IncomingCall:
    """The call with its trunk's name and the number that it is for."""
    name, number = carrier.trunk.name, called(event, carrier)
    return event if (event.peer_name, event.called) == (name, number) else replace(event, peer_name=name, called=number)
