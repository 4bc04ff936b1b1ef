"""Where a number is from, and what is left of it when it is masked."""

import pytest

from softswitch.customers.masking import hidden, masked
from softswitch.customers.place import place_of
from softswitch.model.number import canonical


@pytest.mark.parametrize(
    ("number", "shown"),
    [("13800138000", "138****8000"), ("+86 138 0013 8000", "+86 1** **** 8000"), ("1001", "1001"), ("anonymous", "anonymous")],
)
def test_masked_numbers_can_be_recognised_but_not_dialled(number: str, shown: str) -> None:
    assert masked(number) == shown


def test_masked_fields_show_their_end() -> None:
    assert hidden("11010519491231002X") == "****************2X"
    assert hidden("") == ""


def test_places_in_both_languages() -> None:
    assert place_of("01088886666") == "北京市"
    assert place_of("13800138000", "en") == "Beijing · China Mobile"
    assert place_of("+442079460000", "en") == "United Kingdom London"
    assert place_of("anonymous") == place_of("1001") == ""


@pytest.mark.parametrize("written", ["13800138000", "+8613800138000", "0086 138 0013 8000", "013800138000", "138-0013-8000"])
def test_one_spelling(written: str) -> None:
    assert canonical(written) == "13800138000"


def test_hidden_numbers_have_one_name() -> None:
    assert canonical("Anonymous") == canonical("") == canonical("restricted") == "anonymous"
