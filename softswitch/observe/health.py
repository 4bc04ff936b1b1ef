"""Readiness: `/readyz` is 200 only when every declared condition holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    ok: bool
    text: str = ""


class Readiness:
    """Named conditions. Declare all of them before the first one is met, or the switch would be ready too early."""

    def __init__(self, *names: str) -> None:
        self._conditions = {name: Condition(name, False, "starting") for name in names}

    def declare(self, name: str, text: str = "starting") -> None:
        self._conditions.setdefault(name, Condition(name, False, text))

    def set(self, name: str, ok: bool, text: str = "") -> None:
        """Raises KeyError when `name` was never declared."""
        if name not in self._conditions:
            raise KeyError(name)
        self._conditions[name] = Condition(name, ok, text)

    @property
    def ready(self) -> bool:
        return bool(self._conditions) and all(condition.ok for condition in self._conditions.values())

    def report(self) -> list[Condition]:
        return list(self._conditions.values())
