"""What callers of each country hear; the figures are those of E.180 supplement 2."""

from __future__ import annotations

import pytest

from media.fake import FakeEngine
from media.service import MediaService
from media.tones import COUNTRIES, SIT, country_tones


def cadence(tone):
    return [(tone.on, tone.off), *((beat.on, beat.off) for beat in tone.then)]


@pytest.mark.parametrize(
    ("country", "hertz", "ring", "busy"),
    [
        ("CN", (450.0,), [(1000, 4000)], [(350, 350)]),
        ("US", (440.0, 480.0), [(2000, 4000)], [(500, 500)]),
        ("GB", (400.0, 450.0), [(400, 200), (400, 2000)], [(375, 375)]),
        ("DE", (425.0,), [(1000, 4000)], [(480, 480)]),
        ("FR", (440.0,), [(1500, 3500)], [(500, 500)]),
        ("JP", (384.0, 416.0), [(1000, 2000)], [(500, 500)]),
        ("HK", (440.0, 480.0), [(400, 200), (400, 3000)], [(500, 500)]),
        ("TW", (440.0, 480.0), [(1000, 2000)], [(500, 500)]),
    ],
)
def test_ringing_and_busy(country, hertz, ring, busy):
    tones = country_tones(country)
    assert (tones.ring.hertz, cadence(tones.ring), cadence(tones.busy)) == (hertz, ring, busy)


def test_dial_tones_do_not_stop_and_all_others_pause():
    for tones in COUNTRIES.values():
        assert cadence(tones.dial) == [(1000, 0)]
        for tone in (tones.ring, tones.busy, tones.congestion, tones.waiting, tones.sit):
            assert cadence(tone)[-1][1] > 0


def test_special_information_tones_rise():
    assert (SIT.hertz, [beat.hertz for beat in SIT.then]) == ((950.0,), [(1400.0,), (1800.0,)])


def test_an_unknown_country_has_the_tones_of_cept_and_letters_may_be_small():
    assert country_tones("zz").ring.hertz == (425.0,)
    assert country_tones("gb") is COUNTRIES["GB"]


def test_the_service_has_the_tones_of_its_country():
    media = MediaService(FakeEngine(), country="US")
    assert media.tones is COUNTRIES["US"]
    media.close()
