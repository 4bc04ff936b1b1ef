"""Flows: their engine, versions, statistics, PINs and emergency announcements, and what they ask of the other parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from media.prepare import ENDINGS, Preparer
from media.prompts import TEXT
from softswitch.bootstrap.parts.voicemail import Tasks
from softswitch.calendar.service import Calendars
from softswitch.customers.book import CustomerBook
from softswitch.customers.model import Customer
from softswitch.ivr.desk import Hours, Listed, QueueInfo
from softswitch.ivr.doors import Doors
from softswitch.ivr.lookups import Lookups
from softswitch.ivr.pins import PinBook
from softswitch.ivr.service import IvrService
from softswitch.ivr.slots import AnnouncementBook, Studio
from softswitch.ivr.statistics import FlowStatistics
from softswitch.ivr.versions import FlowVersions
from softswitch.lists.order import Rule
from softswitch.lists.service import Lists
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import NotFound
from softswitch.store.spool import Spool
from softswitch.voicemail.service import Voicemail

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> IvrService:
    """After calendars, lists, callbacks and voicemail; what is absent is told to flows that ask."""
    doors = Doors(enter=node.acd.enter)
    voicemail = node.parts.get(Voicemail)
    if isinstance(voicemail, Voicemail):
        doors.leave = voicemail.leave
    ivr = IvrService(directory=node.directory.current, clock=node.clock, doors=doors)
    desk = ivr.desk
    desk.calendars, desk.lists, desk.queues, desk.callbacks = _Hours(node), _CallerLists(node), _Queues(node), Tasks(node)
    desk.lookups = await _lookups(node)
    ivr.exists = partial(_is_recorded, node.media.prompts.roots)
    node.switch.handlers[DestinationKind.FLOW] = ivr.to_flow
    return ivr


def _is_recorded(roots: Sequence[Path], name: str, language: str) -> bool:
    """In this very language: callers of another one would hear the fallback."""
    return name.startswith(TEXT) or any((root / language / f"{name}{ending}").is_file() for root in roots for ending in ENDINGS)


async def _lookups(node: Node) -> Lookups:
    lookups = Lookups(node.directory.current, node.clock)
    book = node.parts.get(CustomerBook)
    if isinstance(book, CustomerBook):
        lookups.customers = _Customers(book)
    node.on_close_async(lookups.close)
    return lookups


async def build_versions(node: Node) -> FlowVersions:
    versions = FlowVersions(node.store, node.directory, node.clock)
    await versions.open()
    node.run(versions.run(), "versions of flows")
    return versions


async def build_statistics(node: Node) -> FlowStatistics:
    statistics = FlowStatistics(node.store)
    node.run(statistics.run(), "statistics of flows")
    return statistics


async def build_pins(node: Node) -> PinBook:
    """After `build`."""
    pins = PinBook(node.store, node.clock, node.journal.append)
    book = node.parts.get(CustomerBook)
    if isinstance(book, CustomerBook):
        pins.numbers = _Customers(book).numbers
    _ivr(node).desk.pins = pins
    return pins


async def build_announcements(node: Node) -> AnnouncementBook:
    """After `build`."""
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    data = node.settings.data_dir
    studio = Studio(data / "prompts", node.media.prompts.forget, Preparer(data / "cache" / "prompts"))
    book = AnnouncementBook(node.store, spool, node.clock, node.journal.append, studio)
    await book.load()
    _ivr(node).desk.slots = book
    return book


def _ivr(node: Node) -> IvrService:
    found = node.parts[IvrService]
    assert isinstance(found, IvrService)
    return found


class _Hours:
    def __init__(self, node: Node) -> None:
        self._node = node

    def state(self, name: str, at: float) -> Hours:
        calendars = self._node.parts.get(Calendars)
        if not isinstance(calendars, Calendars):
            raise NotFound(f"there is no calendar {name}")
        found = calendars.state(name, at)
        return Hours(open=found.open, why=found.why)


class _CallerLists:
    def __init__(self, node: Node) -> None:
        self._node = node

    def check(self, number: str, at: float) -> Listed | None:
        lists = self._node.parts.get(Lists)
        if not isinstance(lists, Lists):
            return None
        verdict = lists.screened(number, "in")
        if verdict.rule is Rule.BLACKLIST and verdict.entry is not None:
            return Listed("black", verdict.entry.action)
        if (vip := lists.vip(number)) is not None:
            return Listed("vip", importance=vip.importance, queue=vip.queue)
        return Listed("white") if verdict.rule is Rule.WHITELIST else None


class _Queues:
    def __init__(self, node: Node) -> None:
        self._node = node

    def info(self, name: str) -> QueueInfo:
        view = self._node.acd.queue(name)
        return QueueInfo(
            waiting=len(view.calls), ewt=round(view.ewt_ms / 1000) if view.ewt_ms >= 0 else -1, signed_in=view.signed_in,
            ready=view.ready, open=view.open,
        )  # fmt: skip

    def leave(self, call: str) -> bool:
        return self._node.acd.reception.skip(call)


class _Customers:
    """The customer store in the words of flows."""

    def __init__(self, book: CustomerBook) -> None:
        self._book = book

    async def by_number(self, number: str) -> Mapping[str, str] | None:
        found = await self._book.by_number(number)
        return _fields(found[0]) if len(found) == 1 else None

    async def by_id(self, identity: str) -> Mapping[str, str] | None:
        try:
            return _fields(await self._book.get(identity))
        except NotFound:
            return None

    async def numbers(self, identity: str) -> tuple[str, ...]:
        try:
            return (await self._book.get(identity)).numbers
        except NotFound:
            return ()


def _fields(customer: Customer) -> Mapping[str, str]:
    plain = {
        "id": customer.id, "name": customer.name, "class": customer.grade, "importance": str(customer.importance),
        "vip": "true" if customer.vip else "false", "language": customer.language,
        "dedicated_agent": customer.dedicated_agent,
    }  # fmt: skip
    own = {f"field_{name}": str(value) for name, value in customer.fields.items() if value is not None}
    return {**own, **plain}
