"""TLS and WebSocket over real sockets: versions, names, client certificates, reload, sharing of connections, frames."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from signalling.commands import Options
from signalling.endpoint import EndpointConfig
from signalling.events import Counted, Event, Flow, OptionsAnswered
from signalling.testing import Book, open_book
from signalling.transports import SipDriver
from signalling.transports.streams import MAX_QUEUE
from signalling.transports.tls import Certificate, ClientTls, ServerTls
from signalling.usage.config import Limits


@dataclass(frozen=True)
class Authority:
    """Signs certificates into a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, folder: Path, name: str = "authority") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = _builder(subject, subject, key).add_extension(x509.BasicConstraints(True, None), critical=True)
        authority = cls(folder, key, made.sign(key, hashes.SHA256()))
        (folder / f"{name}.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def file(self) -> str:
        return str(self.folder / f"{self.certificate.subject.rfc4514_string().partition('=')[2]}.pem")

    def sign(self, *names: str, file: str = "") -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = _builder(subject, self.certificate.subject, key).add_extension(alternatives, critical=False)
        path = self.folder / f"{file or names[0].replace('*', 'any')}.crt"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.with_suffix(".key").write_bytes(private)
        path.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return Certificate(path, path.with_suffix(".key"))


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(time.time(), UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))


class Node:
    """A driver with certificates, and what it told."""

    def __init__(
        self, book: Book | None = None, tls: ServerTls | None = None, client: ClientTls | None = None,
        config: EndpointConfig | None = None,
    ) -> None:  # fmt: skip
        self.events: list[Event] = []
        self.driver = SipDriver(
            config or EndpointConfig(options_public=True), book or open_book(), self.events.append, tls=tls,
            client_tls=lambda name: client or ClientTls(name), origins=("https://pbx.example",),
        )  # fmt: skip

    def port(self, transport: str) -> int:
        (found,) = [bound for bound in self.driver.bound if bound.startswith(transport + ":")]
        return int(found.rpartition(":")[2])

    async def told(self, kind: type) -> Event:
        async with asyncio.timeout(8):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(*nodes: tuple[Node, list[str]]) -> AsyncIterator[None]:
    try:
        for node, listens in nodes:
            await node.driver.start(listens)
        yield
    finally:
        for node, _ in nodes:
            await node.driver.stop()


def client(authority: Authority | None, certificate: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file if authority else None)
    if certificate is not None:
        context.load_cert_chain(certificate.chain, certificate.key)
    return context


