"""The apply file: what is refused and with which words, what a plan says, what lies in the database afterwards."""
# ruff: noqa: E501 - expected lines stay whole

import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from softswitch.config.problems import Refused
from softswitch.directory.apply import ApplyFile, Rules, read_apply_file
from softswitch.directory.model import FlowFault
from softswitch.directory.secrets import LocalSources, digest_of, ha1
from softswitch.directory.service import SCHEMA, Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.users import Users
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict
from softswitch.model.events import AdminChanged, Event
from softswitch.model.states import Role
from softswitch.store.calls import audit_trail
from softswitch.store.database import Store
from tests.support.contents import contents

WHOLE = """
[[trunk]]
name = "carrier"
addresses = ["192.0.2.1", "192.0.2.2:5080"]
username = "acc"
password = "trunk-secret"
register = true
[trunk.limits]
channels = 30
[[extension]]
number = "1001"
password = "phone-secret"
name = "Front desk"
[[agent]]
login = "li"
name = "李"
queues = ["sales"]
[[queue]]
name = "sales"
overflow = "extension:1001"
[[flow]]
name = "main"
start = "bye"
[flow.nodes.bye]
verb = "hangup"
[[number]]
number = "4008001000"
to = "flow:main"
[[route]]
pattern = "0*"
trunks = ["carrier"]
[[user]]
login = "wang"
role = "supervisor"
[[token]]
name = "crm"
role = "api"
"""


def refused(text: str, rules: Rules | None = None, base: Snapshot | None = None) -> list[str]:
    with pytest.raises(Refused) as caught:
        read_apply_file(text, "a.toml", rules or Rules(), base)
    return [str(problem) for problem in caught.value.problems]


def read(text: str, base: Snapshot | None = None, **rules: Any) -> ApplyFile:
    return read_apply_file(text, "a.toml", Rules(**rules), base)


def test_the_error_line_of_the_interface_document() -> None:
    trunks = '[[trunk]]\nname = "a"\n[[trunk]]\nname = "b"\n[[trunk]]\nname = "c"\n'
    assert refused(trunks + "addresses = [\n  5060,\n]\n") == [
        'a.toml:8: trunk[2].addresses: expected "host" or "host:port", got 5060'
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[trunk]]\nname = 1\n", "a.toml:2: trunk[0].name: expected a name (letters, digits, _ . -), got 1"),
        ("[[queue]]\nwrap_up = 3\n", "a.toml:1: queue[0].name: expected a name, got nothing"),
        ('[[queue]]\nname = "q"\nwrapup = 3\n', "a.toml:3: queue[0].wrapup: expected a key of [[queue]], got an unknown key (did you mean wrap_up?)"),
        ('[[queues]]\nname = "q"\n', "a.toml:1: queues: expected one of the tables, got an unknown key (did you mean queue?)"),
        ('[queue]\nname = "q"\n', "a.toml:1: queue: expected [[queue]], got [queue]"),
        ('[[queue]]\nname = "q"\nrecord = "yes"\n', 'a.toml:3: queue[0].record: expected true or false, got "yes"'),
        ('[[queue]]\nname = "q"\nring_timeout = 0\n', "a.toml:3: queue[0].ring_timeout: expected seconds from 1 to 600, got 0"),
        ('[[queue]]\nname = "q"\nstrategy = "best"\n', 'a.toml:3: queue[0].strategy: expected one of longest_idle, got "best"'),
        ('[[agent]]\nlogin = "li"\nqueues = ["sales"]\n', 'a.toml:3: agent[0].queues: expected an existing queue, got "sales"'),
        ('[[agent]]\nlogin = "li"\nstation = "extension:9"\n', 'a.toml:3: agent[0].station: expected an existing extension, got "9"'),
        ('[[agent]]\nlogin = "li"\nstation = "desk"\n', 'a.toml:3: agent[0].station: expected "browser", "extension:NUMBER" or "outside:NUMBER", got "desk"'),
        ('[[route]]\npattern = "0*"\ntrunks = ["x"]\n', 'a.toml:3: route[0].trunks: expected an existing trunk, got "x"'),
        ('[[number]]\nnumber = "1"\nto = "queue:none"\n', 'a.toml:3: number[0].to: expected an existing queue, got "none"'),
        ('[[number]]\nnumber = 4008001000\nto = "echo"\n', "a.toml:2: number[0].number: expected a number as a string (digits, letters, + # * - . _), got 4008001000"),
        ('[[number]]\nnumber = "1"\nto = "agent:li"\n', 'a.toml:3: number[0].to: expected a destination of flow queue extension outside conference voicemail callback application group page echo hangup, got "agent:li"'),
        ('[[user]]\nlogin = "w"\nrole = "boss"\n', 'a.toml:3: user[0].role: expected one of agent team_leader quality auditor supervisor administrator, got "boss"'),
        ('[[trunk]]\nname = "t"\nregister = true\n', "a.toml:1: trunk[0].username: expected an account to register with, got nothing"),
        ('[[trunk]]\nname = "t"\nusername = "u"\n', "a.toml:1: trunk[0].password: expected the password of u, got nothing"),
        ('[[queue]]\nname = "q"\n\n[[queue]]\nname = "q"\n', 'a.toml:5: queue[1].name: expected each queue once, got "q" again (line 1)'),
        ("[[queue]\n", "a.toml:1: expected TOML, got: expected ']]' at the end of an array declaration"),
        ('[[extension]]\nnumber = "1"\npassword = "env:NOT_SET"\n', 'a.toml:3: extension[0].password: expected the value itself, got "env:NOT_SET", which only works from the command line'),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_line_key_and_what_was_expected(text: str, line: str) -> None:
    assert refused(text) == [line]


