"""What can be said without speech synthesis."""

from __future__ import annotations

import pytest

from softswitch.prompts.words import words_of


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("您好，欢迎致电。", "zh-CN", ("welcome",)),
        ("Hello and welcome", "en", ("welcome",)),
        ("Hello, and welcome. Thank you for calling. Goodbye.", "en", ("welcome", "goodbye")),
        ("307", "en", ("3", "unit-hundred", "7")),
        ("0755", "en", ("0", "7", "5", "5")),
        ("You are caller number 12", "en", ("position", "12")),
        ("Sunshine", "en", ("Sunshine",)),
        ("", "en", ()),
    ],
)
def test_sentences_numbers_and_what_nobody_recorded(text: str, language: str, words: tuple[str, ...]) -> None:
    assert words_of(text, language) == words
