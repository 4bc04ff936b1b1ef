"""The one table of settings. Each section is a frozen dataclass; a field carries its default, help and unit.

`SETTINGS` is the flat table made from them; file, environment, `softswitch config` and the README come from it.
"""
# ruff: noqa: RUF009, S104 - `_setting` only wraps `dataclasses.field`; a switch listens on all addresses unless told otherwise

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from media.codecs import AUDIO
from media.tones import COUNTRIES
from softswitch.model.address import Listen, PortRange
from softswitch.model.numbering import PLANS

SIP_TRANSPORTS = ("udp", "tcp", "tls", "mtls", "ws", "wss")
"""mtls: TLS where who connects must show a certificate of `sip.tls_client_ca`."""


def _setting(default: object, text: str, *, unit: str = "", secret: bool = False, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": text, "unit": unit, "secret": secret, "choices": choices})


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    listen: tuple[Listen, ...] = _setting(
        (Listen("udp", "0.0.0.0", 5060), Listen("tcp", "0.0.0.0", 5060)), "Addresses the SIP transports bind."
    )
    advertise: str = _setting(
        "auto",
        "Address written into Via and Contact; auto: the local address of the route to the peer. LOCAL=SHOWN, ... : for each"
        " interface, the others auto.",
    )
    realm: str = _setting(
        "softswitch", "Realm of digest authentication; after a change every extension needs its password again."
    )
    max_calls: int = _setting(0, "Calls at one time; more get 503. 0: unlimited.", unit="calls")
    tls_certificates: tuple[str, ...] = _setting(
        (), "CHAIN.pem:KEY.pem for tls, mtls and wss, chosen by SNI; empty: those of http, else self-signed."
    )
    tls_client_ca: str = _setting("", "PEM file with the authorities of client certificates, for mtls listeners.")
    edges: tuple[str, ...] = _setting(
        (), "Addresses of proxies before the switch: their Path is believed, their phones share no limit of a source."
    )
    overload_ms: int = _setting(
        150, "Lateness of the loop for a second from which new calls get 503, a third: strangers nothing; 0: never.", unit="ms"
    )
    ws_origins: tuple[str, ...] = _setting((), "Origins of pages that may use SIP over WebSocket; empty: all.")
    emergency: tuple[str, ...] = _setting(
        ("000", "110", "112", "119", "120", "122", "911", "999"), "Numbers whose calls an overloaded switch takes all the same."
    )
    dns_servers: tuple[str, ...] = _setting(
        (), "DNS servers HOST or HOST:PORT for NAPTR, SRV and addresses; empty: the system's."
    )
    trace: str = _setting(
        "calls",
        "Whose SIP messages are kept, without credentials; all: also the newest of no call.",
        choices=("off", "calls", "all"),
    )
    trace_hours: float = _setting(72.0, "How long the messages of a call are kept.", unit="h")
    trace_mb: int = _setting(4096, "Most that kept messages may take in the database; the oldest go first.", unit="MB")
    trace_memory_mb: int = _setting(64, "Most that the messages of live calls may take in memory.", unit="MB")
    trace_digits: bool = _setting(False, "Show the digits of INFO in kept messages.")
    hep: str = _setting("", "Capture server for every message as HEP3 (Homer), udp:HOST:PORT; empty: none.")
    hep_id: int = _setting(2001, "Our number at the capture server.")
    hep_key: str = _setting("", "Key that the capture server asks for.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    listen: str = _setting("0.0.0.0", "Address the RTP sockets bind; one of each family: `0.0.0.0,::`, browsers use the first.")
    advertise: str = _setting(
        "auto", "Address written into SDP, or one of each family; auto: the local address of the route to the peer."
    )
    ports: PortRange = _setting(PortRange(20000, 29999), "UDP ports for RTP.")
    workers: int = _setting(0, "Media threads; 0: one less than the cores.", unit="threads")
    webrtc_port: int = _setting(0, "One UDP port for all browsers, for strict firewalls; 0: a port of `media.ports` each.")
    tcp_port: int = _setting(0, "TCP port for browsers whose network blocks UDP (ICE-TCP); 0: none.")
    codecs: tuple[str, ...] = _setting(
        ("PCMA", "PCMU", "G722", "OPUS"),
        "Codecs of phones and of carriers whose profile names none, best first.",
        choices=tuple(AUDIO),
    )
    plugins: tuple[str, ...] = _setting(
        (), "Where libraries of G.729, AMR and iLBC are looked for: folders, files, or auto for the system's; none: not used."
    )
    jitter_min: int = _setting(20, "Least delay of a jitter buffer; it grows with the jitter of the line.", unit="ms")
    jitter_max: int = _setting(200, "Most delay of a jitter buffer.", unit="ms")
    room_agc: bool = _setting(False, "Bring everybody in a conference room to one level.")
    room_gate: bool = _setting(False, "Leave members of a conference room out of its sum while they do not talk.")
    tones: str = _setting("CN", "Whose ringing, busy and other tones callers hear.", choices=tuple(COUNTRIES))
    stun: str = _setting("", "STUN server for browsers, host:port; empty: no outside server is ever asked.")
    turn: tuple[str, ...] = _setting((), "TURN servers for browsers, such as turn:host:3478 or turns:host:443?transport=tcp.")
    turn_secret: str = _setting("", "The secret shared with these (coturn: static-auth-secret).", secret=True)
    turn_hours: float = _setting(12.0, "How long a page may use the password that is made for it.", unit="h")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    listen: Listen = _setting(Listen("http", "0.0.0.0", 8080), "Pages, API and WebSocket.")
    tls_cert: str = _setting("", "PEM file with the certificate chain; empty: plain HTTP.")
    tls_key: str = _setting("", "PEM file with the private key of tls_cert.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    url: str = _setting(
        "sqlite:///{data_dir}/softswitch.db", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DB.", secret=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerSettings:
    mask_numbers: bool = _setting(
        False, "Show numbers of customers as 138****8000 to roles without the permission customer.unmask."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings:
    url: str = _setting("memory:", "Event bus between nodes; memory: is one node.", choices=("memory:",))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    drain_seconds: float = _setting(5.0, "How long live calls may go on after SIGTERM.", unit="s")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsSettings:
    keep_days: int = _setting(31, "Recordings older than this are removed; 0: kept for ever.", unit="days")
    format: str = _setting("wav", "WAV needs little CPU, Ogg/Opus an eighth of the space.", choices=("wav", "opus"))
    keys: str = _setting("", "Master keys ID=BASE64, the newest first; with one, recordings are encrypted.", secret=True)
    key_file: str = _setting("", "The same, a file with a line for each key.")
    pause_beep: float = _setting(0.0, "A paused recording has a tone so often; 0: silence.", unit="s")
    notice_beep: float = _setting(0.0, "All who are recorded hear a tone so often; 0: never.", unit="s")
    fallback: str = _setting("", "Directory that is written to when data_dir/recordings fails.")
    store: str = _setting("", "s3://BUCKET/PREFIX or file:///DIRECTORY where finished recordings go; empty: they stay here.")
    store_endpoint: str = _setting("", "http(s)://HOST:PORT of an S3-compatible store; empty: Amazon's.")
    store_region: str = _setting("", "Region of the bucket.")
    store_key: str = _setting("", "Access key at the store; empty: AWS_ACCESS_KEY_ID.")
    store_secret: str = _setting("", "Secret of that key; empty: AWS_SECRET_ACCESS_KEY.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    listen: str = _setting("", "Own address host:port for /metrics; empty: served by http.listen.")
    otlp: str = _setting("", "URL that gets each call as a trace (OTLP over HTTP, needs softswitch[otel]); empty: none.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    level: str = _setting("info", "Least severe lines that are written.", choices=("debug", "info", "warning", "error"))
    format: str = _setting("auto", "auto: console on a terminal, else json.", choices=("auto", "console", "json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    password_length: int = _setting(10, "Fewest signs of a password.", unit="signs")
    password_classes: int = _setting(2, "Of small letters, capitals, digits, other signs, so many kinds in a password.")
    password_history: int = _setting(5, "Former passwords that may not come back.")
    password_days: int = _setting(0, "A password must be changed after so long; 0: never.", unit="days")
    lock_after: int = _setting(5, "Wrong attempts in a row that lock a login; 0: never.", unit="attempts")
    lock_seconds: int = _setting(30, "The first lock; each further wrong attempt doubles it, up to an hour.", unit="s")
    session_hours: float = _setting(12.0, "A session ends after this.", unit="h")
    idle_minutes: float = _setting(
        120.0, "A session ends when no page of it was open for so long; 0: never before.", unit="min"
    )
    second_factor: str = _setting(
        "optional", "Who must use codes of a device.", choices=("optional", "administrators", "everybody")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SecuritySettings:
    ban_points: int = _setting(
        10, "Points within ten minutes that shut a SIP source out, a wrong password is 2; 0: never.", unit="points"
    )
    ban_seconds: float = _setting(3600.0, "The first ban; each further one lasts twice as long.", unit="s")
    ban_longest: float = _setting(86400.0, "No ban lasts longer.", unit="s")
    never_ban: tuple[str, ...] = _setting((), "Networks whose sources are never banned, such as 192.0.2.0/24.")
    scanners: tuple[str, ...] = _setting((), "Words in User-Agent that are dropped without answer, beside the shipped ones.")
    nftables: str = _setting("", "FAMILY TABLE SET of nftables that gets banned sources, such as inet softswitch banned.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TollSettings:
    country: str = _setting("CN", "Whose numbers are not international.", choices=tuple(PLANS))
    premium: tuple[str, ...] = _setting(
        ("+1900", "+1976", "+870", "+878", "+881", "+882", "+883", "+979"),
        "Prefixes that are expensive or often abused: denied until `tolls.allow` names them.",
    )
    allow: tuple[str, ...] = _setting((), "ACCOUNT=PREFIX of premium numbers that may be called; ACCOUNT 1001, a login, or *.")
    calls: int = _setting(0, "Outside calls of an account at one time; 0: unlimited.", unit="calls")
    international_calls: int = _setting(2, "Of these international ones; 0: unlimited.", unit="calls")
    per_second: float = _setting(0.0, "New outside calls of an account each second; 0: unlimited.", unit="calls/s")
    international_minutes: float = _setting(
        60.0, "International minutes of an account in a day, alarm at 80 %; 0: unlimited.", unit="min"
    )
    trunk_minutes: float = _setting(0.0, "International minutes of a trunk in a day; 0: unlimited.", unit="min")
    cost_per_day: float = _setting(
        0.0, "What an account may spend on outside calls in a day, by the `cost` of its routes' ways; 0: unlimited."
    )
    trunk_cost_per_day: float = _setting(0.0, "The same of a trunk; 0: unlimited.")
    international_hours: str = _setting("", "When international calls may begin, HH:MM-HH:MM local time; empty: always.")
    international_calendar: str = _setting("", "A calendar; international calls may begin while it is open. Empty: always.")
    hold_new_country: bool = _setting(
        False, "The first call of an account to a country is refused until an administrator approves that country for it."
    )
    countries: tuple[str, ...] = _setting((), "Country codes that need no approval, such as 852.")
    cut_on_cap: bool = _setting(False, "End outside calls that are up when the day's minutes or money are used up.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapSettings:
    url: str = _setting("", "ldaps://HOST or ldap://HOST (then with StartTLS); empty: no sign-in by LDAP or Active Directory.")
    base: str = _setting("", "Where people are looked for, such as ou=people,dc=example,dc=com.")
    user: str = _setting("", "The account that looks for people; empty: anonymous.")
    password: str = _setting("", "Of that account.", secret=True)
    filter: str = _setting("(|(uid={login})(sAMAccountName={login}))", "How a person is found.")
    name: str = _setting("displayName", "The attribute with the person's name.")
    groups: str = _setting("memberOf", "The attribute with the person's groups.")
    roles: tuple[str, ...] = _setting((), "ROLE=GROUP, the first that fits decides; who is in none does not get in.")
    ca: str = _setting("", "PEM file with the authorities that sign the server's certificate; empty: the system's.")
    plain: bool = _setting(False, "Speak without TLS; only for a server on this machine.")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    issuer: str = _setting("", "Address of the OpenID provider; empty: no sign-in by OpenID Connect.")
    client: str = _setting("softswitch", "Our name at the provider.")
    secret: str = _setting("", "Our secret at the provider; empty: a public client, which PKCE protects.", secret=True)
    scopes: str = _setting("openid profile email", "What is asked for.")
    login: str = _setting("preferred_username", "The claim that is the login.")
    groups: str = _setting("groups", "The claim with the person's groups.")
    roles: tuple[str, ...] = _setting((), "ROLE=GROUP, the first that fits decides; who is in none does not get in.")
    title: str = _setting("OpenID", "What the button says.")
    address: str = _setting("", "Where browsers reach us, https://HOST; empty: as the browser says.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    server: str = _setting("", "SMTP server HOST or HOST:PORT; empty: no mail is sent.")
    tls: str = _setting(
        "starttls", "starttls (port 587), tls (port 465) or none (port 25).", choices=("starttls", "tls", "none")
    )
    user: str = _setting("", "Account at the server; empty: none.")
    password: str = _setting("", "Of that account.", secret=True)
    sender: str = _setting("", "The From address; empty: softswitch@ and the name of this machine.")
    ca: str = _setting("", "PEM file with the authorities that sign the server's certificate; empty: the system's.")
    keep_hours: float = _setting(48.0, "A mail that cannot be sent for so long is given up.", unit="h")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsSettings:
    mail: tuple[str, ...] = _setting((), "Addresses that are told of critical and major alarms that no rule names.")
    keep_days: int = _setting(400, "Cleared alarms stay in the history for so long.", unit="days")
    certificate_days: float = _setting(21.0, "Warns when a certificate ends sooner.", unit="days")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsSettings:
    queue_log: str = _setting("", "File for queue events as Asterisk writes them (queue_log); empty: none.")
    queue_log_bytes: int = _setting(50_000_000, "A larger queue_log becomes queue_log.1; ten old ones stay.", unit="bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    engine: str = _setting("", "Speaks texts of flows and applications; empty: only what was recorded.", choices=("", "kokoro"))
    voices: str = _setting("", "Archive with the voices of kokoro (npm package kokoro-js 1.2.1, a .tgz).")
    python: str = _setting("", "Interpreter that has the extra `speech`; empty: the switch's own.")
    cache_mb: int = _setting(500, "Rendered texts are kept up to this size.", unit="MB")
    patience: float = _setting(4.0, "A caller waits at most so long for a text that was never rendered.", unit="s")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesSettings:
    plan: str = _setting("cn", "Which feature codes people have for their own services.", choices=("cn", "intl"))
    zone: str = _setting("Asia/Shanghai", "Civil time of wake-up calls.")
    unsolicited_mwi: bool = _setting(False, "Tell phones of new messages that have not subscribed to it.")
    conference_ends_with_owner: bool = _setting(
        False, "A conference of a phone's calls (`*3`) ends when that phone leaves; else the others go on."
    )
    transfer_keys: bool = _setting(True, "Phones transfer by *1 and *2 with a number while they talk.")
    transfer_ring: float = _setting(30.0, "A phone's transfer that nobody answers for so long goes back.", unit="s")
    park_timeout: float = _setting(120.0, "A parked call that nobody takes for so long rings who parked it.", unit="s")
    operator: str = _setting("", "A destination for parked calls whose parker does not answer; empty: they wait on.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickSettings:
    per_minute: int = _setting(3, "Calls that one address may begin in a minute; 0: any number.", unit="calls")
    calls: int = _setting(0, "Calls from web pages at one time; 0: any number.", unit="calls")
    captcha_url: str = _setting(
        "",
        "Address that is asked (siteverify of reCAPTCHA, hCaptcha, Turnstile) whether a person calls; empty: nobody is asked.",
    )
    captcha_secret: str = _setting("", "Our secret there.", secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class StirSettings:
    certificate: str = _setting("", "CHAIN.pem:KEY.pem that signs our calling numbers (STIR/SHAKEN); empty: none is signed.")
    url: str = _setting("", "The https address where others fetch that chain.")
    anchors: str = _setting("", "PEM file with the authorities whose certificates may sign calling numbers.")
    chains: tuple[str, ...] = _setting((), "URL=CHAIN.pem, certificates that are not fetched.")
    fetch: bool = _setting(True, "Fetch certificates of calling numbers from public https addresses; kept for an hour.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    data_dir: Path = _setting(Path("data"), "Database, recordings, prompts, keys.")
    sip: SipSettings = SipSettings()
    media: MediaSettings = MediaSettings()
    http: HttpSettings = HttpSettings()
    database: DatabaseSettings = DatabaseSettings()
    customers: CustomerSettings = CustomerSettings()
    bus: BusSettings = BusSettings()
    node: NodeSettings = NodeSettings()
    recordings: RecordingsSettings = RecordingsSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    access: AccessSettings = AccessSettings()
    security: SecuritySettings = SecuritySettings()
    tolls: TollSettings = TollSettings()
    ldap: LdapSettings = LdapSettings()
    oidc: OidcSettings = OidcSettings()
    mail: MailSettings = MailSettings()
    alarms: AlarmsSettings = AlarmsSettings()
    reports: ReportsSettings = ReportsSettings()
    speech: SpeechSettings = SpeechSettings()
    features: FeaturesSettings = FeaturesSettings()
    click_to_call: ClickSettings = ClickSettings()
    stir: StirSettings = StirSettings()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Key → where its value came from: a file with line, an environment name, `command line`. Missing: the default."""

    def value(self, key: str) -> object:
        section, _, name = key.rpartition(".")
        return getattr(getattr(self, section) if section else self, name)

    @property
    def database_url(self) -> str:
        """`database.url` with the data directory filled in."""
        return self.database.url.replace("{data_dir}", str(self.data_dir))


@dataclass(frozen=True, slots=True)
class Setting:
    key: str
    type: Any
    default: object
    help: str
    unit: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        return "SOFTSWITCH_" + self.key.upper().replace(".", "__")


SECTIONS: Mapping[str, type] = {
    "sip": SipSettings, "media": MediaSettings, "http": HttpSettings, "database": DatabaseSettings, "bus": BusSettings,
    "node": NodeSettings, "recordings": RecordingsSettings, "metrics": MetricsSettings, "log": LogSettings,
    "access": AccessSettings, "security": SecuritySettings,
    "tolls": TollSettings,
    "ldap": LdapSettings, "oidc": OidcSettings, "mail": MailSettings, "alarms": AlarmsSettings,
    "reports": ReportsSettings, "speech": SpeechSettings, "features": FeaturesSettings,
    "click_to_call": ClickSettings, "stir": StirSettings,
}  # fmt: skip


def _table() -> Iterator[Setting]:
    for owner, prefix in ((Settings, ""), *((section, f"{name}.") for name, section in SECTIONS.items())):
        hints = get_type_hints(owner)
        for entry in fields(owner):
            if "help" in entry.metadata:
                yield Setting(prefix + entry.name, hints[entry.name], entry.default, **entry.metadata)


SETTINGS: tuple[Setting, ...] = tuple(_table())
BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}
