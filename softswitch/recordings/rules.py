"""Which conversations are recorded: pure. The first rule that fits decides, else the queue's own setting.

A rule's `percent` is the share of the fitting conversations that get its `mode`; the others get the opposite (`always` 10 %
records one of ten, `never` 90 % too). The share is drawn from the call's id, so that the same call is always judged alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from softswitch.directory.centre import Queue, RecordingRule
from softswitch.directory.snapshot import best_match

REFUSE_KEY = "9"
"""Pressed during or shortly after the consent prompt: this caller is not recorded."""


class RecordingMode(StrEnum):
    ALWAYS = "always"
    NEVER = "never"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What of a conversation rules look at. `number` is the customer's, "" inside; `direction` in, out or internal."""

    call: str
    queue: str = ""
    agent: str = ""
    team: str = ""
    number: str = ""
    direction: str = ""
    trunk: str = ""
    refused: bool = False
    """The caller did not consent."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` names the rule that decided: its name, "queue", "refused" or "" (nothing said so: not recorded)."""

    mode: RecordingMode
    rule: str = ""
    days: int = 0
    """How long the recording is kept; 0: as the switch's settings say."""
    siprec: tuple[str, ...] = ()
    """Trunks to recording servers that record it as well, or instead (`mode` is of the file here)."""

    @property
    def records(self) -> bool:
        """Whether recording begins by itself."""
        return self.mode is RecordingMode.ALWAYS

    @property
    def may_begin(self) -> bool:
        """Whether the conversation may be recorded at some time."""
        return self.mode is not RecordingMode.NEVER


NOT_RECORDED = Decision(RecordingMode.NEVER)
_OPPOSITE = {
    RecordingMode.ALWAYS: RecordingMode.NEVER,
    RecordingMode.NEVER: RecordingMode.ALWAYS,
    RecordingMode.ON_DEMAND: RecordingMode.NEVER,
}


def decide(rules: Iterable[RecordingRule], contact: Contact, queue: Queue | None = None, *, default: bool = False) -> Decision:
    """Who did not consent is never recorded; then the rules by their order; then the queue; without one, `default`."""
    if contact.refused:
        return Decision(RecordingMode.NEVER, "refused")
    for rule in sorted(rules, key=lambda rule: (rule.order, rule.name)):
        if fits(rule, contact):
            mode = RecordingMode(rule.mode)
            days = rule.record_days or (queue.record_days if queue is not None else 0)
            drawn = is_drawn(rule, contact.call)
            return Decision(mode if drawn else _OPPOSITE[mode], rule.name, days, rule.siprec if drawn else ())
    if queue is not None:
        return Decision(RecordingMode.ALWAYS if queue.record else RecordingMode.NEVER, "queue", queue.record_days)
    return Decision(RecordingMode.ALWAYS if default else RecordingMode.NEVER)


def fits(rule: RecordingRule, contact: Contact) -> bool:
    """Every condition that the rule states holds."""
    wanted = (
        (rule.queue, contact.queue),
        (rule.agent, contact.agent),
        (rule.team, contact.team),
        (rule.direction, contact.direction),
        (rule.trunk, contact.trunk),
    )
    if any(condition and condition != value for condition, value in wanted):
        return False
    return not rule.number or (bool(contact.number) and best_match(contact.number, {rule.number: None}) is not None)


def is_drawn(rule: RecordingRule, call: str) -> bool:
    """Whether the call is of the rule's share: an even draw per rule and call, the same at every asking."""
    if rule.percent >= 100:
        return True
    digest = hashlib.sha256(f"{rule.name}\0{call}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000 < rule.percent * 100


def consent_prompt(decision: Decision, queue: Queue) -> str:
    """What the caller hears before joining, "" for nothing: only who may be recorded is asked."""
    return queue.consent if decision.may_begin or decision.siprec else ""


def after_consent(contact: Contact, key: str) -> Contact:
    """The contact once the prompt has been heard; `key` is what the caller pressed, "" for nothing."""
    return replace(contact, refused=contact.refused or key == REFUSE_KEY)
