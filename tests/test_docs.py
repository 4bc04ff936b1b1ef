"""Documents tell the truth: tables equal the code, links lead somewhere, examples are accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from softswitch.config.show import settings_table
from softswitch.model.events import EVENTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [
    path
    for path in [*ROOT.glob("*.md"), *ROOT.rglob("*/README.md"), *ROOT.rglob("*/DECISIONS.md")]
    if not {"node_modules", ".venv", "target"} & set(path.parts)
]


def test_the_settings_of_the_readme_are_those_of_the_code() -> None:
    written = README.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert written.strip() == settings_table().strip(), "copy the output of softswitch.config.show.settings_table"


def test_event_types_are_unique() -> None:
    types = [event.type for event in EVENTS]
    assert len(set(types)) == len(types)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_domain_folder_has_a_readme() -> None:
    folders = [path.parent for path in (ROOT / "softswitch").glob("*/__init__.py") if path.parent.name != "prompts"]
    missing = [folder.name for folder in folders if not (folder / "README.md").is_file()]
    assert not missing
