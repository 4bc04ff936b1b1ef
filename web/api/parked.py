"""Calls that wait in park slots, live. Parking and picking up are commands of calls and agents (`web.api.commands`)."""

from __future__ import annotations

from softswitch.access.rights import Permission
from softswitch.calls.parking import Parked, ParkingLot
from softswitch.customers.masking import masked
from web import shapes
from web.routing import EVERYBODY, Request, Route


class ParkedShape(shapes.Shape):
    """`by`: the login or extension that has parked it; "" for nobody of the house."""

    slot: str
    call: str
    caller: str
    caller_name: str
    by: str
    since: str | None


class ParkedList(shapes.Shape):
    items: list[ParkedShape]


async def list_parked(request: Request) -> ParkedList:
    stars = request.services.settings.customers.mask_numbers and not request.may(Permission.CUSTOMER_UNMASK)
    return ParkedList(items=[_shape(each, stars=stars) for each in request.services.part(ParkingLot).all()])


def _shape(parked: Parked, *, stars: bool) -> ParkedShape:
    facts = parked.call.facts
    return ParkedShape(
        slot=parked.slot, call=parked.call.id, caller=masked(facts.caller) if stars else facts.caller,
        caller_name=facts.caller_name, by=parked.by.partition(":")[2], since=shapes.time(parked.since),
    )  # fmt: skip


ROUTES = (
    Route(method="GET", path="/parked", handler=list_parked, roles=EVERYBODY, reply=ParkedList,
          summary="Parked calls by slot: who waits, since when, and who has parked it"),
)  # fmt: skip
