"""What a carrier profile may say. Each field is honoured by the switch; an unknown key or a wrong type is an error.

0 means "unlimited" for every limit and "never" for every interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROTOCOLS = ("udp", "tcp", "tls", "auto")
AUTH_MODES = ("auto", "ip", "register", "digest", "none")
KEEPALIVES = ("off", "options")
FIX_CONTACT = ("never", "auto")
SELECTS = ("tgrp", "prefix", "port", "header")
CALLED_FROM = ("ruri", "to", "p-called", "diversion")
CALLER_FROM = ("pai", "rpid", "ppi", "from")
EARLY_MEDIA = ("pass", "block", "after_180", "always_tone")
DTMF = ("auto", "rfc4733", "info", "inband")
OFFERS = ("early", "delayed")
HOLDS = ("music", "signal")
REL100 = ("off", "supported", "required")
REFER = ("refuse", "bridge", "send")
REFER_BYE = ("success", "failure")
CALLER_IDS = ("from", "pai", "rpid", "both", "ppi")
PRIVACY = ("none", "id")
NUMBER_FORMATS = ("asis", "e164_plus", "e164", "national", "national_trunk0", "subscriber")
COUNTRIES = ("CN", "HK", "TW", "SG", "JP", "US", "GB", "DE", "FR")
MOBILE_ZERO = ("auto", "never", "always")
DIVERSIONS = ("off", "diversion", "history", "both")
SENDERS = ("caller", "account", "default")
STIR = ("off", "tag", "reject")
SRTP = ("off", "optional", "sdes", "dtls", "sdes-on-tls")
TLS_VERSIONS = ("1.2", "1.3")
DIGESTS = ("SHA-512-256", "SHA-256", "MD5")
ICE = ("off", "lite")
REDIRECTS = ("next", "follow")
T38 = ("off", "accept", "gateway")
REGISTERS = ("none", "any")
CODECS = ("PCMA", "PCMU", "G722", "OPUS", "L16", "L16/8000", "L16/44100", "G729", "AMR", "AMR-WB", "ILBC")


@dataclass(frozen=True, slots=True)
class Transport:
    protocol: str = field(default="udp", metadata={"choices": PROTOCOLS})
    """Transport of calls to the carrier; auto: as the carrier's DNS says (NAPTR), else UDP."""
    servers: tuple[str, ...] = ()
    """Where calls go, in order: "host" or "host:port"."""
    sources: tuple[str, ...] = ()
    """Addresses and networks ("192.0.2.0/28") whose calls are the carrier's; the servers are always among them."""
    listener: int = 0
    """Port of ours where its calls arrive; 0: any. Strangers get no answer at a port that a trunk has to itself."""
    domains: tuple[str, ...] = ()
    """Hosts in the called address whose calls are this trunk's, where several trunks share an address."""
    dids: tuple[str, ...] = ()
    """Called numbers that are this trunk's where several share an address: E.164, X a digit, * at the end any rest."""
    weights: tuple[int, ...] = ()
    """Weights of the servers in their order: calls are spread by them instead of going to the first that works."""
    keepalive: str = field(default="off", metadata={"choices": KEEPALIVES})
    """options: an OPTIONS each 30 s keeps the way open, like `health.options = 30`."""
    fix_contact: str = field(default="never", metadata={"choices": FIX_CONTACT})
    """auto: a private address in Contact is replaced by the one that the message came from."""
    advertise: str = ""
    """Our name in Contact, From and Via of what goes to the carrier ("sbc.example.com"); empty: our address."""
    mtu_switch: bool = True
    """Whether a request over 1300 octets may go by TCP instead of UDP."""
    alias: bool = False
    """Whether the carrier may send its own calls over the connection we have made by TLS (RFC 5923)."""


@dataclass(frozen=True, slots=True)
class Tls:
    name: str = ""
    """What the carrier's certificate must be for; empty: the host name of the server."""
    ca: str = ""
    """PEM file of the authorities that sign it; empty: the system's."""
    certificate: str = ""
    """Our certificate for the carrier, "chain.pem:key.pem"."""
    verify: bool = True
    """Whether the certificate is checked. Without, anybody on the way can listen and place calls."""
    min: str = field(default="1.2", metadata={"choices": TLS_VERSIONS})
    """Oldest version of TLS that a connection to the carrier may have."""
    alpn: tuple[str, ...] = ()
    """Protocols that are named in the handshake (RFC 7301), "sip/2" for instance; empty: none is, as most carriers want it."""
    peer_names: tuple[str, ...] = ()
    """Names in client certificates whose calls are the carrier's, on listeners that ask for them (mtls)."""


