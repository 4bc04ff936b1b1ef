"""Rate limits per client address: a wide one for everything, a narrow one for the sign-in routes."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from web.errors import problem, respond

ALL = RateLimitItemPerSecond(200, 1)
SIGN_IN = RateLimitItemPerMinute(20, 1)
_SIGN_IN_PATHS = frozenset(
    {"/api/v1/auth/link", "/api/v1/auth/session", "/api/v1/auth/second-factor/confirm", "/api/v1/auth/password"}
)

_TRIES = frozenset({"POST", "PUT"})


def rate_limit(everything: RateLimitItem = ALL, sign_in: RateLimitItem = SIGN_IN) -> Middleware:
    """A middleware with its own counters. Refusals are 429 with Retry-After."""
    limiter = FixedWindowRateLimiter(MemoryStorage())

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        address = request.remote or ""
        item = sign_in if request.path in _SIGN_IN_PATHS and request.method in _TRIES else everything
        if not limiter.hit(item, address):
            return respond(problem(429, "too many requests", code="too_many"), {"Retry-After": str(item.get_expiry())})
        return await handler(request)

    return middleware
