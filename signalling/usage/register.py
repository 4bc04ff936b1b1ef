"""Keep ourselves registered at a trunk (RFC 3261 §10.2): refresh, back-off, challenges, 423."""

from __future__ import annotations

from signalling.auth import DigestClient
from signalling.commands import Register
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Flow, RegistrationState
from signalling.message import Outgoing, Response, parse_uri
from signalling.message.headers import parse_number
from signalling.message.uri import escape_user, format_host, same_uri
from signalling.timers import Deadline
from signalling.usage.core import Core, contact_line, jitter, later
from signalling.usage.request import authorization

REJECTED_RETRY = 900.0
MAX_BACKOFF = 1800.0
MAX_ANSWERS = 2  # credentials per request


class Registrations:
    """All registrations of this endpoint at others, one per trunk."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._by_trunk: dict[str, Registration] = {}

    def submit(self, command: Register, now: float) -> None:
        """Start, change or (expires 0) end the registration of a trunk. Raises LocalProtocolError for a bad registrar URI."""
        try:
            if not parse_uri(command.registrar).is_sip:
                raise LocalProtocolError(f"not a SIP registrar: {command.registrar!r}")
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"not a SIP registrar: {command.registrar!r}") from error
        known = self._by_trunk.get(command.trunk)
        if known is None:
            known = self._by_trunk[command.trunk] = Registration(self._core, command)
        known.change(command, now)

    def uses(self, flow: Flow) -> bool:
        return any(registration.flow == flow for registration in self._by_trunk.values())

    def keeps(self, flow: Flow) -> bool:
        """Whether a registrar counts on this flow now."""
        return any(registration.is_up and registration.flow == flow for registration in self._by_trunk.values())

    def flow_closed(self, flow: Flow, now: float) -> None:
        for registration in self._by_trunk.values():
            registration.flow_closed(flow, now)


class Registration:
    """One registration. Its Call-ID stays for life, the CSeq rises (§10.2.4)."""

    __slots__ = (
        "_answers",
        "_command",
        "_contact_user",
        "_core",
        "_deadline",
        "_digest",
        "_failures",
        "_seq",
        "_tag",
        "call_id",
        "is_up",
    )

    def __init__(self, core: Core, command: Register) -> None:
        self._core = core
        self._command = command
        self._digest = DigestClient(command.login, core.token)
        self._contact_user = command.contact_user or core.token()
        self._tag = core.token()
        self._seq = 0
        self._answers = 0
        self._failures = 0
        self._deadline: Deadline | None = None
        self.call_id = core.token()
        self.is_up = False

    @property
    def flow(self) -> Flow:
        return self._command.flow

    def change(self, command: Register, now: float) -> None:
        if command.login != self._command.login:
            self._digest = DigestClient(command.login, self._core.token)
        before, self._command = self._command, command
        if (before.login, before.aor_user, before.expires) != (command.login, command.aor_user, command.expires):
            self._failures = 0  # another server of the same account is no new beginning
        self._register(now)

    def flow_closed(self, flow: Flow, now: float) -> None:
        if flow == self._command.flow and self._command.expires:
            self._fail("failed", 503, now, "flow closed")

    def _register(self, now: float) -> None:
        self._answers = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._send("", self._command.expires, now)

    def _send(self, auth_line: str, expires: int, now: float) -> None:
        core, command = self._core, self._command
        registrar = parse_uri(command.registrar)
        aor = f"<{registrar.scheme}:{escape_user(command.aor_user)}@{format_host(registrar.host)}>"
        self._seq += 1
        lines = f"{auth_line}{contact_line(core, command.flow, self._contact_user)}Expires: {expires}\r\n{core.agent_line}"
        request = Outgoing(
            "REGISTER",
            command.registrar,
            core.via(command.flow),
            "",
            f"{aor};tag={self._tag}",
            aor,
            self.call_id,
            self._seq,
            lines,
        )
        sequence = self._seq

        def done(status: int, response: Response | None, at: float) -> None:
            if status >= 200 and sequence == self._seq:  # an answer to an older request says nothing any more
                self._on_final(status, response, expires, at)

        core.send(request, command.flow, done, now)

    def _on_final(self, status: int, response: Response | None, expires: int, now: float) -> None:
        if response is None:
            self._fail("failed", status, now, "timeout" if status == 408 else "flow closed")
        elif status < 300:
            self._granted(response, expires, now)
        elif status in {401, 407}:
            line = (
                authorization(self._digest, response, "REGISTER", self._command.registrar)
                if self._answers < MAX_ANSWERS
                else ""
            )
            if line:
                self._answers += 1
                self._send(line, expires, now)
            else:
                self._fail("rejected", status, now, "credentials refused")
        elif status == 423 and (response.number("min-expires") or 0) > expires:
            self._send("", min(response.number("min-expires") or 0, 86400), now)
        elif status in {403, 404}:
            self._fail("rejected", status, now, response.reason)
        else:
            self._fail("failed", status, now, response.reason, response.number("retry-after") or 0)

    def _granted(self, response: Response, expires: int, now: float) -> None:
        self._failures = 0
        self.is_up = bool(self._command.expires)
        if not self._command.expires:
            self._core.emit(RegistrationState(self._command.trunk, "unregistered", 200))
            return
        seconds = self._expiry(response, expires)
        self._core.emit(RegistrationState(self._command.trunk, "registered", 200, now + seconds))
        self._again(now + seconds * jitter(self._core, 0.76, 0.84))

    def _expiry(self, response: Response, asked: int) -> int:
        """What the registrar granted to our Contact, else to all, else what was asked; never under 30 s."""
        mine = parse_uri(contact_line(self._core, self._command.flow, self._contact_user)[10:-3])
        granted = response.number("expires")
        try:
            for address in response.addresses("contact"):
                if same_uri(address.uri, mine) and "expires" in address.params:
                    granted = parse_number(address.params["expires"])
        except RemoteProtocolError:
            granted = response.number("expires")
        return max(30, granted or asked)

    def _fail(self, state: str, status: int, now: float, reason: str, retry_after: int = 0) -> None:
        self._failures += 1
        self.is_up = False
        wait = min(30.0 * 2 ** (self._failures - 1), MAX_BACKOFF) * jitter(self._core, 0.5, 1.0)
        if state == "rejected":
            wait = REJECTED_RETRY
        self._core.emit(RegistrationState(self._command.trunk, state, status, reason=reason))
        if self._command.expires:
            self._again(now + max(wait, min(float(retry_after), MAX_BACKOFF)))

    def _again(self, at: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = later(self._core, self._register, "register", at)
