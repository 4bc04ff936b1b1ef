"""Octets of the wire as text that a database, a log and a page can hold."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def presentable(text: str) -> str:
    """`text` with U+FFFD in place of octets that are no UTF-8 (kept as surrogates so far) and of control characters.

    A surrogate cannot be written to a database, a NUL not to PostgreSQL, and an escape sequence moves a terminal's cursor.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub("\ufffd", text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