async def shown(port: int, name: str, context: ssl.SSLContext) -> str:
    """The name in the certificate that a listener shows to who asks for `name`."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return str(certificate["subjectAltName"][0][1])


OPTIONS = (
    "OPTIONS sip:x@h SIP/2.0\r\nVia: SIP/2.0/WSS a.invalid;branch=z9hG4bK{n}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:x@h>\r\n"
    "Call-ID: {n}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.acceptance("TRA-4")
async def test_versions_and_names(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    node = Node(tls=ServerTls([authority.sign("a.test"), authority.sign("b.test"), authority.sign("*.c.test")]))
    async with running((node, ["tls:127.0.0.1:0"])):
        port, context = node.port("tls"), client(authority)
        names = [await shown(port, name, context) for name in ("a.test", "b.test", "x.c.test", "B.TEST")]
        assert names == ["a.test", "b.test", "*.c.test", "b.test"]
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = client(authority)
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = old.maximum_version = version
            with pytest.raises(OSError):
                await shown(port, "a.test", old)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            new = client(authority)
            new.minimum_version = new.maximum_version = version
            assert await shown(port, "a.test", new) == "a.test"
        for weak in ("ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"):
            unsafe = client(authority)
            unsafe.maximum_version = ssl.TLSVersion.TLSv1_2
            unsafe.set_ciphers(weak)
            with pytest.raises(OSError):
                await shown(port, "a.test", unsafe)
        failed = [event for event in node.events if isinstance(event, Counted)]
        assert len(failed) == 4 and {event.what for event in failed} == {"tls-handshake"}
        assert {event.detail for event in failed} == {"unsupported protocol", "no shared cipher"}


@pytest.mark.acceptance("TRA-4")
async def test_client_certificates(tmp_path: Path) -> None:
    authority, other = Authority.make(tmp_path), Authority.make(tmp_path, "stranger")
    node = Node(tls=ServerTls([authority.sign("a.test")], authority.file))
    async with running((node, ["mtls:127.0.0.1:0"])):
        for certificate, why in ((None, "peer did not return a certificate"), (other.sign("sbc.test"), "certificate: ")):
            node.events.clear()
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", node.port("mtls"), ssl=client(authority, certificate), server_hostname="a.test"
            )
            with pytest.raises((OSError, asyncio.IncompleteReadError)):  # TLS 1.3 tells it with the first octet read
                await reader.readexactly(1)
            writer.close()
            event = await node.told(Counted)
            assert isinstance(event, Counted) and event.detail.startswith(why)
        good = client(authority, authority.sign("sbc.carrier.test"))
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port("mtls"), ssl=good, server_hostname="a.test")
        writer.write(b"\r\n\r\n")
        began = time.monotonic()
        assert await reader.readexactly(2) == b"\r\n"
        assert time.monotonic() - began < 1.0
        (flow,) = node.driver._streams._open
        assert node.driver.proved(flow) == {"sbc.carrier.test"}
        writer.close()


async def test_a_new_certificate_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    tls = ServerTls([authority.sign("old.test", file="server")])
    node = Node(tls=tls)
    async with running((node, ["tls:127.0.0.1:0"])):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", node.port("tls"), ssl=client(authority), server_hostname="old.test"
        )
        assert not tls.changed
        authority.sign("new.test", file="server")
        assert tls.changed
        tls.reload()
        assert await shown(node.port("tls"), "new.test", client(authority)) == "new.test"
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n", "who is connected stays so"
        (tmp_path / "server.crt").write_text("half a file")
        with pytest.raises((OSError, ValueError)):
            tls.reload()
        assert await shown(node.port("tls"), "new.test", client(authority)) == "new.test"
        writer.close()


@pytest.mark.parametrize(("name", "status"), [("b.test", 200), ("someone.test", 503)])
async def test_who_we_connect_to_must_bear_the_configured_name(tmp_path: Path, name: str, status: int) -> None:
    authority = Authority.make(tmp_path)
    server = Node(tls=ServerTls([authority.sign("b.test")]))
    caller = Node(tls=ServerTls([authority.sign("a.test")]), client=ClientTls(name, authority.file))
    async with running((server, ["tls:127.0.0.1:0"]), (caller, ["tls:127.0.0.1:0"])):
        flow = Flow("tls", ("", 0), ("127.0.0.1", server.port("tls")))
        caller.driver.submit(Options("probe", "sip:b.test", flow))
        assert await caller.told(OptionsAnswered) == OptionsAnswered("probe", status)


@pytest.mark.parametrize(("minimum", "status"), [("1.2", "sip/2"), ("1.3", "")])
async def test_the_oldest_version_and_the_protocols_of_a_trunk(tmp_path: Path, minimum: str, status: str) -> None:
    """A server that knows TLS 1.2 alone: a trunk with `tls.min = "1.3"` does not talk to it; another one names `tls.alpn`."""
    authority = Authority.make(tmp_path)
    files = authority.sign("b.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.chain, files.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["sip/2"])
    heard: list[str | None] = []

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    trunk = ClientTls("b.test", authority.file, minimum=minimum, alpn=("sip/2",))
    caller = Node(tls=ServerTls([authority.sign("a.test")]), client=trunk)
    async with server, running((caller, ["tls:127.0.0.1:0"])):
        flow = Flow("tls", ("", 0), server.sockets[0].getsockname()[:2])
        caller.driver.submit(Options("probe", "sip:b.test", flow))
        assert (await caller.told(OptionsAnswered)).status == 503  # it never speaks SIP
    assert heard == ([status] if status else [])


async def test_a_proved_peer_shares_its_connection(tmp_path: Path) -> None:
    """RFC 5923: what we send to it goes back on the connection that it has made."""
    authority = Authority.make(tmp_path)
    tls = ServerTls([authority.sign("b.test")], authority.file)
    node = Node(tls=tls)
    async with running((node, ["mtls:127.0.0.1:0"])):
        context = client(authority, authority.sign("sbc.test"))
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port("mtls"), ssl=context, server_hostname="b.test")
        writer.write(OPTIONS.format(n=1).replace("WSS a.invalid", "TLS 127.0.0.1:5071;alias").encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
        node.driver.submit(Options("back", "sip:b.test", Flow("tls", ("", 0), ("127.0.0.1", 5071))))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"OPTIONS sip:b.test")
        writer.close()


@pytest.mark.acceptance("TRA-8")
async def test_sip_over_secure_websocket(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    node = Node(tls=ServerTls([authority.sign("localhost")]))
    async with running((node, ["wss:127.0.0.1:0", "ws:127.0.0.1:0"])), aiohttp.ClientSession() as session:
        url, plain = f"wss://localhost:{node.port('wss')}/any", f"http://127.0.0.1:{node.port('ws')}/"
        trusted = client(authority)
        async with session.ws_connect(url, protocols=("sip",), ssl=trusted, origin="https://pbx.example") as socket:
            assert socket.protocol == "sip"
            await socket.send_str(OPTIONS.format(n=1))
            assert (await socket.receive_str(timeout=5)).startswith("SIP/2.0 200")
            await socket.send_bytes(OPTIONS.format(n=2).encode())
            assert (await socket.receive_str(timeout=5)).startswith("SIP/2.0 200")
            await socket.send_str("\r\n\r\n")
            assert await socket.receive_str(timeout=5) == "\r\n"
            assert node.driver.connections == 1
            await socket.send_str("x" * 70_000)
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
        for headers, status in (
            ({}, 426), (upgrade, 400), ({**upgrade, "Sec-WebSocket-Protocol": "sip", "Origin": "https://evil.example"}, 403),
        ):  # fmt: skip
            async with session.get(plain, headers=headers) as reply:
                assert reply.status == status


class Deaf(asyncio.Protocol):
    """Asks as fast as it can and reads no answer."""

    ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True

    @classmethod
    async def connect(cls, port: int, source: str) -> Deaf:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        sock.bind((source, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, ("127.0.0.1", port))
        return (await loop.create_connection(cls, sock=sock))[1]

    def storm(self, number: int) -> None:
        """One REGISTER, as long as may be: its 401 says most of it again."""
        branch = f"z9hG4bK{id(self):x}-{number}"
        vias = "".join(f"Via: SIP/2.0/TCP 127.0.0.1;branch={branch};pad={'x' * 3000}\r\n" for _ in range(4))
        self.transport.write(
            f"REGISTER sip:pbx SIP/2.0\r\n{vias}From: <sip:a@pbx>;tag=a\r\n"
            f"To: <sip:a@pbx>\r\nCall-ID: {id(self):x}-{number}\r\nCSeq: 1 REGISTER\r\nContact: <sip:a@127.0.0.1>\r\n"
            f"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
        )


@pytest.mark.acceptance("TRA-7")
async def test_who_does_not_read_is_closed_and_nobody_else_notices() -> None:
    """Without the budget of strangers, which alone would end the storm: 200 peers, each with more 401s than its queue holds."""
    limits = Limits(*(1e9,) * 9)
    node = Node(config=EndpointConfig(options_public=True, limits=limits, overload_lag=0), book=Book())
    async with running((node, ["tcp:127.0.0.1:0"])):
        port = node.port("tcp")
        deaf = [await Deaf.connect(port, f"127.0.0.{host}") for host in range(2, 12) for _ in range(20)]
        while node.driver.connections < 200:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        took, most = [], 0
        for number in range(300):
            for peer in deaf:
                if not peer.ended:
                    peer.storm(number)
            await asyncio.sleep(0)
            most = max([most, *(each.waiting for each in node.driver._streams._open.values())])
            if number % 10 == 0:
                began = time.monotonic()
                writer.write(OPTIONS.format(n=number).replace("WSS", "TCP").encode())
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
                took.append(time.monotonic() - began)
            if node.driver.connections == 1:
                break
        assert node.driver.connections == 1
        assert most <= MAX_QUEUE
        print(f"{number} requests each, most queued {most}, slowest answer {max(took):.2f} s")
        writer.close()


async def test_ipv6_is_a_listener_of_its_own() -> None:
    one, other = Node(), Node()
    async with running((one, ["udp:[::1]:0", "udp:127.0.0.1:0"]), (other, ["udp:[::1]:0"])):
        six, four = one.driver.bound
        assert six.startswith("udp:[::1]:") and four.startswith("udp:127.0.0.1:")
        one.driver.submit(Options("v6", "sip:[::1]", Flow("udp", ("", 0), ("::1", other.port("udp")))))
        assert await one.told(OptionsAnswered) == OptionsAnswered("v6", 200)
