"""A database that the release before wrote becomes one of this release, with everything in it."""

import sqlite3
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import inspect

from softswitch.directory.model import Agent
from softswitch.directory.secrets import ha1
from softswitch.directory.service import SCHEMA, Directory
from softswitch.directory.users import Users
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden
from softswitch.model.states import Role
from softswitch.store.database import Store

VECTORS = Path(__file__).parents[1] / "vectors"
COOKIE = "n_q0IRDgmG17rZ_N-KplnLSZ5Zj2i2RtLPYNvdrxACQ"


@pytest.fixture
def former(tmp_path: Path) -> Path:
    database = sqlite3.connect(tmp_path / "s.db")
    database.executescript((VECTORS / "directory-1.sql").read_text(encoding="utf-8"))
    database.close()
    (tmp_path / "secret.key").write_bytes(bytes(range(32)))
    return tmp_path


async def test_a_database_of_the_former_release_keeps_everything(former: Path) -> None:
    for _ in range(2):  # the second start has nothing left to do
        store = await Store.open(f"sqlite:///{former}/s.db", (SCHEMA,))
        current = (await Directory.open(store, ManualClock(), former)).current()
        await store.close()
    trunk = current.trunks["carrier"]
    assert (trunk.password, trunk.register, trunk.overrides) == ("trunk-secret", True, {"limits": {"channels": 30}})
    assert [str(address) for address in trunk.addresses] == ["192.0.2.1", "192.0.2.2:5080"]
    assert current.extensions["1001"].ha1 == ha1("1001", "softswitch", "phone-secret")
    assert current.agents["li"] == Agent(login="li", name="李", queues=("sales",)), "new keys have their defaults"
    assert (current.agents["wu"].station, current.agents["wu"].language) == ("extension:1001", "en")
    assert (current.queues["sales"].wrap_up, current.queues["sales"].overflow) == (12, Destination.parse("extension:1001"))
    assert current.queues["support"].overflow is None and current.queues["support"].record is True
    assert current.flows["main"].nodes == {"bye": {"verb": "hangup"}}
    assert current.number_for("4008001000") == Destination.parse("flow:main")
    assert current.routes["0*"].trunks == ("carrier",)
    assert {user.login: (user.role, user.disabled, user.declared) for user in current.users.values()} == {
        "li": (Role.AGENT, False, True), "wu": (Role.AGENT, False, True), "wang": (Role.SUPERVISOR, True, True),
        "root": (Role.ADMINISTRATOR, False, False),
    }  # fmt: skip
    assert current.version == 3


async def test_people_and_programs_sign_in_as_before(former: Path) -> None:
    store = await Store.open(f"sqlite:///{former}/s.db", (SCHEMA,))
    clock = ManualClock()
    users = Users(await Directory.open(store, clock, former), clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    assert await users.session(COOKIE) is not None, "who was signed in stays it"
    assert await users.session(await users.sign_in("root", "correct horse")) is not None
    with pytest.raises(Forbidden):
        await users.sign_in("wang", "")
    program = await users.token("a-secret-of-a-program")
    assert program is not None and program.login == "crm"
    tables = await store.read(lambda c: set(inspect(c).get_table_names()))
    assert not {"trunkrow", "userrow", "queuerow"} & tables
    await store.close()
