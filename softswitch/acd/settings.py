"""From the directory's objects to the core's configuration."""

from __future__ import annotations

from softswitch.acd.model import AcdConfig, AgentConfig, QueueConfig
from softswitch.directory.snapshot import Snapshot


def config_of(snapshot: Snapshot) -> AcdConfig:
    agents = {login: AgentConfig(login, agent.queues) for login, agent in snapshot.agents.items()}
    queues = {
        name: QueueConfig(
            name, strategy=queue.strategy, ring_timeout=float(queue.ring_timeout), wrap_up=float(queue.wrap_up),
            max_wait=float(queue.max_wait), overflow=queue.overflow is not None,
        )
        for name, queue in snapshot.queues.items()
    }  # fmt: skip
    return AcdConfig(agents, queues)
