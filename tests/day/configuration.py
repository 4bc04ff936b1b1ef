"""The centre of the scripted day: 30 agents in three teams, three queues, two carriers of 30 channels, as an apply file."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

MAIN, VIP = "4008001000", "4008003000"
CARRIERS = {"carrier-a": "127.0.0.2", "carrier-b": "127.0.0.3"}
CHANNELS = 30
CODES = ("solved", "ordered", "call_again")
TEAMS = {"north": ("sales", "service"), "south": ("service", "vip"), "east": ("sales", "vip")}
PASSWORD = "a-phone-of-the-day"
MORNING_HOUR = 10
"""Callbacks are dialled by day only, so the centre stands where it is about this time."""


@dataclass(frozen=True, slots=True)
class Person:
    """An agent. `extension` "" works at the browser."""

    login: str
    name: str
    team: str
    extension: str = ""


def people(count: int) -> tuple[Person, ...]:
    """Half of them at browsers, half at phones, over all teams."""
    surnames = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
    found = []
    for number in range(count):
        at_phone = number % 2 == 1
        team = tuple(TEAMS)[number // 2 % len(TEAMS)]
        login = f"{'p' if at_phone else 'b'}{number // 2 + 1:02}"
        name = f"{surnames[number % len(surnames)]} {login.upper()}"
        found.append(Person(login, name, team, f"10{number // 2 + 1:02}" if at_phone else ""))
    return tuple(found)


def zone_of_morning() -> str:
    """The zone in which it is forenoon now."""
    ahead = (MORNING_HOUR - time.gmtime().tm_hour) % 24
    ahead = ahead - 24 if ahead > 12 else ahead
    return f"Etc/GMT{-ahead:+}" if ahead else "Etc/GMT"


def apply_file(staff: tuple[Person, ...], ports: dict[str, int]) -> str:
    """`ports`: carrier → where it answers callbacks."""
    return "\n".join([
        _CENTRE.format(zone=zone_of_morning()), *(_trunk(name, ports[name]) for name in CARRIERS),
        *(f'[[disposition]]\ncode = "{code}"\ntitle = "{code}"' for code in CODES),
        *(f'[[team]]\nname = "{team}"\ntitle = "{team}"' for team in TEAMS),
        *(_agent(person, number) for number, person in enumerate(staff)),
    ])  # fmt: skip


def _trunk(name: str, port: int) -> str:
    return f'[[trunk]]\nname = "{name}"\naddresses = ["{CARRIERS[name]}:{port}"]\n[trunk.limits]\nchannels = {CHANNELS}\n'


def _agent(person: Person, number: int) -> str:
    queues = [queue for queue in TEAMS[person.team] if not (person.extension and queue == "vip")]
    broadband, vip = 20 + number * 37 % 80, 30 + number * 53 % 70
    text = (
        f'[[agent]]\nlogin = "{person.login}"\nname = "{person.name}"\nteam = "{person.team}"\n'
        f"queues = {json.dumps(queues)}\nskills = {{ broadband = {broadband}, vip = {vip} }}\n"
    )
    if not person.extension:
        return text
    # who has only a phone has no page to write results on: wrap-up ends by itself, and no queue that demands a result
    phone = f'[[extension]]\nnumber = "{person.extension}"\npassword = "{PASSWORD}"\n'
    return phone + text + f'station = "extension:{person.extension}"\nwrap_up_mode = "timed"\n'


_CENTRE = """
[[user]]
login = "director"
name = "值班主任 Director"
role = "supervisor"
[[user]]
login = "ear"
name = "质检 Ear"
role = "supervisor"

[[calendar]]
name = "office"
zone = "{zone}"
open = ["Mon-Sun 00:01-23:59"]

[[reason]]
code = "meal"
title = "用餐"
title_en = "Meal"
[[reason]]
code = "meeting"
title = "班会"
title_en = "Meeting"

[[queue]]
name = "sales"
title = "销售"
strategy = "longest_idle"
calendar = "office"
announce = "position"
announce_every = 10
exit_keys = {{ 2 = "callback:sales" }}
callback_retries = [5]
callback_ring = 10
max_wait = 20
overflow = "queue:service"
wrap_up = 2
wrap_up_mode = "timed"
dispositions = ["solved", "ordered", "call_again"]
ring_timeout = 5
record = true
service_seconds = 5
short_abandon = 2

[[queue]]
name = "service"
title = "报修"
strategy = "best_fit"
calendar = "office"
needs = [{{ skill = "broadband", level = 60, weight = 10 }}]
stages = [{{ after = 3, levels = {{ broadband = 30 }} }}, {{ after = 6, any_member = true }}]
announce = "both"
announce_every = 10
wrap_up = 2
wrap_up_mode = "until_done"
wrap_up_limit = 15
dispositions = ["solved", "call_again"]
ring_timeout = 5
record = true
service_seconds = 5
short_abandon = 2

[[queue]]
name = "vip"
title = "贵宾"
strategy = "fewest_calls"
calendar = "office"
importance = 60
announce = "none"
wrap_up = 2
wrap_up_mode = "until_done"
wrap_up_limit = 15
code_required = true
dispositions = ["solved", "ordered"]
ring_timeout = 5
record = true
service_seconds = 3
short_abandon = 2

[[number]]
number = "4008001000"
to = "flow:main"
[[number]]
number = "4008003000"
to = "queue:vip"
[[route]]
pattern = "138*"
trunks = ["carrier-a"]
[[route]]
pattern = "139*"
trunks = ["carrier-b"]

[[flow]]
name = "main"
languages = ["zh-CN", "en"]
start = "hello"
[flow.nodes.hello]
verb = "answer"
next = "hours"
[flow.nodes.hours]
verb = "time_check"
calendar = "office"
then = "menu"
else = "late"
[flow.nodes.menu]
verb = "menu"
prompts = ["welcome", "main-menu"]
timeout = 5
retries = 1
keys = {{ 1 = "sales", 2 = "service" }}
no_input = "sales"
[flow.nodes.sales]
verb = "queue"
queue = "sales"
on_timeout = "bye"
on_closed = "bye"
on_failed = "bye"
[flow.nodes.service]
verb = "queue"
queue = "service"
on_timeout = "bye"
on_closed = "bye"
on_failed = "bye"
[flow.nodes.late]
verb = "play"
prompts = ["closed"]
next = "bye"
[flow.nodes.bye]
verb = "play"
prompts = ["goodbye"]
next = "end"
[flow.nodes.end]
verb = "hangup"
"""
