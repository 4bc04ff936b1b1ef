"""Flows are checked before use; every mistake names flow, node and field."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.directory.model import FlowFault, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.flow import compile_flow, validate_flow
from softswitch.ivr.lint import missing_prompts

SNAPSHOT = Snapshot(queues={"sales": Queue(name="sales")})
TEXT = """
name = "main"
languages = ["zh-CN", "en"]
start = "hello"
[nodes.hello]
verb = "answer"
next = "menu"
[nodes.menu]
verb = "menu"
prompts = ["welcome", "main-menu"]
timeout = 5
retries = 3
keys = { 1 = "sales", 2 = "english" }
no_input = "bye"
no_match = "menu"
[nodes.english]
verb = "set"
language = "en"
next = "menu"
[nodes.sales]
verb = "queue"
queue = "sales"
on_timeout = "bye"
[nodes.bye]
verb = "hangup"
cause = "normal"
"""


def tree() -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads(TEXT))


def faults(changed: dict[str, Any]) -> list[str]:
    return [fault.text for fault in validate_flow(changed, SNAPSHOT)]


def test_the_documented_flow_is_right_in_toml_yaml_and_json() -> None:
    for same in (tree(), yaml.safe_load(yaml.safe_dump(tree())), json.loads(json.dumps(tree()))):
        assert validate_flow(same, SNAPSHOT) == []
        assert compile_flow(same, SNAPSHOT) == compile_flow(tree(), SNAPSHOT)


def test_yaml_keys_may_be_numbers() -> None:
    changed = tree()
    changed["nodes"]["menu"]["keys"] = {1: "sales", 2: "english"}
    assert faults(changed) == []


def _set(path: str, value: Any) -> dict[str, Any]:
    changed = tree()
    place: Any = changed
    *way, last = path.split(".")
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("nodes.sales.verb", "quue", 'flow main, node sales: unknown verb "quue" (expected one of answer'),
        ("nodes.sales.verb", None, "flow main, node sales: the verb is missing"),
        ("nodes.hello.next", "menue", 'flow main, node hello: next: there is no node "menue"'),
        ("nodes.menu.keys.1", "sale", 'flow main, node menu: keys.1: there is no node "sale"'),
        ("nodes.menu.keys", {"1": "sales"}, 'flow main, node english: cannot be reached from "hello"'),
        ("nodes.sales.verb", "sms", 'flow main, node sales: the verb "sms" is not in this release: there are no text messages'),
        ("nodes.bye.on_hangup", "nowhere", 'flow main, node bye: on_hangup: there is no node "nowhere"'),
        ("nodes.sales.needs", {"english": "60"}, "flow main, node sales: needs: expected a table of whole numbers"),
        ("nodes.menu.keys", {"x": "sales", "2": "english"}, 'flow main, node menu: keys.x: expected digits, * or #, got "x"'),
        ("nodes.menu.timeout", "5", "flow main, node menu: timeout: expected a number, got '5'"),
        ("nodes.menu.barge_in", "shout", "flow main, node menu: barge_in: expected one of"),
        ("nodes.menu.retries", 1.5, "flow main, node menu: retries: expected a whole number, got 1.5"),
        ("nodes.menu.retries", True, "flow main, node menu: retries: expected a whole number, got True"),
        (
            "nodes.menu.colour",
            "red",
            "flow main, node menu: colour: unknown field (expected barge_in direct_dial inter_digit keys",
        ),
        ("nodes.menu.prompts", 7, "flow main, node menu: prompts: expected a list of texts, got 7"),
        ("nodes.menu.keys", None, "flow main, node menu: keys: is missing"),
        ("nodes.sales.queue", "support", 'flow main, node sales: queue: there is no queue "support"'),
        ("nodes.english.language", "fr", 'flow main, node english: language: expected one of zh-CN en, got "fr"'),
        ("nodes.bye.cause", "bored", "flow main, node bye: cause: expected one of normal"),
        ("nodes.bye.on_error", 3, "flow main, node bye: on_error: expected a text, got 3"),
        ("nodes.bye.on_error", "nowhere", 'flow main, node bye: on_error: there is no node "nowhere"'),
        ("nodes.bye", "hangup", "flow main, node bye: expected a table, got 'hangup'"),
        ("nodes", {}, "flow main: expected at least one node"),
        ("start", "begin", "flow main: there is no node 'begin'"),
        ("start", None, "flow main: expected the name of the first node"),
        ("languages", "en", "flow main: expected a list such as"),
        ("begin", "hello", "flow main: unknown field 'begin'"),
    ],
)
def test_a_mistake_is_named(path: str, value: Any, expected: str) -> None:
    found = faults(_set(path, value))
    assert any(text.startswith(expected) for text in found), found


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"verb": "transfer", "to": "extension:9"}, 'there is no extension "9"'),
        ({"verb": "transfer", "to": "agent:li"}, "expected one of flow queue"),
        ({"verb": "transfer", "to": "nonsense"}, "expected a destination"),
        ({"verb": "time_check", "zone": "Mars/Base", "open": [], "then": "bye", "else": "bye"}, "expected a time zone"),
        ({"verb": "time_check", "zone": "UTC", "open": ["Xyz 1-2"], "then": "bye", "else": "bye"}, 'expected "Mon-Fri'),
        ({"verb": "collect", "max_digits": 0, "next": "bye"}, "expected 1 to 64, got 0"),
        ({"verb": "set", "next": "bye"}, "expected a language, or values"),
    ],
)
def test_a_verb_checks_its_own_fields(node: dict[str, Any], expected: str) -> None:
    changed = tree()
    changed["nodes"]["english"] = node
    assert any(expected in text and text.startswith("flow main, node english: ") for text in faults(changed)), faults(changed)


def test_variables_are_left_to_the_running_flow() -> None:
    changed = _set("nodes.sales.queue", "{{wanted}}")
    changed["nodes"]["english"] = {"verb": "transfer", "to": "extension:{{digits}}"}
    assert faults(changed) == []


def test_the_path_of_a_fault_leads_to_the_line() -> None:
    assert validate_flow(_set("nodes.menu.keys.1", "sale"), SNAPSHOT)[0] == FlowFault(
        ("nodes", "menu", "keys", "1"), 'flow main, node menu: keys.1: there is no node "sale"'
    )


def test_missing_prompts_are_only_warnings() -> None:
    changed = _set("nodes.menu.prompts", ["welcome", "no-such"])
    assert faults(changed) == []
    absent = {("no-such", "en"), ("invalid", "zh-CN"), ("invalid", "en")}
    warnings = missing_prompts(changed, SNAPSHOT, lambda name, language: (name, language) not in absent)
    assert "flow main, node menu: there is no prompt no-such in en" in warnings
    assert "flow main, node menu: there is no prompt invalid in zh-CN" in warnings
    assert len(warnings) == 3


def test_a_flow_whose_queue_has_gone_still_compiles() -> None:
    assert "sales" in compile_flow(tree(), Snapshot()).nodes


def test_a_flow_with_an_unknown_verb_does_not_compile() -> None:
    with pytest.raises(ValueError, match="unknown verb"):
        compile_flow(_set("nodes.sales.verb", "quue"), SNAPSHOT)


def test_nodes_may_be_numbered() -> None:
    changed = {"name": "n", "start": "1", "nodes": {1: {"verb": "answer", "next": "2"}, 2: {"verb": "hangup"}}}
    assert faults(changed) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(node=st.sampled_from(sorted(tree()["nodes"])), name=st.text(max_size=8), value=_JSON)
def test_any_value_anywhere_is_right_or_named(node: str, name: str, value: Any) -> None:
    for field in (name, *tree()["nodes"][node]):
        changed = tree()
        changed["nodes"][node][field] = value
        for fault in validate_flow(changed, SNAPSHOT):
            assert fault.text.startswith("flow main")
    for field in (name, "languages", "start", "nodes", "version"):
        for fault in validate_flow(tree() | {field: value}, SNAPSHOT):
            assert fault.text.startswith("flow main")
