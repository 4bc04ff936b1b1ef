"""The command line. Exit status: 0 ok, 1 refused or failed, 2 usage. Results go to stdout, problems to stderr."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from softswitch.access.audit import Audit
from softswitch.access.rules import sign_in_rules
from softswitch.bootstrap import flow_command
from softswitch.bootstrap.certificate import self_signed
from softswitch.bootstrap.configuring import checks_of, read_file, sign_in_link
from softswitch.config.load import config_file, load
from softswitch.config.problems import Refused
from softswitch.config.settings import Settings
from softswitch.config.show import rows, settings_table
from softswitch.directory.service import SCHEMA, Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.directory.store import Action
from softswitch.directory.users import LINK_SECONDS, Users
from softswitch.ivr.trial import Caller
from softswitch.model.errors import SwitchError
from softswitch.model.states import Role
from softswitch.observe import logs
from softswitch.observe.clock import SystemClock
from softswitch.store.database import Store
from softswitch.store.schema import TooNew
from softswitch.store.trail import Verdict

ACTOR = "cli"
REFUSALS = (Refused, SwitchError, TooNew, SQLAlchemyError, OSError, ValueError)
"""What a command may end with because of its input or its surroundings; all else is a bug and shows its traceback."""
T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A pure-software SIP/WebRTC switch."
)
user_app = typer.Typer(no_args_is_help=True, help="People who may sign in.")
token_app = typer.Typer(no_args_is_help=True, help="Bearer tokens of programs.")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
audit_app = typer.Typer(no_args_is_help=True, help="The trail of what people did.")
app.add_typer(audit_app, name="audit")
flow_app = typer.Typer(no_args_is_help=True, help="Flows: check and try without a running switch.")
app.add_typer(flow_app, name="flow")

reports_app = typer.Typer(no_args_is_help=True, help="Figures of reports.")
app.add_typer(reports_app, name="reports")

Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else $SOFTSWITCH_CONFIG, else ./softswitch.toml.")
]
ApplyPath = Annotated[Path, typer.Argument(help="TOML file with trunks, extensions, queues, flows …")]
Login = Annotated[str, typer.Argument(help="The user's login.")]


def _fail(lines: object) -> NoReturn:
    typer.echo(str(lines), err=True)
    raise typer.Exit(1)


def _settings(config: Path | None, defaults: Mapping[str, object] | None = None) -> Settings:
    try:
        return load(config_file(config, os.environ), os.environ, None, defaults)
    except Refused as refused:
        _fail(refused)


def _run(work: Callable[[], Awaitable[T]]) -> T:
    """Runs a coroutine; what it refuses becomes a line on stderr and exit status 1."""

    async def guarded() -> T:
        return await work()

    try:
        return asyncio.run(guarded())
    except REFUSALS as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, SQLAlchemyError):
        _fail(f"The database cannot be used: {type(error).__name__}: {str(error).splitlines()[0]}")
    _fail(error)


@asynccontextmanager
async def _directory(settings: Settings) -> AsyncIterator[Directory]:
    logs.configure("warning", "console")
    store = await Store.open(settings.database_url, (SCHEMA,))
    try:
        yield await Directory.open(store, SystemClock(), settings.data_dir)
    finally:
        await store.close()


@app.command("version")
def version_command() -> None:
    """Print the version."""
    try:
        typer.echo(version("softswitch"))
    except PackageNotFoundError:
        typer.echo("0.1.0 (not installed)")


@app.command()
def config(
    config: Config = None, markdown: Annotated[bool, typer.Option(help="The reference as a Markdown table.")] = False
) -> None:
    """Print every setting with value, unit, help and origin."""
    if markdown:
        typer.echo(settings_table(), nl=False)
        return
    for row in rows(_settings(config)):
        unit = f" {row.unit}" if row.unit else ""
        typer.echo(f"{row.key} = {row.value}{unit}\n    {row.help} [{row.origin}]")


@app.command()
def check(file: ApplyPath, config: Config = None) -> None:
    """Check an apply file without a database; everything it refers to must be in the file."""
    settings = _settings(config)
    try:
        found = read_file(file, settings)
    except Refused as refused:
        _fail(refused)
    typer.echo(f"{file}: {sum(not entry.implied for entry in found.declared)} objects, no mistakes")


@app.command()
def apply(
    file: ApplyPath,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the file does not name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deletions.")] = False,
    config: Config = None,
) -> None:
    """Show the plan and apply the file in one transaction."""
    settings = _settings(config)

    async def work() -> None:
        async with _directory(settings) as directory:
            base = directory.current()
            found = read_file(file, settings, base, prune=prune)
            plan = found.plan(base, prune=prune)
            typer.echo("\n".join(plan.lines()))
            if dry_run:
                return
            deletions = len(plan.of(Action.DELETE))
            if deletions and not yes and sys.stdin.isatty() and not typer.confirm(f"Delete {deletions} objects?"):
                _fail("Nothing was changed.")
            _show_secrets(await directory.apply(found, plan, ACTOR))

    _run(work)


def _show_secrets(made: Mapping[str, str]) -> None:
    if made:
        typer.echo("New secrets, shown only now:")
        for label, secret in made.items():
            typer.echo(f"  {label}: {secret}")


@app.command()
def doctor(config: Config = None) -> None:
    """Check ports, clock, disk, files, certificate and codecs, and say what to do."""
    found = checks_of(_settings(config), running=False, codecs=_engine_codecs())
    for entry in found:
        typer.echo(f"{'ok  ' if entry.ok else 'FAIL'}  {entry.name}: {entry.text}")
        if entry.advice:
            typer.echo(f"      {entry.advice}")
    if not all(entry.ok for entry in found):
        raise typer.Exit(1)


def _engine_codecs() -> tuple[str, ...] | None:
    """The codecs of the built engine; None when it is not built."""
    from media.codecs import CODECS  # noqa: PLC0415
    from media.engine import is_built  # noqa: PLC0415

    if not is_built():
        return None
    return tuple(dict.fromkeys(codec.name for codec in CODECS if not codec.library))


@app.command()
def run(
    config: Config = None,
    apply: Annotated[Path | None, typer.Option("--apply", help="Apply this file before listening.")] = None,
) -> None:
    """Run the switch."""
    settings = _settings(config)
    logs.configure(settings.log.level, settings.log.format)
    _serve(settings, apply_file=apply, demo=False)


@app.command()
def demo(
    config: Config = None,
    lan: Annotated[bool, typer.Option("--lan", help="Bind all addresses, with a self-signed certificate.")] = False,
) -> None:
    """Run the switch with demo content and print sign-in links."""
    host = "0.0.0.0" if lan else "127.0.0.1"  # noqa: S104
    defaults: dict[str, Any] = {
        "sip.listen": [f"udp:{host}:5060", f"tcp:{host}:5060"], "http.listen": f"{host}:8080", "media.listen": host,
        "log.level": "warning",
    }  # fmt: skip
    settings = _settings(config, defaults)
    if lan and not settings.http.tls_cert:
        certificate, key = self_signed(settings.data_dir, datetime.now(UTC))
        settings = _settings(config, {**defaults, "http.tls_cert": str(certificate), "http.tls_key": str(key)})
    logs.configure(settings.log.level, settings.log.format)
    _serve(settings, apply_file=None, demo=True)


def _serve(settings: Settings, *, apply_file: Path | None, demo: bool) -> None:
    """Runs until a signal; the file-descriptor limit goes up to what the system allows first."""
    import uvloop  # noqa: PLC0415 - `check` and its like need neither loop nor engine

    from softswitch.bootstrap.serve import serve  # noqa: PLC0415

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        uvloop.run(serve(settings, apply_file=apply_file, demo=demo))
    except REFUSALS as error:
        _refuse(error)


# flows

FlowPath = Annotated[Path, typer.Argument(help="A tree in YAML or JSON, or an apply file with flows.")]
With = Annotated[
    Path | None,
    typer.Option(
        "--with",
        help="Apply file with the queues and mailboxes it names; else the file itself when it declares more than flows, "
        "else the database.",
    ),
]


def _surroundings(file: Path | None, settings: Settings) -> Snapshot:
    """What flows of a file find when they run."""
    if file is not None:
        try:
            return Snapshot.of([(entry.kind, entry.item) for entry in read_file(file, settings).declared])
        except Refused as refused:
            _fail(refused)

    async def stored() -> Snapshot:
        async with _directory(settings) as directory:
            return directory.current()

    return _run(stored)


@flow_app.command("check")
def flow_check(file: FlowPath, with_: With = None, config: Config = None) -> None:
    """Errors and warnings about flows; exit status 1 when there are errors."""
    settings = _settings(config)
    try:
        notes = flow_command.check(
            file, _surroundings(with_ or flow_command.whole(file), settings), settings.data_dir / "prompts"
        )
    except Refused as refused:
        _fail(refused)
    for note in notes:
        typer.echo(f"{note.level}: {note.text}")
    if any(note.level == "error" for note in notes):
        raise typer.Exit(1)
    typer.echo(f"{file}: no mistakes")


@flow_app.command("try")
def flow_try(
    file: FlowPath,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Pressed when the flow listens; repeat, '' is silence.")
    ] = None,
    flow: Annotated[str, typer.Option(help="Which flow, when the file has several.")] = "",
    caller: Annotated[str, typer.Option(help="The calling number.")] = "13800138000",
    called: Annotated[str, typer.Option(help="The called number.")] = "4008001000",
    talks: Annotated[bool, typer.Option("--talks", help="Speaks over prompts that end at a voice.")] = False,
    at: Annotated[datetime | None, typer.Option(help="When, in UTC; else now.")] = None,
    outcome: Annotated[list[str] | None, typer.Option("--outcome", help="NODE=RESULT, taken instead of carried out.")] = None,
    with_: With = None,
    config: Config = None,
) -> None:
    """Walk through a flow with a simulated caller: what is heard, pressed and where it ends."""
    settings = _settings(config)
    moment = at.replace(tzinfo=UTC).timestamp() if at else SystemClock().utc()
    given = dict(entry.partition("=")[::2] for entry in outcome or ())
    person = Caller(caller, called, tuple(key or ()), talks=talks, at=moment, given=given)
    try:
        trial = flow_command.attempt(file, _surroundings(with_ or flow_command.whole(file), settings), person, flow)
    except (Refused, ValueError) as fault:
        _fail(fault)
    typer.echo("\n".join(flow_command.lines_of(trial)))


# people and programs


def _with_users(config: Path | None, work: Callable[[Users, Settings], Awaitable[T]]) -> T:
    settings = _settings(config)

    async def opened() -> T:
        async with _directory(settings) as directory:
            return await work(Users(directory, SystemClock(), rules=sign_in_rules(settings.access)), settings)

    return _run(opened)


@user_app.command("add")
def user_add(
    login: Login,
    name: Annotated[str, typer.Option(help="Shown to others.")] = "",
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.AGENT,
    config: Config = None,
) -> None:
    """Make a user and print a sign-in link."""
    if role is Role.API:
        raise typer.BadParameter("api is the role of tokens", param_hint="--role")

    async def work(users: Users, settings: Settings) -> str:
        await users.add(login, name or login, role, ACTOR)
        return sign_in_link(settings, await users.make_link(login))

    typer.echo(_with_users(config, work))


@user_app.command("list")
def user_list(config: Config = None) -> None:
    """List the users."""

    async def work(users: Users, _settings: Settings) -> list[str]:
        return [f"{u.login}\t{u.role}\t{'disabled' if u.disabled else 'active'}\t{u.name}" for u in users.all()]

    for line in _with_users(config, work):
        typer.echo(line)


@user_app.command("disable")
def user_disable(
    login: Login, undo: Annotated[bool, typer.Option("--undo", help="Let the user in again.")] = False, config: Config = None
) -> None:
    """Sign a user out everywhere and keep him out."""

    async def work(users: Users, _settings: Settings) -> None:
        await users.disable(login, ACTOR, disabled=not undo)

    _with_users(config, work)


@user_app.command("link")
def user_link(login: Login, config: Config = None) -> None:
    """Print a sign-in link that works once."""

    async def work(users: Users, settings: Settings) -> str:
        return sign_in_link(settings, await users.make_link(login))

    typer.echo(_with_users(config, work))
    typer.echo(f"Works once, within {LINK_SECONDS // 60} minutes.", err=True)


@user_app.command("password")
def user_password(login: Login, config: Config = None) -> None:
    """Set a password, asked for on a terminal, else read as one line from stdin; an empty one removes it."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, default="", show_default=False)
    else:
        password = sys.stdin.readline().rstrip("\n")

    async def work(users: Users, _settings: Settings) -> None:
        await users.set_password(login, password)

    _with_users(config, work)


