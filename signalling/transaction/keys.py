"""How a message finds its transaction (RFC 3261 §17.1.3, §17.2.3; RFC 2543 only where the branch has no cookie)."""

from __future__ import annotations

from collections.abc import Hashable

from signalling.events import Flow
from signalling.message import Request, Response

COOKIE = "z9hG4bK"


def client_key(response: Response) -> tuple[str, str]:
    return response.via.params.get("branch", ""), response.cseq.method


def server_key(request: Request, flow: Flow, method: str = "") -> Hashable:
    """Key of the server transaction that `request` belongs to; an ACK finds its INVITE. `method` overrides, for CANCEL."""
    name = method or ("INVITE" if request.method == "ACK" else request.method)
    via = request.via
    branch = via.params.get("branch", "")
    if branch.startswith(COOKIE) and len(branch) > len(COOKIE):
        return branch, via.host, via.port, name
    # Deviation: the To tag is left out, so that an ACK still finds the INVITE whose answer added it.
    return (
        "2543",
        request.call_id,
        request.cseq.number,
        request.from_.tag,
        request.uri_text,
        via.host,
        via.port,
        flow.remote,
        name,
    )


def merge_key(request: Request) -> Hashable:
    """What two copies of one request have in common when they came by different ways (RFC 3261 §8.2.2.2)."""
    cseq = request.cseq
    return request.call_id, request.from_.tag, cseq.number, cseq.method
