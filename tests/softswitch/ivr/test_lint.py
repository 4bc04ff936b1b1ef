"""Warnings about flows that may be used all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from softswitch.directory.model import Flow, Number, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.lint import check_flow
from softswitch.ivr.verbs import REFUSED
from softswitch.model.destination import Destination

SNAPSHOT = Snapshot(queues={"sales": Queue(name="sales")}, flows={"pay": Flow(name="pay", nodes={"in": {"verb": "answer"}})})


def codes(nodes: dict[str, Any], start: str = "start") -> list[tuple[str, str]]:
    return [(note.code, note.node) for note in check_flow({"name": "f", "start": start, "nodes": nodes}, SNAPSHOT)]


def test_a_sound_flow_has_no_notes() -> None:
    assert codes({"start": {"verb": "queue", "queue": "sales"}}) == []


def test_errors_come_alone() -> None:
    (note,) = check_flow({"name": "f", "start": "start", "nodes": {"start": {"verb": "sing"}}}, SNAPSHOT)
    assert (note.level, note.code, note.node, note.field) == ("error", "invalid", "start", "nodes.start.verb")


@pytest.mark.parametrize("verb", sorted(REFUSED))
def test_each_refused_verb_says_why(verb: str) -> None:
    (note,) = check_flow({"name": "f", "start": "start", "nodes": {"start": {"verb": verb, "any": 1}}}, SNAPSHOT)
    assert "is not in this release" in note.text
    assert REFUSED[verb] in note.text


def test_nodes_that_nothing_leads_to() -> None:
    nodes = {"start": {"verb": "hangup"}, "leaf": {"verb": "hangup"}}
    assert codes(nodes) == [("invalid", "leaf")]
    entered = replace(SNAPSHOT, numbers={"9": Number(number="9", to=Destination.parse("flow:f/leaf"))})
    assert check_flow({"name": "f", "start": "start", "nodes": nodes}, entered) == []
    other = Flow(name="other", nodes={"a": {"verb": "subflow", "flow": "f/leaf"}})
    assert check_flow({"name": "f", "start": "start", "nodes": nodes}, replace(SNAPSHOT, flows={"other": other})) == []
    broken: Any = {"a": "hangup", "b": {"to": 7, "flow": None}}
    odd = replace(SNAPSHOT, flows={"odd": Flow(name="odd", nodes=broken)})
    assert [note.code for note in check_flow({"name": "f", "start": "start", "nodes": nodes}, odd)] == ["invalid"]
    assert codes({**nodes, "door": {"verb": "label", "name": "door", "next": "leaf"}}) == [], "labels are places to enter at"


def test_dead_ends() -> None:
    assert codes({"start": {"verb": "play", "prompts": ["welcome"]}}) == [("dead_end", "start")]
    assert codes({"start": {"verb": "play", "prompts": ["welcome"], "on_error": "x"}, "x": {"verb": "hangup"}}) == [
        ("dead_end", "start")
    ]


def test_circles_without_the_caller() -> None:
    circle = {"start": {"verb": "set", "language": "en", "next": "b"}, "b": {"verb": "goto", "next": "start"}}
    assert codes(circle) == [("loop", "start")]
    asked = {"start": {"verb": "menu", "prompts": [], "keys": {"1": "start"}, "no_input": "start"}}
    assert codes(asked) == [], "the caller is asked"
    counted = {
        "start": {"verb": "loop", "times": 3, "body": "say", "next": "bye"},
        "say": {"verb": "play", "prompts": ["welcome"], "next": "start"},
        "bye": {"verb": "hangup"},
    }
    assert codes(counted) == [], "a loop ends by itself"


def test_a_large_flow_is_checked_quickly() -> None:
    nodes: dict[str, Any] = {f"n{i}": {"verb": "goto", "next": f"n{i + 1}"} for i in range(998)}
    nodes |= {"n998": {"verb": "hangup"}}
    assert codes(nodes, "n0") == []
    assert codes({f"n{i}": {"verb": "goto", "next": f"n{(i + 1) % 1000}"} for i in range(1000)}, "n0") == [("loop", "n0")]
    too_many = {f"n{i}": {"verb": "hangup"} for i in range(1001)}
    assert ("invalid", "") in codes(too_many, "n0")


def test_what_cannot_run_after_a_hang_up() -> None:
    nodes = {
        "start": {"verb": "moh", "seconds": 5, "on_hangup": "say", "next": "bye"},
        "say": {"verb": "play", "prompts": ["goodbye"], "next": "bye"},
        "bye": {"verb": "hangup"},
    }
    assert codes(nodes) == [("hangup", "start")]


def test_prompts_per_language() -> None:
    tree = {"name": "f", "start": "s", "nodes": {"s": {"verb": "survey", "name": "x", "questions": {"q": "mine"}}}}
    notes = check_flow(tree, SNAPSHOT, lambda name, language: name != "mine" or language == "en")
    assert [(note.code, note.field) for note in notes] == [("missing_prompt", "nodes.s.questions.q")]
    assert "no prompt mine in zh-CN" in notes[0].text


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"verb": "subflow", "flow": "none", "next": "b"}, 'there is no flow "none"'),
        ({"verb": "subflow", "flow": "pay/none", "next": "b"}, 'flow pay has no node "none"'),
        ({"verb": "if", "test": "a.b", "then": "b", "else": "b"}, "Attribute is not allowed"),
        ({"verb": "set", "compute": {"x": "1 +"}, "next": "b"}, "expected an expression"),
        ({"verb": "set", "values": {"a b": "1"}, "next": "b"}, "letters, digits and _"),
        ({"verb": "collect", "pattern": "(a+)+", "next": "b"}, "no repeated group"),
        ({"verb": "collect", "check": "crc", "next": "b"}, "expected one of  luhn"),
        ({"verb": "lookup", "name": "none", "found": "b"}, 'there is no look-up "none"'),
        ({"verb": "voicemail", "mailbox": "none", "next": "b"}, 'there is no mailbox "none"'),
        ({"verb": "time_check", "calendar": "none", "then": "b", "else": "b"}, 'there is no calendar "none"'),
        ({"verb": "time_check", "calendar": "x", "zone": "UTC", "then": "b", "else": "b"}, "got both"),
        ({"verb": "time_check", "zone": "UTC", "then": "b", "else": "b"}, "expected hours"),
        ({"verb": "importance", "value": "101", "next": "b"}, 'expected "0" to "100"'),
        ({"verb": "queue", "queue": "sales", "needs": {"english": 101}}, "expected 1 to 100, got 101"),
        ({"verb": "survey", "name": "s", "questions": {}}, "expected 1 to 3 questions, got 0"),
        ({"verb": "loop", "times": 0, "body": "b"}, "expected 1 to 100, got 0"),
        ({"verb": "record_control", "action": "erase", "next": "b"}, "expected one of on off pause resume"),
        ({"verb": "transfer", "to": "agent:li"}, "expected one of flow queue"),
    ],
)
def test_mistakes_of_the_new_verbs(node: dict[str, Any], expected: str) -> None:
    notes = check_flow({"name": "f", "start": "a", "nodes": {"a": node, "b": {"verb": "hangup"}}}, SNAPSHOT)
    assert any(expected in note.text for note in notes if note.level == "error"), notes
