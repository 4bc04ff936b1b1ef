"""Lists page by page, newest first: a cursor says where the last item shown stands, by its time and its id.

A page is found by comparing with that place (keyset), never by counting: what comes or goes meanwhile shifts nothing. A reader
only gives back what it got as `next`; what a cursor looks like is nobody's concern but this module's.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_

from softswitch.model.errors import ForeignCursor

T = TypeVar("T")
Place = tuple[float, str]
"""The time (UTC epoch seconds) and the id that order the list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next: str | None  # cursor of the following page


def cursor_of(place: Place) -> str:
    at, identity = place
    return base64.urlsafe_b64encode(f"{at!r} {identity}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Raises ForeignCursor for one that was not made here."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, identity = text.partition(" ")
        place = float(at), identity
    except ValueError as error:  # neither base64 (binascii.Error), nor UTF-8 (UnicodeDecodeError), nor a number
        raise ForeignCursor from error
    if not math.isfinite(place[0]) or not identity:
        raise ForeignCursor
    return place


def newest_first(
    query: Select[Any], at: ColumnElement[Any], identity: ColumnElement[Any], *, limit: int, cursor: str | None = None
) -> Select[Any]:
    """The query of one page: ordered, from behind the cursor on, one row more than is shown. Raises ForeignCursor."""
    if cursor:
        last_at, last_identity = place_of(cursor)
        query = query.where(or_(at < last_at, and_(at == last_at, identity < last_identity)))
    return query.order_by(at.desc(), identity.desc()).limit(limit + 1)


def page_of(found: Sequence[T], limit: int, place: Callable[[T], Place]) -> Page[T]:
    """What `newest_first` found, cut to the page; a row too many says that another page follows."""
    shown = tuple(found[:limit])
    return Page(shown, cursor_of(place(shown[-1])) if len(found) > limit else None)
