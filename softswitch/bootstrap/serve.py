"""Runs a node until a signal: pages, readiness, draining."""

from __future__ import annotations

import asyncio
import gc
import signal
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from softswitch.bootstrap import configuring
from softswitch.bootstrap.node import MakeEngine, Node, make_native_engine
from softswitch.bootstrap.presence import present
from softswitch.config.settings import Settings
from softswitch.model.address import Listen

log = structlog.get_logger("serve")


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, flush=True)  # noqa: T201 -- the demo's welcome is output, not a log line


async def serve(
    settings: Settings,
    *,
    apply_file: Path | None = None,
    demo: bool = False,
    make_engine: MakeEngine = make_native_engine,
    on_ready: Callable[[Node], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Returns after a drained end. Ready (`/readyz` 200) when the apply file is committed and everything listens.

    Raises Refused for a faulty apply file, OSError for an address that is taken or an engine that is not built.
    """
    node = Node(settings, make_engine=make_engine)
    signals = _Signals(stop or asyncio.Event(), node.reload)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(node.close)
        await node.open()
        stack.enter_context(present(settings.data_dir, (*settings.sip.listen, settings.http.listen)))
        if apply_file is not None:
            _show(await configuring.apply_file(node.directory, settings, apply_file, "cli"))
        await node.start()
        if demo:
            await node.fill_demo(say)
        stack.push_async_callback(await _start_pages(node))
        _settle_heap()
        log.info("= ready", http=str(settings.http.listen), sip=node.driver.bound)
        if on_ready is not None:
            on_ready(node)
        with signals:
            await signals.first.wait()
            log.info("= draining", seconds=settings.node.drain_seconds, calls=len(node.switch.calls))
            if not await signals.bounded(node.drain(settings.node.drain_seconds)):
                await node.drain(0.0)


def _settle_heap() -> None:
    """What is there now stays: the collector need not walk through it again, which would hold calls up for 100 ms and more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


class _Signals:
    """SIGTERM or SIGINT: the first drains, a second one ends at once. SIGHUP: `hang_up` is called."""

    def __init__(self, first: asyncio.Event, hang_up: Callable[[], None]) -> None:
        self.first = first
        self._second = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._came)
        self._loop.add_signal_handler(signal.SIGHUP, hang_up)

    def _came(self) -> None:
        (self._second if self.first.is_set() else self.first).set()

    def __enter__(self) -> None:
        """Handlers are there since construction, so that a signal during the start is not lost."""

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.remove_signal_handler(number)

    async def bounded(self, work: Coroutine[Any, Any, None]) -> bool:
        """Waits for `work` or the second signal; whether the work was done."""
        draining = asyncio.ensure_future(work)
        impatient = asyncio.ensure_future(self._second.wait())
        try:
            await asyncio.wait({draining, impatient}, return_when=asyncio.FIRST_COMPLETED)
            return draining.done()
        finally:
            for task in (draining, impatient):
                task.cancel()
            await asyncio.gather(draining, impatient, return_exceptions=True)


def _show(secrets: Mapping[str, str]) -> None:
    if secrets:
        say("New secrets, shown only now:")
        for label, secret in secrets.items():
            say(f"  {label}: {secret}")


async def _start_pages(node: Node) -> Callable[[], Awaitable[None]]:
    """Binds pages and API; returns what stops them. Raises OSError with the address that is taken."""
    from web.app import create_app, create_metrics_app  # noqa: PLC0415 -- the API role, started by the composition root

    settings, services = node.settings, node.services
    stack = AsyncExitStack()
    try:
        tls = node.certificates.http
        context = tls.context() if tls is not None else None
        await _bind(stack, create_app(services), settings.http.listen, "http.listen", context)
        if settings.metrics.listen:
            listen = Listen.parse(settings.metrics.listen, ("http",))
            await _bind(stack, create_metrics_app(services), listen, "metrics.listen", None)
    except BaseException:
        await stack.aclose()
        raise
    return stack.aclose


async def _bind(stack: AsyncExitStack, app: web.Application, listen: Listen, key: str, context: ssl.SSLContext | None) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, listen.host, listen.port, ssl_context=context).start()
    except OSError as fault:
        raise OSError(
            f"{key}: cannot listen on {listen}: {fault.strerror or fault}; softswitch doctor says what to do"
        ) from fault
