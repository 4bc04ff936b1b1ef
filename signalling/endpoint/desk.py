"""The endpoint as the inbound side sees it: what the usages see, and who keeps bindings, budgets and transactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Protocol

from signalling.auth import Verifier
from signalling.endpoint.bans import Bans, GuessGuard
from signalling.endpoint.budget import Budget
from signalling.endpoint.overload import Overload
from signalling.endpoint.streams import Connections
from signalling.events import Flow
from signalling.message import Response
from signalling.transaction import ClientTransaction, Host, ServerTransaction
from signalling.usage.core import Core
from signalling.usage.notifier import Notifiers
from signalling.usage.publish import Publications
from signalling.usage.registrar import Registrar


class Desk(Core, Host, Protocol):
    registrar: Registrar
    notifiers: Notifiers
    publications: Publications
    verifier: Verifier
    budget: Budget
    bans: Bans
    guesses: GuessGuard
    clients: dict[tuple[str, str], ClientTransaction]
    connections: Connections
    servers: dict[Hashable, ServerTransaction]
    merges: dict[Hashable, Hashable]
    traffic: Counter[tuple[str, str]]
    is_elsewhere: bool  # another node takes what this one refuses
    unheard: bool  # the message was dropped before anybody read it
    load: Overload

    def close(self, flow: Flow) -> None:
        """End a stream."""

    def retry_seconds(self) -> int:
        """What a 503 says: when to come back."""

    def serve(self, transaction: ServerTransaction) -> None:
        """Register a server transaction."""

    def respond(self, response: Response, now: float) -> None:
        """Hand a response to the request it answers; strays are dropped."""
