"""Flows: a tree of plain data checked and turned into nodes. Pure; the same functions serve apply and engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from softswitch.directory.model import FlowFault
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import expressions, schema
from softswitch.ivr.verbs import REFUSED, VERBS
from softswitch.ivr.verbs.base import Fault
from softswitch.model.destination import DestinationKind
from softswitch.prompts import LANGUAGES

_FIELDS = frozenset({"name", "languages", "start", "nodes", "version"})
_OF_EVERY_NODE = ("on_error", "on_hangup")
MAX_NODES = 1000


@dataclass(frozen=True, slots=True)
class Node:
    """`data` is the frozen dataclass of the verb. `on_error` is the node for what nobody planned, `on_hangup` where the
    flow goes on without its caller; "" ends the flow."""

    name: str
    verb: str
    data: Any
    on_error: str = ""
    on_hangup: str = ""

    def targets(self) -> list[tuple[str, str]]:
        """(field, node name) of everywhere the flow may go from here."""
        own = schema.marked(self.data, "target")
        return [(name, target) for name, target in (*own, ("on_error", self.on_error), ("on_hangup", self.on_hangup)) if target]


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
        if len(self._declared) > MAX_NODES:
            self._fault(("nodes",), f"expected at most {MAX_NODES} nodes")
        nodes = {name: node for name, data in self._declared.items() if (node := self._node(name, data, languages)) is not None}
        start = self._start(self._declared)
        if start and len(nodes) == len(self._declared):
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
            self._fault(("nodes", name, "verb"), _unknown(word), node=name)
            return None
        verb = VERBS[word]
        everywhere = {key: data.get(key, "") for key in _OF_EVERY_NODE}
        own = {key: value for key, value in data.items() if key not in (*_OF_EVERY_NODE, "verb")}
        content, faults = schema.read(verb, own)
        faults += [
            Fault(key, f"expected a text, got {value!r}") for key, value in everywhere.items() if not isinstance(value, str)
        ]
        node = None
        if not faults:
            node = Node(name, word, content, **everywhere)
            faults = [*verb.check(content, self._snapshot), *_wrong_expressions(content)]
            self._targets(node)
            self._spoken(node, languages)
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
        """From the start, from where numbers and other flows enter, and from labels, which are places to enter at."""
        labels = {name for name, node in nodes.items() if node.verb == "label"}
        seen: set[str] = set()
        ahead = [start, *labels, *entries(self.name, self._snapshot)]
        while ahead:
            name = ahead.pop()
            if name in seen or name not in nodes:
                continue
            seen.add(name)
            ahead += [target for _, target in nodes[name].targets()]
        for name in nodes:
            if name not in seen:
                self._fault(("nodes", name), f'cannot be reached from "{start}"', node=name)

    def _fault(self, path: tuple[str | int, ...], text: str, *, node: str = "") -> None:
        where = f"flow {self.name}, node {node}" if node else f"flow {self.name}"
        self.faults.append(FlowFault(path, f"{where}: {text}"))


def entries(name: str, snapshot: Snapshot) -> Iterator[str]:
    """Nodes of a flow at which numbers and other flows enter it (`flow:NAME/NODE`)."""
    for number in snapshot.numbers.values():
        if number.to.kind is DestinationKind.FLOW and number.to.name.startswith(f"{name}/"):
            yield number.to.name.partition("/")[2]
    for flow in snapshot.flows.values():
        for node in flow.nodes.values():
            if not isinstance(node, Mapping):
                continue  # of a file that is being checked: its mistake is told where it is
            for text in (str(node.get("flow", "")), str(node.get("to", "")).removeprefix("flow:")):
                if text.startswith(f"{name}/"):
                    yield text.partition("/")[2]


def _unknown(word: object) -> str:
    """Why a verb cannot be used."""
    if not word:
        return "the verb is missing"
    if isinstance(word, str) and word in REFUSED:
        return f'the verb "{word}" is not in this release: {REFUSED[word]}'
    return f'unknown verb "{word}" (expected one of {" ".join(VERBS)})'


def _wrong_expressions(content: Any) -> list[Fault]:
    """Expressions that can never be worked out."""
    found = ((where, expressions.mistake(text)) for where, text in schema.marked(content, "expression"))
    return [Fault(where, mistake) for where, mistake in found if mistake]


def validate_flow(tree: Mapping[str, Any], snapshot: Snapshot) -> list[FlowFault]:
    """Everything that is wrong with a flow; empty when it may be used. `snapshot` is what the flow will find when it runs."""
    reader = _Reader(tree, snapshot)
    reader.read()
    return reader.faults


def compile_flow(tree: Mapping[str, Any], snapshot: Snapshot) -> Flow:
    """The flow ready to run. Raises ValueError with the first fault; a flow that was applied has none of its own.

    A node may have lost its queue since: that fault is left to the moment the node is reached.
    """
    reader = _Reader(tree, snapshot)
    flow = reader.read()
    if len(flow.nodes) != len(tree.get("nodes", {})) or not flow.start:
        raise ValueError(reader.faults[0].text)
    return flow
