"""The rules as the running configuration has them: asked once per conversation, at the moment of joining."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.directory.snapshot import Snapshot
from softswitch.recordings import rules
from softswitch.recordings.rules import Contact, Decision


class RecordingPolicy:
    """Answers from memory; a changed directory holds from the next conversation."""

    def __init__(self, directory: Callable[[], Snapshot]) -> None:
        self._directory = directory

    def decide(self, contact: Contact) -> Decision:
        """What becomes of a conversation. The agent's team is filled in here."""
        snapshot = self._directory()
        agent = snapshot.agents.get(contact.agent)
        known = Contact(
            call=contact.call, queue=contact.queue, agent=contact.agent, team=contact.team or (agent.team if agent else ""),
            number=contact.number, direction=contact.direction, trunk=contact.trunk, refused=contact.refused,
        )  # fmt: skip
        return rules.decide(snapshot.recording_rules.values(), known, snapshot.queues.get(contact.queue))

    def consent_prompt(self, contact: Contact) -> str:
        """The prompt a waiting caller is to be asked with before joining; "" for none. `rules.after_consent` takes the key."""
        queue = self._directory().queues.get(contact.queue)
        return rules.consent_prompt(self.decide(contact), queue) if queue is not None else ""

    def may_steer(self, login: str) -> bool:
        """Whether the agent may start and stop recordings by hand (right `record`)."""
        agent = self._directory().agents.get(login)
        return agent is not None and "record" in agent.rights
