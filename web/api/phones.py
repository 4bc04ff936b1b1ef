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


class ProvisionedPhones(shapes.Shape):
    items: list[ProvisionedPhone]


class Synced(shapes.Shape):
    told: int = Field(description="registrations of the phone that were told to fetch its file again")


async def list_phones(request: Request) -> ProvisionedPhones:
    views = request.services.part(Provisioning).views()
    items = [{**view, "fetched_at": rfc3339(view["fetched_at"]) if view["fetched_at"] else None} for view in views]
    return ProvisionedPhones(items=[ProvisionedPhone(**item) for item in items])


async def resync(request: Request) -> Synced:
    return Synced(told=request.services.part(Provisioning).resync(request.path("mac").lower()))


ROUTES = (
    Route(method="GET", path="/phones", handler=list_phones, roles=OPERATORS, reply=ProvisionedPhones,
          summary="Phones that fetch their settings, with the secret address of their file"),
    Route(method="POST", path="/phones/{mac}/resync", handler=resync, roles=OPERATORS, reply=Synced,
          summary="Tell a phone to fetch its settings again"),
)  # fmt: skip