@dataclass(frozen=True, slots=True)
class Auth:
    mode: str = field(default="auto", metadata={"choices": AUTH_MODES})
    """ip: by address alone. register, digest: with user and password. auto: ip without a user name, else digest or register."""
    expires: int = 3600
    """Seconds asked for in REGISTER."""
    user: str = ""
    """Name for the login where it differs from the account ("{account}@ims.example"); empty: the account."""
    realm: str = ""
    """The only realm whose challenges are answered with the password; empty: that of the carrier's first challenge."""
    digest: tuple[str, ...] = field(default=DIGESTS, metadata={"choices": DIGESTS})
    """Algorithms of challenges that are answered."""
    require_registered: bool = False
    """Whether calls go out only while the account is registered."""
    line_token: bool = False
    """Whether an opaque word stands in the Contact of REGISTER instead of the account: calls that come to it are this trunk's,
    and the number called is that of To. Needed where several accounts of one carrier are registered."""
    challenge_inbound: bool = False
    """Whether the carrier's calls must log in with the trunk's account, too."""


@dataclass(frozen=True, slots=True)
class Health:
    options: int = 0
    """Seconds between OPTIONS probes; 5 while an address is down."""
    fail_after: int = 3
    """Probes without an answer (or with 503) until an address is down."""
    recover_after: int = 2
    """Answered probes until it is up again."""
    half_open: int = 5
    """Calls in a row that failed by the carrier's fault until an address gets one call in 30 seconds alone."""


@dataclass(frozen=True, slots=True)
class Limits:
    channels: int = 0
    """Calls at once, both directions; 30 for each E1 of a gateway when 0."""
    reserve_in: int = 0
    """Channels that are kept free for calls that come in (glare reserve: 2 for each E1)."""
    cps: float = 0.0
    """Calls a second to the carrier."""
    burst: int = 0
    """Calls that may go at once before `cps` counts; 0: as many as go in a second."""
    max_duration: int = 14400
    """Seconds until a call is ended."""
    max_ring: int = 60
    """Seconds that a call to the carrier may ring."""
    international_minutes: float = -1.0
    """International minutes in a day; -1: the setting `tolls.trunk_minutes`, 0: no limit."""
    cost_per_day: float = -1.0
    """What calls over it may cost in a day, by the `cost` of the routes; -1: `tolls.trunk_cost_per_day`, 0: no limit."""


@dataclass(frozen=True, slots=True)
class Gateway:
    e1: int = 0
    """E1 lines behind the gateway: 30 channels each."""
    select: str = field(default="tgrp", metadata={"choices": SELECTS})
    """How a trunk group is named to the gateway. tgrp: in the number (RFC 4904). prefix: digits before the number. port: a SIP
    port. header: in the header `header`."""
    groups: tuple[str, ...] = ()
    """The trunk groups in order of trial, each with the same share of lines: names, prefixes or ports, by `select`."""
    trunk_context: str = ""
    """The name of the gateway in `trunk-context` (RFC 4904)."""
    header: str = "X-Trunk-Group"
    """For `select = "header"`."""
    channel_header: str = ""
    """Header in which the gateway tells the time slot of a call, if it does; else the lowest free channel stands for it."""


@dataclass(frozen=True, slots=True)
class Inbound:
    called_from: str = field(default="ruri", metadata={"choices": CALLED_FROM})
    """Where the called number stands: the Request-URI, To, P-Called-Party-ID, or the first Diversion."""
    called_format: str = field(default="asis", metadata={"choices": NUMBER_FORMATS})
    """How the carrier writes called numbers; they are E.164 inside. asis: they stay as they come."""
    caller_from: tuple[str, ...] = field(default=("pai", "rpid", "from"), metadata={"choices": CALLER_FROM})
    """Where the caller's number stands, the first that is there counts; headers only of a carrier that is trusted."""
    tech_prefix: str = ""
    """Digits before called numbers that make a call this trunk's where several share an address; taken away."""
    unknown: str = ""
    """Where a call to a number that nobody has declared goes ("queue:operator"); empty: 404."""
    registers: str = field(default="none", metadata={"choices": REGISTERS})
    """any: its addresses may bind every name that is no extension, without a login. Only for tests of equipment in a lab."""
    caller_format: str = field(default="asis", metadata={"choices": NUMBER_FORMATS})
    """How the carrier writes callers' numbers; they are E.164 inside. asis: they stay as they come."""
    country: str = field(default="CN", metadata={"choices": COUNTRIES})
    """Whose numbering plan the carrier's numbers follow, in both directions."""
    area: str = ""
    """Area code of numbers that come without one, without the trunk prefix ("10")."""
    stir: str = field(default="off", metadata={"choices": STIR})
    """Signed calling numbers (STIR/SHAKEN). off: not looked at. tag: the verdict stands in the call's data as `verstat` and
    `attestation`. reject: calls without a good signature are refused as well."""
    trust_identity: bool = True
    """Whether P-Asserted-Identity, Remote-Party-ID, Diversion and History-Info of the carrier are believed."""
    headers_in: tuple[str, ...] = ()
    """Headers that are kept with the call, shown to the agent and, where `headers_out` has them, passed on ("X-*" too)."""


