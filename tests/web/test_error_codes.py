"""Every refusal has a code, and every code a sentence in both languages of the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import softswitch.bootstrap.node  # noqa: F401 - every part of the product, so that every kind of error is known
import web.app  # noqa: F401
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, Forbidden, Invalid, Refusal, SwitchError, Unreachable
from web.errors import WebError, problem_of

ROOT = Path(__file__).parents[2]
PARTS = ROOT / "web" / "ui" / "src" / "i18n"
OF_LIMITS = "too_many"


def kinds(base: type) -> set[type]:
    return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))


def words(language: str, group: str, file: str) -> set[str]:
    text = (PARTS / file.format(language)).read_text(encoding="utf-8")
    (block,) = re.findall(rf"^  {group}: {{\n(.*?)^  }},", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^    (\w+):", block, re.MULTILINE))


def test_each_kind_of_error_has_a_code_of_its_own() -> None:
    errors = kinds(SwitchError) | kinds(WebError)
    codes = {kind.code for kind in errors}  # type: ignore[attr-defined]
    assert len(codes) == len(errors)
    assert not codes & set(Refusal)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_code_lacks_a_sentence(language: str) -> None:
    codes = {kind.code for kind in kinds(SwitchError) | kinds(WebError)}  # type: ignore[attr-defined]
    assert words(language, "refusal", "parts/refusals.{}.ts") == {*codes, *Refusal, OF_LIMITS}


@pytest.mark.parametrize("file", ["en.ts", "zh-CN.ts"])
def test_no_cause_lacks_a_word(file: str) -> None:
    assert {cause.word for cause in Cause} <= words("", "cause", file)


def test_problem_documents_say_the_code() -> None:
    assert problem_of(Conflict("later", Refusal.OFFER_OVER))["code"] == "offer_over"
    assert problem_of(Forbidden("no"))["code"] == "forbidden"
    assert problem_of(Invalid("to", "expected x"))["code"] == "invalid"
    unreachable = problem_of(Unreachable(Cause.BUSY))
    assert (unreachable["code"], unreachable["cause"], unreachable["status"]) == ("unreachable", "busy", 409)


def test_every_named_case_is_raised_somewhere() -> None:
    sources = [path.read_text(encoding="utf-8") for root in ("softswitch", "web") for path in (ROOT / root).rglob("*.py")]
    used = set(re.findall(r"Refusal\.([A-Z_]+)", "\n".join(sources)))
    assert used == set(Refusal.__members__)
