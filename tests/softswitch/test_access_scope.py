"""Roles and scopes: who may do what, and on whom."""

from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, create_engine, select

from softswitch.access.filters import within
from softswitch.access.rights import GRANTS, Permission, may, rights_table, roles_with
from softswitch.access.scope import Scopes, scope_of
from softswitch.directory.model import Agent, Kind, Team, User
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.users import Principal
from softswitch.model.states import Role

TEAMS = {"li": ("one", ("sales", "vip")), "wu": ("one", ("sales",)), "ma": ("two", ("support",)), "qi": ("", ("vip",))}


def snapshot(*users: User) -> Snapshot:
    agents = [(Kind.AGENT, Agent(login=login, team=team, queues=queues)) for login, (team, queues) in TEAMS.items()]
    teams = [(Kind.TEAM, Team(name="one", leaders=("chen",))), (Kind.TEAM, Team(name="two"))]
    return Snapshot.of([*agents, *teams, *((Kind.USER, user) for user in users)])


def principal(user: User) -> Principal:
    return Principal(user.login, user.login, user.role)


@pytest.mark.parametrize(
    ("user", "agents", "queues"),
    [
        (User(login="root", role=Role.ADMINISTRATOR), {"li", "wu", "ma", "qi"}, {"sales", "vip", "support"}),
        (User(login="wang", role=Role.SUPERVISOR), {"li", "wu", "ma", "qi"}, {"sales", "vip", "support"}),
        (User(login="wang", role=Role.SUPERVISOR, teams=("two",)), {"ma"}, {"support"}),
        (User(login="qa", role=Role.QUALITY, queues=("vip",)), {"li", "qi"}, {"vip"}),
        (User(login="chen", role=Role.TEAM_LEADER), {"li", "wu"}, {"sales", "vip"}),
        (User(login="li", role=Role.TEAM_LEADER), {"li", "wu"}, {"sales", "vip"}),
        (User(login="new", role=Role.TEAM_LEADER), set(), set()),
        (User(login="li", role=Role.AGENT), {"li"}, {"sales", "vip"}),
    ],
    ids=lambda value: f"{value.role}-{value.login}" if isinstance(value, User) else "",
)
def test_who_sees_whom(user: User, agents: set[str], queues: set[str]) -> None:
    scope = scope_of(principal(user), snapshot(user))
    assert {login for login in TEAMS if scope.may_see_agent(login)} == agents
    assert {queue for queue in ("sales", "vip", "support") if scope.may_see_queue(queue)} == queues
    assert scope.may_see_agent(user.login), "everybody sees himself"


CALLS = [("li", "sales"), ("ma", "sales"), ("", "sales"), ("", "support"), ("ma", ""), ("", ""), ("qi", "vip"), ("", "vip")]


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        (User(login="chen", role=Role.TEAM_LEADER), [("li", "sales"), ("", "sales"), ("", "vip")]),
        (User(login="qa", role=Role.QUALITY, queues=("vip",)), [("li", "sales"), ("qi", "vip"), ("", "vip")]),
        (User(login="wang", role=Role.SUPERVISOR), CALLS),
    ],
    ids=lambda value: value.login if isinstance(value, User) else "",
)
def test_calls_of_the_scope_in_memory_and_in_sql_are_the_same(user: User, seen: list[tuple[str, str]]) -> None:
    scope = scope_of(principal(user), snapshot(user))
    assert [call for call in CALLS if scope.may_see_call(*call)] == seen
    table = Table("calls", MetaData(), Column("agent", String), Column("queue", String))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"agent": agent, "queue": queue} for agent, queue in CALLS])
        rows = connection.execute(select(table).where(within(scope, table.c.agent, table.c.queue)))
        assert [tuple(row) for row in rows] == seen


def test_a_changed_directory_changes_the_scope() -> None:
    scopes, user = Scopes(), User(login="wang", role=Role.SUPERVISOR, teams=("two",))
    first = snapshot(user)
    assert not scopes.of(principal(user), first).may_see_agent("li")
    assert scopes.of(principal(user), first) is scopes.of(principal(user), first)
    second = first.changed([(Kind.USER, User(login="wang", role=Role.SUPERVISOR))])
    assert scopes.of(principal(user), second).may_see_agent("li")


def test_a_program_named_like_a_person_is_not_that_person() -> None:
    scopes, user = Scopes(), User(login="crm", role=Role.SUPERVISOR, teams=("two",))
    view = snapshot(user)
    assert scopes.of(Principal("crm", "crm", Role.SUPERVISOR, program=True), view).everything
    assert not scopes.of(principal(user), view).everything


def test_rights_grow_with_the_role_and_nobody_gets_everything_by_accident() -> None:
    assert GRANTS[Role.AGENT] < GRANTS[Role.TEAM_LEADER] < GRANTS[Role.SUPERVISOR] < GRANTS[Role.ADMINISTRATOR]
    assert GRANTS[Role.ADMINISTRATOR] == set(Permission)
    assert roles_with(Permission.USER) == {Role.ADMINISTRATOR}
    assert roles_with(Permission.AUDIT) == {Role.AUDITOR, Role.ADMINISTRATOR}
    assert not may(Role.AUDITOR, Permission.RECORD_HEAR) and not may(Role.QUALITY, Permission.FORCE)


def test_the_table_of_the_readme_is_that_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "softswitch/access/README.md").read_text(encoding="utf-8")
    assert rights_table() in text, "copy softswitch.access.rights.rights_table()"
