"""Whom we believe with calling numbers: chains, addresses that may be asked, what is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from softswitch.trunks.credentials import (
    CannotFetchError,
    Chains,
    NotTrustedError,
    PublicResolver,
    fetch,
    is_public,
    read_signer,
    trusted,
)
from tests.support.numbers import NOW, Authority

CA = Authority()
URL = "https://sti.example.org/x.pem"


def test_a_chain_leads_to_an_anchor() -> None:
    key, leaf = CA.issue()
    assert trusted([leaf], [CA.root], NOW) == key.public_key()
    between = CA.below()
    deep, below = between.issue()
    assert trusted([below, between.root], [CA.root], NOW) == deep.public_key()
    assert trusted([below, between.root, CA.root], [between.root], NOW) == deep.public_key()


@pytest.mark.parametrize("what", ["stranger", "gap", "old", "early", "no authority", "curve"])
def test_what_is_not_believed(what: str) -> None:
    between, end = CA.below(), CA.below(ca=False)
    chain, now = {
        "stranger": ([Authority("another").issue()[1]], NOW), "gap": ([between.issue()[1]], NOW),
        "old": ([CA.issue()[1]], NOW + 11 * 86400), "early": ([CA.issue()[1]], NOW - 21 * 86400),
        "no authority": ([end.issue()[1], end.root], NOW), "curve": ([CA.issue(curve=ec.SECP384R1())[1]], NOW),
    }[what]  # fmt: skip
    with pytest.raises(NotTrustedError):
        trusted(chain, [CA.root], now)


def test_a_forged_name_is_no_chain() -> None:
    """The same subject as the authority, another key."""
    with pytest.raises(NotTrustedError):
        trusted([Authority().issue()[1], Authority().root], [CA.root], NOW)


@pytest.mark.parametrize(
    ("url", "may"),
    [(URL, True), ("https://sti.example.org:8443/x", True), ("http://sti.example.org/x", False), ("https://10.0.0.1/x", False),
     ("https://localhost/x", False), ("https://127.0.0.1/x", False), ("https://[::1]/x", False), ("https://[fe80::1]/x", False),
     ("https://169.254.169.254/latest", False), ("https://sti.example.org:22/x", False), ("https://u:p@a.example/x", False),
     ("file:///etc/passwd", False), ("https://a.example:x/", False), ("", False), ("https://8.8.8.8/x", True)],
)  # fmt: skip
def test_which_addresses_of_strangers_are_asked(url: str, may: bool) -> None:
    assert is_public(url) is may


async def test_a_name_that_leads_inside_leads_nowhere() -> None:
    with pytest.raises(OSError, match="no public address"):
        await PublicResolver().resolve("localhost", 443)


async def test_what_is_fetched_is_kept_and_failures_for_a_minute() -> None:
    clock, asked = [0.0], []
    _, leaf = CA.issue()

    async def get(url: str) -> bytes:
        asked.append(url)
        await asyncio.sleep(0)
        if "gone" in url:
            raise OSError("gone")
        return b"no certificate" if "junk" in url else leaf.public_bytes(Encoding.PEM)

    chains = Chains({"kept:": (leaf,)}, get, lambda: clock[0])
    found = await asyncio.gather(*(chains.get(URL) for _ in range(5)))
    assert found == [(leaf,)] * 5 and asked == [URL], "many calls, one fetch"
    assert chains.known(URL) == (leaf,) and await chains.get("kept:") == (leaf,)
    for bad in (f"{URL}gone", f"{URL}junk"):
        for _ in range(2):
            with pytest.raises(CannotFetchError):
                await chains.get(bad)
    with pytest.raises(CannotFetchError):
        await chains.get("https://127.0.0.1/x")
    assert len(asked) == 3
    clock[0] = 61.0
    with pytest.raises(CannotFetchError):
        await chains.get(f"{URL}gone")
    assert len(asked) == 4 and chains.known(URL) == (leaf,)
    clock[0] = 4000.0
    assert chains.known(URL) is None


async def test_nothing_is_fetched_from_this_machine() -> None:
    """The guard of the connection itself, whatever `is_public` says of the name."""
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/x", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    with pytest.raises((OSError, ValueError)):
        await fetch(f"http://localhost:{port}/x")
    await runner.cleanup()
    assert not seen


def test_our_own_certificate(tmp_path: Path) -> None:
    key, leaf = CA.issue()
    other, _ = CA.issue()

    def written(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain, private = written("c.pem", leaf.public_bytes(Encoding.PEM)), written("k.pem", key.private_bytes(*pem))
    assert read_signer(f"{chain}:{private}", URL).url == URL
    with pytest.raises(ValueError, match="do not belong"):
        read_signer(f"{chain}:{written('o.pem', other.private_bytes(*pem))}", URL)
    with pytest.raises(ValueError, match="https"):
        read_signer(f"{chain}:{private}", "http://a.example/")
