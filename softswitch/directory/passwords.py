"""What a password must be, and how long wrong ones lock a login. Pure: no clock, no storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

_CLASSES = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"), re.compile(r"[^a-zA-Z0-9]"))
_LEET = str.maketrans("013457@$!", "oieastasi")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik")
_MOST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    length: int = 10
    classes: int = 2
    """Of small letters, capitals, digits, other signs."""
    history: int = 5
    """Former passwords that may not come back."""
    max_age_days: int = 0
    """0: a password is good until it is changed."""
    lock_after: int = 5
    """Wrong attempts in a row; each further one doubles the time."""
    lock_seconds: int = 30
    lock_most: int = 3600

    def faults(self, password: str, *words: str) -> Iterator[str]:
        """What is wrong with it. `words`: login and name, which it may not be made of."""
        if len(password) < self.length:
            yield f"expected at least {self.length} signs, got {len(password)}"
        if len(password) > _MOST:
            yield f"expected at most {_MOST} signs"
        used = sum(bool(signs.search(password)) for signs in _CLASSES)
        if used < self.classes:
            yield f"expected {self.classes} of small letters, capitals, digits and other signs, got {used}"
        if len(set(password)) < 5:
            yield "expected at least 5 different signs"
        if is_common(password, *words):
            yield "expected one that is not among those everybody tries first"

    def locked_for(self, failures: int) -> float:
        """Seconds for which the login is locked after so many wrong attempts in a row."""
        over = failures - self.lock_after
        return 0.0 if self.lock_after <= 0 or over < 0 else float(min(self.lock_seconds * 2 ** min(over, 20), self.lock_most))

    def too_old(self, changed_at: float, now: float) -> bool:
        return self.max_age_days > 0 and now - changed_at > self.max_age_days * 86_400


def is_common(password: str, *words: str) -> bool:
    """Whether what is left without digits and signs around it is a known word, the login, or a walk over the keyboard."""
    plain = password.lower()
    bare = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain)
    digits = re.sub(r"^[^0-9]+|[^0-9]+$", "", plain)
    if {plain, bare, bare.translate(_LEET)} & _COMMON or any(len(word) > 2 and bare == word.lower() for word in words):
        return True
    mostly_digits = digits if len(digits) > len(plain) - 3 else plain
    return any(_walks(text) for text in (plain, bare, mostly_digits)) or _repeats(plain)


def _walks(text: str) -> bool:
    return len(text) >= 4 and any(text in row + row or text in (row + row)[::-1] for row in _ROWS)


def _repeats(text: str) -> bool:
    return any(
        len(text) % size == 0 and text == text[:size] * (len(text) // size) for size in range(1, min(4, len(text) // 2) + 1)
    )


_COMMON = frozenset(files("softswitch.directory").joinpath("common-passwords.txt").read_text("utf-8").split())
