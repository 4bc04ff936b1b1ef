"""The catalogue in the README is the one in the code."""

from __future__ import annotations

import asyncio
import re
from dataclasses import MISSING, fields
from pathlib import Path

from media import negotiation, routes, sdp
from media.commands import COMMANDS, PortKind
from media.credentials import sdp_session
from media.events import EVENTS
from media.fake import FakeEngine
from media.service import MediaService

README = (Path(__file__).parents[2] / "media" / "README.md").read_text(encoding="utf-8")


def table(heading):
    """The first two columns of the table under a heading."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [(row[1], row[2].strip()) for row in re.finditer(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)]


def spelled(kind):
    def optional(each):
        return each.default is not MISSING or each.default_factory is not MISSING

    return kind.__name__, ", ".join(each.name + "?" * optional(each) for each in fields(kind))


async def test_the_example_runs():
    """The code block of the README, with a fake engine, a phone's offer and a caller who presses 2."""
    code = README.split("```python\n", 1)[1].split("```", 1)[0]
    engine = FakeEngine(record_files=False)
    world = {
        **vars(negotiation),
        **vars(routes),
        "MediaService": MediaService,
        "PortKind": PortKind,
        "Path": Path,
        "negotiation": negotiation,
        "routes": routes,
        "sdp": sdp,
        "sdp_session": sdp_session,
        "native_engine": lambda *_: engine,
        "advertised": "198.51.100.9",
        "body": b"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n",
        "path": "call.wav",
    }
    before, bridging = code.split("media.submit", 1)
    parties = "caller, agent = port, media.reserve_port(PortKind.RTP, port.group)\nrecorder = media.recorder(port.group)\n"
    lines = f"{before}{parties}media.submit{bridging}".replace("\n", "\n    ")
    exec(f"async def example():\n    {lines}\n    return media, port, pressed", world)
    task = asyncio.create_task(world["example"]())
    while not engine.ports:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    engine.send_digits(next(iter(engine.ports)), "2")
    media, port, pressed = await task
    assert pressed == "2"
    assert engine.live["recorders"] == 1
    assert len(port.sources) == 1  # the agent
    media.close()


def test_commands():
    assert table("Commands") == [spelled(kind) for kind in COMMANDS]


def test_events():
    assert table("Events") == [spelled(kind) for kind in EVENTS]


def test_scenarios():
    named = {name for name, _ in table("Who hears whom")}
    written = {
        name for name, each in vars(routes).items() if getattr(each, "__module__", "") == routes.__name__ and name.islower()
    }
    assert named == written - {"monitored", "record_channels", "whisper_channels", "_hears"}


def test_the_map_names_every_module():
    folder = Path(__file__).parents[2] / "media"
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"} | {"sdp/", "negotiation/"}
    assert {name for name in modules if f"`{name}`" not in README} == set()
