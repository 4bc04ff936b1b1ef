"""TwiML into typed verbs. Pure. Whatever an application answers, the result is verbs or `BadAnswer` with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from softswitch.applications import model as m
from softswitch.streams.model import LONGEST_VALUE, MOST_PARAMETERS

MOST_OCTETS = 65_536
MOST_VERBS = 100
LONGEST_TEXT = 4096
KEYS = frozenset("0123456789*#")


class BadAnswer(ValueError):
    """The answer cannot be followed; the text says why."""


def parse(document: bytes) -> tuple[m.Verb, ...]:
    """The verbs of a `<Response>`. Raises BadAnswer: no XML, entities, unknown verbs, values out of range, too much."""
    if len(document) > MOST_OCTETS:
        raise BadAnswer(f"expected at most {MOST_OCTETS} octets")
    try:
        root = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as fault:
        raise BadAnswer(f"expected XML: {type(fault).__name__}") from fault
    if root.tag != "Response":
        raise BadAnswer(f"expected <Response>, got <{root.tag}>"[:200])
    if len(root) > MOST_VERBS:
        raise BadAnswer(f"expected at most {MOST_VERBS} verbs")
    return tuple(_verb(element) for element in root)


def _verb(element: Element) -> m.Verb:
    read = _READERS.get(str(element.tag))
    if read is None:
        refused = _REFUSED.get(str(element.tag), f"unknown verb, expected one of {' '.join(_READERS)}")
        raise BadAnswer(f"<{element.tag}>: {refused}"[:300])
    return read(element)


_REFUSED: Mapping[str, str] = {
    "Stream": "expected inside Connect, Start or Stop",
    "Pay": "payments are not in this release",
    "Sms": "there are no text messages",
    "Message": "there are no text messages",
    "Prompt": "payments are not in this release",
    "Siprec": "recording by SIPREC is for rules, not for applications",
}


# values


def _text(element: Element) -> str:
    found = "".join(element.itertext()).strip()
    if len(found) > LONGEST_TEXT:
        raise BadAnswer(f"<{element.tag}>: expected at most {LONGEST_TEXT} signs")
    return found


def _needed(element: Element) -> str:
    found = _text(element)
    if not found:
        raise BadAnswer(f"<{element.tag}>: expected a text inside")
    return found


def _number(element: Element, name: str, default: float, least: float, most: float) -> float:
    given = element.get(name)
    if given is None:
        return default
    try:
        found = float(given)
    except ValueError:
        found = float("nan")
    if not least <= found <= most:
        raise BadAnswer(f"<{element.tag} {name}>: expected {least:g} to {most:g}, got {given[:40]!r}")
    return found


def _boolean(element: Element, name: str, *, default: bool) -> bool:
    given = element.get(name, "").strip().lower()
    if given not in ("", "true", "false"):
        raise BadAnswer(f"<{element.tag} {name}>: expected true or false, got {given[:40]!r}")
    return given == "true" if given else default


def _method(element: Element, name: str = "method") -> str:
    found = element.get(name, "POST").upper()
    if found not in ("GET", "POST"):
        raise BadAnswer(f"<{element.tag} {name}>: expected GET or POST")
    return found


def _keys(element: Element, default: str) -> str:
    found = element.get("finishOnKey", default)
    if not set(found) <= KEYS:
        raise BadAnswer(f"<{element.tag} finishOnKey>: expected digits, * or #")
    return found


# verbs


def _say(element: Element) -> m.Say:
    loop = int(_number(element, "loop", 1, 0, 1000))
    return m.Say(text=_needed(element), language=element.get("language", ""), loop=loop)


def _play(element: Element) -> m.Play:
    digits = element.get("digits", "")
    if digits and not set(digits.lower()) <= KEYS | {"w"}:
        raise BadAnswer("<Play digits>: expected digits, *, # or w")
    name = "" if digits else _needed(element)
    if "://" in name:
        raise BadAnswer("<Play>: expected the name of a prompt; sounds are not fetched from other places")
    return m.Play(name=name, digits=digits, loop=int(_number(element, "loop", 1, 0, 1000)))


def _pause(element: Element) -> m.Pause:
    return m.Pause(length=_number(element, "length", 1.0, 0.0, 300.0))


_SPOKEN: Mapping[str, Callable[[Element], m.Say | m.Play | m.Pause]] = {"Say": _say, "Play": _play, "Pause": _pause}


def _gather(element: Element) -> m.Gather:
    wanted = element.get("input", "dtmf")
    if wanted != "dtmf":
        raise BadAnswer(f"<Gather input>: expected dtmf, got {wanted[:40]!r} (there is no speech recognition)")
    prompts = []
    for inner in element:
        if inner.tag not in _SPOKEN:
            raise BadAnswer(f"<Gather>: expected Say, Play or Pause inside, got <{inner.tag}>"[:200])
        prompts.append(_SPOKEN[str(inner.tag)](inner))
    return m.Gather(
        action=element.get("action", ""), method=_method(element), timeout=_number(element, "timeout", 5.0, 0.5, 60.0),
        finish_on_key=_keys(element, "#"), num_digits=int(_number(element, "numDigits", 0, 0, 64)),
        action_on_empty=_boolean(element, "actionOnEmptyResult", default=False), prompts=tuple(prompts),
    )  # fmt: skip


def _record(element: Element) -> m.Record:
    return m.Record(
        action=element.get("action", ""), method=_method(element), timeout=_number(element, "timeout", 5.0, 1.0, 60.0),
        finish_on_key=_keys(element, "1234567890*#"), max_length=_number(element, "maxLength", 3600.0, 1.0, 3600.0),
        play_beep=_boolean(element, "playBeep", default=True),
    )  # fmt: skip


_NOUNS = {"Number": "number", "Client": "client", "Sip": "sip", "Queue": "queue", "Conference": "conference"}


def _dial(element: Element) -> m.Dial:
    targets = []
    for inner in element:
        kind = _NOUNS.get(str(inner.tag))
        if kind is None:
            raise BadAnswer(f"<Dial>: expected one of {' '.join(_NOUNS)} inside, got <{inner.tag}>"[:200])
        targets.append(m.Target(kind=kind, name=_needed(inner)))
    if not targets:
        targets.append(m.Target(kind="number", name=_needed(element)))
    kinds = {target.kind for target in targets}
    if len(targets) > 10 or (len(targets) > 1 and kinds & {"queue", "conference"}):
        raise BadAnswer("<Dial>: expected at most 10 numbers or clients, or one queue, or one conference")
    return m.Dial(
        targets=tuple(targets), action=element.get("action", ""), method=_method(element),
        timeout=_number(element, "timeout", 30.0, 1.0, 180.0),
        time_limit=_number(element, "timeLimit", 14_400.0, 1.0, 86_400.0),
    )  # fmt: skip


def _enqueue(element: Element) -> m.Enqueue:
    importance = element.get("importance", "")
    if importance and not (importance.isdecimal() and int(importance) <= 100):
        raise BadAnswer("<Enqueue importance>: expected 0 to 100")
    return m.Enqueue(queue=_needed(element), action=element.get("action", ""), method=_method(element), importance=importance)


def _refer(element: Element) -> m.Refer:
    inner = element.find("Sip")
    target = _needed(inner) if inner is not None else _needed(element)
    return m.Refer(to=target, action=element.get("action", ""), method=_method(element))


def _reject(element: Element) -> m.Reject:
    reason = element.get("reason", "rejected")
    if reason not in ("rejected", "busy"):
        raise BadAnswer(f"<Reject reason>: expected rejected or busy, got {reason[:40]!r}")
    return m.Reject(reason=reason)


_TRACKS = {"inbound_track": ("inbound",), "outbound_track": ("outbound",), "both_tracks": ("inbound", "outbound")}


def _only_stream(element: Element) -> Element:
    inner = list(element)
    if len(inner) != 1 or inner[0].tag != "Stream":
        raise BadAnswer(f"<{element.tag}>: expected one <Stream> inside")
    return inner[0]


def _stream(element: Element, *, speaks: bool) -> m.Stream:
    inner = _only_stream(element)
    url = inner.get("url", "").strip()
    if urlsplit(url).scheme not in ("ws", "wss"):
        raise BadAnswer("<Stream url>: expected ws:// or wss://")
    track = inner.get("track", "inbound_track")
    if track not in _TRACKS or (speaks and track != "inbound_track"):
        expected = "inbound_track" if speaks else " ".join(_TRACKS)
        raise BadAnswer(f"<Stream track>: expected {expected}, got {track[:40]!r}")
    parameters = {}
    for parameter in inner:
        if parameter.tag != "Parameter" or not parameter.get("name"):
            raise BadAnswer("<Stream>: expected <Parameter name value> inside")
        parameters[parameter.get("name", "")] = parameter.get("value", "")
    if len(parameters) > MOST_PARAMETERS or any(len(word) > LONGEST_VALUE for pair in parameters.items() for word in pair):
        raise BadAnswer(f"<Stream>: expected at most {MOST_PARAMETERS} parameters of at most {LONGEST_VALUE} signs")
    return m.Stream(
        url=url, name=inner.get("name", "")[:64], tracks=_TRACKS[track], parameters=parameters, speaks=speaks,
        action=element.get("action", ""), method=_method(element),
    )  # fmt: skip


_READERS: Mapping[str, Callable[[Any], m.Verb]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Record": _record,
    "Dial": _dial,
    "Enqueue": _enqueue,
    "Leave": lambda _element: m.Leave(),
    "Redirect": lambda element: m.Redirect(url=_needed(element), method=_method(element)),
    "Reject": _reject,
    "Hangup": lambda _element: m.Hangup(),
    "Refer": _refer,
    "Connect": lambda element: _stream(element, speaks=True),
    "Start": lambda element: _stream(element, speaks=False),
    "Stop": lambda element: m.StopStream(name=_only_stream(element).get("name", "")),
}
VERBS = tuple(_READERS)
