"""The dice: long enough, never the same twice, in the alphabets the RFCs allow."""

from __future__ import annotations

import re

from media import credentials
from media.negotiation import SUITES


def test_ice_credentials():
    one, two = credentials.ice_credentials(), credentials.ice_credentials()
    assert one != two
    assert re.fullmatch(r"[A-Za-z0-9+/]{4,256}", one.ufrag)
    assert re.fullmatch(r"[A-Za-z0-9+/]{22,256}", one.pwd)


def test_sdes_keys_have_the_length_of_their_suite():
    keys = credentials.sdes_keys(SUITES)
    assert [(each.suite, len(each.key)) for each in keys] == list(SUITES.items())
    assert credentials.sdes_keys() != credentials.sdes_keys()


def test_session_ids_fit_63_bits():
    assert all(0 <= credentials.sdp_session().session_id < 2**63 for _ in range(100))


def test_identities_differ():
    assert credentials.node_identity().fingerprint != credentials.node_identity().fingerprint
