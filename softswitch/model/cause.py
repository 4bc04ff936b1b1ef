"""Why a call or a leg ended: one table, Q.850 ↔ SIP status ↔ plain words (RFC 3398, 4497; sip.md §4.8)."""

from __future__ import annotations

from enum import Enum


class Cause(Enum):
    """`(word, q850, sip, sentence)`. The word is what apply files, REST and records use."""

    NORMAL = ("normal", 16, 480, "The call ended normally")
    CANCELLED = ("cancelled", 16, 487, "The caller gave up before an answer")
    ANSWERED_ELSEWHERE = ("answered_elsewhere", 26, 487, "Another device answered")
    UNALLOCATED = ("unallocated", 1, 404, "The number does not exist")
    NO_ROUTE = ("no_route", 3, 404, "No route to the number")
    BUSY = ("busy", 17, 486, "The called party is busy")
    NO_USER_RESPONSE = ("no_user_response", 18, 408, "The called party's device did not respond")
    NO_ANSWER = ("no_answer", 19, 480, "The called party did not answer")
    UNREACHABLE = ("unreachable", 20, 480, "The called party is not registered or signed in")
    REJECTED = ("rejected", 21, 603, "The called party refused the call")
    FORBIDDEN = ("forbidden", 21, 403, "The call is not permitted")
    NUMBER_CHANGED = ("number_changed", 22, 410, "The number has changed")
    DO_NOT_DISTURB = ("do_not_disturb", 31, 480, "The called party does not want to be disturbed")
    ANONYMOUS = ("anonymous", 21, 433, "The called party takes no calls that withhold their number")
    INVALID_NUMBER = ("invalid_number", 28, 484, "The number is incomplete or invalid")
    LOOP = ("loop", 25, 482, "The call came back to this switch")
    TOO_MANY_HOPS = ("too_many_hops", 25, 483, "The call passed through too many switches")
    CONGESTION = ("congestion", 34, 503, "No free channel")
    NETWORK_FAILURE = ("network_failure", 38, 502, "The network is out of order")
    TEMPORARY_FAILURE = ("temporary_failure", 41, 500, "A temporary failure")
    MEDIA_FAILURE = ("media_failure", 41, 500, "No media could be established")
    INCOMPATIBLE = ("incompatible", 88, 488, "The parties share no codec")
    TIMEOUT = ("timeout", 102, 504, "The far end stopped answering")
    FLOW_ERROR = ("flow_error", 127, 500, "The call flow could not go on")
    MAX_DURATION = ("max_duration", 102, 480, "The call reached its maximum length")
    SUPERVISOR = ("supervisor", 16, 480, "A supervisor ended the call")
    SHUTDOWN = ("shutdown", 41, 503, "The switch is shutting down")
    NODE_LOST = ("NODE_LOST", 41, 500, "The switch stopped while the call was live")

    def __init__(self, word: str, q850: int, sip: int, sentence: str) -> None:
        self.word = word
        self.q850 = q850
        self.sip = sip
        self.sentence = sentence

    @classmethod
    def from_word(cls, word: str) -> Cause:
        """The cause of a `hangup:CAUSE` destination or verb. Raises KeyError(word)."""
        return _BY_WORD[word]

    @classmethod
    def from_sip(cls, status: int, q850: int = 0) -> Cause:
        """The word for a final status of a peer; a Reason header's Q.850 value wins where it says more (sip.md §4.8)."""
        if q850 == 21:
            return cls.REJECTED if status == 603 else cls.FORBIDDEN
        if q850 in _BY_Q850:
            return _BY_Q850[q850]
        if status in _BY_SIP:
            return _BY_SIP[status]
        return cls.TEMPORARY_FAILURE if 500 <= status < 600 else cls.UNREACHABLE


_BY_WORD = {cause.word: cause for cause in Cause}
_BY_Q850 = {
    1: Cause.UNALLOCATED, 2: Cause.NO_ROUTE, 3: Cause.NO_ROUTE, 4: Cause.UNALLOCATED, 5: Cause.UNALLOCATED, 8: Cause.BUSY,
    17: Cause.BUSY, 18: Cause.NO_USER_RESPONSE, 19: Cause.NO_ANSWER, 20: Cause.UNREACHABLE, 22: Cause.NUMBER_CHANGED,
    25: Cause.LOOP, 26: Cause.ANSWERED_ELSEWHERE, 27: Cause.NETWORK_FAILURE, 28: Cause.INVALID_NUMBER, 34: Cause.CONGESTION,
    38: Cause.NETWORK_FAILURE, 42: Cause.CONGESTION, 44: Cause.CONGESTION, 47: Cause.CONGESTION, 65: Cause.INCOMPATIBLE,
    66: Cause.INCOMPATIBLE, 70: Cause.INCOMPATIBLE, 88: Cause.INCOMPATIBLE, 102: Cause.TIMEOUT,
}  # fmt: skip
_BY_SIP = {
    401: Cause.NETWORK_FAILURE, 402: Cause.FORBIDDEN, 403: Cause.FORBIDDEN, 407: Cause.NETWORK_FAILURE, 404: Cause.UNALLOCATED,
    485: Cause.UNALLOCATED, 604: Cause.UNALLOCATED, 408: Cause.NO_USER_RESPONSE, 410: Cause.NUMBER_CHANGED,
    424: Cause.FORBIDDEN, 428: Cause.FORBIDDEN, 429: Cause.FORBIDDEN, 433: Cause.REJECTED, 436: Cause.FORBIDDEN,
    437: Cause.FORBIDDEN, 438: Cause.FORBIDDEN, 440: Cause.TOO_MANY_HOPS,
    480: Cause.UNREACHABLE, 482: Cause.LOOP, 483: Cause.TOO_MANY_HOPS, 484: Cause.INVALID_NUMBER, 486: Cause.BUSY,
    600: Cause.BUSY, 487: Cause.CANCELLED, 488: Cause.INCOMPATIBLE, 580: Cause.INCOMPATIBLE, 606: Cause.INCOMPATIBLE,
    500: Cause.TEMPORARY_FAILURE, 502: Cause.NETWORK_FAILURE, 430: Cause.NETWORK_FAILURE, 503: Cause.CONGESTION,
    504: Cause.TIMEOUT, 603: Cause.REJECTED, 607: Cause.REJECTED, 608: Cause.REJECTED,
}  # fmt: skip
