"""Objects in the words of the apply file, and what may stand there: for REST, for forms, for the document of keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from softswitch.directory.grammar import GRAMMAR, SECTIONS
from softswitch.directory.labels import KEYS, KINDS
from softswitch.directory.model import IDENTITY, Conference, Extension, Kind, Mailbox, Object, Token, Trunk, User
from softswitch.directory.reading import REQUIRED, Form, Key
from softswitch.model.address import Address
from softswitch.model.destination import Destination


def as_table(kind: Kind, item: Object) -> dict[str, Any]:
    """The object with the keys of the apply file, without its secrets."""
    table = {key: _plain(getattr(item, key)) for key, rule in GRAMMAR[kind].items() if not rule.secret}
    if isinstance(item, Trunk):
        table |= {section: _plain(values) for section, values in item.overrides.items()}
    return table


def secrets_of(kind: Kind, item: Object) -> dict[str, bool]:
    """Which secrets the object has; never what they are."""
    match item:
        case Extension():
            return {"password": bool(item.ha1)}
        case Token():
            return {"secret": bool(item.digest)}
        case Mailbox():
            return {"pin": bool(item.pin)}
        case Conference():
            return {"pin": bool(item.pin), "moderator_pin": bool(item.moderator_pin)}
    return {key: bool(getattr(item, key)) for key, rule in GRAMMAR[kind].items() if rule.secret}


def tag_of(kind: Kind, item: Object) -> str:
    """Changes whenever the object does: the entity tag of REST. Says nothing about secrets: it is one-way."""
    text = json.dumps([as_table(kind, item), _hidden(item)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _hidden(item: Object) -> list[Any]:
    hidden = [_plain(getattr(item, entry.name)) for entry in fields(item) if entry.metadata.get("secret")]
    return [*hidden, item.disabled if isinstance(item, User) else "", item.digest if isinstance(item, Token) else ""]


def _plain(value: Any) -> Any:
    if isinstance(value, Destination | Address):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    return "" if value is None else value


def schema(strategies: Sequence[str] = ()) -> dict[str, Any]:
    """Kind → title, identity and keys, for input forms."""
    return {
        kind.value: {
            "title": KINDS[kind]._asdict(),
            "identity": IDENTITY[kind],
            "sections": list(SECTIONS.get(kind, ())),
            "keys": [_key(name, rule, strategies) for name, rule in grammar.items()],
        }
        for kind, grammar in GRAMMAR.items()
    }


def _key(name: str, rule: Key, strategies: Sequence[str]) -> dict[str, Any]:
    described = {"name": name, "label": KEYS[name]._asdict(), "required": rule.default is REQUIRED, "secret": rule.secret}
    described |= _form(rule.read.form, strategies)
    if name in ("strategy", "second") and rule.read.form.type == "name":
        described |= {"type": "choice", "choices": list(strategies)}
    return described if rule.default is REQUIRED else {**described, "default": _plain(rule.default)}


def _form(form: Form, strategies: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {"type": form.type}
    for name in ("unit", "least", "most", "refers", "names"):
        if (value := getattr(form, name)) not in ("", None):
            described[name] = value
    if form.choices:
        described["choices"] = list(form.choices)
    if form.of:
        described["of"] = _form(form.of, strategies)
    if form.keys is not None:
        described["keys"] = [_key(name, rule, strategies) for name, rule in form.keys.items()]
    return described


def keys_document() -> str:
    """Every table and key of the apply file as Markdown: KEYS.md."""
    return "\n".join(_document()) + "\n"


def _document() -> Iterator[str]:
    yield "# Keys of the apply file"
    yield ""
    yield "Made by `softswitch.directory.describing.keys_document`; a test compares. Required keys have no default."
    for kind, grammar in GRAMMAR.items():
        yield from ("", f"## `[[{kind}]]` {KINDS[kind].zh} {KINDS[kind].en}", "")
        yield from ("| key | value | default | meaning |", "|---|---|---|---|")
        yield from _rows(grammar, "")
        if sections := SECTIONS.get(kind):
            yield f"| {' '.join(f'`[{kind}.{section}]`' for section in sections)} | table | | over those of the profile |"


def _rows(grammar: Mapping[str, Key], prefix: str) -> Iterator[str]:
    for name, rule in grammar.items():
        default = "" if rule.default is REQUIRED or rule.secret else f"`{json.dumps(_plain(rule.default), ensure_ascii=False)}`"
        secret = " (secret)" if rule.secret else ""
        yield f"| `{prefix}{name}` | {_said(rule.read.form)} | {default} | {KEYS[name].zh} {KEYS[name].en}{secret} |"
        inner = rule.read.form.keys or (rule.read.form.of.keys if rule.read.form.of else None)
        if inner:
            yield from _rows(inner, f"{prefix}{name}.")


def _said(form: Form) -> str:
    if form.type == "choice":
        return " ".join(f"`{choice}`" for choice in form.choices if choice)
    if form.of:
        inner = form.names or form.of.refers or _said(form.of)
        return f"{form.type} of {inner}" + (f" by {form.names}" if form.names and form.of.keys else "")
    if form.least is not None and form.most is not None:
        return f"{form.unit or form.type} {form.least:g}–{form.most:g}"
    return f"name of a {form.refers}" if form.refers else form.type
