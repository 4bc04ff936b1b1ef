"""Reading the settings: default < TOML file < environment < command line. All problems are reported at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from softswitch.config.problems import Problem, Refused, key_text, shown
from softswitch.config.settings import BY_KEY, SECTIONS, SIP_TRANSPORTS, Setting, Settings
from softswitch.config.toml_lines import read_toml
from softswitch.model.address import Listen, PortRange
from softswitch.model.destination import Destination

PREFIX = "SOFTSWITCH_"
_LISTS = (tuple[Listen, ...], tuple[str, ...])


def config_file(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """`--config`, else `$SOFTSWITCH_CONFIG`, else `./softswitch.toml` when it is there."""
    if option is not None:
        return option
    if named := environ.get("SOFTSWITCH_CONFIG"):
        return Path(named)
    usual = Path("softswitch.toml")
    return usual if usual.exists() else None


def load(
    path: Path | None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> Settings:
    """The settings from all four places. `overrides` are keys such as `sip.max_calls` from the command line;
    `defaults` replace those of the table (`softswitch demo` listens on 127.0.0.1 only).

    Raises Refused with every problem found.
    """
    given: dict[str, _Given] = {}
    problems: list[Problem] = []
    sources = (
        _given(defaults or {}, "demo"),
        _of_file(path, problems),
        _of_environment(environ, problems),
        _given(overrides or {}, "command line"),
    )
    for source in sources:
        for key, item in source:
            try:
                given[key] = replace(item, value=_read(BY_KEY[key], item.value))
            except ValueError as error:
                problems.append(Problem(item.file, item.line, key, str(error)))
    if problems:
        raise Refused(problems)
    return _assembled(given)


@dataclass(frozen=True, slots=True)
class _Given:
    value: object
    file: str
    line: int = 0

    @property
    def origin(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def _of_file(path: Path | None, problems: list[Problem]) -> Iterator[tuple[str, _Given]]:
    if path is None:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), 0, "", f"expected a readable TOML file, got: {error}"))
        return
    try:
        values, lines = read_toml(text, str(path))
    except Refused as refused:
        problems.extend(refused.problems)
        return
    for name, value in values.items():
        table = value if name in SECTIONS and isinstance(value, dict) else None
        entries = [((name, inner), item) for inner, item in table.items()] if table is not None else [((name,), value)]
        for key_path, item in entries:
            key, line = key_text(key_path), lines.of(key_path)
            if key in BY_KEY:
                yield key, _Given(item, str(path), line)
            else:
                problems.append(Problem(str(path), line, key, unknown("a setting", key, BY_KEY)))


def _of_environment(environ: Mapping[str, str], problems: list[Problem]) -> Iterator[tuple[str, _Given]]:
    names = {setting.environment: setting for setting in BY_KEY.values()}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        if name in names:
            try:
                yield names[name].key, _Given(_from_text(names[name], environ[name]), name)
            except ValueError as error:
                problems.append(Problem(name, 0, names[name].key, str(error)))
        elif "__" in name:  # other programs and orchestrators set SOFTSWITCH_… names too, but none with a section
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            problems.append(Problem(name, 0, key, unknown("a setting", key, BY_KEY)))


def _given(values: Mapping[str, object], origin: str) -> Iterator[tuple[str, _Given]]:
    for key, value in values.items():
        yield key, _Given(value, origin)


def unknown(what: str, key: str, known: Mapping[str, object]) -> str:
    """The sentence for a key that does not exist, with the nearest one that does."""
    near = get_close_matches(key, known, n=1)
    return f"expected {what}, got an unknown key" + (f" (did you mean {near[0]}?)" if near else "")


def _from_text(setting: Setting, text: str) -> object:
    """The value of an environment variable: lists as JSON, numbers as digits, everything else as it is."""
    try:
        if setting.type in _LISTS:
            return json.loads(text)
        if setting.type is bool and text in ("true", "false"):
            return text == "true"
        if setting.type is int:
            return int(text)
        return float(text) if setting.type is float else text
    except ValueError:
        wanted = "a list as JSON" if setting.type in _LISTS else "a number"
        raise ValueError(f"expected {wanted}, got {shown(text)}") from None


def _read(setting: Setting, value: object) -> object:
    """The value as the setting's type. Raises ValueError with `expected …, got …`."""
    wrong = [each for each in (value if isinstance(value, list | tuple) else [value]) if each not in setting.choices]
    if setting.choices and wrong:
        raise ValueError(f"expected one of {' '.join(setting.choices)}, got {shown(value)}")
    if setting.key == "media.listen" and isinstance(value, str):
        return _media_addresses(value)
    if setting.key == "metrics.listen" and isinstance(value, str) and value:
        return str(Listen.parse(value, ("http",)))
    if setting.key == "features.operator" and isinstance(value, str) and value:
        return str(Destination.parse(value))
    found = _READERS[setting.type](value)
    if setting.key == "sip.tls_certificates":
        _pairs(found)
    return found


def _pairs(value: object) -> None:
    for text in value if isinstance(value, tuple) else ():
        if not text or text.startswith(":"):
            raise ValueError(f'expected "chain.pem:key.pem" or one file with both, got {shown(text)}')


def _media_addresses(value: str) -> str:
    """One, or one of each family separated by a comma; a port of media has one family (never v4-mapped)."""
    found = [_ip(each.strip()) for each in value.split(",")]
    if len(found) > 2 or len({":" in each for each in found}) < len(found):
        raise ValueError(f"expected an IP address, or one of each family, got {shown(value)}")
    return ",".join(found)


def _ip(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError(f"expected an IP address, got {shown(value)}") from None


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"expected a string, got {shown(value)}")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"expected a whole number ≥ 0, got {shown(value)}")


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    raise ValueError(f"expected a number ≥ 0, got {shown(value)}")


def _path(value: object) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value):
        return Path(value).expanduser()
    raise ValueError(f"expected a directory, got {shown(value)}")


def _sip_listen(value: object) -> tuple[Listen, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str | Listen) for entry in value):
        raise ValueError(f'expected a list such as ["udp:0.0.0.0:5060"], got {shown(value)}')
    return tuple(entry if isinstance(entry, Listen) else Listen.parse(entry, SIP_TRANSPORTS) for entry in value)


def _http_listen(value: object) -> Listen:
    return value if isinstance(value, Listen) else Listen.parse(_text(value), ("http",))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value):
        return tuple(value)
    raise ValueError(f"expected a list of strings, got {shown(value)}")


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"expected true or false, got {shown(value)}")


def _ports(value: object) -> PortRange:
    return value if isinstance(value, PortRange) else PortRange.parse(_text(value))


_READERS: Mapping[Any, Callable[[object], object]] = {
    str: _text, int: _whole, float: _number, Path: _path, PortRange: _ports, Listen: _http_listen,
    tuple[Listen, ...]: _sip_listen, tuple[str, ...]: _texts, bool: _boolean,
}  # fmt: skip


def _assembled(given: Mapping[str, _Given]) -> Settings:
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    top: dict[str, Any] = {}
    for key, item in given.items():
        section, _, name = key.rpartition(".")
        (sections[section] if section else top)[name] = item.value
    built: dict[str, Any] = {name: SECTIONS[name](**values) for name, values in sections.items()}
    return Settings(**top, **built, origins={key: item.origin for key, item in given.items()})
