"""Alarms beyond the screen, what raises them, and the reserve. Built after spool, mail and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from softswitch.alerting import window
from softswitch.alerting.forecast import usual_calls
from softswitch.alerting.roster import Parts as ReserveParts
from softswitch.alerting.roster import Reserve
from softswitch.alerting.service import Alerting, Parts
from softswitch.alerting.watch import Sources, Watch
from softswitch.mail.service import Mailer
from softswitch.model.events import AlarmAcknowledged, AlarmCleared, AlarmEscalated, AlarmRaised
from softswitch.observe.alarms import HOLD_SECONDS
from softswitch.observe.certificates import Ends
from softswitch.store.spool import Spool
from softswitch.webhooks.service import Webhooks

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

T = TypeVar("T")
DUTY_SECONDS = 12 * 3600.0
"""Who comes as reserve serves the queue at most so long, should nobody release the step."""


def _part(node: Node, kind: type[T]) -> T:
    found = node.parts[kind]
    assert isinstance(found, kind)
    return found


async def build(node: Node) -> Alerting:
    node.alarms.hold = HOLD_SECONDS
    alerting = Alerting(
        Parts(
            alarms=node.alarms, store=node.store, clock=node.clock, directory=node.directory.current,
            journal=node.journal.append, put=_part(node, Spool).put, mail=_part(node, Mailer),
            post=_part(node, Webhooks).tell,
            everybody=node.settings.alarms.mail, keep_days=node.settings.alarms.keep_days,
        )
    )  # fmt: skip
    await alerting.start()
    heard = node.bus.subscribe(alerting.note, (AlarmRaised, AlarmCleared, AlarmAcknowledged, AlarmEscalated))
    node.on_close(heard.close)
    node.run(alerting.run(), "alarms")
    return alerting


async def build_watch(node: Node) -> Watch:
    switch = node.switch
    sources = Sources(
        clock=node.clock, directory=node.directory.current, queues=node.floor.queues, agents=node.floor.agents,
        trunks=switch.trunks.views, phones=lambda: [view["extension"] for view in switch.registrar.views() if view["contacts"]],
        progress=lambda: node.journal.progress, certificates=Ends(_certificates(node), node.clock).days,
    )  # fmt: skip
    watch = Watch(sources, node.alarms, certificate_days=node.settings.alarms.certificate_days)
    node.on_close(node.bus.subscribe(watch.windows.note, window.NOTED).close)
    node.run(watch.run(), "watch")
    return watch


def _certificates(node: Node) -> Callable[[], Mapping[str, str]]:
    """Where every certificate of ours lies that somebody else looks at: listeners, trunks, signed calling numbers."""
    signing = node.settings.stir.certificate.partition(":")[0]

    def files() -> Mapping[str, str]:
        found = {f"listener {view['file']}": view["file"] for view in node.certificates.views()}
        if signing:
            found["stir"] = signing
        for trunk in node.directory.current().trunks:
            profile = node.switch.trunks.profile(trunk)
            if profile is not None and profile.tls.certificate:
                found[f"trunk {trunk}"] = profile.tls.certificate.partition(":")[0]
        return found

    return files


async def build_reserve(node: Node) -> Reserve:
    watch, floor, mailer = _part(node, Watch), node.floor, _part(node, Mailer)

    async def enlist(login: str, queue: str) -> None:
        queues = (*(name for name in floor.agent(login).queues if name != queue), queue)
        await floor.set_skills(login, None, queues, node.clock.utc() + DUTY_SECONDS, "system")

    async def dismiss(login: str, queue: str) -> None:
        queues = tuple(name for name in floor.agent(login).queues if name != queue)
        await floor.set_skills(login, None, queues, node.clock.utc() + DUTY_SECONDS, "system")

    async def tell(login: str, subject: str, text: str) -> None:
        user = node.directory.current().users.get(login)
        if user and user.mail and mailer.configured:
            await mailer.send([user.mail], subject, text)

    async def usual(queue: str, now: float) -> float | None:
        return await node.store.read(lambda connection: usual_calls(connection, queue, now))

    reserve = Reserve(
        ReserveParts(
            clock=node.clock, directory=node.directory.current, facts=lambda: [watch.facts(view) for view in floor.queues()],
            arrivals=lambda queue: len(watch.windows.of(queue, node.clock.utc()).arrivals), usual=usual,
            journal=node.journal.append, put=_part(node, Spool).put, alarms=node.alarms, enlist=enlist,
            dismiss=dismiss, tell=tell,
        )
    )  # fmt: skip
    node.run(reserve.run(), "reserve")
    return reserve
