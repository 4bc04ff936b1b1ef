"""Errors as problem+json (RFC 9457): one table from the product's errors to statuses.

WebError
├─ BadRequest(status, faults)   400, 413, 415
└─ (web.auth.Unauthorized)      401
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from softswitch.model import errors as switch

log = structlog.get_logger("http")
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldFault:
    field: str
    reason: str


class WebError(Exception):
    status = 500
    code = "unexpected"


class BadRequest(WebError):
    """The request cannot be understood."""

    code = "bad_request"

    def __init__(self, detail: str, *, status: int = 400, faults: list[FieldFault] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.faults = faults or []


STATUSES: Mapping[type[switch.SwitchError], int] = {  # a special error before its general one
    switch.NotFound: 404,
    switch.Conflict: 409,
    switch.Forbidden: 403,
    switch.ForeignCursor: 400,
    switch.Invalid: 422,
    switch.Busy: 503,
    switch.Unreachable: 409,
}


def problem(status: int, detail: str = "", **more: Any) -> dict[str, Any]:
    """The problem document."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def problem_of(error: switch.SwitchError | WebError) -> dict[str, Any]:
    """What the asker is told about an expected error; pages translate its `code`."""
    more: dict[str, Any] = {"code": str(error.code)}
    if isinstance(error, BadRequest):
        more["errors"] = [asdict(fault) for fault in error.faults]
    elif isinstance(error, switch.Invalid):
        more["errors"] = [{"field": error.field, "reason": error.reason}]
    elif isinstance(error, switch.Unreachable):
        more["cause"] = error.cause.word
    if isinstance(error, WebError):
        return problem(error.status, str(error), **more)
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 400)
    return problem(status, str(error), **more)


def respond(document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(document, status=document["status"], content_type=PROBLEM, headers=headers)


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error becomes a problem document; an unexpected one shows an id, its traceback goes to the log only."""
    try:
        return await handler(request)
    except (switch.SwitchError, WebError) as error:
        document = problem_of(error)
        headers = {"WWW-Authenticate": "Bearer"} if document["status"] == 401 else None
        return respond(document, headers)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == PROBLEM:
            raise
        headers = {key: value for key, value in error.headers.items() if key in ("Allow", "Retry-After")}
        return respond(problem(error.status, error.text or ""), headers)
    except Exception:  # architecture.md §12: the HTTP middleware is one of three places
        incident = uuid4().hex
        log.exception("! unexpected error", incident=incident, path=request.path)
        detail = "an unexpected error; the log has the details"
        return respond(problem(500, detail, code=WebError.code, instance=f"urn:uuid:{incident}"))
