"""Speech: the engine that is set, its cache, and the texts of a flow as soon as it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.prepare import Preparer
from softswitch.ivr.texts import spoken_texts
from softswitch.ivr.versions import FlowVersions
from softswitch.speech.engines import ENGINES
from softswitch.speech.service import Speech
from softswitch.speech.shelf import Shelf

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Speech:
    """After the versions of flows."""
    settings, cache = node.settings.speech, node.settings.data_dir / "cache"
    speech = Speech(
        ENGINES[settings.engine](settings), Preparer(cache / "prompts"), cache / "speech", node.alarms,
        octets=settings.cache_mb * 1_000_000, patience=settings.patience,
    )  # fmt: skip
    node.media.prompts.speak = speech.say
    versions = node.parts.get(FlowVersions)
    if isinstance(versions, FlowVersions):
        versions.on_publish = lambda tree: speech.prepare(spoken_texts(tree))
    node.on_close_async(speech.close)
    return speech


async def build_shelf(node: Node) -> Shelf:
    """The operator's own prompts."""
    data = node.settings.data_dir
    return Shelf(data / "prompts", node.media.prompts, Preparer(data / "cache" / "prompts"))
