"""A recording's sound as an answer: whole or a part of it (RFC 9110 §14), decrypted on the way when its file is encrypted."""

from __future__ import annotations

import asyncio

from aiohttp import web

from softswitch.recordings.sound import Sound

_BLOCK = 256 * 1024


async def respond(request: web.Request, sound: Sound, name: str, *, download: bool) -> web.StreamResponse:
    """`name` is the file's name at the listener, without its ending."""
    ending = "ogg" if sound.form == "opus" else "wav"
    headers = {
        "Content-Type": sound.media_type,
        "Content-Disposition": f'{"attachment" if download else "inline"}; filename="{name}.{ending}"',
    }
    if sound.sealed is None:
        return web.FileResponse(sound.path, headers=headers)
    return await _opened(request, sound, headers)


async def _opened(request: web.Request, sound: Sound, headers: dict[str, str]) -> web.StreamResponse:
    headers |= {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store"}
    try:
        wanted = request.http_range
    except ValueError:  # a unit or form that we do not know: as if there was none
        wanted = slice(None, None, 1)
    start, stop, _ = wanted.indices(sound.size)
    status = 200
    if wanted.start is not None or wanted.stop is not None:
        if start >= stop:
            headers["Content-Range"] = f"bytes */{sound.size}"
            return web.Response(status=416, headers={"Content-Range": headers["Content-Range"]})
        status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{sound.size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = stop - start
    await response.prepare(request)
    while start < stop and request.method != "HEAD":
        block = await asyncio.to_thread(sound.read, start, min(_BLOCK, stop - start))
        await response.write(block)
        start += len(block)
    await response.write_eof()
    return response
