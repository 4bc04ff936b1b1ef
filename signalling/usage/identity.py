"""Who calls: From, and from a trusted peer P-Asserted-Identity or Remote-Party-ID (RFC 3325, sip.md §5.4)."""

from __future__ import annotations

from signalling.errors import RemoteProtocolError
from signalling.events import Identity
from signalling.message import Message, NameAddr, Request
from signalling.message.text import presentable
from signalling.message.uri import escape_user
from signalling.message.writer import quoted

PASSED = frozenset(
    {
        "alert-info",
        "answer-mode",
        "call-info",
        "diversion",
        "geolocation",
        "history-info",
        "organization",
        "p-called-party-id",
        "p-early-media",
        "p-preferred-identity",
        "priority",
        "privacy",
        "reason",
        "referred-by",
        "remote-party-id",
        "replaces",
        "resource-priority",
        "session-id",
        "subject",
        "user-agent",
        "user-to-user",
    }
)
CONNECTED = frozenset({"p-asserted-identity", "remote-party-id", "privacy"})  # who the peer of a response or UPDATE is
_TOLD = PASSED | CONNECTED
LISTS = frozenset(
    {"alert-info", "diversion", "history-info", "p-asserted-identity", "privacy", "remote-party-id", "user-to-user"}
)
MAX_PASSED = 20
MAX_VALUE = 2048


def caller_identity(request: Request, *, trusted: bool) -> Identity:
    """The caller as claimed, plus what a trusted peer asserts. Unreadable assertions count as absent."""
    claimed = request.from_
    uri = claimed.uri
    asserted = _asserted(request) if trusted else ""
    return Identity(presentable(uri.username), uri.host, presentable(readable(claimed)), presentable(asserted))


def readable(address: NameAddr) -> str:
    """Display name as text: UTF-8, else GB18030, else Latin-1 (sip.md §2.3)."""
    name = address.name.strip()
    if name.isascii():
        return name
    octets = name.encode("utf-8", "surrogateescape")
    for charset in ("utf-8", "gb18030"):
        try:
            return octets.decode(charset)
        except UnicodeDecodeError:
            continue
    return octets.decode("latin-1")


def passed_headers(message: Message) -> dict[str, str]:
    """First values of the headers that the layer above may want, lower-case names, bounded in number and size."""
    headers: dict[str, str] = {}
    for name, values in message.headers.items():
        if (name in _TOLD or name.startswith("x-")) and len(values[0]) <= MAX_VALUE:
            headers[name] = presentable(", ".join(values)[:MAX_VALUE] if name in LISTS else values[0])
            if len(headers) == MAX_PASSED:
                break
    return headers


def from_value(identity: Identity, host: str) -> str:
    """From for a request of ours, without the tag. `host` stands in when the identity names none."""
    name = quoted(identity.display_name)
    user = f"{escape_user(identity.uri_user)}@" if identity.uri_user else ""
    return f"{name}{' ' if name else ''}<sip:{user}{identity.uri_host or host}>"


def _asserted(request: Request) -> str:
    for header in ("p-asserted-identity", "remote-party-id"):
        if header not in request.headers:
            continue
        try:
            for address in request.addresses(header):
                if address.uri.username:
                    return address.uri.username
        except RemoteProtocolError:
            continue
    return ""
