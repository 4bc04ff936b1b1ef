"""Who is what in a call: the first party, whoever is joined to it, and who takes the place of the one that leaves."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.calls.mix import Party
from softswitch.calls.scene import PartyRole
from softswitch.legs.base import LegFacts, PartyKind


def first_party(facts: LegFacts) -> tuple[str, str, PartyRole]:
    """Name, login and role of whoever calls."""
    if facts.kind is PartyKind.AGENT:
        return f"agent:{facts.party}", facts.party, PartyRole.AGENT
    return f"extension:{facts.party}" if facts.kind is PartyKind.PHONE else "customer", "", PartyRole.CUSTOMER


def role_beside(anchor: Party, agent: str) -> PartyRole:
    """Of whoever is joined first: an agent has called the customer, or the called one is on the agent's side."""
    return PartyRole.CUSTOMER if anchor.role is PartyRole.AGENT and not agent else PartyRole.AGENT


def heir(others: Sequence[Party]) -> Party | None:
    """Whom the call serves when the one it served leaves: the customer, else whoever no handler waits for."""
    ranked = sorted(others, key=lambda party: (party.role is not PartyRole.CUSTOMER, party.parted is not None))
    return ranked[0] if ranked else None
