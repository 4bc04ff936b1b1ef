"""Phones that fetch their settings from here. They are made and removed as any other object (`[[phone]]`, page of settings)."""

from __future__ import annotations

from pydantic import Field

from softswitch.model.events import rfc3339
from softswitch.registrar.provisioning import Provisioning
from web import shapes
from web.routing import OPERATORS, Request, Route


class ProvisionedPhone(shapes.Shape):
    mac: str
    profile: str
    extension: str
    label: str
    path: str = Field(description="of its file on this web server; a secret")
    file: str
    fetched_at: str | None
    address: str = Field(description="who fetched it last")
    device: str = Field(description="the device that is bound, as it calls itself; empty until one has fetched the file")
    pin: str = Field(description="waiting: the first fetch needs the PIN; void: it can be used no more; empty: none is wanted")
    pin_until: str | None


class ProvisionedPhones(shapes.Shape):
    items: list[ProvisionedPhone]


class IssuedPin(shapes.Shape):
    pin: str = Field(description="six digits, told only here")
    until: str


class Synced(shapes.Shape):
    told: int = Field(description="registrations of the phone that were told to fetch its file again")


async def list_phones(request: Request) -> ProvisionedPhones:
    views = request.services.part(Provisioning).views()
    times = ("fetched_at", "pin_until")
    items = [{**view, **{key: rfc3339(view[key]) if view[key] else None for key in times}} for view in views]
    return ProvisionedPhones(items=[ProvisionedPhone(**item) for item in items])


async def issue_pin(request: Request) -> IssuedPin:
    pin, until = request.services.part(Provisioning).issue_pin(request.path("mac").lower())
    return IssuedPin(pin=pin, until=rfc3339(until))


async def revoke_pin(request: Request) -> None:
    request.services.part(Provisioning).revoke_pin(request.path("mac").lower())


async def resync(request: Request) -> Synced:
    return Synced(told=request.services.part(Provisioning).resync(request.path("mac").lower()))


ROUTES = (
    Route(method="GET", path="/phones", handler=list_phones, roles=OPERATORS, reply=ProvisionedPhones,
          summary="Phones that fetch their settings, with the secret address of their file"),
    Route(method="POST", path="/phones/{mac}/resync", handler=resync, roles=OPERATORS, reply=Synced,
          summary="Tell a phone to fetch its settings again"),
    Route(method="POST", path="/phones/{mac}/pin", handler=issue_pin, roles=OPERATORS, reply=IssuedPin,
          summary="A one-time PIN for the next device that fetches the settings; the former device is not bound any more"),
    Route(method="DELETE", path="/phones/{mac}/pin", handler=revoke_pin, roles=OPERATORS, status=204,
          summary="Revoke the PIN and release the device that is bound"),
)  # fmt: skip
