"""The acceptance matrix of signalling: its cases, the tests that carry their ids, and what the last runs said.

`matrix.tsv` holds the cases (sip.md §10). A test names what it proves with `@pytest.mark.acceptance("TRA-3", …)`, and with
`missing="…"`, in a few words, which part of the case it leaves out. Each test run notes its outcomes in
`tests/output/acceptance.json`; `python -m tests.acceptance` writes the table of `signalling/README.md` from the three.
"""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
RESULTS = TESTS / "output" / "acceptance.json"
MARK = "acceptance"
BEGIN, END = "<!-- acceptance: python -m tests.acceptance -->\n", "<!-- /acceptance -->"
_WORST = ("failed", "skipped", "passed")  # the first of them that occurs is the outcome of a test with many parameters

Results = dict[str, str]  # "signalling/test_x.py::test_y" -> "passed", "failed" or "skipped"


class Case(NamedTuple):
    id: str
    peers: str  # S SIPp, P pjsua2, B baresip, J JsSIP, X sippts or SIPVicious, R raw script, V virtual time
    stimulus: str
    expected: str


class Proof(NamedTuple):
    """A test that carries an id."""

    id: str
    test: str
    missing: str


def cases() -> dict[str, Case]:
    """All cases in the order of the matrix."""
    with (TESTS / "acceptance" / "matrix.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {row[0]: Case(*row) for row in rows}


def proofs(folder: Path = TESTS) -> list[Proof]:
    """The marked tests of a folder, read from the sources: nothing is imported, so stages that cannot run here count too."""
    found: list[Proof] = []
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if MARK in text:
            found += _marked(ast.parse(text), path.relative_to(folder).as_posix())
    return found


def _marked(module: ast.Module, file: str) -> Iterator[Proof]:
    whole = [
        mark for node in module.body if isinstance(node, ast.Assign) and _is_pytestmark(node) for mark in _marks([node.value])
    ]
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for ids, missing in [*_marks(node.decorator_list), *whole]:
                for case in ids:
                    yield Proof(case, f"{file}::{node.name}", missing)


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _marks(expressions: Iterable[ast.expr]) -> Iterator[tuple[list[str], str]]:
    for expression in expressions:
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == MARK:
                ids = [str(item.value) for item in node.args if isinstance(item, ast.Constant)]
                missing = [item.value for item in node.keywords if item.arg == "missing"]
                yield ids, str(missing[0].value) if missing and isinstance(missing[0], ast.Constant) else ""


def worse(one: str | None, other: str) -> str:
    return other if one is None else min(one, other, key=_WORST.index)


def read_results(path: Path = RESULTS) -> Results:
    try:
        loaded: Results = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return loaded


def note_results(outcomes: Results, path: Path = RESULTS) -> None:
    """Puts the outcomes of one run over those of earlier ones: the stages of script/test run one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    merged = {**read_results(path), **outcomes}
    path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def outcome_of(tests: Iterable[str], results: Mapping[str, str]) -> str:
    """One word for a case: pass, fail, skipped, not run (no result yet) or not built (no test)."""
    seen = [results.get(test, "") for test in tests]
    if not seen:
        return "not built"
    if "failed" in seen:
        return "fail"
    if "" in seen:
        return "not run"
    return "skipped" if "skipped" in seen else "pass"


def table(found: Iterable[Proof], results: Mapping[str, str]) -> str:
    """The matrix in Markdown: one row per case."""
    by_case: dict[str, list[Proof]] = {}
    for proof in found:
        by_case.setdefault(proof.id, []).append(proof)
    lines = ["| id | peers | case | result | tests |", "|---|---|---|---|---|"]
    for case in cases().values():
        mine = by_case.get(case.id, [])
        result = outcome_of([proof.test for proof in mine], results)
        missing = "; ".join(dict.fromkeys(proof.missing for proof in mine if proof.missing))
        result += f", without {missing}" if missing else ""
        stimulus = case.stimulus.replace("|", "\\|")
        lines.append(f"| {case.id} | {case.peers} | {stimulus} | {result} | {_listed(mine)} |")
    return "\n".join(lines) + "\n"


def _listed(mine: Iterable[Proof]) -> str:
    """Tests by file, each name once."""
    files: dict[str, list[str]] = {}
    for proof in mine:
        file, _, name = proof.test.partition("::")
        names = files.setdefault(file.removesuffix(".py"), [])
        if name not in names:
            names.append(name)
    return " · ".join(f"{file}: {', '.join(name.removeprefix('test_') for name in names)}" for file, names in files.items())
