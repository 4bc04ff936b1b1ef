"""The tones that a caller expects, by country: ITU-T E.180 supplement 2 (and GB/T 3380 for China). Pure data.

Levels are those of speech, −15 dBov for what is listened to and −20 for what sounds beside speech (call waiting). A country
that is not in the table has the tones that CEPT recommends (425 Hz).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from media.commands import Beat, Tone

LEVEL = -15.0
ASIDE = -20.0
DEFAULT = "CN"


@dataclass(frozen=True, slots=True)
class CountryTones:
    """Every tone repeats until it is stopped."""

    ring: Tone
    busy: Tone
    congestion: Tone
    dial: Tone
    waiting: Tone
    sit: Tone


def _tone(hertz: tuple[float, ...], *cadence: int, level: float = LEVEL) -> Tone:
    """A cadence of on and off in turn, ms; none: without a break."""
    if not cadence:
        return Tone(hertz, level)
    pairs = list(zip(cadence[::2], cadence[1::2], strict=True))
    (on, off), rest = pairs[0], pairs[1:]
    return Tone(hertz, level, on, off, tuple(Beat(hertz, *pair) for pair in rest))


SIT = Tone((950.0,), LEVEL, 330, 0, (Beat((1400.0,), 330, 0), Beat((1800.0,), 330, 1000)))
"""Special information tone (E.180 §6): the number cannot be reached, an announcement follows."""


def _country(
    hertz: tuple[float, ...],
    *,
    ring: tuple[int, ...],
    busy: tuple[int, ...],
    congestion: tuple[int, ...],
    waiting: tuple[int, ...],
    ring_hertz: tuple[float, ...] = (),
    dial_hertz: tuple[float, ...] = (),
    waiting_hertz: tuple[float, ...] = (),
) -> CountryTones:
    """`hertz` is that of busy and congestion, and of the others where they have none of their own."""
    return CountryTones(
        ring=_tone(ring_hertz or hertz, *ring),
        busy=_tone(hertz, *busy),
        congestion=_tone(hertz, *congestion),
        dial=_tone(dial_hertz or hertz),
        waiting=_tone(waiting_hertz or hertz, *waiting, level=ASIDE),
        sit=SIT,
    )


_F400, _F425, _F450 = (400.0,), (425.0,), (450.0,)
_NORTH_AMERICA = _country(
    (480.0, 620.0), ring=(2000, 4000), busy=(500, 500), congestion=(250, 250), waiting=(300, 9700),
    ring_hertz=(440.0, 480.0), dial_hertz=(350.0, 440.0), waiting_hertz=(440.0,),
)  # fmt: skip
_CEPT = _country(_F425, ring=(1000, 4000), busy=(500, 500), congestion=(250, 250), waiting=(200, 600, 200, 3000))

COUNTRIES: Mapping[str, CountryTones] = {
    "CN": _country(_F450, ring=(1000, 4000), busy=(350, 350), congestion=(700, 700), waiting=(400, 4000)),
    "US": _NORTH_AMERICA,
    "CA": _NORTH_AMERICA,
    "GB": _country(
        _F400, ring=(400, 200, 400, 2000), busy=(375, 375), congestion=(400, 350, 225, 525), waiting=(100, 2000),
        ring_hertz=(400.0, 450.0), dial_hertz=(350.0, 440.0),
    ),
    "DE": _country(_F425, ring=(1000, 4000), busy=(480, 480), congestion=(240, 240), waiting=(200, 200, 200, 5000)),
    "FR": _country((440.0,), ring=(1500, 3500), busy=(500, 500), congestion=(250, 250), waiting=(300, 10000)),
    "IT": _country(_F425, ring=(1000, 4000), busy=(500, 500), congestion=(200, 200), waiting=(400, 100, 250, 100, 150, 14000)),
    "ES": _country(_F425, ring=(1500, 3000), busy=(200, 200), congestion=(200, 200, 200, 600), waiting=(175, 175, 175, 3500)),
    "NL": _country(_F425, ring=(1000, 4000), busy=(500, 500), congestion=(250, 250), waiting=(500, 9500)),
    # 400 Hz modulated by 16 Hz is 384 and 416 Hz with its carrier left out.
    "JP": _country(
        _F400, ring=(1000, 2000), busy=(500, 500), congestion=(500, 500), waiting=(500, 4000),
        ring_hertz=(384.0, 416.0), waiting_hertz=(384.0, 416.0),
    ),
    "HK": _country(
        (480.0, 620.0), ring=(400, 200, 400, 3000), busy=(500, 500), congestion=(250, 250), waiting=(500, 500, 500, 8000),
        ring_hertz=(440.0, 480.0), dial_hertz=(350.0, 440.0), waiting_hertz=(440.0,),
    ),
    "TW": _country(
        (480.0, 620.0), ring=(1000, 2000), busy=(500, 500), congestion=(250, 250), waiting=(350, 3250),
        ring_hertz=(440.0, 480.0), dial_hertz=(350.0, 440.0), waiting_hertz=(350.0, 440.0),
    ),
    "SG": _country(
        _F425, ring=(400, 200, 400, 2000), busy=(750, 750), congestion=(250, 250), waiting=(300, 200, 300, 3200),
        ring_hertz=(400.0, 450.0),
    ),
    "KR": _country(
        (480.0, 620.0), ring=(1000, 2000), busy=(500, 500), congestion=(300, 200), waiting=(250, 250, 250, 3250),
        ring_hertz=(440.0, 480.0), dial_hertz=(350.0, 440.0), waiting_hertz=(350.0, 440.0),
    ),
    "AU": _country(
        _F425, ring=(400, 200, 400, 2000), busy=(375, 375), congestion=(375, 375), waiting=(200, 200, 200, 4400),
        ring_hertz=(400.0, 450.0), dial_hertz=(400.0, 450.0),
    ),
    "IN": _country(
        _F400, ring=(400, 200, 400, 2000), busy=(750, 750), congestion=(250, 250), waiting=(200, 100, 200, 7500),
        ring_hertz=(384.0, 416.0),
    ),
}  # fmt: skip
"""By ISO 3166 code; the settings offer these."""


def country_tones(country: str) -> CountryTones:
    """The tones of a country, in any case of letters; those of CEPT for one that is not here."""
    return COUNTRIES.get(country.upper(), _CEPT)
