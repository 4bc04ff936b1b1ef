"""Signing in: links once and not late, sessions, passwords, tokens, and what a stolen database is worth."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from softswitch.directory.service import SCHEMA, Directory
from softswitch.directory.users import LINK_SECONDS, SESSION_SECONDS, Users, csrf_fits, csrf_of
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.states import Role
from softswitch.store.database import Store
from tests.support.contents import contents


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def users(tmp_path: Path, clock: ManualClock, url: str) -> AsyncIterator[Users]:
    store = await Store.open(url, (SCHEMA,))
    made = Users(await Directory.open(store, clock, tmp_path), clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    await made.add("wang", "王", Role.SUPERVISOR, "test")
    yield made
    await store.close()


async def test_a_link_signs_in_once(users: Users) -> None:
    code = await users.make_link("wang")
    outcomes = await asyncio.gather(*(users.redeem_link(code) for _ in range(5)), return_exceptions=True)
    cookies = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(cookies) == 1 and sum(isinstance(outcome, Forbidden) for outcome in outcomes) == 4
    principal = await users.session(cookies[0])
    assert principal is not None and (principal.login, principal.role, principal.agent) == ("wang", Role.SUPERVISOR, False)


async def test_a_link_is_worthless_after_fifteen_minutes(users: Users, clock: ManualClock) -> None:
    code = await users.make_link("wang")
    clock.advance(LINK_SECONDS)
    with pytest.raises(Forbidden):
        await users.redeem_link(code)


async def test_sessions_end_by_time_by_signing_out_and_by_disabling(users: Users, clock: ManualClock) -> None:
    first, second, third = [await users.redeem_link(await users.make_link("wang")) for _ in range(3)]
    await users.end_session(first)
    assert await users.session(first) is None and await users.session(second) is not None
    clock.advance(SESSION_SECONDS)
    assert await users.session(second) is None
    fresh = await users.redeem_link(await users.make_link("wang"))
    waiting = await users.make_link("wang")
    await users.disable("wang", "test")
    assert await users.session(fresh) is None and await users.session(third) is None
    for attempt in (users.redeem_link(waiting), users.make_link("wang")):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_password_works_only_when_one_was_set(users: Users) -> None:
    for attempt in ("", "correct horse"):
        with pytest.raises(Forbidden):
            await users.sign_in("wang", attempt)
    await users.set_password("wang", "correct horse")
    assert await users.session(await users.sign_in("wang", "correct horse")) is not None
    for login, attempt in (("wang", "wrong horse"), ("nobody", "correct horse")):
        with pytest.raises(Forbidden, match="Login or password is wrong"):
            await users.sign_in(login, attempt)
    with pytest.raises(Invalid, match="at least 10"):
        await users.set_password("wang", "short")


async def test_a_token_works_until_it_is_revoked(users: Users) -> None:
    secret = await users.add_token("crm", Role.API, "test")
    principal = await users.token(secret)
    assert principal is not None and (principal.actor, principal.role) == ("token:crm", Role.API)
    assert await users.token(secret + "x") is None
    with pytest.raises(Conflict):
        await users.add_token("crm", Role.API, "test")
    await users.revoke_token("crm", "test")
    assert await users.token(secret) is None
    with pytest.raises(NotFound):
        await users.revoke_token("crm", "test")


async def test_a_stolen_database_holds_nothing_to_sign_in_with(users: Users) -> None:
    code = await users.make_link("wang")
    cookie = await users.redeem_link(await users.make_link("wang"))
    token = await users.add_token("crm", Role.API, "test")
    await users.set_password("wang", "correct horse")
    raw = await contents(users._store)
    assert "wang" in raw and not any(secret in raw for secret in (code, cookie, token, "correct horse"))


def test_the_csrf_token_follows_from_the_cookie() -> None:
    assert csrf_fits("cookie", csrf_of("cookie"))
    assert not csrf_fits("cookie", csrf_of("other")) and not csrf_fits("cookie", "ü")


async def test_octets_that_are_no_text_are_nobodys_secret(users: Users) -> None:
    assert await users.session("\udcff") is None
    assert await users.token("\udcff") is None
    assert not csrf_fits("cookie", "\udcff")