@dataclass(frozen=True, slots=True)
class Outbound:
    prefix: str = ""
    """Digits put before every number."""
    strip: int = 0
    """Leading digits taken away first."""
    caller_id: str = field(default="from", metadata={"choices": CALLER_IDS})
    """Which header tells the caller's number beside From: none, P-Asserted-Identity, Remote-Party-ID, both of these, or
    P-Preferred-Identity for a carrier that asserts by itself."""
    privacy: str = field(default="none", metadata={"choices": PRIVACY})
    """Withheld numbers: none: the carrier is not told. id: it is, in the asserted identity, with Privacy: id."""
    number_format: str = field(default="asis", metadata={"choices": NUMBER_FORMATS})
    """How numbers in E.164 are written to the carrier, called and calling ones; others go out as they are."""
    mobile_zero: str = field(default="auto", metadata={"choices": MOBILE_ZERO})
    """Whether a national mobile number gets the trunk prefix: always, never, auto (never)."""
    owned: tuple[str, ...] = ()
    """Numbers that may be shown as the caller's, in E.164; a * at the end is any rest. Counts with `number` alone."""
    number: str = ""
    """Shown instead of a caller's number that is not owned; empty: every number is shown."""
    stir_sign: bool = False
    """Whether calls bear an Identity header signed with the certificate of `stir.certificate`."""
    diversion: str = field(default="off", metadata={"choices": DIVERSIONS})
    """In which headers the carrier is told who has forwarded the call: Diversion, History-Info, both, or none."""
    headers_out: tuple[str, ...] = ()
    """Headers of the other peer that may pass to the carrier ("X-*": every one that begins so)."""
    sender: str = field(default="caller", metadata={"choices": SENDERS})
    """Whose number stands in From: the caller's, the account of the login, or `number`."""
    display: bool = True
    """Whether the caller's name is sent."""
    user_phone: bool = False
    """Whether ;user=phone stands behind the called number."""
    headers_add: tuple[str, ...] = ()
    """Lines that every INVITE to the carrier carries ("X-Account: 4711")."""
    emergency: tuple[str, ...] = ("110", "119", "120", "122")
    """Numbers that always pass: no limit of calls, no withheld number, no route table stops them."""
    pstn_bridge: bool = True
    """Whether calls may pass between this trunk and another one."""


@dataclass(frozen=True, slots=True)
class Media:
    codecs: tuple[str, ...] = field(default=("PCMA", "PCMU", "G722", "OPUS"), metadata={"choices": CODECS})
    """Codecs in order of preference. G729, AMR, AMR-WB and ILBC need a library of the system (setting `media.plugins`)."""
    ptime: int = 20
    """Packet time, ms."""
    early_media: str = field(default="pass", metadata={"choices": EARLY_MEDIA})
    """pass: the caller hears what the carrier sends before the answer. block: it is only told that it rings. after_180: what
    comes before the first 180 is not passed. always_tone: a tone of the switch, whatever the carrier sends."""
    dtmf: str = field(default="auto", metadata={"choices": DTMF})
    """How keys go to the carrier: auto: as negotiated. rfc4733: as telephone-event. info: by INFO. inband: as tones alone. What
    comes in is understood in every way."""
    jitter_min: int = 0
    """Least delay of the jitter buffer, ms; 0: what the setting `media.jitter_min` says."""
    jitter_max: int = 0
    """Most delay of the jitter buffer, ms; 0: what the setting `media.jitter_max` says."""
    srtp: str = field(default="off", metadata={"choices": SRTP})
    """Encryption of sound. off: plain RTP. optional: as the carrier likes, offered as RTP/AVP with keys (RFC 8643). sdes, dtls:
    required. sdes-on-tls: required where signalling goes by TLS, elsewhere plain RTP or DTLS and never keys in clear text."""
    t38: str = field(default="off", metadata={"choices": T38})
    """Fax by T.38. off: an offer of it gets 488 and the voice goes on. accept: it is passed to the other side where that
    takes fax, too. gateway: the same; there is no modem here, so between T.38 and sound the fax stays in G.711."""
    ice: str = field(default="off", metadata={"choices": ICE})
    """lite: descriptions bear candidates of ours (ICE lite, RFC 8445) for carriers that check their way to us."""
    transcode: bool = True
    """Whether a codec may be offered that the other party lacks. Without, and when they share none, the call is refused."""
    comfort_noise: bool = False
    """Whether comfort noise (RFC 3389) is agreed with G.711 and G.722; silence is not sent then."""
    offer: str = field(default="early", metadata={"choices": OFFERS})
    """delayed: calls go out without a description; the far end makes the offer and ours is in the ACK."""
    early_two_way: bool = False
    """Whether the carrier hears the caller before it has answered (announcements that listen). Keys it hears in any case."""
    hold: str = field(default="music", metadata={"choices": HOLDS})
    """Whom we put on hold: music: hears music and is told nothing. signal: its network is told as well (a=sendonly)."""


