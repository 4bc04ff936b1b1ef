"""`softswitch flow`: check and try a file without a running switch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from softswitch.cli import app

TREE = {
    "name": "night",
    "start": "menu",
    "nodes": {
        "menu": {"verb": "menu", "prompts": ["main-menu"], "keys": {"1": "sales"}, "retries": 0, "no_input": "bye"},
        "sales": {"verb": "queue", "queue": "sales"},
        "bye": {"verb": "hangup"},
    },
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "centre.toml").write_text('[[queue]]\nname = "sales"\n')
    (tmp_path / "night.yaml").write_text(yaml.safe_dump(TREE))

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["flow", *arguments, "--with", "centre.toml"])
        return result.exit_code, result.output

    return call


def test_check(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("check", "night.yaml") == (0, "night.yaml: no mistakes\n")
    wrong = json.loads(json.dumps(TREE))
    wrong["nodes"]["sales"]["queue"] = "support"
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))
    code, output = run("check", "wrong.json")
    assert code == 1
    assert output == 'error: flow night, node sales: queue: there is no queue "support"\n'
    lonely = {**TREE, "nodes": {**TREE["nodes"], "bye": {"verb": "play", "prompts": ["mine"]}}}
    (tmp_path / "lonely.yaml").write_text(yaml.safe_dump(lonely))
    code, output = run("check", "lonely.yaml")
    assert code == 0
    assert "warning: flow night, node bye: nothing follows" in output
    assert "there is no prompt mine in zh-CN" in output


def test_check_of_an_apply_file_with_flows(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "flows.toml").write_text('[[flow]]\nname = "night"\nfile = "night.yaml"\n[[flow]]\nname = "x"\nstart = "a"\n')
    code, output = run("check", "flows.toml")
    assert code == 1
    assert "flow x: expected at least one node" in output


@pytest.mark.parametrize("name", ["none.yaml", "broken.yaml", "list.json"])
def test_files_that_cannot_be_read(run, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "list.json").write_text("[1]")
    code, output = run("check", name)
    assert code == 1
    assert name in output


def test_try(run) -> None:  # type: ignore[no-untyped-def]
    code, output = run("try", "night.yaml", "--key", "1")
    assert code == 0
    assert output.splitlines() == [
        "menu (menu): key  heard zh-CN/main-menu  pressed 1", "sales (queue): ended", "= ended at queue:sales after 3 s",
    ]  # fmt: skip
    code, output = run("try", "night.yaml", "--outcome", "menu=key:1", "--outcome", "sales=timeout")
    assert "sales (queue): timeout" in output
    code, output = run("try", "night.yaml", "--flow", "day")
    assert (code, "has no flow day" in output) == (1, True)


def test_an_apply_file_of_a_whole_centre_is_checked_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = '[flow.nodes]\nq = { verb = "queue", queue = "sales" }\n'
    Path("all.toml").write_text('[[queue]]\nname = "sales"\n[[flow]]\nname = "night"\nstart = "q"\n' + nodes)
    result = CliRunner().invoke(app, ["flow", "check", "all.toml"])
    assert (result.exit_code, result.output) == (0, "all.toml: no mistakes\n")
    result = CliRunner().invoke(app, ["flow", "try", "all.toml"])
    assert "= ended at queue:sales" in result.output
    assert not (tmp_path / "data").exists(), "nothing is asked of a database"
