"""Tokens for the click-to-call widget: for one call, short-lived, bound to one origin and one destination."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Invalid
from web import shapes
from web.routing import OPERATORS, Model, Request, Route

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_CALLABLE = frozenset({DestinationKind.FLOW, DestinationKind.QUEUE, DestinationKind.EXTENSION, DestinationKind.ECHO})


class ClickToken(Model):
    to: str = Field(description="flow:NAME, queue:NAME, extension:NUMBER or echo")
    origin: str = Field(description="the web site's origin, as browsers send it")
    address: str = Field("", max_length=45, description="the customer's IP address; only its network may call")
    seconds: float = Field(120.0, ge=1.0, le=120.0, description="how long the token may wait for the call")
    max_duration: float = Field(1800.0, ge=10.0, le=1800.0, description="seconds that the call may last")

    @field_validator("origin")
    @classmethod
    def is_origin(cls, value: str) -> str:
        if not _ORIGIN.fullmatch(value):
            raise ValueError("expected an origin such as https://shop.example")
        return value


async def create_click_token(request: Request) -> dict[str, str | None]:
    body = request.body(ClickToken)
    try:
        to = Destination.parse(body.to)
    except ValueError as error:
        raise Invalid("to", str(error)) from error
    if to.kind not in _CALLABLE or not request.services.directory.current().has(to):
        raise Invalid("to", f"expected an existing flow, queue or extension, got {body.to}")
    try:
        token, expires = request.services.clicks.issue(to, body.origin, body.address, body.max_duration, body.seconds)
    except ValueError as error:
        raise Invalid("address", str(error)) from error
    return {"token": token, "expires": shapes.time(expires)}


ROUTES = (
    Route(method="POST", path="/click-to-call/tokens", handler=create_click_token, roles=OPERATORS, body=ClickToken, status=201,
          summary="A token for one call of the widget, good for two minutes"),
)  # fmt: skip
