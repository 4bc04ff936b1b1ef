"""The parts of the call centre above call handling, one file each, built in this order once the switch and the ACD stand.

A part is `async def build(node: Node) -> object`: it makes its service from what the node has (`store`, `journal`, `bus`,
`directory`, `switch`, `acd`, `floor`, `clock`, `alarms`, `settings`), hooks it in (`switch.handlers`, `bus.subscribe`,
`node.run` for tasks, `node.on_close`) and returns it; `web` asks for it by its class: `services.part(CustomerBook)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from softswitch.bootstrap.parts import (
    alerting,
    applications,
    audit,
    clicks,
    config,
    customers,
    defence,
    entrance,
    features,
    groups,
    ivr,
    mail,
    phones,
    queues,
    recordings,
    reports,
    rooms,
    siprec,
    speech,
    streams,
    supervision,
    tolls,
    trace,
    voicemail,
    webhooks,
)

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

Build = Callable[["Node"], Awaitable[object]]

PARTS: tuple[Build, ...] = (
    audit.build,
    defence.build,
    tolls.build,
    clicks.build,
    config.build,
    mail.build,
    queues.spool,
    phones.build,
    features.personal,
    features.wake_ups,
    queues.calendars,
    queues.lists,
    queues.emergencies,
    queues.handwork,
    queues.surveys,
    queues.predictions,
    queues.foresight,
    queues.callbacks,
    features.malicious,
    features.call_backs,
    features.parking,
    groups.build,
    entrance.build,
    customers.build,
    customers.build_pops,
    recordings.build,
    supervision.build,
    supervision.build_interception,
    supervision.build_help,
    voicemail.build,
    rooms.build,
    ivr.build,
    ivr.build_versions,
    speech.build,
    speech.build_shelf,
    ivr.build_statistics,
    ivr.build_pins,
    ivr.build_announcements,
    streams.build,
    siprec.build,
    trace.build,
    trace.build_spans,
    applications.build,
    webhooks.build,
    reports.build,
    reports.schedules,
    alerting.build,
    alerting.build_watch,
    alerting.build_reserve,
)