@user_app.command("unlock")
def user_unlock(login: Login, config: Config = None) -> None:
    """End the lock after wrong passwords."""

    async def work(users: Users, _settings: Settings) -> None:
        users.user(login)
        await users.credentials.unlock(login)

    _with_users(config, work)


@user_app.command("forget-device")
def user_forget_device(login: Login, config: Config = None) -> None:
    """Remove the second factor of somebody who lost the device and the recovery codes."""

    async def work(users: Users, _settings: Settings) -> None:
        users.user(login)
        await users.credentials.remove_second_factor(login)

    _with_users(config, work)


@token_app.command("add")
def token_add(
    name: str, role: Annotated[Role, typer.Option(help="What the program may do.")] = Role.API, config: Config = None
) -> None:
    """Make a token and print it; it is not shown again."""

    async def work(users: Users, _settings: Settings) -> str:
        return await users.add_token(name, role, ACTOR)

    typer.echo(_with_users(config, work))


@token_app.command("list")
def token_list(config: Config = None) -> None:
    """List the tokens by name."""

    async def work(users: Users, _settings: Settings) -> list[str]:
        return [f"{token.name}\t{token.role}" for token in users.tokens()]

    for line in _with_users(config, work):
        typer.echo(line)


@token_app.command("revoke")
def token_revoke(name: str, config: Config = None) -> None:
    """Make a token worthless."""

    async def work(users: Users, _settings: Settings) -> None:
        await users.revoke_token(name, ACTOR)

    _with_users(config, work)


