"""Prompts of the operator's own over REST: listed, heard, replaced by any file, taken back; texts are spoken."""

from __future__ import annotations

import io
import math
import struct
import wave
from pathlib import Path

import pytest

from softswitch.model.states import Role
from softswitch.prompts import SHIPPED
from softswitch.speech.service import Speech
from tests.web.conftest import Web

API = "/api/v1"


def tone(seconds: float = 1.0, rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(900 * math.sin(at / 3))) for at in range(int(seconds * rate))))
    return out.getvalue()


class Voice:
    """A synthesizer that hums, in English alone."""

    name = "voice"
    languages = frozenset({"en"})

    async def render(self, text: str, language: str, target: Path) -> None:
        target.write_bytes(tone(len(text) / 10))

    async def close(self) -> None:
        return None


async def test_a_prompt_is_replaced_heard_and_taken_back(app: Web) -> None:
    client, headers = await app.client("root")
    listed = {(item["language"], item["name"]): item for item in (await (await client.get(f"{API}/prompts")).json())["items"]}
    assert listed["music", "default"]["duration_ms"] > 1000
    welcome = listed["en", "welcome"]
    assert (welcome["own"], welcome["shipped"], bool(welcome["text"])) == (False, True, True)

    path = f"{API}/prompts/en/welcome"
    put = await client.put(path, data=tone(), headers={**headers, "Content-Type": "application/octet-stream"})
    assert put.status == 200, await put.text()
    heard = await (await client.get(path)).read()
    with wave.open(io.BytesIO(heard)) as kept:
        assert (kept.getframerate(), kept.getnchannels(), kept.getnframes()) == (16_000, 1, pytest.approx(16_000, abs=200))
        frames = struct.unpack(f"<{kept.getnframes()}h", kept.readframes(kept.getnframes()))
    assert max(frames) > 1800  # as loud as the others now
    (item,) = [
        item for item in (await (await client.get(f"{API}/prompts")).json())["items"]
        if (item["language"], item["name"]) == ("en", "welcome")
    ]  # fmt: skip
    assert (item["own"], item["text"], item["duration_ms"]) == (True, welcome["text"], pytest.approx(1000, abs=20))

    assert (await client.delete(path, headers=headers)).status == 204
    assert await (await client.get(path)).read() == (SHIPPED / "en" / "welcome.wav").read_bytes()
    assert (await client.delete(path, headers=headers)).status == 404


@pytest.mark.parametrize(
    ("place", "sound", "field", "word"),
    [
        ("en/welcome", b"no sound at all", "sound", ("not_audio", "broken", "no_decoder")),
        ("en/welcome", tone(0.5).replace(tone(0.5)[44:], bytes(8000)), "sound", "silent"),
        ("fr/welcome", tone(), "name", "expected"),
        ("en/a%20b", tone(), "name", "expected"),
    ],
)
async def test_what_is_no_prompt_is_refused_with_the_reason(
    app: Web, place: str, sound: bytes, field: str, word: str | tuple[str, ...]
) -> None:
    client, headers = await app.client("root")
    reply = await client.put(
        f"{API}/prompts/{place}", data=sound, headers={**headers, "Content-Type": "application/octet-stream"}
    )
    assert reply.status == 422
    (fault,) = (await reply.json())["errors"]
    assert fault["field"] == field
    assert fault["reason"].startswith(word)


async def test_who_may(app: Web) -> None:
    agent, headers = await app.client("li")
    assert (await agent.get(f"{API}/prompts")).status == 403
    assert (await agent.delete(f"{API}/prompts/en/welcome", headers=headers)).status == 403
    assert (await agent.post(f"{API}/speech", json={"text": "x"}, headers=headers)).status == 403
    reply = await app.anonymous().get(f"{API}/prompts/en/welcome", headers=await app.program(Role.ADMINISTRATOR))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "audio/wav")
    assert (await app.anonymous().get(f"{API}/prompts")).status == 401


async def test_a_text_is_spoken_when_an_engine_has_its_language(app: Web) -> None:
    client, headers = await app.client("root")
    reply = await client.post(f"{API}/speech", json={"text": "Hello", "language": "en"}, headers=headers)
    assert (reply.status, (await reply.json())["code"]) == (409, "no_speech")
    app.services.part(Speech).synthesizer = Voice()
    reply = await client.post(f"{API}/speech", json={"text": "Good morning", "language": "en"}, headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(await reply.read())) as spoken:
        assert spoken.getframerate() == 16_000
    reply = await client.post(f"{API}/speech", json={"text": "你好", "language": "zh-CN"}, headers=headers)
    assert (await reply.json())["code"] == "no_speech"
    assert (await client.post(f"{API}/speech", json={"text": ""}, headers=headers)).status == 400
