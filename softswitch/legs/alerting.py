"""What the INVITE to a phone says about how it is to ring: answer by itself, or the short tone of a call that waits.

Each maker has its own form; the profile of the phone is found by its User-Agent, unknown phones get every form.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sip_profiles.phones import by_user_agent
from softswitch.model.target import Target

_NOTHING: Mapping[str, str] = {}


def headers(target: Target, *, waits: bool) -> Mapping[str, str]:
    """`waits`: the phone has a call already."""
    if target.trunk or not (target.answers or waits):
        return _NOTHING
    return _answers(target.user_agent) if target.answers else _waits(target.user_agent)


@lru_cache(maxsize=256)
def _answers(user_agent: str) -> Mapping[str, str]:
    lines = by_user_agent(user_agent).features.auto_answer
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@lru_cache(maxsize=256)
def _waits(user_agent: str) -> Mapping[str, str]:
    urn = by_user_agent(user_agent).features.waiting
    return {"Alert-Info": f"<{urn}>"} if urn else _NOTHING