def test_an_unknown_profile_key_is_refused_at_its_line() -> None:
    (line,) = refused('[[trunk]]\nname = "t"\n[trunk.limits]\nchanels = 3\n')
    assert line.startswith("a.toml:4: trunk[0].limits.chanels: expected one of ")
    (line,) = refused('[[trunk]]\nname = "t"\nprofile = "acme"\n')
    assert line.startswith("a.toml:3: trunk[0].profile: expected one of the profiles ") and line.endswith('got "acme"')


def test_all_problems_come_at_once_and_one_cause_gives_one_line() -> None:
    text = (
        '[[queue]]\nname = "sales"\nrecord = 1\n[[agent]]\nlogin = "li"\nqueues = ["sales", "other"]\n[[user]]\nlogin = "x"\n'
    )
    assert [line.split(": ")[1] for line in refused(text)] == ["queue[0].record", "agent[0].queues", "user[0].role"]


def test_flow_faults_get_the_line_of_the_node() -> None:
    def check(tree: Mapping[str, Any], snapshot: Snapshot) -> list[FlowFault]:
        assert "sales" in snapshot.queues
        return [FlowFault(("nodes", "menu", "keys", "1"), 'flow "main", node "menu": key 1 leads nowhere')]

    text = '[[queue]]\nname = "sales"\n[[flow]]\nname = "main"\nstart = "menu"\n[flow.nodes.menu]\nverb = "menu"\nkeys = { 1 = "x" }\n'
    assert refused(text, Rules(flow=check)) == [
        'a.toml:8: flow[0].nodes.menu.keys.1: flow "main", node "menu": key 1 leads nowhere'
    ]


