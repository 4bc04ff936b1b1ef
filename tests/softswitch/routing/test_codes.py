"""What a dialled code means, shipped and overridden."""

from __future__ import annotations

import pytest

from softswitch.directory.model import FeatureCode
from softswitch.routing.codes import Code, CodeBook


@pytest.mark.parametrize(
    ("dialled", "action", "argument"),
    [
        ("*2", "park", ""), ("*2705", "park_at", "05"), ("711", "unpark", "11"), ("*8", "pickup_group", ""),
        ("**1001", "pickup", "1001"), ("*50", "sign_in", ""), ("*51", "not_ready", ""), ("*52", "ready", ""),
        ("*53", "sign_out", ""), ("*54li", None, ""), ("*54203", "sign_in_as", "203"), ("*98", "voicemail", ""),
        ("*811001", "listen", "1001"), ("*841001", "take_over", "1001"), ("*81", None, ""), ("1001", None, ""), ("*", None, ""),
        ("", None, ""),
    ],
)  # fmt: skip
def test_the_shipped_codes(dialled: str, action: str | None, argument: str) -> None:
    assert CodeBook().read(dialled) == (Code(action, argument) if action else None)


def test_an_override_replaces_the_code_of_its_action() -> None:
    overrides = (("*90*", "listen"), ("", "park"), ("*88", "x"))
    book = CodeBook([FeatureCode(code=code, action=action) for code, action in overrides])
    assert book.read("*901001") == Code("listen", "1001")
    assert book.read("*811001") is None
    assert book.read("*2") is None
    assert book.read("*88") == Code("x")


def test_only_codes_with_a_star_go_before_declared_numbers() -> None:
    book = CodeBook()
    assert book.is_code("*8")
    assert not book.is_code("701"), "an extension 701 stays reachable"
