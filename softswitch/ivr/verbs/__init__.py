"""The verbs of flows: one file each, one row each here. `say` is `play` by another name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from softswitch.ivr.verbs import answer, collect, hangup, menu, play, queue, set, time_check, transfer
from softswitch.ivr.verbs.base import Verb

VERBS: Mapping[str, Verb[Any]] = MappingProxyType(
    {
        "answer": answer.VERB,
        "play": play.VERB,
        "say": play.VERB,
        "menu": menu.VERB,
        "collect": collect.VERB,
        "set": set.VERB,
        "queue": queue.VERB,
        "transfer": transfer.VERB,
        "time_check": time_check.VERB,
        "hangup": hangup.VERB,
    }
)
