"""The texts of a flow that are spoken, as far as they are known before a call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from softswitch.prompts import LANGUAGES
from softswitch.prompts.words import TEXT, recorded


def spoken_texts(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(text, language) of `say` nodes and of prompts that begin with `text:`; not those with variables or recorded words."""
    nodes = tree.get("nodes", {})
    for node in nodes.values() if isinstance(nodes, Mapping) else ():
        found = [str(node["text"])] if node.get("verb") == "say" and node.get("text") else []
        for value in node.values():
            names = value if isinstance(value, list | tuple) else (value,)
            found += [name.removeprefix(TEXT) for name in names if isinstance(name, str) and name.startswith(TEXT)]
        for language in node.get("languages") or tree.get("languages") or LANGUAGES:
            yield from ((text, language) for text in found if "{{" not in text and not recorded(text, language))