@audit_app.command("verify")
def audit_verify(config: Config = None) -> None:
    """Check that no entry of the audit was changed, removed or put in; exit status 1 when one was."""
    settings = _settings(config)

    async def work() -> Verdict:
        async with _directory(settings) as directory:
            return await Audit(directory.store, SystemClock(), settings.data_dir).verify()

    verdict = _run(work)
    if not verdict.ok:
        _fail(f"Entry {verdict.number}: {verdict.why}; {verdict.checked} entries before it are as they were written.")
    typer.echo(f"{verdict.checked} entries, all as they were written; head {verdict.head}")


@reports_app.command("rebuild")
def reports_rebuild(config: Config = None) -> None:
    """Make all figures of reports again from the journal. Nothing else is written meanwhile: do it when the switch is quiet."""
    from softswitch.calls.cdr import fold  # noqa: PLC0415 - other commands need none of it
    from softswitch.reports.rebuild import rebuild  # noqa: PLC0415
    from softswitch.reports.recorder import Recorder  # noqa: PLC0415
    from softswitch.reports.targets import targets_of  # noqa: PLC0415
    from softswitch.trunks.carrier import channels_of  # noqa: PLC0415

    settings = _settings(config)

    async def work() -> str:
        async with _directory(settings) as directory:
            recorder = Recorder(targets_of(directory.current), channels_of(directory.current().trunks))
            done = await directory.store.write(lambda connection: rebuild(connection, recorder, fold))
            return f"{done.calls} calls from {done.events} events"

    typer.echo(_run(work))


# replay


@app.command()
def replay(
    file: Annotated[Path, typer.Option("--with", help="Apply file with the configuration to try; what it omits stays.")],
    queue: Annotated[str, typer.Option("--queue", help="Report on this queue only.")] = "",
    begin: Annotated[str, typer.Option("--from", help="Date or time, e.g. 2026-11-22; else yesterday.")] = "",
    end: Annotated[str, typer.Option("--to", help="Date or time; else a day after --from.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Also replay under the present configuration.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    config: Config = None,
) -> None:
    """Run a past day's calls through the call distribution under a changed configuration and report the difference."""
    from softswitch.replay import command  # noqa: PLC0415 - other commands need none of it

    settings = _settings(config)

    async def work() -> str:
        async with _directory(settings) as directory:
            base = directory.current()
            changed = command.tried(base, read_file(file, settings, base))
            since, until = command.span(begin, end, datetime.now().astimezone())
            events = await directory.store.study(lambda connection: command.recorded(connection, since, until))
            found = command.replayed(events, since, base, changed, queue=queue, check=check)
            return json.dumps(found.to_dict(), ensure_ascii=False) if as_json else found.text()

    typer.echo(_run(work))
