"""The codec table is consistent with itself and with the RFCs it cites."""

from __future__ import annotations

import pytest

from media import codecs
from media.codecs import CODECS, Role


@pytest.mark.parametrize(("number", "name"), [(0, "PCMU"), (8, "PCMA"), (9, "G722"), (13, "CN")])
def test_static_types_of_rfc3551(number, name):
    assert codecs.STATIC[number].name == name


def test_no_payload_type_is_given_twice():
    numbers = [row.payload_type for row in CODECS]
    assert len(numbers) == len(set(numbers))
    assert all(row.static or 96 <= row.payload_type <= 127 for row in CODECS)


def test_every_audio_clock_has_its_telephone_event():
    assert {row.clock for row in CODECS if row.role is Role.AUDIO} == set(codecs.EVENTS)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        (("pcmu", 8000), "PCMU"),
        (("opus", 48000, 2), "OPUS"),
        (("OPUS", 48000, 1), "OPUS"),
        (("G722", 8000), "G722"),
        (("G722", 16000), None),
        (("opus", 8000, 2), None),
        (("speex", 8000), None),
    ],
)
def test_encodings_compare_without_case(encoding, name):
    found = codecs.by_encoding(*encoding)
    assert (found and found.name) == name
