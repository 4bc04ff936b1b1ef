"""From the directory's objects to the core's configuration."""

from __future__ import annotations

from datetime import datetime

from softswitch.acd.config import AcdConfig, AgentConfig, OverflowRule, QueueConfig, Rules
from softswitch.directory.centre import Agent, Queue
from softswitch.directory.snapshot import Snapshot


def config_of(snapshot: Snapshot, *, day_offset: float | None = None, seed: int = 0) -> AcdConfig:
    """`day_offset`: seconds ahead of UTC of the clock whose midnight begins a day; None = of this machine."""
    if day_offset is None:
        offset = datetime.now().astimezone().utcoffset()
        day_offset = offset.total_seconds() if offset else 0.0
    return AcdConfig(
        {login: agent_config(agent) for login, agent in snapshot.agents.items()},
        {name: queue_config(queue) for name, queue in snapshot.queues.items()},
        Rules(day_offset=day_offset), dict(snapshot.reasons), snapshot.version, seed,
    )  # fmt: skip


def agent_config(agent: Agent) -> AgentConfig:
    return AgentConfig(
        agent.login, agent.queues, agent.membership, agent.skills, agent.site, agent.auto_ready, agent.occupancy_cap,
        agent.wrap_up_mode, agent.dial_from, agent.capacity,
    )  # fmt: skip


def queue_config(queue: Queue) -> QueueConfig:
    return QueueConfig(
        queue.name, strategy=queue.strategy, second=queue.second, choice=queue.choice,
        weight_importance=queue.weight_importance, weight_waited=queue.weight_waited, wait_unit=queue.wait_unit,
        max_wait_guard=float(queue.max_wait_guard), importance=queue.importance, needs=queue.needs, stages=queue.stages,
        site=queue.site, remote_delay=float(queue.remote_delay), sticky=queue.sticky, sticky_wait=float(queue.sticky_wait),
        ring_timeout=float(queue.ring_timeout), ring_count=queue.ring_count, ring_step=float(queue.ring_step),
        tier_delay=float(queue.tier_delay), no_answer_limit=queue.no_answer_limit, reject_limit=queue.reject_limit,
        no_answer_delay=float(queue.no_answer_delay), reject_delay=float(queue.reject_delay),
        busy_delay=float(queue.busy_delay), wrap_up=float(queue.wrap_up), wrap_up_mode=queue.wrap_up_mode,
        wrap_up_extensions=queue.wrap_up_extensions, wrap_up_extension=float(queue.wrap_up_extension),
        wrap_up_limit=float(queue.wrap_up_limit), wrap_up_then=queue.wrap_up_then, code_required=queue.code_required,
        max_length=queue.max_length, join_empty=queue.join_empty, empty=str(queue.empty or ""),
        leave_empty=float(queue.leave_empty), max_wait=float(queue.max_wait), overflow=str(queue.overflow or ""),
        overflows=tuple(OverflowRule(rule.when, rule.threshold, str(rule.to)) for rule in queue.overflows),
        return_within=float(queue.return_within), service_seconds=float(queue.service_seconds),
    )  # fmt: skip
