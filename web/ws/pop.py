"""The offer as an agent's page gets it: the call, and what the screen pop knows of the caller."""

from __future__ import annotations

from typing import Any

from softswitch.access.rights import Permission, may
from softswitch.customers.book import CustomerBook
from softswitch.customers.masking import masked
from softswitch.customers.model import Customer
from softswitch.features.screen_pop import Pop, ScreenPops
from softswitch.model.states import Role
from softswitch.services import OfferView, Services
from web import shapes
from web.api.customers import contact, item

_INSIDE = ("ended_by",)
"""Variables that are the switch's own."""


def offer(services: Services, view: OfferView, login: str) -> dict[str, Any]:
    """The Offer of README.md. Without the parts of the call centre (tests) it is the call alone."""
    shape = shapes.offer(view).model_dump()
    if ScreenPops not in services.parts:
        return shape
    snapshot = services.directory.current()
    agent, user, queue = snapshot.agents.get(login), snapshot.users.get(login), snapshot.queues.get(view.queue)
    stars = services.settings.customers.mask_numbers and not may(user.role if user else Role.AGENT, Permission.CUSTOMER_UNMASK)
    pops = services.part(ScreenPops)
    pop = pops.of(view.call, view.queue, agent.language if agent else "zh-CN")
    if stars:
        shape["caller"] = masked(view.caller)
    shape |= _known(services, pop, stars=stars)
    shape["queue_title"] = queue.title if queue else ""
    return shape


def _known(services: Services, pop: Pop, *, stars: bool) -> dict[str, Any]:
    variables = {name: value for name, value in pop.variables.items() if name not in _INSIDE}
    return {
        "customer": _customer(services, pop.customer, stars=stars),
        "candidates": [_customer(services, one, stars=stars) for one in pop.candidates],
        "number_place": pop.place,
        "variables": variables,
        "path": list(pop.path),
        "inputs": [{"name": name, "value": value} for name, value in pop.inputs],
        "pop_url": pop.url,
        "widget_page": pop.page,
        "repeat": _repeat(pop),
        "history": [contact(one).model_dump() for one in pop.history],
    }


def _repeat(pop: Pop) -> dict[str, Any] | None:
    """Who rings again after a short while: when, with whom, and what it was about."""
    if pop.repeat is None:
        return None
    last = contact(pop.repeat)
    return {"last": last.at, "agent": last.agent or "", "reason": last.disposition or last.result}


def _customer(services: Services, customer: Customer | None, *, stars: bool) -> dict[str, Any] | None:
    if customer is None:
        return None
    return item(customer, services.part(CustomerBook).definitions, stars=stars).model_dump(by_alias=True)
