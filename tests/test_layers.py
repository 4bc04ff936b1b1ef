"""What the import contracts cannot see: the native module has one importer, and no protocol core reads clock or dice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("web", "softswitch", "signalling", "media", "sip_profiles")
LONGEST = 600  # lines of a file, before it is split by concept


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "ui" not in path.parts]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_the_engine_seam_imports_the_native_module() -> None:
    importers = {path.relative_to(ROOT).as_posix() for path in sources() if "media._native" in imports(path)}
    assert importers == {"media/engine.py"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_knows_everything(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def broad_handlers() -> list[str]:
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
                found.append(path.relative_to(ROOT).as_posix())
    return sorted(found)


def test_everything_is_caught_in_three_places_only() -> None:
    """The task of a call, the HTTP middleware, the bus: each logs with its context."""
    allowed = {"softswitch/cluster/bus.py", "web/errors.py", "softswitch/calls/service.py"}
    assert set(broad_handlers()) <= allowed
