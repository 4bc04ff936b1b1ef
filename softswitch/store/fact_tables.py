"""What happened, one row per fact, and the sums of facts per quarter of an hour: the tables that reports read.

All of them follow from the journal and can be made again from it. Times are UTC epoch seconds, durations ms; `bucket` is the
epoch second at which the quarter of an hour begins. Every zone in use is a multiple of 15 minutes from UTC, so half hours,
hours and days of any tenant are sums of whole buckets.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, PrimaryKeyConstraint, String, Table

from softswitch.store.tables import metadata

BUCKET_SECONDS = 900


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _time(name: str) -> Column[float]:
    return Column(name, Float, nullable=False)


visits = Table(
    "visits", metadata,
    _text("call"), _text("id"), _text("queue"), _text("channel"), _time("entered"), _time("left"), _text("result"),
    _number("wait_ms"), Column("waited", Boolean, nullable=False), _text("agent"), Column("offers", Integer, nullable=False),
    Column("importance", Integer, nullable=False), _number("predicted_ms"), _number("p80_ms"),
    PrimaryKeyConstraint("call", "id"), Index("visits_entered", "entered"), sqlite_with_rowid=False,
)  # fmt: skip
"""Stays in queues that are over. `waited`: no agent was reserved at the instant of entry."""

contacts = Table(
    "contacts", metadata,
    _text("call"), Column("number", Integer, nullable=False), _text("agent"), _text("queue"), _text("direction"),
    _time("began"), _time("ended"), _text("outcome"), Column("counted", Boolean, nullable=False), _number("ring_ms"),
    _number("talk_ms"), _number("hold_ms"), Column("holds", Integer, nullable=False),
    Column("transferred", Boolean, nullable=False),
    PrimaryKeyConstraint("call", "number"), Index("contacts_began", "began"), sqlite_with_rowid=False,
)  # fmt: skip
"""Each offer to an agent, each call that an agent placed, each call that reached an agent directly."""

seizures = Table(
    "seizures", metadata,
    _text("call"), _text("leg"), _text("trunk"), Column("channel", Integer, nullable=False), _text("direction"), _time("began"),
    _time("ended"),
    PrimaryKeyConstraint("call", "leg"), Index("seizures_began", "began"), sqlite_with_rowid=False,
)  # fmt: skip
"""One channel of one trunk from seizure to release."""

spans = Table(
    "spans", metadata,
    _text("kind"), _text("name"), _time("began"), _time("ended"), _text("state"), _text("reason"), _text("queue"),
    PrimaryKeyConstraint("kind", "name", "began"), Index("spans_began", "began"), sqlite_with_rowid=False,
)  # fmt: skip
"""A time for which an agent or a trunk (`kind`) was in one state. None is longer than `SPAN_SECONDS`: longer ones are cut."""
SPAN_SECONDS = 86_400

standing = Table(
    "standing", metadata,
    _text("kind"), _text("name"), _text("state"), _text("reason"), _text("queue"), _time("since"),
    PrimaryKeyConstraint("kind", "name"), sqlite_with_rowid=False,
)  # fmt: skip
"""The states that last: agents who are signed in, trunks."""

outcomes = Table(
    "outcomes", metadata,
    _text("call"), _text("kind"), _text("name"), _text("agent"), _text("queue"), _time("at"), _text("code"), _number("value"),
    _text("note"),
    PrimaryKeyConstraint("call", "kind", "name", "agent"), Index("outcomes_at", "kind", "at"), sqlite_with_rowid=False,
)  # fmt: skip
"""What came of calls, newest word: dispositions (`name` is the place in the list of codes), surveys, callbacks."""

QUEUE_SUMS = (
    "off", "ans", "abd", "sab", "xkey", "xvm", "xto", "xov", "xcb", "xcl", "xsup", "in_time", "abd_in_time", "wtd",
    "wtd_wait_ms", "wait_ms", "ans_wait_ms", "predicted", "error_ms", "abs_error_ms", "covered",
)  # fmt: skip
CONTACT_SUMS = (
    "total", "answered", "missed", "no_answer", "refused", "device", "given_up", "ring_ms", "talk_ms", "hold_ms", "wrap_ms",
    "held", "transferred",
)  # fmt: skip

interval_queues = Table(
    "interval_queues", metadata,
    _number("bucket"), _text("queue"), _number("target_ms"), _number("short_ms"), *map(_number, QUEUE_SUMS),
    _number("max_wait_ms"),
    PrimaryKeyConstraint("bucket", "queue", "target_ms", "short_ms"), sqlite_with_rowid=False,
)  # fmt: skip
"""Of the visits that entered in this quarter. `target_ms` and `short_ms` are what was in force: service time, short abandon."""

interval_contacts = Table(
    "interval_contacts", metadata,
    _number("bucket"), _text("agent"), _text("queue"), _text("direction"), *map(_number, CONTACT_SUMS),
    PrimaryKeyConstraint("bucket", "agent", "queue", "direction"), sqlite_with_rowid=False,
)  # fmt: skip
"""Of the contacts that began in this quarter; wrap-up that began in it."""

interval_handled = Table(
    "interval_handled", metadata,
    _number("bucket"), _text("queue"), _text("direction"), *map(_number, CONTACT_SUMS),
    PrimaryKeyConstraint("bucket", "queue", "direction"), sqlite_with_rowid=False,
)  # fmt: skip
"""The same without the agents, so that a month of queues is not a month of every agent."""

interval_states = Table(
    "interval_states", metadata,
    _number("bucket"), _text("kind"), _text("name"), _text("state"), _text("reason"), _number("ms"), _number("times"),
    PrimaryKeyConstraint("bucket", "kind", "name", "state", "reason"), sqlite_with_rowid=False,
)  # fmt: skip
"""Time in states, cut at the borders; `times` counts those that began in this quarter."""

interval_lines = Table(
    "interval_lines", metadata,
    _number("bucket"), _text("trunk"), _number("channel"), _number("calls_in"), _number("calls_out"), _number("busy_ms"),
    PrimaryKeyConstraint("bucket", "trunk", "channel"), sqlite_with_rowid=False,
)  # fmt: skip
"""Seizures that began in this quarter; busy time cut at the borders."""

interval_calls = Table(
    "interval_calls", metadata,
    _number("bucket"), _text("direction"), _text("result"), _number("calls"), _number("wait_ms"), _number("talk_ms"),
    _number("duration_ms"),
    PrimaryKeyConstraint("bucket", "direction", "result"), sqlite_with_rowid=False,
)  # fmt: skip

interval_nodes = Table(
    "interval_nodes", metadata,
    _number("bucket"), _text("flow"), _text("node"), _text("verb"), _text("result"), _number("visits"), _number("ms"),
    _number("dropped"),
    PrimaryKeyConstraint("bucket", "flow", "node", "verb", "result"), sqlite_with_rowid=False,
)  # fmt: skip
"""Nodes of flows by result; `dropped`: the caller hung up in this node."""

FACTS = (
    visits, contacts, seizures, spans, standing, outcomes, interval_queues, interval_contacts, interval_handled,
    interval_states, interval_lines, interval_calls, interval_nodes,
)  # fmt: skip
