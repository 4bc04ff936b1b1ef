"""What is known of a call beside its record: the customer, what came of it, notes. Part of `GET /calls/{id}`."""

from __future__ import annotations

from typing import Any

from softswitch.customers.book import CustomerBook
from softswitch.model.events import rfc3339
from web.routing import Request


async def said_of(request: Request, call: str) -> dict[str, Any]:
    """The fields `customer`, `dispositions`, `notes`; nothing where the centre keeps no customers."""
    book: CustomerBook | None = request.services.parts.get(CustomerBook)
    if book is None:
        return {}
    customer, given, notes = await book.about(call)
    return {
        "customer": None if customer is None else {
            "id": customer.id, "name": customer.name, "class": customer.grade, "importance": customer.importance,
            "vip": customer.vip,
        },
        "dispositions": [
            {"agent": one.agent, "codes": list(one.codes), "note": one.note, "at": rfc3339(one.at)} for one in given
        ],
        "notes": [{"author": one.author, "text": one.text, "at": rfc3339(one.at)} for one in notes],
    }  # fmt: skip
