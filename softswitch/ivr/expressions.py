"""Expressions of flows: `age >= 18 and city in ["北京", "上海"]`. Pure: no attributes, no side effects, bounded.

The text is parsed as a Python expression and every part must be on the list below; anything else is an error that names it.
Values are texts, numbers, booleans and lists. Variables are texts; where the other side of an operator is a number, a text that
looks like one counts as a number. An unknown variable is the empty text.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

MAX_TEXT = 500
MAX_PARTS = 100
MAX_DEPTH = 20
MAX_RESULT = 2_000
"""Signs of a text that an operator makes."""
MAX_NUMBER = 10**15

Value = str | int | float | bool | list[Any]
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")


class BadExpression(ValueError):
    """The expression is wrong or cannot be worked out; the text says why."""


def evaluate(text: str, names: Mapping[str, str]) -> Value:
    """The value of an expression. Raises BadExpression."""
    return _value(_parsed(text), names)


def is_true(text: str, names: Mapping[str, str]) -> bool:
    """Whether the value counts as true: not 0, not empty, neither "false" nor "0" nor "no". Raises BadExpression."""
    return _truth(evaluate(text, names))


def mistake(text: str) -> str:
    """What is wrong with the form of an expression; "" when it can be worked out at all."""
    try:
        _parsed(text)
    except BadExpression as error:
        return str(error)
    return ""


def as_text(value: Value) -> str:
    """How a value is kept in a variable: `true`, `false`, numbers in the shortest form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(round(value, 9))
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value)
    return str(value)


