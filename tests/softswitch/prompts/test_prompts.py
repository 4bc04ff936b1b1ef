"""Every prompt that code can ask for exists as text and as file, in each language."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from softswitch.prompts import LANGUAGES, SHIPPED, spoken, texts


@pytest.mark.parametrize(
    ("value", "names"),
    [(0, ("0",)), (19, ("19",)), (20, ("20",)), (21, ("20", "1")), (30, ("30",)), (42, ("40", "2")), (99, ("90", "9"))],
)
def test_number_is_spoken_from_tens_and_ones(value: int, names: tuple[str, ...]) -> None:
    assert spoken.number(value) == names


@pytest.mark.parametrize("value", [-1, 100])
def test_number_beyond_the_prompts_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 99"):
        spoken.number(value)


def test_position_closes_the_sentence_only_in_mandarin() -> None:
    assert spoken.position(12, "zh-CN") == ("position", "12", "position-suffix")
    assert spoken.position(35, "en") == ("position", "30", "5")
    assert spoken.position(100, "en") == ("position-far",)


def test_digits_are_read_one_by_one() -> None:
    assert spoken.digits("10-20 #3") == ("1", "0", "2", "0", "3")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_place_in_line_has_its_files(language: str) -> None:
    needed = {name for place in range(1, 120) for name in spoken.position(place, language)}
    assert [name for name in sorted(needed) if not (SHIPPED / language / f"{name}.wav").is_file()] == []


def test_every_text_is_rendered_and_every_file_has_a_text() -> None:
    for language in LANGUAGES:
        said = {name for name, by_language in texts().items() if language in by_language}
        assert {path.stem for path in (SHIPPED / language).glob("*.wav")} == said


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*.wav")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_are_16_khz_mono_and_not_silent(path: Path) -> None:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        assert any(file.readframes(file.getnframes()))


def test_default_music_is_shipped() -> None:
    assert (SHIPPED / "music" / "default.wav").is_file()
