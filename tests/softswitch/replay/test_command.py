"""`softswitch replay` from the shell: a day in the journal, a file with another configuration."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from softswitch.acd.settings import config_of
from softswitch.cli import app
from softswitch.config.load import load
from softswitch.directory.service import SCHEMA, Directory
from softswitch.model.errors import Invalid
from softswitch.model.events import Event, to_dict
from softswitch.observe.clock import SystemClock
from softswitch.replay.command import span
from softswitch.store.database import Store
from softswitch.store.tables import journal
from tests.support.acd_day import MORNING, DayMaker

QUEUES = "".join(f'[[queue]]\nname = "{name}"\nwrap_up = 10\n' for name in ("sales", "service", "vip"))
AGENTS = "".join(f'[[agent]]\nlogin = "agent{n}"\nqueues = ["sales", "service", "vip"]\n' for n in range(12))
runner = CliRunner()


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOFTSWITCH_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "now.toml").write_text(QUEUES + AGENTS)
    assert runner.invoke(app, ["apply", "now.toml"]).exit_code == 0
    asyncio.run(record_a_day())


async def record_a_day() -> None:
    settings = load(None, {"SOFTSWITCH_DATA_DIR": str(Path("data").resolve())}, None, None)
    store = await Store.open(settings.database_url, (SCHEMA,))
    try:
        directory = await Directory.open(store, SystemClock(), settings.data_dir)
        events = DayMaker(config_of(directory.current()), 300, 3600.0).make()
        await store.write(lambda connection: connection.execute(journal.insert(), [row(event) for event in events]))
    finally:
        await store.close()


def row(event: Event) -> dict[str, object]:
    data = {key: value for key, value in to_dict(event).items() if key not in ("type", "at", "call", "seq")}
    return {"call": event.call, "seq": event.seq, "type": event.type, "at": event.at, "data": json.dumps(data)}


def replay(*arguments: str) -> str:
    begin = datetime.fromtimestamp(MORNING - 60, UTC).isoformat()
    result = runner.invoke(app, ["replay", "--from", begin, *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_the_present_configuration_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "same.toml").write_text('[[queue]]\nname = "sales"\nwrap_up = 10\n')
    found = json.loads(replay("--with", "same.toml", "--check", "--json"))
    assert found["decisions"] > 100
    assert (found["changed"], found["reproduced"]) == (0, 1.0)
    assert all(entry["before"] == entry["after"] for entry in found["queues"])


def test_another_strategy_of_one_queue_is_reported(tmp_path: Path) -> None:
    (tmp_path / "try.toml").write_text('[[queue]]\nname = "sales"\nstrategy = "linear"\nwrap_up = 60\n')
    text = replay("--queue", "sales", "--with", "try.toml")
    assert text.startswith("queue sales\n")
    assert "queue service" not in text
    assert "decisions came out otherwise" in text
    assert runner.invoke(app, ["replay", "--queue", "none", "--with", "try.toml"]).exit_code == 1


def test_yesterday_is_the_span_when_nothing_else_is_said() -> None:
    now = datetime(2026, 11, 22, 11, 30, tzinfo=UTC)
    since, until = span("", "", now)
    assert datetime.fromtimestamp(since, UTC) == datetime(2026, 11, 21, tzinfo=UTC)
    assert until - since == 86_400
    assert span("2026-11-20T09:00", "2026-11-20T10:00", now) == (
        datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp(), datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp(),
    )  # fmt: skip
    for begin, end in (("yesterday", ""), ("2026-11-20", "2026-11-19")):
        with pytest.raises(Invalid):
            span(begin, end, now)