def as_number(text: str) -> int | float | None:
    """The number a text stands for, None for other texts."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    return float(text) if "." in text else int(text)


# the form


@lru_cache(maxsize=1024)
def _parsed(text: str) -> ast.expr:
    if len(text) > MAX_TEXT:
        raise BadExpression(f"expected at most {MAX_TEXT} signs")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadExpression(f"expected an expression such as 'age >= 18', got {text!r}") from error
    _check(tree, 0, [0])
    return tree


def _check(part: ast.AST, depth: int, count: list[int]) -> None:
    count[0] += 1
    if depth > MAX_DEPTH or count[0] > MAX_PARTS:
        raise BadExpression("the expression is too large")
    for inner in _inside(part):
        _check(inner, depth + 1, count)


def _inside(part: ast.AST) -> list[ast.expr]:
    """The parts of a part that may stand in an expression. Raises BadExpression for any other."""
    match part:
        case ast.Constant(value=value):
            _check_constant(value)
            return []
        case ast.Name():
            return []
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return [operand]
        case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
            return [left, right]
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            return [left, *others]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return [test, body, orelse]
        case ast.BoolOp(values=items) | ast.List(elts=items) | ast.Tuple(elts=items):
            return items
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            _check_call(name, arguments)
            return arguments
    raise BadExpression(f"{type(part).__name__} is not allowed in expressions")


def _check_constant(value: object) -> None:
    if not isinstance(value, str | int | float):
        raise BadExpression(f"expected texts, numbers, true or false, got {value!r}")
    if isinstance(value, int | float):
        _bounded(value)


def _check_call(name: str, arguments: list[ast.expr]) -> None:
    if name not in FUNCTIONS:
        raise BadExpression(f"expected one of the functions {' '.join(sorted(FUNCTIONS))}, got {name!r}")
    least, most = FUNCTIONS[name][:2]
    if not least <= len(arguments) <= most:
        raise BadExpression(f"{name} takes {least if least == most else f'{least} to {most}'} values")


# the value


def _value(part: ast.expr, names: Mapping[str, str]) -> Value:
    match part:
        case ast.Constant(value=str() | bool() | int() | float() as value):
            return value
        case ast.Name(id=name):
            return {"true": True, "false": False}.get(name, names.get(name, ""))
        case ast.BoolOp(op=op, values=values):
            return _boolean(op, values, names)
        case ast.UnaryOp(op=op, operand=operand):
            inner = _value(operand, names)
            return not _truth(inner) if isinstance(op, ast.Not) else -_needed_number(inner)
        case ast.BinOp(op=op, left=left, right=right):
            return _binary(type(op), _value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared(_value(left, names), ops, [_value(other, names) for other in others])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _truth(_value(test, names)) else orelse, names)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, names) for item in items]
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _called(name, [_value(argument, names) for argument in arguments])
        case _:
            raise BadExpression(f"{type(part).__name__} is not allowed in expressions")


def _boolean(op: ast.boolop, values: list[ast.expr], names: Mapping[str, str]) -> bool:
    if isinstance(op, ast.And):
        return all(_truth(_value(value, names)) for value in values)
    return any(_truth(_value(value, names)) for value in values)


def _truth(value: Value) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no")
    return bool(value)


def _number(value: Value) -> int | float | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    return as_number(value) if isinstance(value, str) else None


def _needed_number(value: Value) -> int | float:
    found = _number(value)
    if found is None:
        raise BadExpression(f"expected a number, got {value!r}")
    return found


def _bounded(value: int | float) -> int | float:
    if math.isnan(value) or abs(value) > MAX_NUMBER:
        raise BadExpression("the number is too large")
    return value


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip


def _binary(op: type[ast.operator], left: Value, right: Value) -> Value:
    texts = isinstance(left, str) and isinstance(right, str)
    if op is ast.Add and (texts or _number(left) is None or _number(right) is None):
        joined = as_text(left) + as_text(right)
        if len(joined) > MAX_RESULT:
            raise BadExpression(f"a text of more than {MAX_RESULT} signs")
        return joined
    try:
        found: int | float = _ARITHMETIC[op](_needed_number(left), _needed_number(right))
    except (ZeroDivisionError, OverflowError) as error:
        raise BadExpression(str(error)) from error
    return _bounded(found)


_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.In: lambda item, many: item in many, ast.NotIn: lambda item, many: item not in many,
}  # fmt: skip


def _compared(left: Value, ops: list[ast.cmpop], others: list[Value]) -> bool:
    for op, right in zip(ops, others, strict=True):
        if not _holds(op, left, right):
            return False
        left = right
    return True


def _holds(op: ast.cmpop, left: Value, right: Value) -> bool:
    compare = _COMPARISONS[type(op)]
    if isinstance(op, ast.In | ast.NotIn):
        if isinstance(right, list):
            return compare(as_text(left), [as_text(item) for item in right])
        return compare(as_text(left), as_text(right))
    numeric = _number(left), _number(right)
    both = numeric[0] is not None and numeric[1] is not None
    ordered = isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
    if both and (ordered or not (isinstance(left, str) and isinstance(right, str))):
        return compare(*numeric)
    return compare(as_text(left), as_text(right))


def _called(name: str, values: list[Value]) -> Value:
    found = FUNCTIONS[name][2](*values)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return found
    return _bounded(found)


def _digits(value: Value) -> str:
    return "".join(sign for sign in as_text(value) if sign.isdecimal())


def _length(value: Value) -> int:
    return len(value) if isinstance(value, list) else len(as_text(value))


def _part(value: Value, start: Value, count: Value = MAX_RESULT) -> str:
    first = int(_needed_number(start))
    return as_text(value)[first:][: max(0, int(_needed_number(count)))]


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Value]]] = {
    "number": (1, 1, _needed_number),
    "whole": (1, 1, lambda value: int(_needed_number(value))),
    "text": (1, 1, as_text),
    "length": (1, 1, _length),
    "digits": (1, 1, _digits),
    "lower": (1, 1, lambda value: as_text(value).lower()),
    "upper": (1, 1, lambda value: as_text(value).upper()),
    "trim": (1, 1, lambda value: as_text(value).strip()),
    "starts": (2, 2, lambda value, start: as_text(value).startswith(as_text(start))),
    "ends": (2, 2, lambda value, end: as_text(value).endswith(as_text(end))),
    "part": (2, 3, _part),
    "empty": (1, 1, lambda value: not _length(value)),
    "least": (2, 8, lambda *values: min(_needed_number(value) for value in values)),
    "most": (2, 8, lambda *values: max(_needed_number(value) for value in values)),
    "round": (1, 2, lambda value, places=0: round(_needed_number(value), max(0, min(9, int(_needed_number(places)))))),
}
"""Name → least and most values, what it does."""
