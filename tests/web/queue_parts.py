"""What stands behind queues, ring groups, callbacks, lists and calendars in tests of the web: real parts, nobody calls."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

from softswitch.acd.callbacks import Callbacks
from softswitch.acd.handwork import Handwork
from softswitch.acd.service import AcdService
from softswitch.acd.switches import EmergencySwitches
from softswitch.calendar.service import Calendars
from softswitch.features.call_back import CallBacks
from softswitch.features.personal import PersonalServices
from softswitch.features.wake_up import WakeUps
from softswitch.groups.service import RingGroups
from softswitch.legs.phones import Phones
from softswitch.lists.service import Lists
from softswitch.model.ids import Ids
from softswitch.services import Services
from softswitch.store.spool import Spool


def queue_parts(services: Services, spool: Spool) -> dict[type, Any]:
    """`AcdService` is among them, for tests that put somebody in line."""
    numbers, publish = count(1), services.bus.publish
    directory, store, clock = services.directory.current, services.store, services.clock
    stations: Any = SimpleNamespace(on_change=lambda _listener: None, reachable=lambda _agent: True)
    acd = AcdService(directory=directory, journal=publish, clock=clock, ids=Ids(lambda: str(next(numbers))), stations=stations)
    services.directory.on_change(acd.directory_changed)
    kept: dict[str, Any] = {"store": store, "spool": spool, "journal": publish}
    lists = Lists(**kept, clock=clock, token=lambda: str(next(numbers)))
    nobody: Any = None
    personal = PersonalServices(directory, publish, clock)
    codes: Any = SimpleNamespace(inner={}, handlers={})
    call_backs = CallBacks(clock, nobody, codes, lambda _extension: False)
    call_backs.exists = lambda extension: extension in directory().extensions
    found = (
        WakeUps(clock, nobody, codes, services.alarms, "Asia/Shanghai"), call_backs,
        RingGroups(directory, Phones(), personal, nobody, lambda _extension: False),
        acd, lists, Handwork(acd), Calendars(directory=directory, clock=clock, **kept),
        EmergencySwitches(**kept, clock=clock, changed=acd.changed, exists=lambda queue: queue in directory().queues),
        Callbacks(
            acd=acd, calls=nobody, store=store, spool=spool, journal=publish, token=lambda: str(next(numbers)),
            judge=lambda number: lists.judge(number, "out"), zone_of=lambda _queue: "Asia/Shanghai",
        ),
    )  # fmt: skip
    return {type(part): part for part in found}
