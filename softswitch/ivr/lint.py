"""What an author should know about a flow that may be used all the same: warnings. Pure.

Errors are `flow.validate_flow`; a flow with errors has no warnings, because its nodes are not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from softswitch.directory.model import FlowFault
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import schema
from softswitch.ivr.flow import Flow, Node, compile_flow, validate_flow
from softswitch.ivr.verbs import VERBS

Exists = Callable[[str, str], bool]
"""Whether a prompt has a file of its own in a language."""


@dataclass(frozen=True, slots=True)
class Note:
    """One finding. `level`: error, warning; `field` is the path in the tree with dots, `node` its node or ""."""

    level: str
    code: str
    node: str
    field: str
    text: str


def check_flow(tree: Mapping[str, Any], snapshot: Snapshot, exists: Exists | None = None) -> list[Note]:
    """Errors, or else warnings: dead_end, loop, hangup (a branch that cannot run), missing_prompt."""
    faults = validate_flow(tree, snapshot)
    if faults:
        return [
            Note(
                "error",
                "invalid",
                str(fault.path[1]) if len(fault.path) > 1 else "",
                ".".join(map(str, fault.path)),
                fault.text,
            )
            for fault in faults
        ]
    flow = compile_flow(tree, snapshot)
    notes = [*_dead_ends(flow), *_loops(flow), *_hangup_branches(flow)]
    if exists is not None:
        notes += _missing_prompts(flow, exists)
    return notes


def _fault(fault: FlowFault) -> Note:
    node = str(fault.path[1]) if len(fault.path) > 1 and fault.path[0] == "nodes" else ""
    return Note("error", "invalid", node, ".".join(str(part) for part in fault.path), fault.text)


def missing_prompts(tree: Mapping[str, Any], snapshot: Snapshot, exists: Exists) -> list[str]:
    """The warnings about prompts alone, as sentences."""
    return [note.text for note in check_flow(tree, snapshot, exists) if note.code == "missing_prompt"]


def _note(flow: Flow, code: str, node: str, text: str, field: str = "") -> Note:
    path = f"nodes.{node}.{field}" if field else f"nodes.{node}"
    return Note("warning", code, node, path, f"flow {flow.name}, node {node}: {text}")


def _dead_ends(flow: Flow) -> Iterator[Note]:
    """Nodes after which the call ends although nobody wrote so."""
    for name, node in flow.nodes.items():
        if not VERBS[node.verb].final and not [target for where, target in node.targets() if not where.startswith("on_e")]:
            yield _note(flow, "dead_end", name, "nothing follows: the call ends here")


def _loops(flow: Flow) -> Iterator[Note]:
    """Circles in which the caller is never asked anything: the loop guard would end such a call."""
    quiet = {name: node for name, node in flow.nodes.items() if not VERBS[node.verb].listens and node.verb != "loop"}
    for circle in _circles(quiet):
        yield _note(flow, "loop", circle[0], f"goes in a circle without asking the caller: {' → '.join((*circle, circle[0]))}")


def _circles(nodes: Mapping[str, Node]) -> Iterator[tuple[str, ...]]:
    """One circle per node that closes one, found by a walk in depth."""
    done: set[str] = set()
    for begin in nodes:
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if begin not in done:
            stack = [(begin, _following(nodes, begin))]
            path = [begin]
        while stack:
            _, ahead = stack[-1]
            name = next((target for target in ahead if target not in done), "")
            if not name:
                done.add(stack.pop()[0])
                path.pop()
            elif name in path:
                yield tuple(path[path.index(name) :])
            else:
                path.append(name)
                stack.append((name, _following(nodes, name)))


def _following(nodes: Mapping[str, Node], name: str) -> Iterator[str]:
    return iter([target for _, target in nodes[name].targets() if target in nodes])


def _hangup_branches(flow: Flow) -> Iterator[Note]:
    for name, node in flow.nodes.items():
        if node.on_hangup and VERBS[flow.nodes[node.on_hangup].verb].needs_caller:
            verb = flow.nodes[node.on_hangup].verb
            yield _note(flow, "hangup", name, f'on_hangup: "{verb}" needs a caller and will not run', "on_hangup")


def _missing_prompts(flow: Flow, exists: Exists) -> Iterator[Note]:
    for name, node in flow.nodes.items():
        for field, prompt in schema.marked(node.data, "prompts"):
            for language in flow.languages:
                if "{{" not in prompt and not exists(prompt, language):
                    yield _note(flow, "missing_prompt", name, f"there is no prompt {prompt} in {language}", field)
