"""Plays a score with a soft electric-piano sound. The tail of the last notes is folded back to the start."""

from __future__ import annotations

from typing import Any

import numpy as np

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def _hertz(note: str) -> float:
    name, octave = note[:-1], int(note[-1])
    return float(440.0 * 2 ** ((_STEPS[name[0]] + ("#" in name) + 12 * (octave + 1) - 69) / 12))


def _tone(hertz: float, seconds: float, rate: int, decay: float) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    partials = ((1, 1.0), (2, 0.35), (3, 0.12))
    body = sum(level * np.sin(2 * np.pi * hertz * k * t) * np.exp(-t * decay * k**0.7) for k, level in partials)
    attack = np.minimum(1.0, t / 0.012)
    release = np.minimum(1.0, (seconds - t) / 0.05)
    return np.asarray(body * attack * release)


def render(score: dict[str, Any], rate: int) -> np.ndarray:
    """Samples in −1..1 of one loop."""
    beat = 60.0 / score["tempo"]
    bar = beat * score["beats_per_bar"]
    length = int(bar * len(score["chords"]) * rate)
    out = np.zeros(length)

    def add(sound: np.ndarray, at: float) -> None:
        place = (int(at * rate) + np.arange(len(sound))) % length
        np.add.at(out, place, sound)

    for index, chord in enumerate(score["chords"]):
        for step, note in enumerate((*chord, chord[1], chord[2], chord[1], chord[2], chord[1])):
            add(0.22 * _tone(_hertz(note), beat * 1.6, rate, 1.6), index * bar + step * beat / 2)
    at = 0.0
    for note, beats in score["melody"]:
        if note != "-":
            add(0.38 * _tone(_hertz(note), beats * beat + 0.25, rate, 1.1), at)
        at += beats * beat
    if abs(at - bar * len(score["chords"])) > 1e-6:
        raise SystemExit(f"score: melody has {at / beat} beats, chords have {len(score['chords']) * score['beats_per_bar']}")
    return out / np.abs(out).max() * 0.7
