"""Numbers as those see them who may not see them whole: enough to recognise a caller, not enough to dial it elsewhere."""

from __future__ import annotations

SHOWN_FIRST, SHOWN_LAST = 3, 4


def masked(number: str) -> str:
    """`138****8000`; short numbers (extensions, services) stay."""
    digits = sum(sign.isdigit() for sign in number)
    if digits <= SHOWN_FIRST + SHOWN_LAST:
        return number
    out, seen = [], 0
    for sign in number:
        seen += sign.isdigit()
        hidden = sign.isdigit() and SHOWN_FIRST < seen <= digits - SHOWN_LAST
        out.append("*" if hidden else sign)
    return "".join(out)


def hidden(value: object) -> str:
    """An own field that is masked: only its last two signs."""
    text = str(value)
    return "*" * max(0, len(text) - 2) + text[-2:] if text else ""
