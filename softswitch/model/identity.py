"""Who a party is to the other one, where a call has been before, and what a peer is told of both (sip.md §5.4, 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from softswitch.model.numbering import CHINA, Context, read, written

MAX_DIVERSIONS = 5
"""Times a call may have been forwarded before it reaches us; one more and it is going in circles."""


class Diversion(NamedTuple):
    """One step of a call's way: who sent it on and why, with the words of RFC 5806. `hidden`: the number is withheld."""

    number: str
    reason: str = "unconditional"
    counter: int = 1
    hidden: bool = False


class Person(NamedTuple):
    """Whom a party talks to, as it is shown: connected line identity. `hidden`: the number is withheld."""

    number: str
    name: str = ""
    hidden: bool = False
    session: str = ""
    """Identifier of the party's end (RFC 7989)."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What a peer is told about people and in which words; filled from the profile of a trunk, the defaults are a phone's."""

    caller_id: str = "from"  # from, pai, rpid, both (PAI and RPID), ppi: which headers tell the caller's number
    privacy: str = "none"  # id: the peer is trusted with withheld numbers (Privacy: id); none: it is told nothing of them
    display: bool = True
    sender: str = ""  # stands in From whatever the caller's number is: the account
    owned: tuple[str, ...] = ()  # numbers that may be shown, canonical; a * at the end is any rest
    number: str = ""  # shown instead of a number that is not ours; "": everything is shown
    form: str = "asis"  # how numbers are written
    mobile_zero: str = "auto"
    where: Context = CHINA
    diversion: str = "off"  # off, diversion, history, both
    connected_line: bool = False
    headers_out: frozenset[str] = frozenset()  # lower case
    headers_in: frozenset[str] = frozenset()
    trust: bool = True  # its words about callers are believed
    may_refer: bool = False  # who calls from there may send the called one elsewhere
    sends_refer: bool = False  # it can be asked to send its party elsewhere by itself
    caller_form: str = "asis"  # how it writes numbers to us
    caller_from: tuple[str, ...] = ("pai", "rpid", "from")  # where the caller's number stands, the first that is there
    reveals: bool = False  # an emergency: a withheld number is shown
    max_diversions: int = MAX_DIVERSIONS

    def written(self, number: str) -> str:
        return written(number, self.form, self.where, self.mobile_zero)

    def canonical(self, number: str) -> str:
        return read(number, self.caller_form, self.where)

    def owns(self, number: str) -> bool:
        """Whether a number may be shown to this peer as the caller's."""
        if not self.number:
            return True
        known = (*self.owned, self.number)
        return any(number.startswith(each[:-1]) if each.endswith("*") else number == each for each in known)


USUAL = Manners()
PHONES = Manners(connected_line=True, privacy="none", trust=False, headers_out=frozenset({"user-to-user"}))
"""Of phones, agents and pages: they see whom they talk to; what they say about themselves is not believed."""
