"""What a page's token is good for, over the JSON connection of the widget and over SIP on a WebSocket (RFC 8898)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.support.apply import extensions
from tests.support.phone import Phone, PhoneError
from tests.support.raw_sip import header, offer, status
from tests.support.switch import Switch, free_port, free_sip_port
from tests.support.web_client import WebClient

ORIGIN = "https://shop.example"
DEST = "extension:1001"
pytestmark = pytest.mark.timeout(120)


class SipPage:
    """A page that speaks SIP: raw, so that it can also ask for what it may not."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._call_id, self._tag = uuid4().hex, uuid4().hex[:8]

    async def ask(self, method: str, token: str = "", *, to: str = "1001", in_call: str = "", body: str = "", cseq: int = 1,
                  more: str = "") -> str:  # fmt: skip
        """One request, and its final response. `in_call` is the 200 of the INVITE."""
        contact = re.search(r"<([^>]*)>", header(in_call, "Contact"))
        uri = contact[1] if contact is not None else f"sip:{to}@localhost"
        target = header(in_call, "To") or f"<sip:{to}@localhost>"
        kind = "Content-Type: application/sdp\n" if method == "INVITE" and body else ""
        kind = "Content-Type: application/dtmf-relay\n" if method == "INFO" else kind
        await self._socket.send_str(
            (
                f"{method} {uri} SIP/2.0\nVia: SIP/2.0/WS p.invalid;branch=z9hG4bK{uuid4().hex}\n"
                f"From: <sip:anonymous@anonymous.invalid>;tag={self._tag}\nTo: {target}\nCall-ID: {self._call_id}\n"
                f"CSeq: {cseq} {method}\nContact: <sip:p@p.invalid;transport=ws>\nMax-Forwards: 70\n"
                f"{f'Authorization: Bearer {token}{chr(10)}' if token else ''}{kind}{more}Content-Length: {len(body)}\n\n{body}"
            ).replace("\r\n", "\n").replace("\n", "\r\n")
        )  # fmt: skip
        while method != "ACK":
            text = await asyncio.wait_for(self._socket.receive_str(), 15)
            if status(text) >= 200 and header(text, "CSeq").endswith(method):
                return text
        return ""


@asynccontextmanager
async def sip_page(port: int, origin: str = ORIGIN) -> AsyncIterator[SipPage]:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"http://127.0.0.1:{port}/", protocols=("sip",), headers={"Origin": origin}) as socket,
    ):
        yield SipPage(socket)


def _token(switch: Switch, **more: object) -> str:
    return str(switch.api("POST", "/click-to-call/tokens", {"to": DEST, "origin": ORIGIN, **more})["token"])


async def _refused_on_json(switch: Switch, token: str, origin: str = ORIGIN) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with WebClient(switch, token=token, origin=origin):
            pass
    assert refused.value.status == 403


async def _refused_on_sip(port: int, token: str, *, method: str = "INVITE", to: str = "1001", origin: str = ORIGIN) -> None:
    async with sip_page(port, origin) as page:
        answer = await page.ask(method, token, to=to, body=offer() if method == "INVITE" else "")
        assert status(answer) == 403, answer


@pytest.mark.acceptance("FEA-10")
async def test_a_token_is_good_for_one_call_and_for_nothing_else(tmp_path: Path) -> None:
    """FEA-10: good, expired, reused, other destination, other origin, REGISTER, and the fourth call in a minute."""
    sip, page = free_sip_port(), free_port()
    listen = f'["udp:127.0.0.1:{sip}","tcp:127.0.0.1:{sip}","ws:127.0.0.1:{page}"]'
    with (
        Switch(tmp_path, extensions("1001", "1002"), sip_listen=listen, sip_port=sip) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{sip}", 440.0) as phone,
        Phone("1002", "secret-1002", f"127.0.0.1:{sip}", 700.0) as other,
    ):
        old = _token(switch, seconds=1)
        phone.do("register")
        other.do("register")
        used = [await _good_on_json(switch, phone), await _good_on_sip(switch, page, phone)]

        await asyncio.sleep(1.0)  # the life of the old one
        for token in (*used, old):  # reused over either way, expired
            await _refused_on_json(switch, token)
            await _refused_on_sip(page, token)
        fresh = _token(switch)
        await _refused_on_json(switch, fresh, "https://evil.example")
        await _refused_on_sip(page, fresh, origin="https://evil.example")
        await _refused_on_sip(page, fresh, to="1002")
        for method in ("REGISTER", "SUBSCRIBE", "MESSAGE"):
            await _refused_on_sip(page, fresh, method=method)
        await _other_destination_on_json(switch, fresh)

        await _good_on_sip(switch, page, phone, fresh)  # all those refusals have spent nothing
        fourth = _token(switch)
        await _refused_on_sip(page, fourth)
        async with WebClient(switch, token=fourth, origin=ORIGIN) as client:
            reply = await client.ask_raw("call.start", sdp="v=0", context={})
            assert reply["error"]["status"] == 403, reply

        assert other.state() == "NONE"
        with pytest.raises(PhoneError):
            phone.do("ringing", timeout=1)
        calls = await asyncio.to_thread(switch.ended_calls, 3)
        assert [(call["source"], call["caller"]) for call in calls] == [("widget", "web")] * 3


async def _other_destination_on_json(switch: Switch, token: str) -> None:
    async with WebClient(switch, token=token, origin=ORIGIN) as client:
        reply = await client.ask_raw("call.start", sdp="v=0", context={}, to="extension:1002")
        assert reply["error"]["status"] == 403, reply


async def _good_on_json(switch: Switch, phone: Phone) -> str:
    token = _token(switch, address="127.0.0.1")
    async with WebClient(switch, hertz=900.0, token=token, origin=ORIGIN) as client:
        await client.connect_media("call.start", context={})
        await asyncio.to_thread(phone.do, "ringing")
        await asyncio.to_thread(phone.do, "answer")
        await client.event("call.state", state="talking")
        await client.ask("call.hangup")
    await asyncio.to_thread(switch.ended_calls, 1)
    return token


async def _good_on_sip(switch: Switch, port: int, phone: Phone, token: str = "") -> str:
    token = token or _token(switch)
    before = len(await asyncio.to_thread(switch.ended_calls, 0))
    async with sip_page(port) as page:
        asked = asyncio.create_task(page.ask("INVITE", token, body=offer()))
        await asyncio.to_thread(phone.do, "ringing")
        await asyncio.to_thread(phone.do, "answer")
        answer = await asked
        assert status(answer) == 200, answer
        await page.ask("ACK", in_call=answer)
        digits = await page.ask("INFO", in_call=answer, cseq=2, body="Signal=5\nDuration=160\n")
        assert status(digits) == 200
        elsewhere = await page.ask("REFER", in_call=answer, cseq=3, more="Refer-To: <sip:1002@localhost>\n")
        assert status(elsewhere) == 403
        assert status(await page.ask("BYE", in_call=answer, cseq=4)) == 200
    await asyncio.to_thread(switch.ended_calls, before + 1)
    return token
