"""The gate before the parser: whose message is looked at at all, and what offences are noted of whom (sip.md §9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import partial

from signalling.auth import Outcome
from signalling.endpoint.budget import Verdict, source_of
from signalling.endpoint.desk import Desk
from signalling.events import Counted, Flow, SecurityEvent
from signalling.message import Request, presentable
from signalling.usage.core import METHODS, later

KNOWN_METHODS = frozenset({*METHODS, "SUBSCRIBE", "MESSAGE", "PUBLISH"})
DELAY = 2.0  # seconds after which a stranger hears of a guarded account
_MOST_DELAYED = 1000
_TAG = re.compile(rb";tag=([0-9A-Za-z]{16,64})")
_BRANCH = re.compile(rb"branch=(z9hG4bK[0-9A-Za-z]+)")
_OFFENCES = {Outcome.FORGED: "forged_nonce", Outcome.REPLAYED: "replay"}


class Gate:
    """Judges strangers and phones; trunks never come here. The state is the endpoint's, but for who waits."""

    def __init__(self, desk: Desk) -> None:
        self._core = desk
        self._waiting: set[Hashable] = set()
        self._ripe: Hashable = None
        self._log_tokens = desk.config.limits.told_of_forged
        self._log_at = 0.0

    def passes(self, data: bytes, flow: Flow, now: float) -> bool:
        """Whether a message may be parsed. A call that is up goes on, whatever its source or a neighbour of it did."""
        core, host = self._core, flow.remote[0]
        if data[:4] == b"SIP/" and self._is_awaited(data):
            return True
        if host in core.config.edges:  # it keeps order among its phones itself
            return True
        if core.bans.is_banned(host, now):
            fine = False
        elif core.registrar.is_bound(flow):
            fine = core.budget.may_go_on(flow, now)
        else:
            verdict = core.budget.ask(host, data, now)
            if verdict is Verdict.OVERRUN:  # told once: a flood must not fill the log
                core.emit(Counted("flood", flow))
            fine = verdict is Verdict.FINE
        return fine or self.names_dialog(data)

    def names_dialog(self, data: bytes) -> bool:
        """Whether a tag of ours stands in the octets: calls go on while a neighbour behind the same address is silenced."""
        dialogs = self._core.dialogs
        return any(tag.decode() in dialogs for tag in _TAG.findall(data))

    def _is_awaited(self, data: bytes) -> bool:
        """Whether a response answers a request of ours, by its branch alone."""
        found = _BRANCH.search(data)
        if found is None:
            return False
        branch, clients = found[1].decode(), self._core.clients
        return any((branch, method) in clients for method in KNOWN_METHODS)

    def is_scanner(self, request: Request, flow: Flow, now: float) -> bool:
        """Whether it is a tool of attackers by its own words; it is told nothing."""
        agent = request.get("user-agent")
        if not agent or not any(name in agent.lower() for name in self._core.config.scanners):
            return False
        self._tell("scanner", flow, now, request=request, verified=flow.transport != "udp")
        return True

    def garbled(self, what: str, flow: Flow, now: float) -> None:
        """A stranger sent what is "malformed" or "not_sip". Over UDP anybody may have sent it: only counted."""
        if flow.transport != "udp" and not self._core.registrar.is_bound(flow):
            self._tell(what, flow, now, verified=True)

    def logged_in(self, flow: Flow, now: float) -> None:
        self._core.budget.logged_in(flow.remote[0], now)
        self._core.bans.cleared(flow.remote[0])

    def failed(self, outcome: Outcome, request: Request, flow: Flow, username: str, now: float) -> None:
        """A login failed. A nonce that is too old or was given to another network is no offence."""
        core = self._core
        if outcome is Outcome.WRONG:
            what = "auth_failed" if core.peers.credentials(username) is not None else "unknown_account"
            if core.guesses.failed(username, now):
                core.emit(Counted("account-guarded", flow, request.method, presentable(username[:64])))
        elif (what := _OFFENCES.get(outcome, "")) == "":
            return
        verified = flow.transport != "udp" or outcome is not Outcome.FORGED  # our nonce came back: so it was received there
        self._tell(what, flow, now, request=request, status=401, user=username, verified=verified)

    def delays(self, request: Request, flow: Flow, key: Hashable, now: float, judge: Callable[[float], None]) -> bool:
        """Whether a login under a name that is being guessed has to wait: `judge` is called later, repetitions are dropped."""
        core, waiting = self._core, self._waiting
        if key in waiting or key == self._ripe:
            return key in waiting
        name = core.verifier.claimed(request.headers.get("authorization", []))
        if not name or not core.guesses.is_guarded(name, now):
            return False
        if core.registrar.is_bound(flow) or core.budget.knows(source_of(flow.remote[0]), now):
            return False
        if len(waiting) < _MOST_DELAYED:
            waiting.add(key)
            later(core, partial(self._ripened, key, judge), "guessed", now + DELAY)
        return True

    def _ripened(self, key: Hashable, judge: Callable[[float], None], now: float) -> None:
        self._waiting.discard(key)
        self._ripe = key
        judge(now)
        self._ripe = None

    def _tell(
        self,
        what: str,
        flow: Flow,
        now: float,
        *,
        verified: bool,
        request: Request | None = None,
        status: int = 0,
        user: str = "",
    ) -> None:
        core = self._core
        if not verified and not self._may_log(now):
            return
        points, total, ban = core.bans.note(what, flow.remote[0], now, verified=verified)
        method, agent = "OTHER", ""
        if request is not None:
            method = request.method if request.method in KNOWN_METHODS else method
            agent = presentable(request.get("user-agent")[:200])
        until = ban.until if ban is not None else 0.0
        core.emit(SecurityEvent(what, flow, method, status, presentable(user[:64]), agent, verified, points, total, until))
        if ban is not None and flow.transport != "udp":
            core.close(flow)

    def _may_log(self, now: float) -> bool:
        """Lines about sources that may be forged: a flood of them must not fill the log."""
        most = self._core.config.limits.told_of_forged
        self._log_tokens = min(most, self._log_tokens + (now - self._log_at) * most)
        self._log_at = now
        if self._log_tokens < 1.0:
            return False
        self._log_tokens -= 1.0
        return True
