"""Whether a number can be a customer's: "no" is certain, whatever the spelling, and "yes" until the numbers were read."""

from __future__ import annotations

from softswitch.customers.numbers import NumberIndex


def test_every_number_may_be_a_customers_until_the_numbers_were_read() -> None:
    assert NumberIndex().may_have("13800138000")


def test_a_customers_number_is_found_in_any_spelling() -> None:
    index = NumberIndex()
    index.load(["13800138000", "02112345678"])
    assert all(index.may_have(spelling) for spelling in ("13800138000", "+86 138-0013-8000", "013800138000", "(021) 12345678"))
    assert not index.may_have("13800138001")


def test_a_customer_who_is_added_later_is_found() -> None:
    index = NumberIndex()
    index.load([])
    assert not index.may_have("13911112222")
    index.add(["+86 139 1111 2222"])
    assert index.may_have("13911112222")


def test_numbers_added_while_the_others_are_read_are_kept() -> None:
    index = NumberIndex()
    index.add(["13911112222"])
    index.load(["13800138000"])
    assert index.may_have("13911112222")
    assert index.may_have("13800138000")
