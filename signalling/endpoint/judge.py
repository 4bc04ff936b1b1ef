"""Stages 6 and 9 of the order of judgement: what a request may be before anybody looks at who sent it, and after."""

from __future__ import annotations

from signalling.endpoint.streams import STRANGER_MAX
from signalling.errors import RemoteProtocolError
from signalling.events import Body
from signalling.message import Request
from signalling.usage.core import ACCEPT, METHODS, SUPPORTED_OPTIONS, Core, session_body

KNOWN = frozenset({*METHODS, "SUBSCRIBE", "PUBLISH", "MESSAGE"})
SCHEMES = frozenset({"sip", "sips", "tel", "urn"})
EMERGENCY = "urn:service:sos"


def check_form(request: Request) -> None:
    """Method, CSeq, Request-URI, To of a REGISTER. Raises RemoteProtocolError(501 | 400 | 416)."""
    if request.method not in KNOWN:
        raise RemoteProtocolError(501, "Not Implemented")
    if request.cseq.method != request.method:
        raise RemoteProtocolError(400, "CSeq Mismatch")
    uri = request.uri
    if uri.scheme not in SCHEMES or (uri.scheme == "urn" and not uri.text.lower().startswith(EMERGENCY)):
        raise RemoteProtocolError(416, "Unsupported URI Scheme")
    if uri.headers:
        raise RemoteProtocolError(400, "Headers In Request-URI")
    if request.method == "REGISTER" and not request.to.uri.is_sip:
        raise RemoteProtocolError(400, "Bad Address Of Record")


def check_size(request: Request) -> None:
    """How large a request may be before its sender is known. Raises RemoteProtocolError(413 | 513)."""
    if request.length > STRANGER_MAX:
        if len(request.body) > STRANGER_MAX:
            raise RemoteProtocolError(413, "Body Too Large")
        if request.length - len(request.body) > STRANGER_MAX:
            raise RemoteProtocolError(513, "Header Section Too Large")


def check_needs(request: Request) -> None:
    """Require. Raises RemoteProtocolError(420); CANCEL and ACK are never asked."""
    if "require" in request.headers and unsupported(request):
        raise RemoteProtocolError(420, "Bad Extension")


def unsupported(request: Request) -> list[str]:
    return [option for option in request.tokens("require") if option.lower() not in SUPPORTED_OPTIONS]


def check_session(request: Request) -> Body | None:
    """The offer of an INVITE, None without one. Raises RemoteProtocolError(400 | 406 | 415)."""
    if _is_encoded(request):
        raise RemoteProtocolError(415, "Encoded Body")
    if "accept" in request.headers and not _accepts_sdp(request):
        raise RemoteProtocolError(406, "Not Acceptable")
    return session_body(request)


def _is_encoded(request: Request) -> bool:
    return "content-encoding" in request.headers and request.get("content-encoding").lower() not in {"", "identity"}


def _accepts_sdp(request: Request) -> bool:
    kinds = {item.partition(";")[0].strip().lower() for item in request.tokens("accept")}
    return not kinds or bool(kinds & {"application/sdp", "application/*", "*/*", "multipart/mixed", "multipart/*"})


def refusal_lines(request: Request, status: int, core: Core, *, min_expires: int = 60) -> str:
    """The header lines that make a refusal useful."""
    if status in {405, 501}:
        return core.allow_line
    if status == 420:
        return f"Unsupported: {', '.join(unsupported(request)) or '100rel'}\r\n"
    if status == 415:
        return "Accept-Encoding: identity\r\n" if _is_encoded(request) else ACCEPT
    if status == 469:
        return f"Recv-Info: {', '.join(core.config.info_packages)}\r\n"
    if status == 489:
        packages = core.config.publishes if request.method == "PUBLISH" else core.config.events
        return f"Allow-Events: {', '.join(packages)}\r\n" if packages else ""
    if status == 421:
        return "Require: 100rel\r\n"
    if status == 422:
        return "Min-SE: 90\r\n"
    if status == 423:
        return f"Min-Expires: {min_expires}\r\n"
    return ""
