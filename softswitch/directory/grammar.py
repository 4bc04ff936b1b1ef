"""The tables of the apply file and their keys (interfaces.md §2), each with its reader and default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from media.codecs import AUDIO
from sip_profiles import phones
from sip_profiles.schema import CarrierProfile
from softswitch.directory import centre
from softswitch.directory.centre import GroupMember, GroupStrategy, Membership, Need, Overflow, Stage, WrapUpMode
from softswitch.directory.model import TYPES, Kind, Way
from softswitch.directory.reading import (
    Key,
    Reader,
    address,
    boolean,
    clock_time,
    decimal,
    destination,
    each,
    hours,
    http_url,
    listed,
    mac,
    mail_address,
    name,
    no_or,
    no_or_destination,
    nodes,
    number,
    one_of,
    owner,
    record,
    reference,
    role,
    span,
    station,
    table_of,
    text,
    whole,
    zone,
)
from softswitch.model.states import Role

_SECTIONS = tuple(entry.name for entry in fields(CarrierProfile) if is_dataclass(entry.default))
_SECRET = Key(text, None, secret=True)
_WRAP_UP = get_args(WrapUpMode)


def _defaults(of: type[Any], readers: Mapping[str, Reader | Key]) -> dict[str, Key]:
    """Keys with the defaults of the value's class; a `Key` stands as it is."""
    defaults = {entry.name: entry for entry in fields(of)}
    found = {}
    for key, reader in readers.items():
        entry = defaults[key] if not isinstance(reader, Key) else None
        if isinstance(reader, Key) or entry is None:
            found[key] = reader if isinstance(reader, Key) else Key(reader)
        else:
            default = entry.default_factory() if callable(entry.default_factory) else entry.default
            found[key] = Key(reader, default, secret=bool(entry.metadata.get("secret")))
    return found


def _keys(kind: Kind, readers: Mapping[str, Reader | Key]) -> dict[str, Key]:
    return _defaults(TYPES[kind], readers)


_percent = whole(0, 100, "per cent")
_level = whole(1, 100, "a level")
_seconds = whole(0, 86400)
_members = record(
    Membership,
    _defaults(
        Membership,
        {"priority": whole(1, 10, "an order"), "delay": whole(0, 3600), "weight": _level, "tier": whole(1, 10, "a tier")},
    ),
)
_need = record(
    Need,
    _defaults(Need, {"skill": Key(name, expected="a skill"), "level": _level, "weight": _level, "mandatory": boolean}),
)
_stage = record(
    Stage,
    _defaults(
        Stage,
        {
            "after": Key(whole(0, 3600), expected="seconds of waiting"), "levels": table_of(name, _level, "levels"),
            "optional": each(name, "skills"), "threshold": _percent, "tier": whole(0, 10, "a tier"), "remote": boolean,
            "any_member": boolean,
        },
    ),
)  # fmt: skip
_overflow = record(
    Overflow,
    _defaults(
        Overflow,
        {
            "when": Key(one_of("wait", "ewt", "length", "ratio", "no_agents", "closing", "between"), expected="a condition"),
            "threshold": decimal(0, 86400), "between": no_or(span), "to": Key(destination, expected="a destination"),
        },
    ),
)  # fmt: skip

_group_member = record(
    GroupMember,
    _defaults(GroupMember, {"to": Key(destination, expected="a member"), "confirm": boolean, "weight": _level}),
)
_way = record(
    Way,
    _defaults(
        Way,
        {
            "trunk": Key(reference(Kind.TRUNK), expected="a trunk"), "priority": whole(1, 1000, "an order"),
            "cost": decimal(0, 1e6), "weight": whole(0, 1000, "a weight"), "calendar": no_or(reference(Kind.CALENDAR)),
            "callers": each(number, "numbers"), "least_asr": _percent, "least_acd": _seconds, "most_pdd": _seconds,
        },
    ),
)  # fmt: skip

