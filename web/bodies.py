"""Bodies that are not JSON."""

from __future__ import annotations

from aiohttp import web

from web.errors import BadRequest


async def octets_of(http: web.Request, most: int) -> bytes:
    """A body of at most so many octets, whatever the application's own limit is. Raises BadRequest (413)."""
    found = bytearray()
    async for block in http.content.iter_chunked(1 << 16):
        found += block
        if len(found) > most:
            raise BadRequest(f"expected at most {most} octets", status=413)
    return bytes(found)
