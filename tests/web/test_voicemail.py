"""Messages and greetings over REST: who sees which mailbox, work on a message, sound."""

from __future__ import annotations

import io
import wave

import av
import numpy as np
import pytest

from softswitch.voicemail.model import Message, MessageState
from softswitch.voicemail.service import Voicemail
from tests.web.conftest import Web

API = "/api/v1"


def sound(seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(np.arange(int(8000 * seconds)) * 2 * np.pi * 440 / 8000)).astype("<i2").tobytes())
    return out.getvalue()


def compressed(file: bytes) -> bytes:
    """The same sound as FLAC."""
    out = io.BytesIO()
    with av.open(io.BytesIO(file)) as source, av.open(out, "w", format="flac") as target:
        stream = target.add_stream("flac", rate=8000, layout="mono")
        for frame in [*source.decode(audio=0), None]:
            target.mux(stream.encode(frame))
    return out.getvalue()


def read(file: bytes) -> tuple[int, int, float]:
    """Channels, rate, seconds."""
    with wave.open(io.BytesIO(file), "rb") as opened:
        return opened.getnchannels(), opened.getframerate(), round(opened.getnframes() / opened.getframerate(), 2)


@pytest.fixture
async def voicemail(app: Web) -> Voicemail:
    """One message in each mailbox, the oldest in `sales`."""
    found = app.services.part(Voicemail)
    for number, mailbox in enumerate(("sales", "li", "office", "boss")):
        message = Message(
            id=f"m{mailbox}", mailbox=mailbox, call="c1", recording="r1", caller="138", created_at=1000.0 + number,
            duration_ms=5000, state=MessageState.NEW, due_at=2000.0,
        )  # fmt: skip
        found._put(message)
        found.audio(message.id).parent.mkdir(exist_ok=True)
        found.audio(message.id).write_bytes(sound())
    app.services.recordings.accessed = lambda *what: None  # type: ignore[attr-defined,method-assign]
    return found


@pytest.mark.parametrize(
    ("login", "seen"),
    [
        ("li", ["moffice", "mli", "msales"]),  # its own, that of its queue, the whole centre's
        ("wu", ["moffice", "msales"]),
        ("root", ["mboss", "moffice", "mli", "msales"]),
        ("wang", ["mboss", "moffice", "mli", "msales"]),  # a supervisor without limits
    ],
)
async def test_everybody_sees_their_mailboxes(app: Web, voicemail: Voicemail, login: str, seen: list[str]) -> None:
    client, _ = await app.client(login)
    reply = await client.get(f"{API}/voicemail")
    assert reply.status == 200, await reply.text()
    assert [item["id"] for item in (await reply.json())["items"]] == seen
    for identity in ("mboss", "mli", "moffice", "msales"):
        expected = 200 if identity in seen else 404
        assert (await client.get(f"{API}/voicemail/{identity}")).status == expected
        assert (await client.get(f"{API}/voicemail/{identity}/audio")).status == expected


async def test_pages_and_filters(app: Web, voicemail: Voicemail) -> None:
    client, _ = await app.client("root")
    first = await (await client.get(f"{API}/voicemail?limit=3")).json()
    second = await (await client.get(f"{API}/voicemail?limit=3&cursor={first['next']}")).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == ["mboss", "moffice", "mli", "msales"]
    assert second["next"] is None
    assert (await client.get(f"{API}/voicemail?cursor=nonsense")).status == 400
    only = await (await client.get(f"{API}/voicemail?mailbox=sales&state=new")).json()
    assert [item["id"] for item in only["items"]] == ["msales"]
    assert only["items"][0]["overdue"] is True
    assert (await (await client.get(f"{API}/voicemail?state=done")).json())["items"] == []
    assert (await client.get(f"{API}/voicemail?mailbox=none")).status == 404


async def test_hearing_working_deleting(app: Web, voicemail: Voicemail) -> None:
    client, headers = await app.client("li")
    reply = await client.get(f"{API}/voicemail/msales/audio")
    assert (reply.headers["Content-Type"], await reply.read()) == ("audio/wav", sound())
    item = await (await client.get(f"{API}/voicemail/msales")).json()
    assert (item["state"], bool(item["heard"])) == ("heard", True)
    work = {"state": "in_work", "assignee": "li", "note": "busy"}
    changed = await (await client.put(f"{API}/voicemail/msales", json=work, headers=headers)).json()
    assert (changed["state"], changed["assignee"], changed["note"]) == ("in_work", "li", "busy")
    assert (await client.put(f"{API}/voicemail/msales", json={"assignee": "nobody"}, headers=headers)).status == 422
    assert (await client.put(f"{API}/voicemail/msales", json={"state": "recording"}, headers=headers)).status == 400
    assert (await client.put(f"{API}/voicemail/mboss", json=work, headers=headers)).status == 404
    assert (await client.delete(f"{API}/voicemail/mboss", headers=headers)).status == 404
    assert (await client.delete(f"{API}/voicemail/msales", headers=headers)).status == 204
    assert (await client.get(f"{API}/voicemail/msales")).status == 404


async def test_greetings(app: Web, voicemail: Voicemail) -> None:
    client, headers = await app.client("li")
    place = f"{API}/mailboxes/li/greetings/absent"
    wav = {**headers, "Content-Type": "audio/wav"}
    assert (await client.get(place)).status == 404
    assert (await client.put(place, data=sound(2), headers=wav)).status == 200
    assert read(await (await client.get(place)).read()) == (1, 16_000, 2.0)
    boxes = {box["name"]: box for box in (await (await client.get(f"{API}/mailboxes")).json())["items"]}
    assert (boxes["li"]["new"], boxes["li"]["greetings"]) == (1, ["absent"])
    assert "boss" not in boxes
    for wrong in (b"", b"RIFF", b"nonsense" * 100):
        assert (await client.put(place, data=wrong, headers=wav)).status == 422
    assert (await client.put(place, data=compressed(sound(3)), headers={**headers, "Content-Type": "audio/flac"})).status == 200
    assert read(await (await client.get(place)).read()) == (1, 16_000, 3.0)
    assert (await client.put(place, data=sound(400), headers=wav)).status == 422
    assert (await client.put(place, data=b"x", headers=headers)).status == 415
    assert (await client.put(f"{API}/mailboxes/li/greetings/drunk", data=sound(), headers=wav)).status == 404
    assert (await client.put(f"{API}/mailboxes/boss/greetings/normal", data=sound(), headers=wav)).status == 404
    assert (await client.delete(place, headers=headers)).status == 204
    assert (await client.delete(place, headers=headers)).status == 404
