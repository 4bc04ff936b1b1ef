"""Who may do what: permissions by the name of the function, and the table role × permission."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from softswitch.model.states import Role


class Permission(StrEnum):
    DESK = "desk"  # work as an agent: own state, own calls, own history
    CALLS = "calls"  # see calls of the scope
    CALLS_PLACE = "calls.place"  # originate for others
    CALLS_END = "calls.end"  # forced release of a call or a leg
    BOARD = "board"  # agents, queues and trunks live
    MONITOR = "monitor"  # listen, whisper, barge in, take over, intercept
    FORCE = "force"  # agents' states, queues and skills of the day
    MESSAGE = "message"  # to agents, teams, all
    QUEUE = "queue"  # emergency switch, moving and ranking waiting calls
    RESERVE = "reserve"  # call up and release the reserve
    RECORD_HEAR = "record.hear"
    RECORD_RESTRICTED = "record.restricted"  # tracks that the customer and the agent must not know of
    RECORD_DELETE = "record.delete"  # also holding them longer
    REPORT = "report"
    EXPORT = "export"  # files with data of customers or agents
    CUSTOMER = "customer"  # read and write records
    CUSTOMER_UNMASK = "customer.unmask"  # whole numbers
    CUSTOMER_DELETE = "customer.delete"  # also merging and importing
    LIST_PROPOSE = "list.propose"
    LIST_APPROVE = "list.approve"
    CALENDAR = "calendar"
    VOICEMAIL = "voicemail"
    FLOW = "flow"  # change, publish and try flows
    CONFIG_READ = "config.read"
    CONFIG = "config"
    USER = "user"  # users, their rights, invitations and sessions
    AUDIT = "audit"
    ALARM = "alarm"
    ALARM_ACK = "alarm.ack"
    STATUS = "status"
    STREAM = "stream"  # let a program hear a call and speak in it
    TRACE = "trace"  # the SIP messages of a call and what they say
    CLICK = "click"  # tokens of the click-to-call widget


_P = Permission
_AGENT = {_P.DESK, _P.CUSTOMER, _P.LIST_PROPOSE, _P.VOICEMAIL}
_LEADER = _AGENT | {
    _P.CALLS, _P.CALLS_PLACE, _P.CALLS_END, _P.BOARD, _P.MONITOR, _P.FORCE, _P.MESSAGE, _P.RECORD_HEAR, _P.RECORD_RESTRICTED,
    _P.REPORT, _P.ALARM, _P.ALARM_ACK, _P.CUSTOMER_UNMASK,
}  # fmt: skip
_SUPERVISOR = _LEADER | {
    _P.QUEUE, _P.RESERVE, _P.EXPORT, _P.LIST_APPROVE, _P.CALENDAR, _P.CUSTOMER_DELETE, _P.CONFIG_READ,
    _P.TRACE,
}  # fmt: skip
GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(_AGENT),
    Role.TEAM_LEADER: frozenset(_LEADER),
    Role.QUALITY: frozenset({_P.CALLS, _P.RECORD_HEAR, _P.REPORT, _P.BOARD, _P.CUSTOMER}),
    Role.AUDITOR: frozenset({_P.AUDIT, _P.REPORT, _P.CALLS, _P.CONFIG_READ, _P.ALARM, _P.BOARD}),
    Role.SUPERVISOR: frozenset(_SUPERVISOR),
    Role.ADMINISTRATOR: frozenset(_P),
    Role.API: frozenset(_P) - {_P.USER, _P.AUDIT, _P.DESK},
}
"""Programs have what interfaces.md gives them: everything but people and the trail of what people did."""


def may(role: Role, permission: Permission) -> bool:
    return permission in GRANTS[role]


def roles_with(permission: Permission) -> frozenset[Role]:
    return frozenset(role for role, granted in GRANTS.items() if permission in granted)


def rights_table() -> str:
    """The table as Markdown, for the README."""
    roles = list(Role)
    lines = [f"| permission | {' | '.join(roles)} |", "|---|" + "---|" * len(roles)]
    lines += [f"| `{one}` | {' | '.join('✓' if may(role, one) else '' for role in roles)} |" for one in Permission]
    return "\n".join(lines) + "\n"
