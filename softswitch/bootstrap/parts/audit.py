"""The audit trail: questions, verification, the daily anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.access.audit import Audit

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Audit:
    audit = Audit(node.store, node.clock, node.settings.data_dir)

    def failed(why: str) -> None:
        node.alarms.raise_("audit_anchor", "major", f"The head of the audit cannot be noted: {why}")

    node.run(audit.keep_anchoring(failed), "audit anchor")
    return audit
