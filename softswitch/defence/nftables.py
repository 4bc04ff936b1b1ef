"""Bans in a set of nftables, so that the kernel drops what we would drop ourselves.

The set belongs to the administrator: `add set inet softswitch banned { type ipv4_addr; flags timeout; }`, and beside it one
whose name ends in 6: `add set inet softswitch banned6 { type ipv6_addr; flags timeout, interval; }`. We change elements only;
the kernel ends them in time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from ipaddress import ip_address

import structlog

log = structlog.get_logger("defence")

_SET = re.compile(r"(ip|ip6|inet|netdev|bridge) [A-Za-z_][A-Za-z0-9_]{0,63} [A-Za-z_][A-Za-z0-9_]{0,62}")
_PATIENCE = 5.0
_MOST_WAITING = 10_000


class PacketFilter:
    """Calls `nft` one by one, beside calls. Raises ValueError for a set that is not "FAMILY TABLE SET"."""

    def __init__(self, name: str, program: str = "nft") -> None:
        if not _SET.fullmatch(name):
            raise ValueError(f"expected FAMILY TABLE SET such as inet softswitch banned, got {name!r}")
        self._family, self._table, self._set = name.split()
        self._program = program
        self._orders: asyncio.Queue[Sequence[str]] = asyncio.Queue(_MOST_WAITING)

    def ban(self, source: str, seconds: float) -> None:
        self._put("add", source, "timeout", f"{max(1, round(seconds))}s")

    def lift(self, source: str) -> None:
        self._put("delete", source)

    def _put(self, verb: str, source: str, *tail: str) -> None:
        address = ip_address(source)
        name, element = (self._set, str(address)) if address.version == 4 else (f"{self._set}6", f"{address}/64")
        order = (verb, "element", self._family, self._table, name, "{", element, *tail, "}")
        if self._orders.full():
            log.error("! packet filter is behind", left_out=element)
            return
        self._orders.put_nowait(order)

    async def run(self) -> None:
        """Carries the orders out, until cancelled."""
        while True:
            order = await self._orders.get()
            await self._call(order)
            self._orders.task_done()

    async def settled(self) -> None:
        """All orders so far were carried out."""
        await self._orders.join()

    async def _call(self, order: Sequence[str]) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, *order, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as fault:
            log.error("! packet filter cannot be called", program=self._program, error=str(fault))
            return
        try:
            _, told = await asyncio.wait_for(process.communicate(), _PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
            log.error("! packet filter does not answer", order=" ".join(order))
            return
        if process.returncode:
            log.error("! packet filter refused", order=" ".join(order), error=told.decode(errors="replace")[:300].strip())
