"""Notes which cases of the acceptance matrix a run has proven: see tests/acceptance."""

from __future__ import annotations

import pytest

from tests.acceptance import MARK, Results, note_results, worse


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(*ids, missing=''): the cases of the acceptance matrix that a test proves")
    if not hasattr(config, "workerinput"):  # the workers of xdist report to the one that was started
        config.pluginmanager.register(_Notes(), "acceptance-notes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker(MARK) is not None:
            item.user_properties.append((MARK, True))


class _Notes:
    """Collects the outcomes of marked tests; one with parameters is as good as its worst."""

    def __init__(self) -> None:
        self._outcomes: Results = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if (MARK, True) not in report.user_properties or (report.when == "teardown" and report.passed):
            return
        if report.when == "setup" and report.passed:
            return
        test = report.nodeid.partition("[")[0].removeprefix("tests/")
        file, *names = test.split("::")
        test = f"{file}::{names[-1]}"
        self._outcomes[test] = worse(self._outcomes.get(test), report.outcome)

    def pytest_sessionfinish(self) -> None:
        if self._outcomes:
            note_results(self._outcomes)
