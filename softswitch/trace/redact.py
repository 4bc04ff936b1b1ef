"""What nobody must read is overwritten, octet for octet: lengths stay true, so that the message can still be decoded.

Gone are: nonces, responses and tokens of the Authorization family, keys of media (`a=crypto`, `k=`, `a=key-mgmt`, `ice-pwd`),
passwords in URIs, bodies of MESSAGE, bodies that are encoded (nobody can see what they hold), and the digits of INFO.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_HEADER = re.compile(
    rb"(?im)^((?:proxy-)?(?:authorization|authenticate)|www-authenticate|(?:proxy-)?authentication-info)[ \t]*:"
    rb"((?:[^\r\n]|\r?\n[ \t])*)"
)
_PARAMETER = re.compile(
    rb'(?i)\b(c?nonce|nextnonce|response(?:-auth)?|rspauth|opaque)(\s*=\s*"?)((?:[^"\\,\s]|\\.)+)'
)  # fmt: skip
_KEYS = re.compile(
    rb"(?im)^(a=crypto:[^\r\n]*?inline:)([^\r\n]+)|^(a=ice-pwd:|a=key-mgmt:|k=)([^\r\n]+)"
)  # fmt: skip
_PASSWORD = re.compile(rb"(?i)(sips?:[^\s@:;<>]+:)([^\s@<>]+)@")
_SIGNAL = re.compile(rb"(?i)(signal[ \t]*=[ \t]*)([^\r\n]+)")
_KPML = re.compile(rb"""(?i)(digits[ \t]*=[ \t]*["'])([^"']*)""")
_HINTS = (b"authori", b"authent", b"inline:", b"ice-pwd", b"key-mgmt", b"k=", b"dtmf", b"kpml", b"content-encoding")
_DTMF = re.compile(
    rb"(?im)^(?:content-type|c)[ \t]*:[ \t]*(application/(?:dtmf-relay|dtmf|kpml[^\r\n;]*|vnd\.[^\r\n;]*digit[^\r\n;]*))"
)
_ENCODED = re.compile(rb"(?im)^(?:content-encoding|e)[ \t]*:[ \t]*(?!identity[ \t]*\r?$)\S")
_MESSAGE = re.compile(rb"(?im)^CSeq[ \t]*:[ \t]*\d+[ \t]+MESSAGE\b")


def redacted(data: bytes, *, digits: bool = False) -> bytes:
    """The message without secrets, of the same length; `digits`: those of INFO may be read."""
    lower = data.lower()
    is_message = b"message" in lower
    if not is_message and b"sip:" not in lower and not any(hint in lower for hint in _HINTS):
        return data
    head, blank, body = _parted(data)
    head = _HEADER.sub(_credentials, head) if b"auth" in lower else head
    if b"@" in head:
        head = _PASSWORD.sub(lambda found: found[1] + _stars(found[2]) + b"@", head)
    if body:
        body = _body(head, body, is_message=is_message, digits=digits)
    return head + blank + body


def _body(head: bytes, body: bytes, *, is_message: bool, digits: bool) -> bytes:
    if (is_message and _MESSAGE.search(head)) or _ENCODED.search(head):
        return _hidden(body)
    body = _KEYS.sub(_key, body)
    kind = None if digits else _DTMF.search(head)
    if kind is None:
        return body
    if b"relay" in kind[1].lower():
        return _SIGNAL.sub(lambda found: found[1] + _stars(found[2]), body)
    if b"kpml" in kind[1].lower():
        return _KPML.sub(lambda found: found[1] + _stars(found[2]), body)
    return _hidden(body)


def _parted(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Head, the blank line and body; line ends may be bare LF."""
    for blank in (b"\r\n\r\n", b"\n\n"):
        head, found, body = data.partition(blank)
        if found:
            return head, found, body
    return data, b"", b""


def _credentials(found: re.Match[bytes]) -> bytes:
    value = found[2]
    scheme = value.split(maxsplit=1)[0].lower() if value.strip() else b""
    is_info = found[1].lower().endswith(b"info")
    if (scheme != b"digest" and not is_info) or value.count(b'"') % 2:
        start = len(value) - len(value.lstrip())
        return found[0][: -len(value) or None] + value[:start] + _hidden(value[start:])
    name = found[0][: len(found[0]) - len(value)]
    return name + _PARAMETER.sub(lambda each: each[1] + each[2] + _stars(each[3]), value)


def _key(found: re.Match[bytes]) -> bytes:
    return found[1] + _stars(found[2]) if found[1] is not None else found[3] + _stars(found[4])


_stars: Callable[[bytes], bytes] = lambda text: b"*" * len(text)  # noqa: E731 - reads as what it does
_hidden: Callable[[bytes], bytes] = lambda text: re.sub(rb"[^\s]", b"*", text)  # noqa: E731
