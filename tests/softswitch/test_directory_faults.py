"""What refers to nothing, and what does not go together, is refused with its line; what REST edits obeys the same rules."""
# ruff: noqa: E501 - expected lines stay whole

from pathlib import Path
from typing import Any

import pytest

from softswitch.config.problems import Refused
from softswitch.directory.apply import Rules, read_apply_file, read_object
from softswitch.directory.describing import as_table, keys_document, schema, secrets_of
from softswitch.directory.faults import users_of
from softswitch.directory.grammar import GRAMMAR
from softswitch.directory.labels import KEYS, KINDS
from softswitch.directory.model import IDENTITY, FlowFault, Kind
from softswitch.directory.reading import days_of, hours
from softswitch.directory.secrets import pin_fits
from softswitch.directory.snapshot import Snapshot

RULES = Rules(strategies=("longest_idle", "tiered", "local_first"))
CENTRE = """
[[calendar]]
name = "office"
open = ["Mon-Fri 09:00-12:00", "Mon-Fri 13:00-18:00", "Sat,Sun 10:00-16:00"]
holidays = "cn"
[[reason]]
code = "break"
title = "小休"
[[disposition]]
code = "sale"
[[disposition]]
code = "sale-new"
parent = "sale"
note_required = true
[[queue]]
name = "sales"
title = "销售"
strategy = "tiered"
calendar = "office"
mailbox = "sales"
survey = "ask"
dispositions = ["sale"]
needs = [{skill = "broadband", level = 80}, {skill = "vip", level = 50, mandatory = true}]
stages = [
  {after = 20, levels = {broadband = 60}},
  {after = 45, optional = ["vip"], threshold = 50, tier = 2},
  {after = 90, any_member = true, remote = true},
]
exit_keys = {1 = "voicemail:sales", "*" = "callback:sales"}
overflows = [{when = "between", between = "12:00-13:00", to = "queue:support"}, {when = "closing", threshold = 10, to = "hangup:normal"}]
closed = "flow:ask/bye"
[[queue]]
name = "support"
[[user]]
login = "chen"
role = "team_leader"
teams = ["one"]
mail = "chen@shop.example"
[[team]]
name = "one"
leaders = ["chen"]
[[agent]]
login = "li"
team = "one"
queues = ["sales", "support"]
skills = {broadband = 90}
[agent.membership.sales]
priority = 2
delay = 10
[[mailbox]]
name = "sales"
owner = "queue:sales"
pin = "4711"
mail = ["sales@shop.example"]
[[conference]]
name = "board"
number = "7000"
pin = "2468"
moderator_pin = "13579"
wait_for_moderator = true
[[lookup]]
name = "bill"
url = "https://crm.example/bill"
headers = {Authorization = "Bearer geheim"}
[[lookup]]
name = "age"
sql = "select age from people where id = :id"
database = "postgresql://u:geheim@h/d"
[[application]]
name = "bot"
url = "https://bot.example/"
secret = "geheim-geheim"
[[flow]]
name = "ask"
start = "bye"
[flow.nodes.bye]
verb = "hangup"
[[number]]
number = "400*"
to = "application:bot"
[[recording_rule]]
name = "half"
queue = "sales"
percent = 50
[[feature_code]]
code = "*8X"
action = "pickup"
[[webhook]]
name = "crm"
url = "https://crm.example/hook"
secret = "geheim-geheim"
[[schedule]]
name = "daily"
report = "queues"
mail = ["boss@shop.example"]
parameters = {queue = "sales"}
[[alarm_rule]]
name = "long"
code = "queue_length"
object = "queue:sales"
threshold = 10
webhook = "crm"
[[reserve_tier]]
name = "leaders"
step = 2
queue = "sales"
members = ["li"]
[[ring_group]]
name = "desk"
number = "6000"
strategy = "weighted"
members = [{ to = "outside:13900139000", weight = 10 }, { to = "outside:13800138000", confirm = false }]
then = "queue:sales"
[[page_group]]
name = "hall"
number = "61"
callers = ["10*"]
"""


def read(text: str) -> Snapshot:
    file = read_apply_file(text, "a.toml", RULES)
    return Snapshot.of((entry.kind, entry.item) for entry in file.declared)


def refused(text: str, rules: Rules = RULES, base: Snapshot | None = None) -> list[str]:
    with pytest.raises(Refused) as caught:
        read_apply_file(text, "a.toml", rules, base)
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_centre_is_accepted() -> None:
    snapshot = read(CENTRE)
    assert all(
        snapshot.table(kind) for kind in Kind if kind not in (Kind.TRUNK, Kind.EXTENSION, Kind.ROUTE, Kind.TOKEN, Kind.PHONE)
    )
    assert snapshot.agents["li"].member("sales").delay == 10
    assert pin_fits(snapshot.mailboxes["sales"].pin, "4711") and not pin_fits(snapshot.mailboxes["sales"].pin, "4712")


