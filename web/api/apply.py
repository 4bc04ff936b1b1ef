"""The apply file over HTTP: the plan, and the change itself in one transaction."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from web.errors import BadRequest, problem, respond
from web.routing import OPERATORS, Model, Request, Route

MAX_FILE = 1 << 20  # octets


class ApplyQuery(Model):
    dry_run: bool = Field(False, description="only show the plan")


async def apply_file(request: Request) -> web.StreamResponse | dict[str, object]:
    if request.http.content_type not in ("application/toml", "text/plain"):
        raise BadRequest("expected a body of type application/toml", status=415)
    body = await request.http.read()
    if len(body) > MAX_FILE:
        raise BadRequest(f"expected at most {MAX_FILE} octets", status=413)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"expected UTF-8: {error}") from error
    outcome = await request.services.apply(text, "body", request.query(ApplyQuery).dry_run, request.who.actor)
    if outcome["errors"]:
        detail = f"{len(outcome['errors'])} mistakes; nothing was applied"
        return respond({**problem(422, detail), "plan": outcome["plan"], "errors": outcome["errors"]})
    return dict(outcome)


ROUTES = (
    Route(method="POST", path="/apply", handler=apply_file, roles=OPERATORS, query=ApplyQuery, raw_body="application/toml",
          summary="Plan and apply telephony objects"),
)  # fmt: skip
