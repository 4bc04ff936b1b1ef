"""Who may serve whom: needs, their relaxation over the wait, and what one agent lacks (call-centre.md §4 E, §5.1). Pure.

A caller's `Step`s are the instants at which more agents become eligible: relaxation stages, delays of memberships, tiers,
remote sites. Between two of them the eligible agents are the same for all callers of one `Signature`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from softswitch.directory.centre import Membership, Need, Queue, Stage

ALL_TIERS = 1_000
Score = tuple[str, int, int]
"""skill, level asked for, weight."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Callers with equal signatures may be served by the same agents."""

    queue: str
    mandatory: tuple[tuple[str, int], ...] = ()
    optional: tuple[Score, ...] = ()
    threshold: int = 0  # per cent of the optional weights
    tier: int = ALL_TIERS
    site: str = ""  # "" = agents of every site
    home: str = ""  # the caller's site, for distances
    delay: float = 0.0  # memberships with up to this delay see the caller
    scores: tuple[Score, ...] = ()  # all needs, for strategies that rank by skill


@dataclass(frozen=True, slots=True)
class Step:
    """From `after` seconds of waiting on."""

    after: float
    stage: int
    signature: Signature


def steps_of(queue: Queue, needs: tuple[Need, ...], site: str, delays: Iterable[float]) -> tuple[Step, ...]:
    """The caller's steps, the first at 0. `delays`: of the queue's memberships."""
    asked = {need.skill: need for need in (*queue.needs, *needs)}
    home = site or queue.site
    stages = sorted(queue.stages, key=lambda stage: stage.after)
    tiers = _tier_times(queue)
    times = {0.0, *(float(stage.after) for stage in stages), *delays, *tiers}
    if home and queue.remote_delay:
        times.add(queue.remote_delay)
    steps: list[Step] = []
    for after in sorted(times):
        passed = [stage for stage in stages if stage.after <= after]
        signature = _signature(queue, asked, home, passed, after, max((d for d in delays if d <= after), default=0.0))
        if not steps or signature != steps[-1].signature or len(passed) != steps[-1].stage:
            steps.append(Step(after, len(passed), signature))
    return tuple(steps)


def _tier_times(queue: Queue) -> list[float]:
    """When the next tiers open by the strategy's delay; there are up to ten."""
    return [queue.tier_delay * tier for tier in range(1, 10)] if queue.strategy == "tiered" and queue.tier_delay else []


def _signature(
    queue: Queue, asked: Mapping[str, Need], home: str, passed: list[Stage], after: float, delay: float
) -> Signature:
    levels = {skill: min([need.level, *(s.levels.get(skill, 100) for s in passed)]) for skill, need in asked.items()}
    waived = {skill for stage in passed for skill in stage.optional}
    everybody = any(stage.any_member for stage in passed)
    mandatory = () if everybody else tuple((s, levels[s]) for s, need in asked.items() if need.mandatory and s not in waived)
    optional = () if everybody else tuple((s, levels[s], need.weight) for s, need in asked.items() if not need.mandatory)
    return Signature(
        queue.name, mandatory, optional, _threshold(queue, passed) if optional else 0, _tier(queue, passed, after),
        home if _stays_home(queue, passed, after) else "", home, delay,
        tuple((skill, levels[skill], need.weight) for skill, need in asked.items()),
    )  # fmt: skip


def _threshold(queue: Queue, passed: list[Stage]) -> int:
    """Without stages optional needs are wishes; with them all are asked for until a stage says less."""
    return min((stage.threshold for stage in passed), default=100 if queue.stages else 0)


def gates_tiers(queue: Queue) -> bool:
    return queue.strategy == "tiered" or any(stage.tier for stage in queue.stages)


def _tier(queue: Queue, passed: list[Stage], after: float) -> int:
    if not gates_tiers(queue):
        return ALL_TIERS
    by_stage = max((stage.tier for stage in passed), default=0)
    by_time = ALL_TIERS if queue.strategy == "tiered" and not queue.tier_delay else 1
    if queue.strategy == "tiered" and queue.tier_delay:
        by_time = 1 + int(after / queue.tier_delay)
    return max(1, by_stage, by_time)


def _stays_home(queue: Queue, passed: list[Stage], after: float) -> bool:
    opens_by_stage = any(stage.remote for stage in queue.stages)
    if any(stage.remote for stage in passed):
        return False
    return opens_by_stage or after < queue.remote_delay


def what_lacks(signature: Signature, member: Membership | None, skills: Mapping[str, int], site: str, open_tier: int) -> str:
    """Why an agent may not serve such a caller; "" when it may. `open_tier`: open because the tiers below are empty."""
    if member is None:
        return "not a member"
    if member.delay > signature.delay:
        return f"sees callers after {member.delay} s"
    if member.tier > max(signature.tier, open_tier):
        return f"tier {member.tier}"
    if signature.site and site and site != signature.site:
        return f"site {site}"
    for skill, level in signature.mandatory:
        if skills.get(skill, 0) < level:
            return f"skill {skill} {skills.get(skill, 0)} < {level}"
    if signature.threshold:
        total = sum(weight for _, _, weight in signature.optional)
        met = sum(weight for skill, level, weight in signature.optional if skills.get(skill, 0) >= level)
        if met * 100 < signature.threshold * total:
            return f"optional skills {met * 100 // total} % < {signature.threshold} %"
    return ""