QUEUE = '[[queue]]\nname = "q"\n'
NEEDS = QUEUE + 'needs = [{skill = "a", level = 50}]\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[agent]]\nlogin = "li"\nteam = "one"\n', 'a.toml:3: agent[0].team: expected an existing team, got "one"'),
        ('[[agent]]\nlogin = "li"\nqueues = [\n"q",\n"r",\n]\n' + QUEUE, 'a.toml:5: agent[0].queues: expected an existing queue, got "r"'),
        ('[[agent]]\nlogin = "li"\n[agent.membership.q]\ntier = 2\n' + QUEUE, 'a.toml:3: agent[0].membership.q: expected one of the agent\'s queues, got "q"'),
        ('[[agent]]\nlogin = "li"\nskills = {a = 101}\n', "a.toml:3: agent[0].skills: a: expected a level from 1 to 100, got 101"),
        (QUEUE + 'calendar = "c"\n', 'a.toml:3: queue[0].calendar: expected an existing calendar, got "c"'),
        (QUEUE + 'mailbox = "m"\n', 'a.toml:3: queue[0].mailbox: expected an existing mailbox, got "m"'),
        (QUEUE + 'survey = "f"\n', 'a.toml:3: queue[0].survey: expected an existing flow, got "f"'),
        (QUEUE + 'dispositions = ["x"]\n', 'a.toml:3: queue[0].dispositions: expected an existing disposition, got "x"'),
        (QUEUE + 'overflow = "voicemail:m"\n', 'a.toml:3: queue[0].overflow: expected an existing mailbox, got "m"'),
        (QUEUE + 'closed = "application:x"\n', 'a.toml:3: queue[0].closed: expected an existing application, got "x"'),
        (QUEUE + 'exit_keys = {1 = "callback:r"}\n', 'a.toml:3: queue[0].exit_keys.1: expected an existing queue, got "r"'),
        (QUEUE + 'exit_keys = {A = "echo"}\n', 'a.toml:3: queue[0].exit_keys: A: expected one of 0 1 2 3 4 5 6 7 8 9 * #, got "A"'),
        (QUEUE + 'overflows = [{when = "wait", to = "queue:q"}]\n', "a.toml:3: queue[0].overflows[0].to: expected another queue than this one"),
        (QUEUE + 'overflows = [{when = "between", to = "echo"}]\n', 'a.toml:3: queue[0].overflows[0].between: expected times as "HH:MM-HH:MM", got nothing'),
        (QUEUE + 'overflows = [{when = "closing", to = "echo"}]\n', "a.toml:3: queue[0].overflows[0].when: expected a queue with a calendar, which tells when it closes"),
        (QUEUE + 'second = "best"\n', 'a.toml:3: queue[0].second: expected one of longest_idle tiered local_first, got "best"'),
        (QUEUE + 'strategy = "tiered"\nsecond = "tiered"\n', "a.toml:4: queue[0].second: expected another strategy than tiered"),
        (QUEUE + "weight_importance = 0.7\n", "a.toml:1: queue[0].weight_waited: expected weight_importance + weight_waited = 1, got 0.9"),
        (NEEDS + "stages = [\n{after = 10, levels = {a = 60}},\n]\n", "a.toml:5: queue[0].stages: levels: expected at most 50 for a, because stages only widen, got 60"),
        (NEEDS + "stages = [{after = 10, levels = {b = 1}}]\n", 'a.toml:4: queue[0].stages: levels: expected a skill of needs, got "b"'),
        (NEEDS + 'stages = [{after = 10, optional = ["b"]}]\n', 'a.toml:4: queue[0].stages: optional: expected a skill of needs, got "b"'),
        (NEEDS + "stages = [{after = 10}, {after = 10}]\n", "a.toml:4: queue[0].stages: after: expected more than 10 seconds, got 10"),
        (NEEDS + "stages = [{after = 1, tier = 3}, {after = 2, tier = 2}]\n", "a.toml:4: queue[0].stages: tier: expected at least 3, because stages only widen, got 2"),
        (NEEDS + "stages = [{after = 1, threshold = 40}, {after = 2, threshold = 60}]\n", "a.toml:4: queue[0].stages: threshold: expected at most 40, because stages only widen, got 60"),
        (QUEUE + 'needs = [{skill = "a"}, {skill = "a"}]\n', 'a.toml:3: queue[0].needs: expected each skill once, got "a" again'),
        ('[[team]]\nname = "t"\nleaders = ["x"]\n', 'a.toml:3: team[0].leaders: expected an existing user, got "x"'),
        ('[[agent]]\nlogin = "li"\n[[team]]\nname = "t"\nleaders = ["li"]\n', 'a.toml:5: team[0].leaders: expected a user with one of the roles team_leader supervisor administrator, got agent li'),
        ('[[mailbox]]\nname = "m"\nowner = "agent:x"\n', 'a.toml:3: mailbox[0].owner: expected an existing agent, got "x"'),
        ('[[mailbox]]\nname = "m"\nowner = "x"\n', 'a.toml:3: mailbox[0].owner: expected "agent:LOGIN", "queue:NAME", "team:NAME" or "", got "x"'),
        ('[[mailbox]]\nname = "m"\npin = "12ab"\n', "a.toml:3: mailbox[0].pin: expected 4 to 12 digits"),
        ('[[conference]]\nname = "m"\nmoderator_pin = "12"\n', "a.toml:3: conference[0].moderator_pin: expected 4 to 12 digits"),
        ('[[mailbox]]\nname = "m"\nmail = ["nobody"]\n', 'a.toml:3: mailbox[0].mail: expected a mail address, got "nobody"'),
        ('[[disposition]]\ncode = "a"\nparent = "b"\n[[disposition]]\ncode = "b"\nparent = "a"\n', "a.toml:3: disposition[0].parent: expected a parent above, got the circle a > b > a"),
        ('[[calendar]]\nname = "c"\nopen = ["Mon-Fri 9:00-18:00"]\n', 'a.toml:3: calendar[0].open: expected hours such as "Mon-Fri 09:00-18:00" or "Sat,Sun 10:00-16:00", got "Mon-Fri 9:00-18:00"'),
        ('[[calendar]]\nname = "c"\nopen = ["Mon 18:00-09:00"]\n', 'a.toml:3: calendar[0].open: expected an end after the begin, both from 00:00 to 24:00, got "Mon 18:00-09:00"'),
        ('[[calendar]]\nname = "c"\nopen = [\n"Mon-Fri 09:00-18:00",\n"Wed 12:00-20:00"]\n', 'a.toml:5: calendar[0].open: expected hours that do not overlap, got those of "Mon-Fri 09:00-18:00"'),
        ('[[calendar]]\nname = "c"\nzone = "Mars/Base"\n', 'a.toml:3: calendar[0].zone: expected a time zone such as "Asia/Shanghai", got "Mars/Base"'),
        ('[[recording_rule]]\nname = "r"\nagent = "x"\n', 'a.toml:3: recording_rule[0].agent: expected an existing agent, got "x"'),
        ('[[alarm_rule]]\nname = "r"\ncode = "x"\nwebhook = "w"\n', 'a.toml:4: alarm_rule[0].webhook: expected an existing webhook, got "w"'),
        ('[[reserve_tier]]\nname = "r"\nstep = 1\nqueue = "x"\n', 'a.toml:4: reserve_tier[0].queue: expected an existing queue, got "x"'),
        ('[[reserve_tier]]\nname = "r"\nstep = 5\nqueue = "x"\n', "a.toml:3: reserve_tier[0].step: expected a step from 1 to 4, got 5"),
        ('[[ring_group]]\nname = "r"\nmembers = [{ to = "echo" }]\n', 'a.toml:3: ring_group[0].members: to: expected extension:NUMBER or outside:NUMBER, got "echo"'),
        ('[[ring_group]]\nname = "r"\nthen = "group:r"\n', "a.toml:3: ring_group[0].then: expected another destination than this group"),
        ('[[lookup]]\nname = "l"\n', "a.toml:1: lookup[0].url: expected either url or sql, got neither"),
        ('[[lookup]]\nname = "l"\nsql = "delete from x"\n', "a.toml:3: lookup[0].sql: expected a query that only reads (select …)"),
        ('[[user]]\nlogin = "u"\nrole = "quality"\nqueues = ["x"]\n', 'a.toml:4: user[0].queues: expected an existing queue, got "x"'),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_named(text: str, line: str) -> None:
    assert refused(text)[0] == line


