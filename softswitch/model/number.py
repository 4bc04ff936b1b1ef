"""One spelling of a telephone number for comparing: callers come as networks and people write them."""

from __future__ import annotations

ANONYMOUS = "anonymous"
_UNKNOWN = frozenset({"", "anonymous", "unknown", "unavailable", "restricted", "private"})
_WITHOUT_SEPARATORS = str.maketrans("", "", " -.()/\u00a0")


def canonical(number: str) -> str:
    """No separators, no +86, no trunk 0 before a mobile number; `anonymous` for a hidden one."""
    plain = number if number.isalnum() else number.translate(_WITHOUT_SEPARATORS)
    if plain.lower() in _UNKNOWN:
        return ANONYMOUS
    for prefix in ("+86", "0086"):
        plain = plain.removeprefix(prefix)
    if len(plain) == 12 and plain.startswith("01") and plain[2] in "3456789":
        return plain[1:]
    return plain
