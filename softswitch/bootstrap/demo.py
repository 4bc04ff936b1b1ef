"""`softswitch demo`: content to look at, and fresh sign-in links at each start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

from softswitch.bootstrap.configuring import page_address, rules_of, sign_in_link
from softswitch.config.settings import Settings
from softswitch.directory.apply import read_apply_file
from softswitch.directory.secrets import NoSources
from softswitch.directory.service import Directory
from softswitch.directory.users import LINK_SECONDS, Users
from softswitch.services import Demo

PEOPLE = {"agent1": "agent", "agent2": "agent", "supervisor": "supervisor", "admin": "administrator"}
CALLED = "flow:main"


async def fill(directory: Directory, settings: Settings) -> Mapping[str, str]:
    """Adds what is missing of the demo content; what was changed by hand comes back. Returns secrets that were made."""
    base = directory.current()
    text = files("softswitch.bootstrap").joinpath("demo.toml").read_text("utf-8")
    file = read_apply_file(text, "demo.toml", rules_of(settings, NoSources()), base)
    return await directory.apply(file, file.plan(base), "system")


async def welcome(users: Users, settings: Settings, secrets: Mapping[str, str], say: Callable[[str], None]) -> Demo:
    """Prints where everything is; the links work once."""
    page = page_address(settings)
    links = {login: sign_in_link(settings, await users.make_link(login)) for login in PEOPLE}
    say(f"\nCall the demo:  {page}/demo\n")
    say(f"Sign in (each link works once, within {LINK_SECONDS // 60} minutes; softswitch user link LOGIN makes new ones):")
    for login, link in links.items():
        say(f"  {login:<11} {link}")
    say(f"\nSIP:            {', '.join(map(str, settings.sip.listen))}   numbers 1000 (menu), 9196 (echo), phones 1001, 1002")
    if secrets:
        say("New passwords, shown only now:")
        for label, secret in secrets.items():
            say(f"  {label}: {secret}")
    say("\nCtrl-C ends the switch.")
    return Demo(to=CALLED, links={PEOPLE[login]: link for login, link in links.items()})
