"""Trunks and the phones that are registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web import shapes
from web.routing import LEADERS, Request, Route


async def list_trunks(request: Request) -> shapes.Items:
    return shapes.Items(items=[dict(view) for view in request.services.trunks.views()])


async def list_registrations(request: Request) -> shapes.Items:
    items = [
        {"extension": view["extension"], "contacts": [_contact(contact) for contact in view["contacts"]]}
        for view in request.services.registrar.views()
    ]
    return shapes.Items(items=items)


def _contact(contact: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in contact.items() if key != "expires_at"}
    return {**shown, "expires": shapes.time(contact["expires_at"])}


ROUTES = (
    Route(method="GET", path="/trunks", handler=list_trunks, roles=LEADERS, reply=shapes.Items,
          summary="Trunks and their state"),
    Route(method="GET", path="/registrations", handler=list_registrations, roles=LEADERS, reply=shapes.Items,
          summary="Phones that are registered now"),
)  # fmt: skip