def test_dispositions_have_three_levels_at_most() -> None:
    text = '[[disposition]]\ncode = "a"\n' + "".join(
        f'[[disposition]]\ncode = "{b}"\nparent = "{a}"\n' for a, b in ("ab", "bc", "cd")
    )
    assert refused(text) == ["a.toml:11: disposition[3].parent: expected at most 3 levels, got a > b > c > d"]


def test_a_node_that_a_stored_number_leads_into_must_stay() -> None:
    base = read(
        '[[flow]]\nname = "f"\nstart = "a"\n[flow.nodes.a]\nverb = "hangup"\n[flow.nodes.b]\nverb = "hangup"\n[[number]]\nnumber = "1"\nto = "flow:f/b"\n'
    )
    text = '[[flow]]\nname = "f"\nstart = "a"\n[flow.nodes.a]\nverb = "hangup"\n'
    assert refused(text, base=base) == ['a.toml:1: flow[0].nodes: expected the node "b", which number 1 leads into']


@pytest.mark.parametrize("kind", list(Kind))
def test_what_rest_shows_is_what_the_apply_file_reads(kind: Kind) -> None:
    """Every object of a whole centre survives the way out and in again, and no secret is shown."""
    base = read(CENTRE + '[[trunk]]\nname = "t"\naddresses = ["192.0.2.1:5080"]\nusername = "u"\npassword = "geheim"\n[trunk.limits]\nchannels = 3\n'
                '[[extension]]\nnumber = "1001"\npassword = "geheim"\n[[phone]]\nmac = "00:15:65:AA:BB:CC"\nextension = "1001"\n[[route]]\npattern = "0*"\ntrunks = ["t"]\n[[token]]\nname = "x"\nsecret = "geheim"\n')  # fmt: skip
    assert base.table(kind)
    for identity, item in base.table(kind).items():
        table = as_table(kind, item)
        assert "geheim" not in str(table) and "4711" not in str(table) and "$argon2" not in str(table)
        (again, *_) = [
            e.item for e in read_object(kind, table, RULES, base).declared if (e.kind, e.identity) == (kind, identity)
        ]
        assert again == item
    if kind in (Kind.TRUNK, Kind.EXTENSION, Kind.TOKEN, Kind.MAILBOX, Kind.WEBHOOK, Kind.APPLICATION):
        assert all(secrets_of(kind, item) and all(secrets_of(kind, item).values()) for item in base.table(kind).values())


