"""`softswitch flow`: checks and tries flows without a running switch."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from softswitch.config.problems import Problem, Refused
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.flow import Flow, compile_flow
from softswitch.ivr.lint import Note, check_flow
from softswitch.ivr.trial import Caller, Trial, empty_desk, try_flow
from softswitch.prompts import SHIPPED


def read_trees(path: Path) -> list[Mapping[str, Any]]:
    """The flows of a file: one tree in YAML or JSON, the `[[flow]]` tables of an apply file in TOML. Raises Refused."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            found = tomllib.loads(text)
            trees = found.get("flow", [found])
        else:
            trees = [json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)]
        if not isinstance(trees, list) or not all(isinstance(tree, Mapping) for tree in trees):
            raise ValueError("expected a table with start and nodes")
        return [_with_file(tree, path) for tree in trees]
    except (OSError, ValueError, yaml.YAMLError) as fault:
        raise Refused([Problem(str(path), 0, "", str(fault).replace("\n", " "))]) from fault


def whole(path: Path) -> Path | None:
    """The path of an apply file that declares more than flows: what its flows name is to be found in it. Raises Refused."""
    if path.suffix != ".toml":
        return None
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise Refused([Problem(str(path), 0, "", str(fault).replace("\n", " "))]) from fault
    return path if "flow" in found and len(found) > 1 else None


def _with_file(tree: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """`[[flow]]` may name the file that holds the tree."""
    if "file" in tree:
        (inner,) = read_trees(path.parent / str(tree["file"]))
        return {**inner, **{key: value for key, value in tree.items() if key != "file"}}
    return {"name": path.stem, **tree}


def check(path: Path, snapshot: Snapshot, prompts: Path) -> list[Note]:
    """Errors and warnings about every flow of a file. `prompts` is the operator's own folder of recordings."""
    trees = read_trees(path)

    def exists(name: str, language: str) -> bool:
        return any((root / language / f"{name}.wav").is_file() for root in (prompts, SHIPPED))

    return [note for tree in trees for note in check_flow(tree, snapshot, exists)]


def attempt(path: Path, snapshot: Snapshot, caller: Caller, name: str = "") -> Trial:
    """Walks through a flow of a file. Raises Refused, ValueError for a flow that cannot run."""
    trees = {str(tree.get("name", path.stem)): tree for tree in read_trees(path)}
    if not name and len(trees) > 1:
        raise ValueError(f"expected --flow with one of {' '.join(trees)}")
    tree = trees.get(name or next(iter(trees)))
    if tree is None:
        raise ValueError(f"{path} has no flow {name}")
    flow = compile_flow(tree, snapshot)

    def other(wanted: str) -> Flow | None:
        if wanted in trees:
            return compile_flow(trees[wanted], snapshot)
        declared = snapshot.flows.get(wanted)
        return compile_flow(declared.tree(), snapshot) if declared else None

    return asyncio.run(try_flow(flow, caller, snapshot, empty_desk(), other))


def lines_of(trial: Trial) -> list[str]:
    """A try-out to read: one line a node."""
    lines = []
    for step in trial.steps:
        heard = f"  heard {', '.join(step.heard)}" if step.heard else ""
        pressed = f"  pressed {step.pressed}" if step.pressed else ""
        lines.append(f"{step.node} ({step.verb}): {step.result}{heard}{pressed}")
    end = f" at {trial.to}" if trial.to else ""
    return [*lines, f"= {trial.outcome}{end} after {trial.seconds:.0f} s"]