@dataclass(frozen=True, slots=True)
class Failover:
    pdd_timeout: float = 8.0
    """Seconds without ringing until the next route is tried, where there is one."""
    first_response: float = 4.0
    """Seconds without any response until the next address is tried."""
    advance_after_ring: bool = False
    """Whether the next route is tried when the call has already rung."""
    trust_reason: bool = True
    """Whether a Reason header with a Q.850 cause counts more than the status (sip.md §4.8)."""
    advance: tuple[int, ...] = ()
    """Refusals after which the next route is tried: SIP statuses (300 to 699) and Q.850 causes (1 to 127), before the table."""
    stop: tuple[int, ...] = ()
    """Refusals that are final, written alike."""
    redirect: str = field(default="next", metadata={"choices": REDIRECTS})
    """What a 300, 301 or 302 means. next: the next route is tried. follow: the Contacts are called, five at most, with a
    Diversion of the number that was called; only at the trunk's own hosts and domains and at `redirect_to`."""
    redirect_to: tuple[str, ...] = ()
    """Further hosts and networks that a redirected call may go to."""
    dead: float = 30.0
    """Seconds an address is avoided after it failed; doubles up to ten times."""
    oc: bool = False
    """The carrier is asked to tell when it gets too much (RFC 7339, loss); then half as many calls a second go there."""


@dataclass(frozen=True, slots=True)
class Session:
    refer: str = field(default="refuse", metadata={"choices": REFER})
    """Whether a caller behind the trunk may transfer whom it has called (REFER). bridge: to what it may call itself, never to
    the outside; refuse: 603. send: as bridge, and the carrier itself can be asked to transfer."""
    refer_bye: str = field(default="success", metadata={"choices": REFER_BYE})
    """What it means when the carrier hangs up before it has reported on a transfer that was asked of it."""
    rel100: str = field(default="supported", metadata={"choices": REL100})
    """Reliable ringing (RFC 3262)."""
    timer: int = 1800
    """Session timer that is asked for, seconds; 0: accepted, never asked for."""
    update: bool = True
    """Whether UPDATE may be sent."""
    reinvite: bool = True
    """Whether a re-INVITE may be sent; without it hold is music and a transfer a bridge here."""
    replaces: bool = False
    """Whether dialogs of others are named to the carrier (Replaces)."""
    connected_line: bool = False
    """Whether the carrier is told whom its caller has reached, and after a transfer who took over (P-Asserted-Identity)."""


@dataclass(frozen=True, slots=True)
class Example:
    """One message of a real peer, and what the switch makes of it. They are run as tests.

    `given` is an INVITE and `expect` what the call then is: called, caller, name, anonymous, group, channel, trunk.
    `call` is a call of ours (to, caller, name, hidden, group) and `sent` the lines that the INVITE to the peer must have.
    """

    given: str = ""
    expect: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)
    sent: tuple[str, ...] = ()
    trunk: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the trunk of this example: {"outbound": {"number": "+8610…"}}; "username" beside them."""


@dataclass(frozen=True, slots=True)
class CarrierProfile:
    """How one carrier differs from the rest."""

    schema: int = 1
    name: str = ""
    kind: str = field(default="carrier", metadata={"choices": ("carrier", "gateway", "cloud")})
    transport: Transport = Transport()
    tls: Tls = Tls()
    auth: Auth = Auth()
    health: Health = Health()
    limits: Limits = Limits()
    gateway: Gateway = Gateway()
    inbound: Inbound = Inbound()
    outbound: Outbound = Outbound()
    session: Session = Session()
    media: Media = Media()
    failover: Failover = Failover()


REFUSED: Mapping[str, str] = {
    "tls.client_cert": "tls.certificate",
    "auth.secret": "the trunk's own key `password`",
    "auth.challenge": "nothing: calls are challenged with 401, 407 is for proxies",
    "auth.allow_no_qop": "nothing: a login without qop could be repeated by whoever has heard it",
    "outbound.from": "outbound.sender",
    "media.ringback": "media.early_media: always_tone is a tone of the switch, pass is what the carrier sends or else a tone",
}
"""Keys of other products and earlier drafts that are no keys here, and what says it instead."""
