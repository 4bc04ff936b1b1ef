"""The settings of signed calling numbers: what cannot be used is said with its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from signalling import identity
from softswitch.bootstrap.signing import stir_as_set
from softswitch.config.settings import StirSettings
from softswitch.observe.clock import SystemClock
from softswitch.trunks.stir import PASSED, Asked
from tests.support.numbers import Authority

URL = "https://sti.example.org/x.pem"


def test_files_become_a_signer_that_is_believed(tmp_path: Path) -> None:
    clock = SystemClock()
    authority = Authority(now=clock.utc())
    key, leaf = authority.issue()
    for name, content in {
        "root.pem": authority.root.public_bytes(Encoding.PEM), "chain.pem": leaf.public_bytes(Encoding.PEM),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), "junk.pem": b"x",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
    certificate, chains = f"{tmp_path}/chain.pem:{tmp_path}/key.pem", (f"{URL}={tmp_path}/chain.pem",)
    stir = stir_as_set(StirSettings(certificate=certificate, url=URL, anchors=f"{tmp_path}/root.pem", chains=chains), clock)
    (value,) = stir.sign("+8613800138000", "861062340001", "A")
    verdict = stir.judge(Asked((value,), "", "+8613800138000", ("+861062340001",)))
    assert verdict is not None and (verdict.verstat, verdict.attestation) == (PASSED, "A")
    assert identity.parse(value).url == URL
    for wrong, word in (
        (StirSettings(anchors=f"{tmp_path}/junk.pem"), "stir.anchors"),
        (StirSettings(anchors=f"{tmp_path}/gone.pem"), "stir.anchors"),
        (StirSettings(certificate=f"{tmp_path}/chain.pem:{tmp_path}/junk.pem", url=URL), "stir.certificate"),
        (StirSettings(certificate=certificate), "stir.url"),
    ):
        with pytest.raises(OSError, match=word):
            stir_as_set(wrong, clock)
    nothing = stir_as_set(StirSettings(), clock)
    assert nothing.sign("1", "2", "A") == ()
