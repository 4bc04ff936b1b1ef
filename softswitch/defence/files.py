"""What must outlive a restart, each in a small file of its own that only its owner may read."""

from __future__ import annotations

from pathlib import Path


def read(file: Path) -> str:
    """ "" when there is none."""
    return file.read_text() if file.exists() else ""


def write(file: Path, text: str) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o600)
    draft.replace(file)
