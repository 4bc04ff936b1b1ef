"""Flows: a tree of plain data checked and turned into nodes. Pure; the same functions serve apply and engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from softswitch.directory.model import FlowFault
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import schema
from softswitch.ivr.verbs import VERBS
from softswitch.prompts import LANGUAGES

_FIELDS = frozenset({"name", "languages", "start", "nodes", "version"})
_OF_EVERY_NODE = frozenset({"verb", "on_error"})


@dataclass(frozen=True, slots=True)
class Node:
    """`data` is the frozen dataclass of the verb. `on_error` is the node for what nobody planned; "" ends the flow."""

    name: str
    verb: str
    data: Any
    on_error: str = ""

    def targets(self) -> list[tuple[str, str]]:
        """(field, node name) of everywhere the flow may go from here."""
        found = [(name, target) for name, target in schema.marked(self.data, "target") if target]
        return [*found, ("on_error", self.on_error)] if self.on_error else found


@dataclass(frozen=True, slots=True)
class Flow:
    name: str
    start: str
    languages: tuple[str, ...] = LANGUAGES
    nodes: Mapping[str, Node] = field(default_factory=dict)
    version: int = 1


class _Reader:
    """Reads one tree and gathers what is wrong."""

    def __init__(self, tree: Mapping[str, Any], snapshot: Snapshot) -> None:
        self.name = str(tree.get("name", ""))
        self.faults: list[FlowFault] = []
        self._tree = tree
        self._snapshot = snapshot
        self._declared: Mapping[str, Any] = {}

    def read(self) -> Flow:
        for key in self._tree:
            if key not in _FIELDS:
                self._fault((key,), f"unknown field {key!r}")
        languages = self._languages()
        given = self._tree.get("nodes")
        if not isinstance(given, Mapping) or not given:
            self._fault(("nodes",), "expected at least one node")
            given = {}
        self._declared = {str(name): data for name, data in given.items()}  # YAML authors may number their nodes
        nodes = {name: node for name, data in self._declared.items() if (node := self._node(name, data, languages)) is not None}
        start = self._start(self._declared)
        if len(nodes) == len(self._declared):
            self._reachable(nodes, start)
        version = self._tree.get("version", 1)
        return Flow(self.name, start, languages, nodes, version if isinstance(version, int) else 1)

    def _languages(self) -> tuple[str, ...]:
        given = self._tree.get("languages", list(LANGUAGES))
        if isinstance(given, list | tuple) and given and all(isinstance(item, str) for item in given):
            return tuple(given)
        self._fault(("languages",), f'expected a list such as ["zh-CN", "en"], got {given!r}')
        return LANGUAGES

    def _start(self, nodes: Mapping[str, Any]) -> str:
        start = self._tree.get("start", "")
        if isinstance(start, str) and start in nodes:
            return start
        if nodes:
            self._fault(("start",), f"there is no node {start!r}" if start else "expected the name of the first node")
        return ""

    def _node(self, name: str, data: Any, languages: tuple[str, ...]) -> Node | None:
        if not isinstance(data, Mapping):
            self._fault(("nodes", name), f"expected a table, got {data!r}", node=name)
            return None
        word = data.get("verb")
        if not isinstance(word, str) or word not in VERBS:
            text = f'unknown verb "{word}" (expected one of {" ".join(VERBS)})' if word else "the verb is missing"
            self._fault(("nodes", name, "verb"), text, node=name)
            return None
        verb = VERBS[word]
        content, faults = schema.read(verb, {key: value for key, value in data.items() if key not in _OF_EVERY_NODE})
        on_error = data.get("on_error", "")
        if content is not None and isinstance(on_error, str):
            node = Node(name, word, content, on_error)
            faults = [*verb.check(content, self._snapshot)]
            self._targets(node)
            self._spoken(node, languages)
        else:
            node = None
            if not isinstance(on_error, str):
                self._fault(("nodes", name, "on_error"), f"on_error: expected a text, got {on_error!r}", node=name)
        for fault in faults:
            self._fault(("nodes", name, *fault.field.split(".")), f"{fault.field}: {fault.text}", node=name)
        return node

    def _targets(self, node: Node) -> None:
        for where, target in node.targets():
            if target not in self._declared:
                self._fault(("nodes", node.name, *where.split(".")), f'{where}: there is no node "{target}"', node=node.name)

    def _spoken(self, node: Node, languages: tuple[str, ...]) -> None:
        for where, language in schema.marked(node.data, "language"):
            if language and language not in languages:
                text = f'{where}: expected one of {" ".join(languages)}, got "{language}"'
                self._fault(("nodes", node.name, *where.split(".")), text, node=node.name)

    def _reachable(self, nodes: Mapping[str, Node], start: str) -> None:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            name = ahead.pop()
            if name in seen or name not in nodes:
                continue
            seen.add(name)
            ahead += [target for _, target in nodes[name].targets()]
        if start:
            for name in nodes:
                if name not in seen:
                    self._fault(("nodes", name), f'cannot be reached from "{start}"', node=name)

    def _fault(self, path: tuple[str | int, ...], text: str, *, node: str = "") -> None:
        where = f"flow {self.name}, node {node}" if node else f"flow {self.name}"
        self.faults.append(FlowFault(path, f"{where}: {text}"))


def validate_flow(tree: Mapping[str, Any], snapshot: Snapshot) -> list[FlowFault]:
    """Everything that is wrong with a flow; empty when it may be used. `snapshot` is what the flow will find when it runs."""
    reader = _Reader(tree, snapshot)
    reader.read()
    return reader.faults


def missing_prompts(tree: Mapping[str, Any], snapshot: Snapshot, exists: Callable[[str, str], bool]) -> list[str]:
    """Warnings: prompts without a file, as sentences. `exists(name, language)`. The flow may be used all the same."""
    flow = _Reader(tree, snapshot).read()
    return [
        f"flow {flow.name}, node {node.name}: there is no prompt {prompt} in {language}"
        for node in flow.nodes.values()
        for _, prompt in schema.marked(node.data, "prompts")
        for language in flow.languages
        if "{{" not in prompt and not exists(prompt, language)
    ]


def compile_flow(tree: Mapping[str, Any], snapshot: Snapshot) -> Flow:
    """The flow ready to run. Raises ValueError with the first fault; a flow that was applied has none of its own.

    A node may have lost its queue since: that fault is left to the moment the node is reached.
    """
    reader = _Reader(tree, snapshot)
    flow = reader.read()
    if len(flow.nodes) != len(tree.get("nodes", {})) or not flow.start:
        raise ValueError(reader.faults[0].text)
    return flow