def test_a_flow_may_lie_in_a_yaml_file(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text("start: bye\nnodes:\n  bye: {verb: hangup, cause: normal}\n")
    file = read('[[flow]]\nname = "main"\nfile = "main.yaml"\n', sources=LocalSources(tmp_path, {}))
    (flow,) = [entry.item for entry in file.declared]
    assert flow.tree()["nodes"] == {"bye": {"verb": "hangup", "cause": "normal"}}  # type: ignore[union-attr]


@pytest.fixture
async def directory(tmp_path: Path, url: str) -> AsyncIterator[Directory]:
    store = await Store.open(url, (SCHEMA,))
    yield await Directory.open(store, ManualClock(), tmp_path)
    await store.close()


async def apply(directory: Directory, text: str, *, prune: bool = False) -> tuple[list[str], dict[str, str]]:
    file = read_apply_file(text, "a.toml", Rules(), directory.current(), prune=prune)
    plan = file.plan(directory.current(), prune=prune)
    return plan.lines(), await directory.apply(file, plan, "admin")


async def test_applying_twice_changes_nothing(directory: Directory) -> None:
    lines, secrets = await apply(directory, WHOLE)
    assert lines[0] == "+ trunk carrier" and lines[-1] == "10 to create, 0 to update, 0 to delete, 0 unchanged"
    assert list(secrets) == ["token crm"]
    version = directory.current().version
    lines, secrets = await apply(directory, WHOLE)
    assert lines == ["0 to create, 0 to update, 0 to delete, 10 unchanged"] and secrets == {}
    assert directory.current().version == version


async def test_what_was_applied_is_what_a_restart_reads(directory: Directory, tmp_path: Path) -> None:
    _, secrets = await apply(directory, WHOLE)
    again = (await Directory.open(directory.store, ManualClock(), tmp_path)).current()
    assert again == directory.current()
    trunk = again.trunks["carrier"]
    assert (trunk.password, trunk.overrides, trunk.register) == ("trunk-secret", {"limits": {"channels": 30}}, True)
    assert again.extensions["1001"].ha1 == ha1("1001", "softswitch", "phone-secret")
    assert again.queues["sales"].overflow == Destination.parse("extension:1001")
    assert (again.users["li"].role, again.users["li"].name) == (Role.AGENT, "李")
    assert again.tokens["crm"].digest == digest_of(secrets["token crm"])


async def test_no_secret_lies_readable_in_the_database(directory: Directory, tmp_path: Path) -> None:
    _, secrets = await apply(directory, WHOLE)
    raw = await contents(directory.store)
    assert "carrier" in raw
    hashed = ha1("1001", "softswitch", "phone-secret")
    for secret in ("trunk-secret", "phone-secret", secrets["token crm"], *hashed.values()):
        assert secret not in raw
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


async def test_a_missing_password_is_made_once_and_then_kept(directory: Directory) -> None:
    text = '[[extension]]\nnumber = "1001"\n'
    _, first = await apply(directory, text)
    assert directory.current().extensions["1001"].ha1 == ha1("1001", "softswitch", first["extension 1001"])
    kept = directory.current().extensions["1001"]
    _, second = await apply(directory, text + 'name = "Desk"\n')
    assert second == {} and directory.current().extensions["1001"].ha1 == kept.ha1


async def test_only_prune_deletes_and_never_what_was_made_by_hand(directory: Directory) -> None:
    await apply(directory, WHOLE)
    small = '[[extension]]\nnumber = "1001"\nname = "Front desk"\n'
    lines, _ = await apply(directory, small)
    assert lines == ["0 to create, 0 to update, 0 to delete, 1 unchanged"]
    await Users(directory, ManualClock()).add("root", "Root", Role.ADMINISTRATOR, "cli")
    lines, _ = await apply(directory, small, prune=True)
    assert "- trunk carrier" in lines and "- user li" in lines and lines[-1].endswith("9 to delete, 1 unchanged")
    assert list(directory.current().users) == ["root"] and not directory.current().trunks


async def test_a_reference_to_what_prune_deletes_is_refused(directory: Directory) -> None:
    await apply(directory, WHOLE)
    text = '[[agent]]\nlogin = "li"\nqueues = ["sales"]\n'
    read_apply_file(text, "a.toml", Rules(), directory.current())
    with pytest.raises(Refused, match='expected an existing queue, got "sales"'):
        read_apply_file(text, "a.toml", Rules(), directory.current(), prune=True)


async def test_a_changed_flow_gets_the_next_version(directory: Directory) -> None:
    await apply(directory, WHOLE)
    lines, _ = await apply(directory, WHOLE.replace('verb = "hangup"', 'verb = "hangup"\ncause = "busy"'))
    assert lines[0] == "~ flow main (nodes)"
    assert directory.current().flows["main"].version == 2


async def test_changes_are_audited_and_published_after_the_commit(directory: Directory, tmp_path: Path) -> None:
    seen: list[Event] = []
    told: list[int] = []
    watched = await Directory.open(directory.store, ManualClock(), tmp_path, seen.append)
    watched.on_change(lambda snapshot: told.append(snapshot.version))
    await apply(watched, '[[queue]]\nname = "sales"\n')
    await apply(watched, '[[queue]]\nname = "sales"\nwrap_up = 5\n')
    assert told == [1, 2]
    trail = await directory.store.read(lambda c: audit_trail(c, ["admin.changed"]))
    assert [(e.object, e.action, dict(e.detail), e.actor) for e in reversed(trail) if isinstance(e, AdminChanged)] == [
        ("queue:sales", "create", {}, "admin"), ("queue:sales", "update", {"fields": "wrap_up", "before.wrap_up": "30", "after.wrap_up": "5"}, "admin")
    ]  # fmt: skip
    assert seen == list(reversed(trail))


async def test_a_plan_on_an_old_state_is_refused(directory: Directory, tmp_path: Path) -> None:
    other = await Directory.open(directory.store, ManualClock(), tmp_path)
    await apply(other, '[[queue]]\nname = "sales"\n')
    with pytest.raises(Conflict):
        await apply(directory, '[[queue]]\nname = "support"\n')
    assert list((await directory.reload()).queues) == ["sales"]
