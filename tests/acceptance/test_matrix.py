"""The table of signalling/README.md names every case and every test that carries its id, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance import BEGIN, END, TESTS, cases, note_results, outcome_of, proofs, read_results, table


def written_rows(text: str) -> dict[str, list[str]]:
    rows = [line.strip("| ").split(" | ") for line in re.sub(r"\\\|", "/", text).splitlines()[2:]]
    return {row[0]: row for row in rows}


def test_the_readme_has_the_rows_of_the_markers() -> None:
    readme = (TESTS.parent / "signalling" / "README.md").read_text(encoding="utf-8")
    found = proofs()
    written = written_rows(readme.split(BEGIN)[1].split(END)[0])
    expected = written_rows(table(found, {}))
    assert list(written) == list(cases())
    for case, row in expected.items():
        assert written[case][4:] == row[4:], f"{case}: run python -m tests.acceptance"
        assert ("not built" in written[case][3]) == ("not built" in row[3]), f"{case}: run python -m tests.acceptance"


def test_markers_name_cases_that_exist() -> None:
    assert {proof.id for proof in proofs()} <= set(cases())


def test_markers_are_found_in_functions_classes_and_modules(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(
        'import pytest\npytestmark = pytest.mark.acceptance("PAR-1")\n'
        '@pytest.mark.acceptance("TRA-1", "TRA-2", missing="IPv6")\ndef test_one(): ...\n'
        "class TestX:\n    async def test_two(self): ...\n"
    )
    assert [(proof.id, proof.test, proof.missing) for proof in proofs(tmp_path)] == [
        ("TRA-1", "test_a.py::test_one", "IPv6"),
        ("TRA-2", "test_a.py::test_one", "IPv6"),
        ("PAR-1", "test_a.py::test_one", ""),
        ("PAR-1", "test_a.py::test_two", ""),
    ]


def test_outcomes() -> None:
    results = {"a": "passed", "b": "failed", "c": "skipped"}
    told = {tests: outcome_of(tests, results) for tests in ("", "a", "ab", "ac", "ad")}
    assert told == {"": "not built", "a": "pass", "ab": "fail", "ac": "skipped", "ad": "not run"}


def test_results_of_a_later_stage_are_added(tmp_path: Path) -> None:
    path = tmp_path / "output" / "acceptance.json"
    note_results({"a": "passed", "b": "failed"}, path)
    note_results({"b": "passed"}, path)
    assert read_results(path) == {"a": "passed", "b": "passed"}