def test_a_single_object_names_the_keys_that_are_wrong() -> None:
    with pytest.raises(Refused) as caught:
        read_object(Kind.QUEUE, {"name": "q", "overflow": "queue:x", "wrapup": 3, "ring_timeout": 0}, RULES, Snapshot())
    assert {problem.key for problem in caught.value.problems} >= {"wrapup", "ring_timeout"}


def test_who_uses_an_object() -> None:
    snapshot = read(CENTRE)
    assert (Kind.AGENT, "li") in users_of(Kind.QUEUE, "sales", snapshot)
    assert (Kind.QUEUE, "sales") in users_of(Kind.FLOW, "ask", snapshot), "also one that leads into a node"
    assert users_of(Kind.LOOKUP, "bill", snapshot) == []


@pytest.mark.parametrize(
    ("line", "days"),
    [("Mon-Fri 09:00-18:00", {0, 1, 2, 3, 4}), ("Sat-Mon 00:00-24:00", {5, 6, 0}), ("Wed,Fri 10:00-11:00", {2, 4})],
)
def test_hours_name_weekdays(line: str, days: set[int]) -> None:
    assert days_of(hours(line))[0] == days


def test_forms_know_every_key_with_its_label() -> None:
    described = schema(("longest_idle", "tiered"))
    assert set(described) == set(Kind) == set(KINDS)
    queue = {key["name"]: key for key in described["queue"]["keys"]}
    assert queue["strategy"]["choices"] == ["longest_idle", "tiered"] and queue["strategy"]["default"] == "longest_idle"
    assert queue["calendar"]["refers"] == "calendar" and queue["wrap_up"]["unit"] == "seconds"
    assert queue["needs"]["of"]["keys"][0]["name"] == "skill" and queue["name"]["required"] is True

    def walk(keys: list[dict[str, Any]]) -> set[str]:
        found = set()
        for key in keys:
            found |= {key["name"]} | walk(key.get("keys", [])) | walk(key.get("of", {}).get("keys", []))
            assert key["label"]["zh"] and key["label"]["en"]
        return found

    used = set().union(*(walk(kind["keys"]) for kind in described.values()))
    assert used == set(KEYS), "labels that no key uses, or keys without one"
    assert all(IDENTITY[kind] in GRAMMAR[kind] for kind in Kind)


def test_the_document_of_keys_is_that_of_the_code() -> None:
    written = (Path(__file__).parents[2] / "softswitch/directory/KEYS.md").read_text(encoding="utf-8")
    assert written == keys_document(), "write softswitch.directory.describing.keys_document() there"


def test_deleting_what_a_flow_leads_to_is_refused() -> None:
    from softswitch.directory.apply import check_deletion
    from softswitch.model.errors import Conflict

    base = read('[[queue]]\nname = "q"\n[[flow]]\nname = "f"\nstart = "a"\n[flow.nodes.a]\nverb = "queue"\n')

    def check(_tree: Any, snapshot: Snapshot) -> list[FlowFault]:
        return [] if "q" in snapshot.queues else [FlowFault(("nodes",), "no queue")]

    with pytest.raises(Conflict, match="still used by flow f"):
        check_deletion(Kind.QUEUE, "q", base, Rules(flow=check))
