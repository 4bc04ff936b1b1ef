"""Coming in: passwords and their locks, the second factor, sessions, LDAP, OpenID Connect."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import ldap3
import pyotp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from softswitch.access.entrance import Entrance
from softswitch.access.ldap import LdapDirectory
from softswitch.access.oidc import OidcProvider
from softswitch.access.outside import Away
from softswitch.config.settings import LdapSettings, OidcSettings
from softswitch.directory.credentials import CodeNeeded, Locked
from softswitch.directory.passwords import PasswordPolicy
from softswitch.directory.service import SCHEMA, Directory
from softswitch.directory.users import Origin, SignInRules, Users
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict, Forbidden, Invalid
from softswitch.model.states import Role
from softswitch.store.database import Store

GOOD = "blue kettle 9"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def directory(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Directory]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", (SCHEMA,))
    yield await Directory.open(store, clock, tmp_path)
    await store.close()


async def people(directory: Directory, clock: ManualClock, **rules: Any) -> Users:
    users = Users(directory, clock, HASHER, SignInRules(**rules))
    await users.add("root", "Root", Role.ADMINISTRATOR, "test")
    await users.add("li", "李伟", Role.AGENT, "test")
    return users


# passwords


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short 1", "at least 10 signs"), ("onlysmallletters", "expected 2 of"), ("aaaaaaaaaaB1", "5 different"),
        ("P@ssw0rd2024", "tries first"), ("qwertyuiop1", "tries first"), ("1234567890a", "tries first"),
        ("abcabcabcabc1d", ""), (GOOD, ""), ("x" * 2000 + "A1bcd", "at most"), ("wangxiaoming88", "tries first"),
    ],
)  # fmt: skip
def test_what_a_password_must_be(password: str, said: str) -> None:
    faults = list(PasswordPolicy().faults(password, "wangxiaoming"))
    assert (said in faults[0]) if said else not faults


def test_locks_grow_and_end() -> None:
    policy = PasswordPolicy(lock_after=3, lock_seconds=10, lock_most=60)
    assert [policy.locked_for(n) for n in (1, 2, 3, 4, 5, 6, 50)] == [0, 0, 10, 20, 40, 60, 60]
    assert PasswordPolicy(lock_after=0).locked_for(99) == 0


async def test_wrong_passwords_lock_the_login_and_time_unlocks_it(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await users.set_password("li", GOOD)
    for login in ("li", "nobody"):  # a login that does not exist behaves the same
        for _ in range(5):
            with pytest.raises(Forbidden, match="Login or password is wrong"):
                await users.sign_in(login, "wrong horse")
        with pytest.raises(Locked) as caught:
            await users.sign_in(login, GOOD)
        assert caught.value.seconds == 30
    clock.advance(30)
    assert await users.session(await users.sign_in("li", GOOD))
    with pytest.raises(Forbidden, match="Login or password"):
        await users.sign_in("li", "wrong horse")
    assert await users.session(await users.sign_in("li", GOOD)), "success forgets the failures"


async def test_former_passwords_do_not_come_back(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock, passwords=PasswordPolicy(history=2))
    for password in ("first kettle 1", "second kettle 2", "third kettle 3"):
        await users.set_password("li", password)
    for password in ("third kettle 3", "second kettle 2"):
        with pytest.raises(Invalid, match="another one than the last 2"):
            await users.set_password("li", password)
    await users.set_password("li", "first kettle 1")


async def test_an_old_password_must_be_changed_first(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock, passwords=PasswordPolicy(max_age_days=90))
    await users.set_password("li", GOOD)
    clock.advance(91 * 86_400)
    principal = await users.session(await users.sign_in("li", GOOD))
    assert principal and principal.duty == "password"
    with pytest.raises(Forbidden):
        await users.change_password("li", "wrong horse", "green kettle 8")
    await users.change_password("li", GOOD, "green kettle 8")
    principal = await users.session(await users.sign_in("li", "green kettle 8"))
    assert principal and principal.duty == ""


# the second factor


async def with_device(users: Users, login: str, clock: ManualClock) -> tuple[pyotp.TOTP, list[str]]:
    secret, uri = await users.credentials.enrol(login, "softswitch")
    assert uri.startswith("otpauth://totp/softswitch:") and secret in uri
    device = pyotp.TOTP(secret)
    codes = await users.credentials.confirm(login, device.at(int(clock.utc())))
    clock.advance(30)
    return device, codes


async def test_a_code_of_the_device_works_once(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await users.set_password("li", GOOD)
    device, _ = await with_device(users, "li", clock)
    with pytest.raises(CodeNeeded):
        await users.sign_in("li", GOOD)
    code = device.at(int(clock.utc()))
    outcomes = await asyncio.gather(*(users.sign_in("li", GOOD, code) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1, "the same code lets in once"
    clock.advance(3600)
    late = device.at(int(clock.utc()) - 90)
    for wrong in (late, "000000", "", "x" * 40):
        with pytest.raises(Forbidden):
            await users.sign_in("li", GOOD, wrong)
    with pytest.raises(Forbidden):
        await users.sign_in("li", "wrong horse", device.at(int(clock.utc())))


async def test_a_recovery_code_replaces_a_lost_device_once(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await users.set_password("li", GOOD)
    _, codes = await with_device(users, "li", clock)
    assert len(set(codes)) == 10 and (await users.credentials.standing("li")).recovery_left == 10
    assert await users.sign_in("li", GOOD, codes[3].upper())
    with pytest.raises(Forbidden):
        await users.sign_in("li", GOOD, codes[3])
    assert (await users.credentials.standing("li")).recovery_left == 9
    await users.credentials.remove_second_factor("li")
    assert await users.sign_in("li", GOOD)


async def test_a_device_counts_only_after_its_first_code(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await users.set_password("li", GOOD)
    with pytest.raises(Conflict):
        await users.credentials.confirm("li", "000000")
    await users.credentials.enrol("li", "softswitch")
    with pytest.raises(Forbidden):
        await users.credentials.confirm("li", "000000")
    assert await users.sign_in("li", GOOD), "not set up yet: nobody is locked out by half a set-up"


async def test_who_must_have_a_second_factor_sets_it_up_first(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock, second_factor="administrators")
    cookie = await users.redeem_link(await users.make_link("root"))
    principal = await users.session(cookie)
    assert principal and principal.duty == "second_factor"
    await with_device(users, "root", clock)
    principal = await users.session(cookie)
    assert principal and principal.duty == ""
    other = await users.session(await users.redeem_link(await users.make_link("li")))
    assert other and other.duty == ""


async def test_a_stolen_database_has_no_device_secrets(directory: Directory, clock: ManualClock, tmp_path: Path) -> None:
    users = await people(directory, clock)
    device, codes = await with_device(users, "li", clock)
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("s.db*"))
    assert device.secret.encode() not in raw and not any(code.encode() in raw for code in codes)


# sessions


async def test_an_unused_session_ends_and_an_open_page_keeps_it(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock, idle_seconds=600)
    asleep = await users.open_session("li", "link")
    awake = await users.open_session("li", "link")
    for _ in range(15):
        clock.advance(100)
        await users.roles_of([awake])  # what the sockets of pages do
    assert await users.session(asleep) is None and await users.session(awake) is not None


async def test_sessions_are_listed_and_ended(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    here = await users.open_session("li", "password", Origin("192.0.2.7", "Firefox"))
    there = await users.open_session("li", "link")
    await users.open_session("root", "link")
    views = await users.sessions("li")
    assert {(view.address, view.client, view.how) for view in views} == {("192.0.2.7", "Firefox", "password"), ("", "", "link")}
    assert not any(cookie in repr(views) for cookie in (here, there))
    (phone,) = [view for view in views if view.address]
    assert await users.end_sessions("root", phone.id) == 0, "not the own one"
    assert await users.end_sessions("li", phone.id) == 1 and await users.session(here) is None
    assert await users.end_sessions("li", "%") == 0
    assert await users.end_sessions("li", but=there) == 0 and await users.session(there) is not None


async def test_there_is_always_an_administrator(directory: Directory, clock: ManualClock) -> None:
    from dataclasses import replace

    users = await people(directory, clock)
    root = users.user("root")
    for attempt in (
        users.update(replace(root, role=Role.AGENT), "t"),
        users.update(replace(root, disabled=True), "t"),
        users.remove("root", "t"),
    ):
        with pytest.raises(Conflict, match="one administrator"):
            await attempt
    await users.add("second", "", Role.ADMINISTRATOR, "t")
    await users.remove("root", "t")
    with pytest.raises(Invalid, match="teams"):
        await users.update(replace(users.user("li"), teams=("none",)), "t")


# LDAP

LDAP = LdapSettings(
    url="ldaps://dc.shop.example", base="dc=shop,dc=example", user="cn=finder,dc=shop,dc=example", password="finds",
    roles=("administrator=CN=Admins,ou=groups,dc=shop,dc=example", "supervisor=leaders", "agent=staff"),
)  # fmt: skip


def mock_directory(users: list[dict[str, Any]]) -> Any:
    server = ldap3.Server("mock")

    def connect(user: str, password: str) -> Any:
        connection = ldap3.Connection(server, user=user, password=password, client_strategy=ldap3.MOCK_SYNC, check_names=False)
        connection.strategy.add_entry("cn=finder,dc=shop,dc=example", {"userPassword": "finds", "sn": "f"})
        for entry in users:
            connection.strategy.add_entry(entry["dn"], entry)
        return connection if connection.bind() else None

    return connect


def person(login: str, group: str, **more: Any) -> dict[str, Any]:
    return {"dn": f"uid={login},dc=shop,dc=example", "uid": login,
            "userPassword": f"{login} kettle", "displayName": login.title(),
            "memberOf": group, "mail": f"{login}@shop.example", **more}  # fmt: skip


STAFF = [
    person("anna", "CN=staff,ou=groups"),
    person("bert", "CN=Leaders,dc=x"),
    person("out", "CN=guests,dc=x"),
    person("root", "CN=staff"),
]


async def test_ldap_people_become_users_with_the_role_of_their_group(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await users.set_password("root", GOOD)
    entrance = Entrance(users, LdapDirectory(LDAP, mock_directory(STAFF)))
    anna = await users.session(await entrance.sign_in("anna", "anna kettle"))
    assert anna and (anna.login, anna.name, anna.role) == ("anna", "Anna", Role.AGENT)
    bert = await users.session(await entrance.sign_in("BERT", "bert kettle"))
    assert bert and (bert.login, bert.role) == ("bert", Role.SUPERVISOR) and users.user("bert").mail == "bert@shop.example"
    (view,) = await users.sessions("bert")
    assert view.how == "ldap"
    for login, password in (
        ("anna", "wrong"),
        ("anna", ""),
        ("out", "out kettle"),
        ("*", "anna kettle"),
        ("anna)(uid=*", "x"),
        ("", "x"),
    ):
        with pytest.raises(Forbidden):
            await entrance.sign_in(login, password)
    assert await users.session(await entrance.sign_in("root", GOOD)), "a password here goes first"
    with pytest.raises(Forbidden):
        await entrance.sign_in("root", "root kettle")
    assert "out" not in {user.login for user in users.all()}


async def test_a_group_that_changed_changes_the_role(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)
    await Entrance(users, LdapDirectory(LDAP, mock_directory([person("anna", "CN=leaders")]))).sign_in("anna", "anna kettle")
    entrance = Entrance(users, LdapDirectory(LDAP, mock_directory([person("anna", "CN=staff")])))
    cookie = await entrance.sign_in("anna", "anna kettle")
    principal = await users.session(cookie)
    assert principal and principal.role is Role.AGENT
    await users.disable("anna", "test")
    with pytest.raises(Forbidden, match="disabled"):
        await entrance.sign_in("anna", "anna kettle")


async def test_an_ldap_server_that_is_away_is_said(directory: Directory, clock: ManualClock) -> None:
    users = await people(directory, clock)

    def away(_user: str, _password: str) -> Any:
        raise OSError("no route")

    for connect in (away, lambda _u, _p: None):
        with pytest.raises(Away):
            await Entrance(users, LdapDirectory(LDAP, connect)).sign_in("anna", "anna kettle")
    for settings in ({"url": "http://x"}, {"filter": "(uid=x)"}, {"roles": ("boss=x",)}, {"roles": ("api=x",)}):
        with pytest.raises(ValueError, match="expected"):
            LdapDirectory(LdapSettings(**{"url": "ldaps://x", **settings}))


# OpenID Connect


class Provider:
    """A small OpenID provider: one person, who always agrees."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
        self.claims: dict[str, Any] = {
            "preferred_username": "anna@shop.example",
            "name": "Anna",
            "groups": ["staff"],
            "email": "a@shop.example",
        }
        self.asked: dict[str, str] = {}
        self.signed_by = self.key
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self.describe)
        app.router.add_get("/keys", self.keys)
        app.router.add_post("/token", self.token)
        self.server = TestServer(app)

    @property
    def issuer(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    async def describe(self, _: web.Request) -> web.Response:
        return web.json_response({"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                                  "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys"})  # fmt: skip

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response(KeySet([self.key]).as_dict(private=False))

    def agree(self, address: str) -> str:
        """What the browser brings back: the code. The challenge is kept as RFC 7636 wants it."""
        self.asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        return "the-code"

    async def token(self, request: web.Request) -> web.Response:
        import base64
        import hashlib

        form = await request.post()
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            form["code"] != "the-code"
            or challenge != self.asked["code_challenge"]
            or self.asked["code_challenge_method"] != "S256"
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(self.clock.utc())
        claims = {
            "iss": self.issuer,
            "aud": "softswitch",
            "sub": "1",
            "exp": now + 300,
            "iat": now,
            "nonce": self.asked["nonce"],
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.signed_by)
        return web.json_response({"access_token": "a", "token_type": "Bearer", "id_token": token})


@pytest.fixture
async def provider(clock: ManualClock) -> AsyncIterator[Provider]:
    made = Provider(clock)
    await made.server.start_server()
    yield made
    await made.server.close()


async def oidc(provider: Provider, directory: Directory, clock: ManualClock) -> Entrance:
    settings = OidcSettings(issuer=provider.issuer, roles=("supervisor=leaders", "agent=staff"))
    return Entrance(await people(directory, clock), oidc=OidcProvider(settings, directory.cipher, clock))


BACK = "https://us.example/api/v1/auth/oidc/callback"


async def test_openid_people_come_in(provider: Provider, directory: Directory, clock: ManualClock) -> None:
    entrance = await oidc(provider, directory, clock)
    address, sealed = await entrance.oidc.begin(BACK)
    code = provider.agree(address)
    assert provider.asked["redirect_uri"] == BACK and provider.asked["scope"] == "openid profile email"
    assert "verifier" not in json.dumps(sealed)
    users = Users(directory, clock, HASHER)
    principal = await users.session(await entrance.finish_oidc(sealed, code, provider.asked["state"]))
    assert principal and (principal.login, principal.name, principal.role) == ("anna", "Anna", Role.AGENT)


@pytest.mark.parametrize(
    "what", ["state", "code", "nonce", "audience", "expired", "key", "group", "login", "cookie", "late", "issuer"]
)
async def test_what_does_not_fit_together_lets_nobody_in(
    what: str, provider: Provider, directory: Directory, clock: ManualClock
) -> None:
    entrance = await oidc(provider, directory, clock)
    address, sealed = await entrance.oidc.begin(BACK)
    code = provider.agree(address)
    state = provider.asked["state"]
    match what:
        case "state":
            state = "another"
        case "code":
            code = "another"
        case "nonce":
            provider.claims["nonce"] = "another"
        case "audience":
            provider.claims["aud"] = "another"
        case "expired":
            provider.claims["exp"] = int(clock.utc()) - 300
        case "key":
            provider.signed_by = RSAKey.generate_key(2048, {"kid": "k1"})
        case "group":
            provider.claims["groups"] = ["guests"]
        case "login":
            provider.claims["preferred_username"] = "../../etc"
        case "cookie":
            sealed = (await entrance.oidc.begin(BACK))[1]
        case "late":
            clock.advance(601)
        case "issuer":
            provider.claims["iss"] = "https://other.example"
    with pytest.raises(Forbidden):
        await entrance.finish_oidc(sealed, code, state)
    assert "anna" not in directory.current().users


async def test_a_provider_that_is_away_is_said(provider: Provider, directory: Directory, clock: ManualClock) -> None:
    entrance = await oidc(provider, directory, clock)
    await provider.server.close()
    with pytest.raises(Away):
        await entrance.oidc.begin(BACK)
    with pytest.raises(ValueError, match="https"):
        OidcProvider(OidcSettings(issuer="http://idp.example"), directory.cipher, clock)
