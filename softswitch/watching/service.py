"""Subscriptions of phones: who watches what, and one NOTIFY after another for what has changed (sip.md §6).

A change is told after `COALESCE` seconds, several at once as one. The next NOTIFY of a subscription waits for the answer to the
one before, so that versions have no gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from signalling import commands as sip
from signalling import events as sig
from softswitch.legs.base import PartyKind
from softswitch.watching.bodies import DIALOG, PRESENCE, SUMMARY, DialogState, dialog_info, presence, summary
from softswitch.watching.sources import Sources

COALESCE = 0.05
PACKAGES = (DIALOG, SUMMARY, PRESENCE)
PUBLISHES = (PRESENCE,)


@dataclass(slots=True)
class Watch:
    """One subscription."""

    id: str
    package: str
    resource: str
    host: str
    account: str
    version: int = 0
    known: dict[str, DialogState] = field(default_factory=dict)
    is_open: bool = False
    """A NOTIFY has no answer yet."""
    is_due: bool = False
    is_new: bool = True


class Watching:
    """Owned by the loop."""

    def __init__(self, sources: Sources, submit: Callable[[sip.Command], None]) -> None:
        self._sources = sources
        self._submit = submit
        self._watches: dict[str, Watch] = {}
        self._by_resource: dict[tuple[str, str], dict[str, Watch]] = {}
        self._published: dict[str, tuple[str, sig.Body]] = {}  # resource → entity tag and document
        self._dirty: dict[tuple[str, str], None] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def heard(self, event: sig.Event) -> bool:
        """Takes what is about subscriptions and published state; False for the rest."""
        match event:
            case sig.SubscriptionAsked():
                self._asked(event)
            case sig.NotifyAnswered(subscription=name):
                self._answered(name)
            case sig.SubscriptionEnded(subscription=name):
                self._forget(name)
            case sig.Published():
                self._take(event)
            case sig.PublicationEnded(resource=resource, tag=tag):
                self._drop(resource, tag)
            case _:
                return False
        return True

    def touch(self, resource: str, *packages: str) -> None:
        """What is watched under this name may have changed."""
        for package in packages or PACKAGES:
            key = (package, resource)
            if key in self._by_resource:
                if not self._dirty:
                    asyncio.get_running_loop().call_later(COALESCE, self._flush)
                self._dirty[key] = None

    def watches(self, package: str, account: str) -> bool:
        """Whether a phone of the account has subscribed to a package."""
        return any(watch.package == package and watch.account == account for watch in self._watches.values())

    # subscriptions

    def _asked(self, event: sig.SubscriptionAsked) -> None:
        if event.refresh:
            if (watch := self._watches.get(event.subscription)) is not None:
                watch.is_new = True  # full state again
                self._tell(watch)
            return
        status = self._judge(event)
        if status:
            self._submit(sip.RejectSubscription(event.subscription, status))
            return
        watch = Watch(event.subscription, event.event, event.resource, event.resource_host, event.peer_name)
        self._watches[watch.id] = watch
        self._by_resource.setdefault((watch.package, watch.resource), {})[watch.id] = watch
        self._submit(sip.AcceptSubscription(watch.id, event.expires))
        self._tell(watch)

    def _judge(self, event: sig.SubscriptionAsked) -> int:
        if event.peer_kind != PartyKind.PHONE:
            return 403
        if event.event not in PACKAGES:
            return 489
        if event.event == SUMMARY:
            return 0 if self._sources.may_read(event.peer_name, event.resource) else 403
        return 0 if self._sources.exists(event.resource) else 404

    def _forget(self, name: str) -> None:
        watch = self._watches.pop(name, None)
        if watch is None:
            return
        key = (watch.package, watch.resource)
        del self._by_resource[key][name]
        if not self._by_resource[key]:
            del self._by_resource[key]

    # notifying

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            for watch in tuple(self._by_resource.get(key, {}).values()):
                self._tell(watch)

    def _answered(self, name: str) -> None:
        watch = self._watches.get(name)
        if watch is None:
            return
        watch.is_open = False
        if watch.is_due:
            watch.is_due = False
            self._tell(watch)

    def _tell(self, watch: Watch) -> None:
        if watch.is_open:
            watch.is_due = True
            return
        if (body := self._body(watch)) is None:
            return
        watch.is_open, watch.is_new = True, False
        self._submit(sip.Notify(watch.id, body, told=True))

    def _body(self, watch: Watch) -> sig.Body | None:
        """The state to tell; None when the watcher knows it."""
        if watch.package == SUMMARY:
            new, old = self._sources.messages(watch.resource)
            return summary(watch.resource, watch.host, new, old)
        if watch.package == PRESENCE:
            if watch.resource in self._published:
                return self._published[watch.resource][1]
            found = self._sources.presence(watch.resource)
            return presence(watch.resource, watch.host, is_open=found.is_open, note=found.note, activity=found.activity)
        return self._dialogs(watch)

    def _dialogs(self, watch: Watch) -> sig.Body | None:
        now = {state.id: state for state in self._sources.dialogs(watch.resource)}
        if watch.is_new:
            told, full = list(now.values()), True
        else:
            told, full = [state for name, state in now.items() if watch.known.get(name) != state], False
            told += [state._replace(state="terminated") for name, state in watch.known.items() if name not in now]
            if not told:
                return None
        watch.known = now
        body = dialog_info(watch.resource, watch.host, watch.version, told, full=full)
        watch.version += 1
        return body

    # published presence

    def _take(self, event: sig.Published) -> None:
        if event.peer_kind != PartyKind.PHONE or event.resource != event.peer_name:
            self._submit(sip.AnswerPublish(event.id, 403))
            return
        if event.body is not None and event.body.content_type.partition(";")[0].strip() != "application/pidf+xml":
            self._submit(sip.AnswerPublish(event.id, 415))
            return
        if not event.expires:
            self._published.pop(event.resource, None)
        elif event.body is not None:
            self._published[event.resource] = (event.tag, event.body)
        elif event.resource in self._published:
            self._published[event.resource] = (event.tag, self._published[event.resource][1])
        self._submit(sip.AnswerPublish(event.id, 200, event.expires))
        self.touch(event.resource, PRESENCE)

    def _drop(self, resource: str, tag: str) -> None:
        if self._published.get(resource, ("",))[0] == tag:
            del self._published[resource]
            self.touch(resource, PRESENCE)
