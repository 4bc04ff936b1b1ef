"""Where a call has been: Diversion (RFC 5806) and History-Info (RFC 7044) read into one list and written from it (sip.md §5.5).

Pure. The list is in the order of the call's way, the first who sent it on first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signalling.message.headers import NameAddr
from signalling.message.text import presentable
from signalling.message.uri import escape_user, unescape
from softswitch.legs.identity import addresses
from softswitch.model.identity import MAX_DIVERSIONS, Diversion, Manners

_STATUS = {
    "unconditional": 302, "user-busy": 486, "no-answer": 408, "deflection": 480, "unavailable": 503, "unknown": 404,
    "do-not-disturb": 480, "time-of-day": 302, "follow-me": 302, "away": 480,
}  # fmt: skip
_REASON = {302: "unconditional", 486: "user-busy", 600: "user-busy", 408: "no-answer", 480: "deflection", 503: "unavailable",
           404: "unknown"}  # fmt: skip


def read(headers: Mapping[str, str], manners: Manners) -> tuple[Diversion, ...]:
    """What a peer tells of the call's way; Diversion goes first where it sends both. Unreadable entries are left out."""
    diversions = [
        _of_diversion(address, manners) for address in addresses(headers.get("diversion", "")) if address.uri.username
    ]
    return tuple(reversed(diversions)) or _of_history(headers.get("history-info", ""), manners)


def count(diversions: Sequence[Diversion]) -> int:
    """How often the call was sent on, entries that stand for several included."""
    return sum(each.counter for each in diversions)


def write(diversions: Sequence[Diversion], manners: Manners, host: str, target: str) -> dict[str, str]:
    """The headers for a peer; `target` is the number that it is called for. Withheld numbers only where those are trusted."""
    kept = tuple(diversions)[-MAX_DIVERSIONS:]
    headers = {}
    if kept and manners.diversion in ("diversion", "both"):
        headers["Diversion"] = ", ".join(_diversion(each, manners, host) for each in reversed(kept))
    if kept and manners.diversion in ("history", "both"):
        headers["History-Info"] = ", ".join(_history(kept, manners, host, target))
    return headers


def _user(entry: Diversion, manners: Manners) -> str:
    return "anonymous" if entry.hidden and manners.privacy != "id" else escape_user(manners.written(entry.number))


def _host(entry: Diversion, manners: Manners, host: str) -> str:
    return "anonymous.invalid" if entry.hidden and manners.privacy != "id" else host


def _diversion(entry: Diversion, manners: Manners, host: str) -> str:
    privacy = "full" if entry.hidden else "off"
    address = f"<sip:{_user(entry, manners)}@{_host(entry, manners, host)}>"
    return f"{address};reason={entry.reason};counter={entry.counter};privacy={privacy}"


def _history(entries: Sequence[Diversion], manners: Manners, host: str, target: str) -> list[str]:
    """Each entry says why it was left: the Reason of RFC 3326, escaped into its URI; the last one is where it goes now."""
    values = []
    index = "1"
    for place, entry in enumerate(entries):
        reason = f"Reason=SIP%3Bcause%3D{_STATUS.get(entry.reason, 404)}"
        privacy = "&Privacy=history" if entry.hidden else ""
        mapped = f";mp={index.rpartition('.')[0]}" if place else ""
        address = f"<sip:{_user(entry, manners)}@{_host(entry, manners, host)}?{reason}{privacy}>"
        values.append(f"{address};index={index}{mapped}")
        index += ".1"
    values.append(f"<sip:{escape_user(target)}@{host}>;index={index};mp={index.rpartition('.')[0]}")
    return values


def _of_diversion(address: NameAddr, manners: Manners) -> Diversion:
    counter = address.params.get("counter", "1")
    reason = address.params.get("reason", "unknown").strip('"').lower()
    hidden = address.params.get("privacy", "off").strip('"').lower() in ("full", "uri", "name")
    times = int(counter) if counter.isascii() and counter.isdigit() and len(counter) < 4 else 1
    number = manners.canonical(presentable(address.uri.username))
    return Diversion(number, reason if reason in _STATUS else "unknown", max(times, 1), hidden)


def _of_history(value: str, manners: Manners) -> tuple[Diversion, ...]:
    """Every entry that was left for a reason; the last one, where the call arrives, has none."""
    found = []
    for address in addresses(value):
        headers = {
            name.lower(): unescape(text) for name, _, text in (item.partition("=") for item in address.uri.headers.split("&"))
        }
        reason = headers.get("reason", "")
        if not reason.upper().startswith("SIP") or not address.uri.username:
            continue
        cause = reason.partition("cause=")[2].partition(";")[0].strip()
        status = int(cause) if cause.isdigit() and len(cause) == 3 else 404
        hidden = "history" in headers.get("privacy", "").lower()
        number = manners.canonical(presentable(address.uri.username))
        found.append(Diversion(number, _REASON.get(status, "unknown"), 1, hidden))
    return tuple(found)
