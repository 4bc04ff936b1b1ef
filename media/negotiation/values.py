"""What goes into a negotiation and what comes out of it: frozen values, no secrets made here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from media.commands import Direction, Dtls, Ice, Jitter, OpenPort, PayloadMap, Sdes, UpdatePort
from media.sdp import Description, write


class Srtp(StrEnum):
    """What a peer may and must do about encryption on one leg."""

    OFF = "off"  # plain RTP only
    OPTIONAL = "optional"  # whatever the peer offers; our own offer is RTP/AVP with key lines (RFC 8643)
    SDES = "sdes"  # keys in SDP (RFC 4568) required
    DTLS = "dtls"  # DTLS-SRTP (RFC 5763) required
    REQUIRED = "required"  # either of both; our own offer is SDES
    KEYLESS = "keyless"  # plain RTP or DTLS; keys never stand in SDP, for whoever is on the way reads it


@dataclass(frozen=True, slots=True)
class SdesKey:
    """Our master key and salt for one crypto-suite."""

    suite: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """Our user fragment and password (RFC 8445 §5.3); we are always a lite agent here."""

    ufrag: str
    pwd: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DtlsIdentity:
    """The certificate of this node. `fingerprint` is `sha-256 AA:BB:…`."""

    fingerprint: str
    certificate: bytes = field(repr=False)  # DER
    private_key: bytes = field(repr=False)  # PKCS#8 DER


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of one leg, made by `media.credentials` and passed in. What is missing is not negotiated."""

    sdes: tuple[SdesKey, ...] = ()
    ice: IceCredentials | None = None
    dtls: DtlsIdentity | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one port can do toward one peer.

    `codecs` are names of the codec table in our order of preference. `address` is the advertised address, an IP literal.
    `rtcp_port` 0 means one socket. `also_at` are further host addresses for ICE candidates. `ptime` is ms.
    """

    codecs: tuple[str, ...]
    address: str
    rtp_port: int
    rtcp_port: int = 0
    ptime: int = 20
    dtmf: bool = True
    comfort_noise: bool = False
    rtcp_mux: bool = True  # accepted when offered; with `rtcp_port` 0 also offered
    srtp: Srtp = Srtp.OPTIONAL
    also_at: tuple[str, ...] = ()
    tcp_port: int = 0  # where an ICE peer may connect by TCP (RFC 6544); 0 = nowhere

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides agreed on, in the engine's words.

    The first audio codec is the one we send. `remote` is None when the peer named no usable address: on hold by `0.0.0.0`,
    behind a host name, or with ICE only; the port latches then. `direction` is ours and is what the engine must do, which
    on `c=0.0.0.0` is less than what the body says. `held` tells that the peer put us on hold. `media_index` is the m-line.
    """

    codecs: tuple[PayloadMap, ...]
    remote: tuple[str, int] | None
    remote_rtcp: tuple[str, int] | None = None
    ptime: int = 20
    direction: Direction = Direction.SENDRECV
    held: bool = False
    rtcp_mux: bool = False
    sdes: Sdes | None = None
    ice: Ice | None = None
    fingerprint: str = ""  # the peer's, "" without DTLS
    setup: str = ""  # our DTLS role: "passive" | "active"
    rtcp_xr: bool = False  # the peer asks for VoIP metrics (RFC 3611 §5)
    profile: str = "RTP/AVP"
    media_index: int = 0

    @property
    def codec(self) -> PayloadMap:
        """The audio codec that we send."""
        return self.codecs[0]

    @property
    def secured(self) -> str:
        """The crypto-suite of SDES, "DTLS-SRTP" whose suite the handshake finds, "" for plain RTP."""
        return self.sdes.profile if self.sdes is not None else "DTLS-SRTP" if self.fingerprint else ""

    @property
    def dtmf(self) -> PayloadMap | None:
        """The telephone-event type of the codec that we send, else any agreed one."""
        events = [entry for entry in self.codecs if entry.name == "telephone-event"]
        same_clock = [entry for entry in events if entry.clock == self.codec.clock]
        return next(iter(same_clock or events), None)

    def dtls(self, identity: DtlsIdentity | None) -> Dtls | None:
        """The engine's DTLS value with our key pair; None when no DTLS was agreed."""
        if not self.fingerprint or identity is None:
            return None
        return Dtls(self.fingerprint, self.setup, identity.certificate, identity.private_key)

    def open_port(
        self,
        port: int,
        token: int,
        *,
        identity: DtlsIdentity | None = None,
        latch: str = "nat",
        jitter: Jitter = Jitter(),  # noqa: B008 -- a frozen value
        cname: str = "",
        dtmf_pass: bool = True,
    ) -> OpenPort:
        """The command that opens a reserved port with this agreement."""
        return OpenPort(
            port=port,
            token=token,
            codecs=self.codecs,
            direction=self.direction,
            remote=self.remote,
            remote_rtcp=self.remote_rtcp,
            ptime=self.ptime,
            sdes=self.sdes,
            dtls=self.dtls(identity),
            ice=self.ice,
            latch=latch,
            jitter=jitter,
            rtcp_mux=self.rtcp_mux,
            rtcp_xr=self.rtcp_xr,
            cname=cname,
            dtmf_pass=dtmf_pass,
        )

    def update_port(self, port: int, *, before: Agreement | None = None, identity: DtlsIdentity | None = None) -> UpdatePort:
        """The command that brings an open port to this agreement.

        With `before`, unchanged security is left out: a repeated key would restart SRTP, repeated credentials ICE.
        """
        same_dtls = before is not None and (before.fingerprint, before.setup) == (self.fingerprint, self.setup)
        return UpdatePort(
            port=port,
            codecs=self.codecs,
            direction=self.direction,
            remote=self.remote,
            remote_rtcp=self.remote_rtcp,
            ptime=self.ptime,
            sdes=None if before is not None and before.sdes == self.sdes else self.sdes,
            dtls=None if same_dtls else self.dtls(identity),
            ice=None if before is not None and before.ice == self.ice else self.ice,
            rtcp_xr=self.rtcp_xr,
        )


@dataclass(frozen=True, slots=True)
class SdpSession:
    """Our side of one leg's `o=` line. The leg keeps it and replaces it by what `publish` returns.

    The id is fixed per leg; the version grows by one exactly when the body differs from the one sent before
    (RFC 3264 §8, RFC 4028 §7.4: a refresh has to repeat the body unchanged).
    """

    session_id: int
    version: int = 0
    body: bytes = b""

    def publish(self, description: Description) -> tuple[SdpSession, bytes]:
        """Stamps `o=` on a description of ours; returns the next session and the body to send."""
        line = next(line for line in description.lines if line.kind == "o")
        before, after = write(description).split(f"o={line.value}\r\n".encode(), 1)
        where = " ".join(line.value.split()[3:])

        def stamped(version: int) -> bytes:
            return before + f"o=- {self.session_id} {version} {where}\r\n".encode() + after

        if stamped(self.version) == self.body:
            return self, self.body
        body = stamped(self.version + 1)
        return SdpSession(self.session_id, self.version + 1, body), body
