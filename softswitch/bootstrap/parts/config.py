"""Editing single objects of the directory over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.bootstrap.configuring import rules_of
from softswitch.directory.editing import Editor
from softswitch.directory.secrets import NoSources

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Editor:
    return Editor(node.directory, lambda: rules_of(node.settings, NoSources()))
