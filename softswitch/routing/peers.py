"""The one question of signalling: who sent this? Answered from the trunk book, the registrar and the directory."""

from __future__ import annotations

from collections.abc import Callable

from signalling.auth import OFFERED, ha1
from signalling.events import Flow
from signalling.policy import Credentials, PeerKind, PeerPolicy
from softswitch.directory.snapshot import Snapshot
from softswitch.registrar.service import Registrar
from softswitch.trunks.service import TrunkBook


class Peers:
    """A `signalling.policy.PeerBook`; never blocks."""

    def __init__(self, directory: Callable[[], Snapshot], trunks: TrunkBook, registrar: Registrar) -> None:
        self._directory = directory
        self._trunks = trunks
        self._registrar = registrar
        self.device: Callable[[str], Credentials | None] = lambda _username: None
        """The phone that logs in under this name with settings from here."""
        self.admit_guest: Callable[[Flow, str, str], str] = lambda _flow, _called, _token: ""
        """Spends a page's token for a call to a user part; the name of its caller, "" when it may not."""
        self.realm = "softswitch"
        """Of the node: what carriers log in for, where a trunk asks them to."""
        self.proved: Callable[[Flow], frozenset[str]] = _nobody
        """The names that a connection's peer proved by certificate; set by who owns the connections."""

    def trunk(self, flow: Flow) -> PeerPolicy | None:
        """The trunk at this address. A phone that is logged in from the very same address and port stays a phone."""
        found = self._trunks.of_certificate(self.proved(flow)) if flow.transport == "tls" else None
        if found is not None:
            policy = None if self._trunks.asks(found.name) else self._trunks.policy(found.name)
        else:
            policy = self._trunks.policy_at(*flow.remote, flow.local[1])
        return None if policy is None or self._registrar.is_phone(flow) else policy

    def credentials(self, username: str) -> Credentials | None:
        if (account := self._trunks.account(username)) is not None:
            trunk, policy = account
            digests = {algorithm: ha1(algorithm, username, self.realm, trunk.password) for algorithm in OFFERED}
            return Credentials(username, digests, policy)
        if (device := self.device(username)) is not None:
            return device
        extension = self._directory().extensions.get(username)
        if extension is None or not extension.ha1:
            return None
        return Credentials(username, dict(extension.ha1), PeerPolicy(PeerKind.PHONE, extension.number))

    def guest(self, flow: Flow, called: str, token: str) -> PeerPolicy | None:
        name = self.admit_guest(flow, called, token)
        return PeerPolicy(PeerKind.GUEST, name, refer="refuse") if name else None

    def silent(self, flow: Flow) -> bool:
        """Where no phone can log in, strangers get no answer at all (sip.md §7, trunks known by address)."""
        if self._trunks.is_only_trunks(flow.local[1]):
            return self._trunks.of_source(*flow.remote, flow.local[1]) is None
        return not self._directory().extensions and not self._trunks.any_asks()


def _nobody(_flow: Flow) -> frozenset[str]:
    """No connection has been asked for a certificate."""
    return frozenset()
