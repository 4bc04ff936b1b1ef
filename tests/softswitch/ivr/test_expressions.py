"""Expressions: what they mean, what they refuse, and that nothing else can happen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.ivr import patterns
from softswitch.ivr.expressions import BadExpression, as_text, evaluate, is_true, mistake

NAMES = {"age": "20", "city": "北京", "name": "wang", "zero": "0", "amount": "12.50", "phone": "013800138000", "yes": "true"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("age", "20"),
        ("age + 1", 21),
        ("amount * 2", 25.0),
        ('name + "!"', "wang!"),
        ('"a" + 1', "a1"),
        ("7 // 2 + 7 % 2", 4),
        ("-3 + 1", -2),
        ("age >= 18", True),
        ("age < 9", False),  # 20 and 9 as numbers, not as texts
        ("1 < age < 30", True),
        ('city in ["北京", "上海"]', True),
        ('"an" in name', True),
        ('city not in ("上海",)', True),
        ('phone == "013800138000"', True),
        ("phone == 13800138000", True),  # beside a number it is one
        ('"007" == "7"', False),  # two texts are two texts
        ('age == 20.0 and name != ""', True),
        ("not unknown", True),
        ("unknown or 5", True),
        ('"in" if age > 18 else "out"', "in"),
        ("yes == true", True),
        ("zero", "0"),
        ("length(name)", 4),
        ('digits("13-80 0")', "13800"),
        ("part(phone, 1, 3)", "138"),
        ("part(phone, -4)", "8000"),
        ('starts(phone, "0138")', True),
        ('upper(name) + lower("ABC")', "WANGabc"),
        ("most(1, age, 3)", 20),
        ("least(1, age)", 1),
        ("round(amount * 3, 1)", 37.5),
        ("whole(amount)", 12),
        ("empty(unknown)", True),
    ],
)
def test_what_they_mean(text: str, value: object) -> None:
    assert mistake(text) == ""
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "name.upper()", "().__class__", "[x for x in name]", "lambda: 1", "name[0]", "2 ** 9", "1 << 9", "f'{name}'",
        "open('x')", "__import__('os')", "eval('1')", "name := 1", "{1: 2}", "{1}", "b'x'", "1j", "None", "...", "age is 20",
        "length()", "length(1, 2)", "length(value=1)", "10 ** 99", "9999999999999999", "x" * 501, "+".join(["1"] * 60),
        "(" * 30 + "1" + ")" * 30 + "+" + "-" * 25 + "1", "print(name)", "name; age", "await name", "*name",
    ],
)  # fmt: skip
def test_what_they_refuse(text: str) -> None:
    assert mistake(text)
    with pytest.raises(BadExpression):
        evaluate(text, NAMES)


@pytest.mark.parametrize("text", ["1 / 0", "1 % zero", "name - 1", '"a" * 3', "-name", "999999999999999 * 999", "number(name)"])
def test_what_cannot_be_worked_out(text: str) -> None:
    assert mistake(text) == "", "the form is right"
    with pytest.raises(BadExpression):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (3.0, "3"), (0.1 + 0.2, "0.3"), ([1, "a"], "1,a")]
)
def test_values_as_texts(value: object, text: str) -> None:
    assert as_text(value) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "true"), [('"no"', False), ('"0"', False), ('" "', False), ('"x"', True), ("[0]", True)])
def test_what_counts_as_true(text: str, true: bool) -> None:
    assert is_true(text, {}) is true


def test_a_text_cannot_grow_without_end() -> None:
    with pytest.raises(BadExpression, match="signs"):
        evaluate("a + a + a + a", {"a": "x" * 600})


_LEAVES = st.sampled_from(
    ["age", "name", "amount", "unknown", "1", "0", "2.5", '"x"', '""', "true", '["a", 1]', "999999999999999"]
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">", "<=", ">=", "in", "and", "or"]), inner
        )
        .map(" ".join)
        .map("({})".format),
        inner.map("not ({})".format),
        inner.map("-({})".format),
        st.tuples(st.sampled_from(["length", "text", "number", "digits", "round", "empty"]), inner).map(
            lambda x: f"{x[0]}({x[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda x: f"({x[0]} if {x[1]} else {x[2]})"),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(text=_TREES)
def test_a_well_formed_expression_has_a_small_value_or_says_why_not(text: str) -> None:
    try:
        value = evaluate(text, NAMES)
    except BadExpression as error:
        assert str(error)
        return
    assert isinstance(value, str | int | float | bool | list)
    assert len(as_text(value)) <= 10_000


@settings(deadline=None, max_examples=300)
@given(text=st.text(max_size=60) | st.text("abc123()[]{}.,+-*/%<>=!\"' \n_:;#", max_size=60))
def test_any_text_is_an_expression_or_a_mistake(text: str) -> None:
    wrong = mistake(text)
    if wrong:
        with pytest.raises(BadExpression):
            evaluate(text, NAMES)


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("1[3-9][0-9]{9}", True),
        ("[0-9]+", True),
        ("(12|34)5?", True),
        ("(a+)+", False),
        ("(1|11)*2", False),
        ("1?" * 20, False),
        ("1{0,30}" * 4, False),
        ("(?=1)1", False),
        ("(1)\\1", False),
        ("[", False),
        ("1" * 201, False),
    ],
)
def test_which_regular_expressions_a_flow_may_use(pattern: str, allowed: bool) -> None:
    assert (patterns.mistake(pattern) == "") is allowed


@pytest.mark.parametrize(
    ("digits", "right"),
    [("4111111111111111", True), ("79927398713", True), ("79927398710", False), ("0", False), ("1x", False)],
)
def test_luhn(digits: str, right: bool) -> None:
    assert patterns.luhn(digits) is right
