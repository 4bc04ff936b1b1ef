"""Parts of apply files that many tests have in common."""

from __future__ import annotations


def extensions(*numbers: str) -> str:
    """Phones whose password is `secret-NUMBER`."""
    return "".join(f'[[extension]]\nnumber = "{number}"\npassword = "secret-{number}"\n' for number in numbers)
