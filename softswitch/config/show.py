"""The settings as people read them: `softswitch config` and the table of the README."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from softswitch.config.settings import BY_KEY, SETTINGS, Setting, Settings

_PASSWORD = re.compile(r"(//[^:/@]*:)[^@]*@")


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    value: str
    unit: str
    help: str
    origin: str  # "default", a file with line, an environment name, "command line"


def rows(settings: Settings) -> list[Row]:
    """Every key with its value as TOML would write it; passwords are masked."""
    return [
        Row(s.key, _masked(s, written(settings.value(s.key))), s.unit, s.help, settings.origins.get(s.key, "default"))
        for s in SETTINGS
    ]


def settings_table() -> str:
    """The reference as a Markdown table: key, default, unit, meaning, environment name."""
    lines = ["| key | default | unit | meaning | environment |", "|---|---|---|---|---|"]
    for s in SETTINGS:
        meaning = s.help.replace("|", "\\|") + (f" One of {', '.join(f'`{c}`' for c in s.choices)}." if s.choices else "")
        default = written(s.default).replace("|", "\\|")
        lines.append(f"| `{s.key}` | `{default}` | {s.unit} | {meaning} | `{BY_KEY[s.key].environment}` |")
    return "\n".join(lines) + "\n"


def written(value: object) -> str:
    """A value in TOML's notation."""
    if isinstance(value, tuple):
        return "[" + ", ".join(written(entry) for entry in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' if not isinstance(value, Path) else f'"{value}"'


def _masked(setting: Setting, text: str) -> str:
    if not setting.secret or text == '""':
        return text
    return _PASSWORD.sub(r"\1***@", text) if setting.key == "database.url" else '"***"'
