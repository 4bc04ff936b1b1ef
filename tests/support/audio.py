"""Audio asserted by what is heard: tones, correlation with an original, lengths. Samples are float64 in −1..1."""

from __future__ import annotations

import wave
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly

Samples = NDArray[np.float64]


def read_wav(source: Path | str | bytes) -> tuple[int, list[Samples]]:
    """(rate, one array per channel) of a PCM16 file, given by path or content."""
    with wave.open(BytesIO(source) if isinstance(source, bytes) else str(source), "rb") as file:
        assert file.getsampwidth() == 2, "expected 16-bit PCM"
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
        channels = file.getnchannels()
        return file.getframerate(), [data[index::channels] for index in range(channels)]


def write_wav(path: Path | str, rate: int, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    if rate == wanted:
        return samples
    gcd = int(np.gcd(rate, wanted))
    return np.asarray(resample_poly(samples, wanted // gcd, rate // gcd))


def tone(hertz: float, seconds: float, rate: int = 8000, level: float = 0.3) -> Samples:
    return level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)


def tone_level(samples: Samples, hertz: float, rate: int = 8000) -> float:
    """Amplitude of one frequency in dB relative to full scale (a Hann-windowed single-bin DFT)."""
    if len(samples) < rate // 20:
        return -120.0
    window = np.hanning(len(samples))
    phase = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / rate)
    amplitude = 2 * abs(np.sum(samples * window * phase)) / np.sum(window)
    return float(20 * np.log10(max(amplitude, 1e-6)))


def heard_tones(samples: Samples, tones: dict[str, float], rate: int = 8000, floor: float = -35.0) -> set[str]:
    """The names of the tones that a listener would notice in these samples."""
    return {name for name, hertz in tones.items() if tone_level(samples, hertz, rate) > floor}


def rms_db(samples: Samples) -> float:
    return float(20 * np.log10(max(np.sqrt(np.mean(samples**2)) if len(samples) else 0.0, 1e-6)))


def offset_of(original: Samples, heard: Samples) -> int:
    """Where in `heard` the original begins, in samples, by the peak of the cross-correlation."""
    return int(np.argmax(correlate(heard, original, mode="full", method="fft"))) - len(original) + 1


def window_correlations(original: Samples, heard: Samples, rate: int, start: int, slack: float = 0.06) -> list[float]:
    """Pearson correlation of each loud 1 s window of the original with what was heard, each aligned within ±`slack` seconds."""
    results: list[float] = []
    reach = int(slack * rate)
    for begin in range(0, len(original) - rate + 1, rate):
        part = original[begin : begin + rate]
        low = start + begin - reach
        if rms_db(part) < -45 or low < 0 or low + rate + 2 * reach > len(heard):
            continue
        area = heard[low : low + rate + 2 * reach]
        products = correlate(area, part - part.mean(), mode="valid", method="fft")
        sums = np.cumsum(np.insert(area, 0, 0.0))
        squares = np.cumsum(np.insert(area**2, 0, 0.0))
        spread = (squares[rate:] - squares[:-rate]) - (sums[rate:] - sums[:-rate]) ** 2 / rate
        norm = np.sqrt(np.maximum(spread, 1e-12) * np.sum((part - part.mean()) ** 2))
        results.append(float(np.max(products / norm)))
    return results


def median_correlation(original: Samples, heard: Samples, rate: int = 8000) -> float:
    """How much of the original is in what was heard: 1.0 is all of it, 0 nothing."""
    values = window_correlations(original, heard, rate, offset_of(original, heard))
    return float(np.median(values)) if values else 0.0
