"""The commands as a shell sees them: output, exit status, and what is (not) in the database afterwards."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from softswitch.cli import app
from softswitch.config.settings import SETTINGS

FILE = '[[extension]]\nnumber = "1001"\n[[number]]\nnumber = "9196"\nto = "echo"\n'
runner = CliRunner()


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOFTSWITCH_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "a.toml").write_text(FILE)


def call(*arguments: str, status: int = 0, stdin: str | None = None) -> tuple[list[str], list[str]]:
    result = runner.invoke(app, list(arguments), input=stdin)
    assert result.exit_code == status, (result.output, result.exception)
    return result.stdout.splitlines(), result.stderr.splitlines()


def test_check_needs_no_database(tmp_path: Path) -> None:
    assert call("check", "a.toml") == (["a.toml: 2 objects, no mistakes"], [])
    assert not (tmp_path / "data").exists()


def test_a_refused_file_changes_nothing_and_every_line_is_on_stderr(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(FILE + '[[number]]\nnumber = "1"\nto = "flow:none"\n[[quue]]\nname = "x"\n')
    expected = [
        'bad.toml:8: number[1].to: expected an existing flow, got "none"',
        "bad.toml:9: quue: expected one of the tables, got an unknown key (did you mean queue?)",
    ]
    assert call("check", "bad.toml", status=1) == ([], expected)
    assert call("apply", "bad.toml", status=1) == ([], expected)
    out, _ = call("apply", "a.toml", "--dry-run")
    assert out[-1] == "2 to create, 0 to update, 0 to delete, 0 unchanged"


def test_a_broken_flow_is_refused_with_flow_and_node(tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(
        '[[flow]]\nname = "main"\nstart = "a"\n[flow.nodes.a]\nverb = "answer"\nnext = "nowhere"\n'
    )
    _, (line,) = call("check", "f.toml", status=1)
    assert line.startswith("f.toml:6: flow[0].nodes.a.next: ") and "main" in line and "nowhere" in line


def test_apply_shows_a_generated_secret_once() -> None:
    out, _ = call("apply", "a.toml")
    assert out[:3] == ["+ extension 1001", "+ number 9196", "2 to create, 0 to update, 0 to delete, 0 unchanged"]
    assert re.fullmatch(r"  extension 1001: [a-z2-9]{20}", out[-1])
    assert call("apply", "a.toml")[0] == ["0 to create, 0 to update, 0 to delete, 2 unchanged"]


def test_prune_without_a_terminal_does_not_ask(tmp_path: Path) -> None:
    call("apply", "a.toml")
    (tmp_path / "b.toml").write_text('[[extension]]\nnumber = "1001"\n')
    assert call("apply", "b.toml", "--prune", "--dry-run")[0][0] == "- number 9196"
    assert call("apply", "b.toml", "--prune")[0][0] == "- number 9196"
    assert call("apply", "b.toml", "--prune")[0] == ["0 to create, 0 to update, 0 to delete, 1 unchanged"]


def test_users_and_tokens() -> None:
    (link,), _ = call("user", "add", "root", "--role", "administrator")
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/login#code=[\w-]{43}", link)
    assert call("user", "add", "root", status=1)[1] == ["There is a user root already"]
    assert call("user", "link", "nobody", status=1)[1] == ["There is no user nobody"]
    assert call("user", "password", "root", stdin="short\n", status=1)[1] == ["password: expected at least 10 signs, got 5"]
    call("user", "password", "root", stdin="long enough\n")
    call("user", "disable", "root")
    assert call("user", "list")[0] == ["root\tadministrator\tdisabled\troot"]
    (secret,), _ = call("token", "add", "crm")
    assert len(secret) == 43 and call("token", "list")[0] == ["crm\tapi"]
    call("token", "revoke", "crm")
    assert call("token", "list")[0] == []
    call("user", "add", "x", "--role", "api", status=2)


def test_config_shows_every_key_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTSWITCH_SIP__MAX_CALLS", "9")
    out, _ = call("config")
    assert [line.split(" = ")[0] for line in out[::2]] == [setting.key for setting in SETTINGS]
    assert "sip.max_calls = 9 calls" in out and any(line.endswith("[SOFTSWITCH_SIP__MAX_CALLS]") for line in out)


def test_a_wrong_setting_stops_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTSWITCH_MEDIA__PORTS", "few")
    line = 'SOFTSWITCH_MEDIA__PORTS: media.ports: expected "FIRST-LAST" with ports 1 to 65535, got "few"'
    for command in (["config"], ["check", "a.toml"], ["run"], ["user", "list"]):
        assert call(*command, status=1)[1] == [line]


def test_a_database_that_cannot_be_opened_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTSWITCH_DATABASE__URL", "mysql://h/db")
    assert call("user", "list", status=1)[1] == ["expected sqlite:///PATH or postgresql://…, got 'mysql://h/db'"]
    monkeypatch.setenv("SOFTSWITCH_DATABASE__URL", "sqlite:////proc/nothing/x.db")
    assert len(call("user", "list", status=1)[1]) == 1


def test_wrong_usage_is_status_2() -> None:
    call("apply", status=2)
    call("dance", status=2)


def test_the_audit_is_verified_from_the_shell(tmp_path: Path) -> None:
    import sqlite3

    call("apply", "a.toml")
    (line,), _ = call("audit", "verify")
    assert line.startswith("2 entries, all as they were written; head 2:")
    database = sqlite3.connect(tmp_path / "data" / "softswitch.db")
    with database:
        database.execute("update audit set data = replace(data, '9196', '9197'), object = 'number:9197' where id = 2")
    database.close()
    _, (line,) = call("audit", "verify", status=1)
    assert line == "Entry 2: the row is not what was written; 1 entries before it are as they were written."
