"""With every test run: the corpus, all earlier findings, and seeded mutations through each target and through an endpoint."""

from __future__ import annotations

import zipfile
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import TARGETS, seeds
from tests.fuzz.endurance import endure, mutations, protos
from tests.fuzz.mutation import mutated


@pytest.mark.parametrize("target", TARGETS)
def test_corpus_and_findings(target: str) -> None:
    for data in seeds(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_seeded_mutations(target: str) -> None:
    random, corpus = Random(target), [data for data in seeds(target) if data]
    for _ in range(2000):
        TARGETS[target](mutated(random, corpus))


@pytest.mark.acceptance("PAR-2", missing="the other 990,000 messages and PROTOS c07-sip, which are run by hand")
def test_ten_thousand_hostile_messages() -> None:
    report = endure(mutations(10_000, seed=7), 10_000)
    assert report.left == 0
    assert report.grown_mb <= 20
    assert report.options_p99_ms <= 50


def test_cases_of_protos_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "c07.jar"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.TXT", "x")
        archive.writestr(
            "testcases/0000000", b"99 INVITE sip:<To> SIP/2.0\r\nVia: SIP/2.0/UDP <From-Address>:<Local-Port>;x=<Branch-ID>"
        )
    assert list(protos(path)) == [b"INVITE sip:user@192.0.2.200 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:5060;x=0"]
