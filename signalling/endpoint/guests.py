"""Callers of web pages, who have no account but a token for one call (RFC 8898, Bearer; sip.md §8.1 click-to-call)."""

from __future__ import annotations

from signalling.events import Flow
from signalling.message import Request
from signalling.policy import PeerKind, PeerPolicy

_SOCKETS = frozenset({"ws", "wss"})
_IN_CALL = frozenset({"INVITE", "UPDATE", "PRACK", "INFO", "BYE"})
"""What a guest may say in its call: it keeps the session alive, sends digits and ends it; it sends nobody elsewhere."""


def token_of(request: Request, flow: Flow) -> str:
    """The token that a page brings with a request, "" without one or on a transport that no page uses."""
    if flow.transport not in _SOCKETS:
        return ""
    for value in request.headers.get("authorization", ()):
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return ""


def oversteps(policy: PeerPolicy | None, method: str) -> bool:
    """Whether a request in a call is more than a guest may ask for."""
    return policy is not None and policy.kind is PeerKind.GUEST and method not in _IN_CALL