GRAMMAR: Mapping[Kind, Mapping[str, Key]] = {
    Kind.TRUNK: {
        "name": Key(name, expected="a name"),
        "profile": Key(name, "generic"),
        "addresses": Key(each(address, '"host" or "host:port"'), ()),
        "username": Key(text, ""),
        "password": _SECRET,
        "register": Key(boolean, False),
    },
    Kind.EXTENSION: {
        "number": Key(number, expected="a number"), "password": _SECRET, "name": Key(text, ""),
        "outside_number": Key(text, ""), "hide_number": Key(boolean, False),
        "codecs": Key(each(one_of(*AUDIO), "codecs"), ()),
        "srtp": Key(one_of("sdes-on-tls", "off", "optional", "sdes", "dtls"), "sdes-on-tls"),
        "t38": Key(one_of("off", "accept"), "off"),
        "mobile": Key(no_or(number), ""), "mobile_rings": Key(one_of("with", "after", "instead"), "with"),
        "mobile_confirm": Key(boolean, True), "intercom": Key(each(number, "numbers"), ("*",)),
        "outside_calls": Key(whole(-1, 10_000, "calls"), -1), "international_calls": Key(whole(-1, 10_000, "calls"), -1),
        "international_minutes": Key(decimal(-1, 1_000_000, "minutes"), -1.0), "cost_per_day": Key(decimal(-1, 1e9), -1.0),
        "premium": Key(each(number, "prefixes"), ()),
    },
    Kind.CALENDAR: _keys(Kind.CALENDAR, {
        "name": Key(name, expected="a name"), "zone": zone, "open": each(hours, 'hours such as "Mon-Fri 09:00-18:00"'),
        "holidays": one_of("", "cn"),
    }),
    Kind.REASON: _keys(Kind.REASON, {
        "code": Key(name, expected="a code"), "title": text, "title_en": text, "productive": boolean,
        "max_seconds": _seconds, "then_ready": boolean, "approval": boolean,
    }),
    Kind.DISPOSITION: _keys(Kind.DISPOSITION, {
        "code": Key(name, expected="a code"), "title": text, "title_en": text, "parent": no_or(reference(Kind.DISPOSITION)),
        "note_required": boolean,
    }),
    Kind.AGENT: _keys(Kind.AGENT, {
        "login": Key(name, expected="a login"),
        "name": text,
        "queues": each(reference(Kind.QUEUE), "queue names"),
        "membership": table_of(reference(Kind.QUEUE), _members, "queues"),
        "station": station,
        "language": one_of("zh-CN", "en"),
        "team": no_or(reference(Kind.TEAM)),
        "site": no_or(name),
        "skills": table_of(name, _level, "levels"),
        "auto_answer": boolean,
        "auto_ready": boolean,
        "occupancy_cap": _percent,
        "wrap_up_mode": one_of("", *_WRAP_UP),
        "dial_from": each(one_of("ready", "not_ready", "wrap_up"), "states"),
        "rights": each(one_of("outside", "pick", "record", "delete_voicemail"), "rights"),
        "capacity": table_of(name, whole(0, 100, "a number"), "channels"),
    }),
    Kind.QUEUE: _keys(Kind.QUEUE, {
        "name": Key(name, expected="a name"),
        "title": text,
        "strategy": name,
        "second": name,
        "choice": one_of(*get_args(centre.Choice)),
        "weight_importance": decimal(0, 0.99),
        "weight_waited": decimal(0.01, 1),
        "wait_unit": decimal(0.01, 3600),
        "max_wait_guard": whole(1, 86400),
        "importance": whole(-100, 100, "points"),
        "needs": listed(_need, "needs"),
        "stages": listed(_stage, "stages"),
        "site": no_or(name),
        "remote_delay": whole(0, 300),
        "sticky": each(one_of("owner", "dedicated", "last"), "owner dedicated last"),
        "sticky_wait": whole(0, 600),
        "sticky_days": whole(1, 365, "days"),
        "ring_timeout": whole(1, 600),
        "ring_count": whole(1, 20, "agents"),
        "ring_step": whole(1, 60),
        "tier_delay": whole(0, 3600),
        "no_answer_limit": whole(1, 5, "times"),
        "reject_limit": whole(1, 10, "times"),
        "no_answer_delay": whole(0, 3600),
        "reject_delay": whole(0, 3600),
        "busy_delay": whole(0, 3600),
        "whisper": boolean,
        "auto_answer": boolean,
        "wrap_up": whole(0, 3600),
        "wrap_up_mode": one_of(*_WRAP_UP),
        "wrap_up_extensions": whole(0, 20, "times"),
        "wrap_up_extension": whole(1, 3600),
        "wrap_up_limit": _seconds,
        "wrap_up_then": one_of("ready", "not_ready"),
        "code_required": boolean,
        "dispositions": each(reference(Kind.DISPOSITION), "codes"),
        "music": name,
        "welcome": listed(name, "prompts"),
        "messages": listed(name, "prompts"),
        "announce": one_of("position", "wait", "both", "none"),
        "announce_every": whole(5, 3600),
        "exit_keys": table_of(one_of(*"0123456789*#"), destination, "destinations by key"),
        "max_length": whole(0, 1_000_000, "callers"),
        "full": no_or_destination,
        "join_empty": one_of("allow", "signed_in", "ready"),
        "empty": no_or_destination,
        "leave_empty": _seconds,
        "max_wait": _seconds,
        "overflow": no_or_destination,
        "overflows": listed(_overflow, "overflow rules"),
        "calendar": no_or(reference(Kind.CALENDAR)),
        "closed": no_or_destination,
        "closing": one_of("finish", "voicemail", "callback"),
        "emergency": no_or_destination,
        "mailbox": no_or(reference(Kind.MAILBOX)),
        "return_within": _seconds,
        "callback_after": _seconds,
        "callback_mode": one_of("agent_first", "customer_first"),
        "callback_retries": listed(whole(1, 86400), "seconds"),
        "callback_ring": whole(5, 120),
        "record": boolean,
        "record_days": whole(0, 36_500),
        "consent": no_or(name),
        "survey": no_or(reference(Kind.FLOW)),
        "survey_percent": _percent,
        "pop_url": text,
        "service_level": _percent,
        "service_seconds": whole(1, 3600),
        "short_abandon": whole(0, 60),
    }),
    Kind.FLOW: {
        "name": Key(name, expected="a name"),
        "languages": Key(each(one_of("zh-CN", "en"), "languages"), ("zh-CN", "en")),
        "start": Key(text, expected="the name of the first node"),
        "nodes": Key(nodes, expected="named nodes"),
    },
    Kind.NUMBER: {
        "number": Key(number, expected="a number or pattern"),
        "to": Key(destination, expected="a destination"),
        "fax": Key(boolean, False),
    },
    Kind.ROUTE: {
        "pattern": Key(number, expected="a pattern"),
        "trunks": Key(each(reference(Kind.TRUNK), "trunk names"), ()),
        "ways": Key(listed(_way, "ways"), ()),
        "fax": Key(boolean, False),
    },
    Kind.USER: _keys(Kind.USER, {
        "login": Key(name, expected="a login"),
        "name": text,
        "role": Key(role(*(one for one in Role if one is not Role.API)), expected="a role"),
        "teams": each(reference(Kind.TEAM), "teams"),
        "queues": each(reference(Kind.QUEUE), "queues"),
        "mail": no_or(mail_address),
    }),
    Kind.TEAM: _keys(Kind.TEAM, {
        "name": Key(name, expected="a name"), "title": text, "leaders": each(reference(Kind.USER), "logins"),
    }),
    Kind.TOKEN: {
        "name": Key(name, expected="a name"),
        "role": Key(role(Role.API, Role.SUPERVISOR, Role.ADMINISTRATOR), Role.API),
        "secret": _SECRET,
    },
    Kind.MAILBOX: _keys(Kind.MAILBOX, {
        "name": Key(name, expected="a name"), "owner": owner, "title": text, "pin": _SECRET,
        "mail": each(mail_address, "addresses"), "max_seconds": whole(5, 3600), "due_seconds": _seconds,
    }),
    Kind.CONFERENCE: _keys(Kind.CONFERENCE, {
        "name": Key(name, expected="a name"), "title": text, "number": no_or(number), "pin": _SECRET,
        "moderator_pin": _SECRET, "max_members": whole(2, 200, "members"), "announce": one_of("tone", "none"),
        "record": boolean, "wait_for_moderator": boolean, "music": name, "locked": boolean, "mute_on_entry": boolean,
        "end_with_owner": boolean, "callers": each(number, "numbers"), "allow_outside": boolean,
    }),
    Kind.RECORDING_RULE: _keys(Kind.RECORDING_RULE, {
        "name": Key(name, expected="a name"), "queue": no_or(reference(Kind.QUEUE)),
        "agent": no_or(reference(Kind.AGENT)), "team": no_or(reference(Kind.TEAM)),
        "number": no_or(number), "direction": one_of("", "in", "out", "internal"), "percent": _percent,
        "mode": one_of("always", "never", "on_demand"), "order": whole(0, 10_000, "a place"),
        "record_days": whole(0, 36_500), "trunk": no_or(reference(Kind.TRUNK)),
        "siprec": each(reference(Kind.TRUNK), "trunks"),
    }),
    Kind.LOOKUP: _keys(Kind.LOOKUP, {
        "name": Key(name, expected="a name"), "url": no_or(http_url), "method": one_of("GET", "POST"),
        "headers": table_of(text, text, "headers"), "sql": text, "database": text, "timeout": decimal(0.1, 30, "seconds"),
        "cache": _seconds,
    }),
    Kind.APPLICATION: _keys(Kind.APPLICATION, {
        "name": Key(name, expected="a name"), "url": Key(http_url, expected="an address"), "fallback": no_or(http_url),
        "secret": _SECRET, "timeout": decimal(0.5, 30, "seconds"),
    }),
    Kind.WEBHOOK: _keys(Kind.WEBHOOK, {
        "name": Key(name, expected="a name"), "url": Key(http_url, expected="an address"),
        "events": each(text, "event types"), "secret": _SECRET,
    }),
    Kind.FEATURE_CODE: _keys(Kind.FEATURE_CODE, {
        "code": Key(number, expected="a code"), "action": Key(name, expected="an action"),
    }),
    Kind.PHONE: _keys(Kind.PHONE, {
        "mac": Key(mac, expected="a MAC address"), "extension": Key(reference(Kind.EXTENSION), expected="an extension"),
        "profile": one_of(*phones.names()), "label": text, "generation": whole(1, 1_000_000, "a number"),
    }),
    Kind.SCHEDULE: _keys(Kind.SCHEDULE, {
        "name": Key(name, expected="a name"), "report": Key(name, expected="a report"),
        "parameters": table_of(name, text, "parameters"), "every": one_of("day", "week", "month"), "at": clock_time,
        "zone": zone, "format": one_of("csv", "xlsx", "pdf"), "mail": each(mail_address, "addresses"),
    }),
    Kind.ALARM_RULE: _keys(Kind.ALARM_RULE, {
        "name": Key(name, expected="a name"), "code": Key(name, expected="a code"), "object": text,
        "level": one_of("critical", "major", "minor", "warning"), "threshold": decimal(0, 1e9),
        "mail": each(mail_address, "addresses"), "webhook": no_or(reference(Kind.WEBHOOK)), "escalate_seconds": _seconds,
        "escalate_mail": each(mail_address, "addresses"),
    }),
    Kind.RESERVE_TIER: _keys(Kind.RESERVE_TIER, {
        "name": Key(name, expected="a name"), "step": Key(whole(1, 4, "a step"), expected="a step"),
        "queue": Key(reference(Kind.QUEUE), expected="a queue"), "members": each(reference(Kind.AGENT), "logins"),
        "automatic": boolean,
    }),
    Kind.RING_GROUP: _keys(Kind.RING_GROUP, {
        "name": Key(name, expected="a name"), "title": text, "number": no_or(number),
        "strategy": one_of(*get_args(GroupStrategy)), "members": listed(_group_member, "members"),
        "stagger": whole(1, 120), "ring_time": whole(3, 120), "timeout": whole(5, 600), "then": no_or_destination,
        "follow_forwards": boolean, "prefix": text, "pickup": boolean,
    }),
    Kind.PAGE_GROUP: _keys(Kind.PAGE_GROUP, {
        "name": Key(name, expected="a name"), "title": text, "number": no_or(number),
        "members": each(reference(Kind.EXTENSION), "extensions"), "callers": each(number, "numbers"),
        "most": whole(1, 500, "phones"),
    }),
}  # fmt: skip
SECTIONS: Mapping[Kind, tuple[str, ...]] = {Kind.TRUNK: _SECTIONS}
"""Sub-tables that a table may have beside its keys."""
