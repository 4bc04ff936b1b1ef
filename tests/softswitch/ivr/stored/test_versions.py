"""Versions of flows: drafts, publishing, rolling back, and flows that come with an apply file."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from softswitch.directory.model import Flow, Kind
from softswitch.directory.service import Directory
from softswitch.directory.store import Action, Change
from softswitch.ivr.versions import APPLIED, FaultyFlow, FlowVersions
from softswitch.model.clock import ManualClock
from softswitch.model.errors import NotFound
from softswitch.store.database import Store


def tree(cause: str = "normal") -> dict[str, Any]:
    return {"start": "bye", "nodes": {"bye": {"verb": "hangup", "cause": cause}}}


@pytest.fixture
async def versions(store: Store, directory: Directory, clock: ManualClock) -> FlowVersions:
    made = FlowVersions(store, directory, clock)
    await made.open()
    return made


async def apply(directory: Directory, flow: Flow) -> None:
    action = Action.UPDATE if flow.name in directory.current().flows else Action.CREATE
    await directory.change([Change(action, Kind.FLOW, flow.name, flow)], "apply")


async def follow(versions: FlowVersions) -> None:
    """What the task does when the directory has changed."""
    task = asyncio.get_running_loop().create_task(versions.run())
    await asyncio.sleep(0.2)
    task.cancel()


async def test_a_draft_is_heard_by_nobody_until_it_is_published(versions: FlowVersions, directory: Directory) -> None:
    saved = await versions.save("night", tree(), "root", "first")
    assert (saved.version, versions.published("night"), directory.current().flows) == (1, 0, {})
    published = await versions.publish("night", 1, "root")
    assert published.published
    assert directory.current().flows["night"].version == 1
    assert directory.current().flows["night"].nodes == tree()["nodes"]


async def test_rolling_back_publishes_an_older_version(versions: FlowVersions, directory: Directory) -> None:
    for cause in ("normal", "busy", "rejected"):
        saved = await versions.save("night", tree(cause), "root")
        await versions.publish("night", saved.version, "root")
    await versions.publish("night", 2, "root")
    assert directory.current().flows["night"].nodes["bye"]["cause"] == "busy"
    assert versions.published("night") == 2
    assert [found.version for found in await versions.versions("night")] == [3, 2, 1]
    assert (await versions.save("night", tree(), "root")).version == 4


async def test_an_apply_file_publishes_a_version(versions: FlowVersions, directory: Directory) -> None:
    await apply(directory, Flow(name="main", **tree()))
    await follow(versions)
    (only,) = await versions.versions("main")
    assert (only.version, only.by, bool(only.published)) == (1, APPLIED, True)
    await follow(versions)
    assert len(await versions.versions("main")) == 1, "nothing changed"


async def test_a_number_that_a_draft_has_is_not_given_twice(versions: FlowVersions, directory: Directory) -> None:
    await apply(directory, Flow(name="main", **tree()))
    await follow(versions)
    await versions.save("main", tree("busy"), "root")  # version 2, a draft
    await apply(directory, Flow(name="main", version=2, **tree("rejected")))
    await follow(versions)
    found = {entry.version: entry.tree["nodes"]["bye"]["cause"] for entry in await versions.versions("main")}
    assert found == {1: "normal", 2: "busy", 3: "rejected"}
    assert versions.published("main") == 3


async def test_what_was_applied_while_the_switch_was_down_is_taken_in(
    store: Store, directory: Directory, clock: ManualClock
) -> None:
    await apply(directory, Flow(name="main", version=7, **tree()))
    versions = FlowVersions(store, directory, clock)
    await versions.open()
    assert [found.version for found in await versions.versions("main")] == [7]


async def test_a_faulty_tree_is_not_kept(versions: FlowVersions) -> None:
    with pytest.raises(FaultyFlow) as caught:
        await versions.save("night", {"start": "bye", "nodes": {"bye": {"verb": "sing"}}}, "root")
    assert caught.value.faults[0].path == ("nodes", "bye", "verb")
    with pytest.raises(NotFound):
        await versions.versions("night")


async def test_a_version_whose_queue_has_gone_cannot_be_published(versions: FlowVersions, directory: Directory) -> None:
    from softswitch.directory.model import Queue

    await directory.change([Change(Action.CREATE, Kind.QUEUE, "sales", Queue(name="sales"))], "tests")
    waiting = {"start": "wait", "nodes": {"wait": {"verb": "queue", "queue": "sales"}}}
    await versions.save("day", waiting, "root")
    await directory.change([Change(Action.DELETE, Kind.QUEUE, "sales")], "tests")
    with pytest.raises(FaultyFlow, match="there is no queue"):
        await versions.publish("day", 1, "root")
    assert versions.published("day") == 0


async def test_unknown_flows_and_versions(versions: FlowVersions) -> None:
    with pytest.raises(NotFound):
        await versions.publish("night", 1, "root")
    await versions.save("night", tree(), "root")
    with pytest.raises(NotFound):
        await versions.version("night", 2)
    assert await versions.newest() == {"night": 1}
