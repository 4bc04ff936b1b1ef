"""What happens to a message from the wire, in the order of judgement (sip.md §2.1). The first failure decides."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from signalling.auth import Outcome
from signalling.dialog import Dialog
from signalling.endpoint.budget import source_of
from signalling.endpoint.desk import Desk
from signalling.endpoint.gate import KNOWN_METHODS, Gate
from signalling.endpoint.guests import oversteps, token_of
from signalling.endpoint.judge import check_form, check_needs, check_session, check_size, refusal_lines
from signalling.endpoint.overload import Load
from signalling.errors import RemoteProtocolError
from signalling.events import ConnectionShared, Counted, Flow
from signalling.message import BadRequest, Request, Response, ResponseTemplate, parse
from signalling.message.parser import Silence, salvage
from signalling.message.writer import render_bad_request
from signalling.policy import PeerKind, PeerPolicy
from signalling.transaction import Input, ServerTransaction, State, merge_key, server_key
from signalling.usage import accept, bye, change, info, messages, refer, ring, transfer
from signalling.usage.leg import Leg
from signalling.usage.options import capabilities
from signalling.usage.replaces import forbid_elsewhere
from signalling.usage.watch import Watch


class Inbound:
    """The way of one message through the endpoint. Stateless: all state is the endpoint's."""

    def __init__(self, desk: Desk) -> None:
        self._core = desk
        self._gate = Gate(desk)

    # Stages 1 to 4: the raw look, the budget, framing.

    def message(self, data: bytes, flow: Flow, now: float) -> None:
        if len(data) < 16 and not data.strip(b"\r\n\0"):
            return  # keep-alive of a NAT
        core = self._core
        trunk = core.peers.trunk(flow)
        if trunk is None and not self._gate.passes(data, flow, now):
            core.traffic["in", "silenced"] += 1
            core.unheard = True
            return
        if core.load.level and flow.transport == "udp" and trunk is None and self._may_be_shed(data, flow, now):
            core.traffic["in", "shed"] += 1
            core.unheard = True
            return
        try:
            message = parse(data)
        except Silence as silence:
            self._count("malformed", flow, "", silence.reason)
            if trunk is None:
                self._gate.garbled("not_sip", flow, now)
            return
        if type(message) is Request:
            self._request(message, flow, trunk, now)
        elif type(message) is Response:
            core.respond(message, now)
        elif type(message) is BadRequest:
            self._bad(message, flow, trunk, now)

    def _may_be_shed(self, data: bytes, flow: Flow, now: float) -> bool:
        """What nobody has asked for and nobody will miss: a new request of a source that is not identified."""
        core, host = self._core, flow.remote[0]
        if data[:4] == b"SIP/" or core.registrar.knows_host(host) or core.budget.knows(source_of(host), now):
            return False
        if self._gate.names_dialog(data):
            return False
        first = data[: data.find(b"\r\n")]
        return data[:4] not in _FINISHING and not any(number.encode() in first for number in core.config.emergency)

    def broken_stream(self, data: bytes, status: int, flow: Flow, now: float) -> None:
        """Framing failed; answer once if that is possible, the caller closes the stream."""
        trunk = self._core.peers.trunk(flow)
        try:
            bad = salvage(data, status)
        except Silence as silence:
            self._count("malformed", flow, "", silence.reason)
            if trunk is None:
                self._gate.garbled("not_sip", flow, now)
            return
        self._bad(bad, flow, trunk, now)

    def _bad(self, bad: BadRequest, flow: Flow, trunk: PeerPolicy | None, now: float) -> None:
        self._count("malformed", flow, bad.method[:32], bad.reason)
        if trunk is None:
            self._gate.garbled("malformed", flow, now)
        if trunk is None and not self._stranger_may_hear(flow, now):
            return
        data = render_bad_request(bad, flow.remote, self._core.token())
        self._core.traffic["out", str(bad.status)] += 1
        self._core.transmit(data, flow)

    # Stage 5: transactions.

    def _request(self, request: Request, flow: Flow, trunk: PeerPolicy | None, now: float) -> None:
        core = self._core
        key = server_key(request, flow)
        transaction = core.servers.get(key)
        if transaction is not None and (request.method != "ACK" or transaction.state is not State.ACCEPTED):
            transaction.step(Input.ACK if request.method == "ACK" else Input.REQUEST, now)
            return
        core.traffic["in", request.method if request.method in KNOWN_METHODS else "OTHER"] += 1
        leg = self._leg(request)
        if request.method == "ACK":
            if leg is not None:
                accept.on_ack(core, leg, request, now)
                core.resume(leg, now)
            return
        if request.method == "CANCEL":
            self._cancel(request, flow, trunk, now)
            return
        if leg is not None:
            self._in_dialog(request, leg, flow, trunk, key, now)
        elif request.to.tag and (watch := core.watches.get(request.to.tag)) is not None:
            self._in_subscription(request, watch, flow, trunk, key, now)
        elif trunk is not None or not self._gate.is_scanner(request, flow, now):
            self._outside(request, flow, trunk, key, now)

    def _leg(self, request: Request) -> Leg | None:
        """The leg whose dialog the request names by Call-ID and both tags."""
        tag = request.to.tag
        leg = self._core.dialogs.get(tag) if tag else None
        if leg is None or leg.dialog.call_id != request.call_id:
            return None
        if leg.dialog.remote_tag != request.from_.tag and (leg.dialog.remote_tag or leg.is_incoming):
            return None
        return leg

    def _cancel(self, request: Request, flow: Flow, trunk: PeerPolicy | None, now: float) -> None:
        """Answered by itself, without state: a repeated CANCEL finds the same INVITE and gets the same answer."""
        transaction = self._core.servers.get(server_key(request, flow, "INVITE"))
        if transaction is None:
            self._tell(request, flow, trunk, 481, now)
            return
        self._stateless(request, flow, 200, self._core.server_line)
        if transaction.on_cancel is not None and transaction.state is State.PROCEEDING:
            transaction.on_cancel(request, now)

    # Stage 7: inside a dialog.

    def _in_dialog(self, request: Request, leg: Leg, flow: Flow, trunk: PeerPolicy | None, key: Hashable, now: float) -> None:
        core = self._core
        if flow != leg.dialog.source and not self._may_move(request, leg, flow, trunk, now):
            return
        if leg.unreachable is not None:
            leg.unreachable.cancel()
            leg.unreachable = None
        transaction = self._serve(request, flow, key)
        try:
            check_form(request)
            if leg.is_over and request.method != "BYE":
                raise RemoteProtocolError(481, "Leg Is Over")
            dialog = leg.dialog_of(request.from_.tag)
            if dialog is None and request.method != "BYE":
                raise RemoteProtocolError(500, "Early Dialog Is Not Here Yet")
            if dialog is not None and not dialog.in_order(request):
                raise RemoteProtocolError(500, "Out Of Order")
            check_needs(request)
            forbid_elsewhere(request)
            if oversteps(leg.dialog.policy, request.method):
                raise RemoteProtocolError(403, "Not With A Token")
            self._dispatch(request, leg, dialog or leg.dialog, transaction, now)
        except RemoteProtocolError as error:
            lines = refusal_lines(request, error.status, core) + core.server_line
            transaction.respond(error.status, now, leg.dialog.local_tag, lines)

    def _dispatch(self, request: Request, leg: Leg, dialog: Dialog, transaction: ServerTransaction, now: float) -> None:
        core = self._core
        match request.method:
            case "INVITE":
                change.on_reinvite(core, leg, request, transaction, now)
            case "BYE":
                bye.on_bye(core, leg, request, transaction, now)
            case "UPDATE":
                change.on_update(core, leg, dialog, request, transaction, now)
            case "PRACK":
                ring.on_prack(core, leg, request, transaction, now)
            case "INFO":
                info.on_info(core, leg, request, transaction, now)
            case "REFER":
                refer.on_refer(core, leg, request, transaction, now)
            case "OPTIONS":
                transaction.respond(200, now, leg.dialog.local_tag, capabilities(core))
            case "NOTIFY":
                transfer.on_notify(core, leg, request, transaction, now)
            case "SUBSCRIBE":
                refer.on_subscribe(core, leg, request, transaction, now)
            case "MESSAGE":
                messages.on_message(core, request, transaction, leg.dialog.source, leg.policy, now, leg)
            case _:
                raise RemoteProtocolError(405, "Not In A Call")

    def _in_subscription(
        self, request: Request, watch: Watch, flow: Flow, trunk: PeerPolicy | None, key: Hashable, now: float
    ) -> None:
        """SUBSCRIBE and NOTIFY in the dialog of a subscription; its other requests have no meaning."""
        core = self._core
        if flow != watch.dialog.source and not self._may_move(request, watch, flow, trunk, now):
            return
        transaction = self._serve(request, flow, key)
        try:
            check_form(request)
            check_needs(request)
            watch.on_request(request, transaction, now)
        except RemoteProtocolError as error:
            lines = refusal_lines(request, error.status, core) + core.server_line
            transaction.respond(error.status, now, watch.dialog.local_tag, lines)

    def _may_move(self, request: Request, leg: Leg | Watch, flow: Flow, trunk: PeerPolicy | None, now: float) -> bool:
        """A request with the right tags from a new source: a trunk by its addresses, a phone by its login (sip.md §4.2)."""
        core, policy = self._core, leg.dialog.policy
        if policy is not None and policy.kind is PeerKind.TRUNK:
            if trunk is None or trunk.name != policy.name:
                self._count("foreign-source", flow, request.method)
                return False
        elif trunk is not None or flow._replace(connection=leg.dialog.source.connection) != leg.dialog.source:
            login = self._login(request, flow, now)
            if login is None:
                return False
            if login.name not in leg.accounts:
                self._stateless(request, flow, 403, core.server_line)
                return False
        leg.dialog.follow(flow)
        return True

    # Outside dialogs: stages 6 to 10.

    def _outside(self, request: Request, flow: Flow, trunk: PeerPolicy | None, key: Hashable, now: float) -> None:
        core = self._core
        try:
            check_form(request)
            if trunk is None and not core.registrar.owners(flow):
                check_size(request)
            if request.to.tag or request.method in {"BYE", "INFO", "PRACK", "UPDATE", "NOTIFY"}:
                raise RemoteProtocolError(481, "No Such Dialog")
            if request.method != "INVITE":
                forbid_elsewhere(request)
            if core.merges.get(merge_key(request), key) != key:
                raise RemoteProtocolError(482, "Merged Request")
        except RemoteProtocolError as error:
            self._tell(request, flow, trunk, error.status, now)
            return
        if trunk is None and self._gate.delays(request, flow, key, now, partial(self._outside, request, flow, trunk, key)):
            return
        policy = self._identify(request, flow, trunk, now)
        if policy is None:
            return
        if flow.transport == "tls" and "alias" in request.via.params:
            core.emit(ConnectionShared(flow, (flow.remote[0], request.via.port or 5061)))
        transaction = self._serve(request, flow, key)
        try:
            check_needs(request)
            self._begin(request, transaction, flow, policy, now)
        except RemoteProtocolError as error:
            lines = refusal_lines(request, error.status, core, min_expires=policy.expires_min)
            if error.status == 503:
                lines += f"Retry-After: {core.retry_seconds()}\r\n"
            transaction.respond(error.status, now, core.token(), lines + core.server_line)

    def _begin(self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float) -> None:
        core = self._core
        if core.load.level is Load.FULL and not self._is_emergency(request):
            raise RemoteProtocolError(503, "Overloaded")
        if request.method == "REGISTER":
            self._register(request, transaction, flow, policy, now)
            return
        if core.is_draining:
            raise RemoteProtocolError(503, "Draining")
        if request.method == "OPTIONS":
            transaction.respond(200, now, core.token(), capabilities(core))
            return
        if request.method != "INVITE":
            self._beside_calls(request, transaction, flow, policy, now)
            return
        body = check_session(request)
        if core.config.max_calls and len(core.calls) >= core.config.max_calls:
            raise RemoteProtocolError(503, "Too Many Calls")
        accept.offer_call(core, request, transaction, flow, policy, body, now)

    def _is_emergency(self, request: Request) -> bool:
        uri = request.uri
        return request.method == "INVITE" and (uri.scheme == "urn" or uri.username in self._core.config.emergency)

    def _beside_calls(
        self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float
    ) -> None:
        core = self._core
        match request.method:
            case "REFER":
                refer.on_refer_outside(core, request, transaction, flow, policy, now)
            case "SUBSCRIBE":
                core.notifiers.on_subscribe(request, transaction, flow, policy, now)
            case "PUBLISH":
                core.publications.on_publish(request, transaction, flow, policy, now)
            case _:
                messages.on_message(core, request, transaction, flow, policy, now)

    def _register(self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float) -> None:
        core = self._core
        if core.is_draining and core.is_elsewhere:
            raise RemoteProtocolError(503, "Draining")
        domains = core.config.domains
        if domains and request.uri.host not in domains:
            raise RemoteProtocolError(404, "Foreign Domain")
        aor = request.to.uri.username
        if not policy.registers_any and aor != policy.name:
            raise RemoteProtocolError(403, "Not Your Address")
        core.registrar.register(request, transaction, flow, policy, aor, now)
        core.connections.identified(flow)

    # Stage 8: who is it?

    def _identify(self, request: Request, flow: Flow, trunk: PeerPolicy | None, now: float) -> PeerPolicy | None:
        """The peer's policy; None when it has been answered, or is not to be answered."""
        core = self._core
        if trunk is not None and (request.method != "REGISTER" or self._may_bind(trunk, request)):
            return trunk
        if request.method == "OPTIONS":
            if core.config.options_public or core.registrar.owners(flow):
                return _STRANGER
            return None  # silence: a scanner learns nothing
        if token := token_of(request, flow):
            return self._guest(request, flow, token)
        return self._login(request, flow, now)

    def _guest(self, request: Request, flow: Flow, token: str) -> PeerPolicy | None:
        """A web page's one call; everything else that it may ask for is refused, and the same for every wrong token."""
        policy = self._core.peers.guest(flow, request.uri.username, token) if request.method == "INVITE" else None
        if policy is None:
            self._count("guest-refused", flow, request.method)
            self._stateless(request, flow, 403, self._core.server_line)
        return policy

    def _may_bind(self, trunk: PeerPolicy, request: Request) -> bool:
        """Whether a trunk registers this name without a login; never that of an account, whose calls it would take."""
        return trunk.registers_any and self._core.peers.credentials(request.to.uri.username) is None

    def _login(self, request: Request, flow: Flow, now: float) -> PeerPolicy | None:
        """Digest authentication; the challenge has been sent when None is returned."""
        core, source = self._core, flow.remote[0]
        if core.peers.silent(flow):
            self._count("unauthorised", flow, request.method)
            return None
        values = request.headers.get("authorization", [])
        outcome, username = core.verifier.check(values, request.method, request.uri_text, source, now, self._secrets)
        if outcome is Outcome.ACCEPTED:
            credentials = core.peers.credentials(username)
            if credentials is not None:
                self._gate.logged_in(flow, now)
                return credentials.policy
        self._gate.failed(outcome, request, flow, username, now)
        if core.bans.is_banned(source, now):
            return None
        is_stale = outcome in {Outcome.STALE, Outcome.REPLAYED}
        self._challenge(request, flow, core.verifier.challenge(source, now, stale=is_stale))
        return None

    def _challenge(self, request: Request, flow: Flow, values: list[str]) -> None:
        """401. In a datagram, whose source may be forged, not much longer than the request (sip.md §9).

        A short request hears only of the last algorithm, which every phone knows; one that no phone would send hears nothing.
        A source with a binding is not forged.
        """
        core = self._core
        is_proven = flow.transport != "udp" or bool(core.registrar.owners(flow))
        render = ResponseTemplate(request, flow.remote).render
        tag = core.token()
        offers = [[f"WWW-Authenticate: {value}\r\n" for value in values] + [core.server_line]]
        if not is_proven:
            offers.append(offers[0][len(values) - 1 : len(values)])
        for lines in offers:
            data = render(401, tag, "".join(lines))
            if is_proven or len(data) + PACKET <= MOST_ECHO * (request.length + PACKET):
                core.traffic["out", "401"] += 1
                core.transmit(data, flow)
                return
        self._count("too-short", flow, request.method)

    def _secrets(self, username: str) -> dict[str, str] | None:
        credentials = self._core.peers.credentials(username)
        return credentials.ha1 if credentials is not None else None

    # Answers and counts.

    def _stranger_may_hear(self, flow: Flow, now: float) -> bool:
        core = self._core
        if core.registrar.owners(flow):
            return True
        return not core.peers.silent(flow) and core.budget.may_tell(flow.remote[0], now)

    def _tell(self, request: Request, flow: Flow, trunk: PeerPolicy | None, status: int, now: float) -> None:
        """A refusal from before identification: a stranger hears few of them, and no Allow list."""
        if trunk is None and not self._stranger_may_hear(flow, now):
            return
        lines = refusal_lines(request, status, self._core) if trunk is not None else ""
        self._stateless(request, flow, status, lines + self._core.server_line)

    def _stateless(self, request: Request, flow: Flow, status: int, lines: str) -> None:
        core = self._core
        core.traffic["out", str(status)] += 1
        core.transmit(ResponseTemplate(request, flow.remote).render(status, core.token(), lines), flow)

    def _serve(self, request: Request, flow: Flow, key: Hashable) -> ServerTransaction:
        transaction = ServerTransaction(self._core, flow, request, key, merge_key(request))
        self._core.serve(transaction)
        return transaction

    def _count(self, what: str, flow: Flow, method: str, detail: str = "") -> None:
        self._core.emit(Counted(what, flow, method, detail))


MOST_ECHO = 1.5
"""How many times longer than its request a challenge to a datagram may be, as packets of IPv4."""
PACKET = 28
_FINISHING = (b"ACK ", b"BYE ", b"CANC")
_STRANGER = PeerPolicy(PeerKind.PHONE, "")
