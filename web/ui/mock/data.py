"""Sample values in the shapes of web/README.md, for looking at the pages without the switch."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]
RESULTS = ("answered", "answered", "answered", "answered", "abandoned", "no_answer", "failed", "answered")


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


SESSIONS = {"agent000": "agent", "supervis": "supervisor", "administ": "administrator"}
"""Ids of sessions → roles."""


QUEUE_TITLES = {"sales": "销售热线", "service": "客户服务", "vip": "贵宾专席"}


def session(role: str) -> Json:
    names = {"agent": "李静", "supervisor": "王班长", "administrator": "管理员"}
    logins = {"agent": "agent1", "supervisor": "supervisor", "administrator": "admin"}
    return {
        "login": logins[role], "name": names[role], "role": role, "language": "zh-CN", "csrf": "mock", "agent": role == "agent",
        "session": role.ljust(8, "0")[:8],
    }  # fmt: skip


def agent(login: str, name: str, state: str = "logged_out", since: float = 0, **more: Any) -> Json:
    return {
        "login": login, "name": name, "state": state, "reason": "", "since": ago(since), "queues": ["sales"], "station": "browser",
        "call": None, "pending": "", "reachable": True, "language": "zh-CN", "calls_today": 7, "wrap_up_until": None,
        "wrap_up": None, "team": "一组", "site": "", "skills": {"broadband": 80, "english": 40}, "offer": None, "customer_name": "",
        "direction": "", "help": "", "occupancy": 0.72,
        "today": {"answered": 23, "missed": 1, "talk_ms": 6_120_000, "ready_ms": 3_380_000, "not_ready_ms": 1_290_000,
                  "wrap_up_ms": 842_000, "occupancy": 0.67}, **more,
    }  # fmt: skip


def call(identity: str, state: str = "talking", since: float = 60, **more: Any) -> Json:
    return {
        "id": identity, "direction": "in", "source": "sip", "state": state, "caller": "13800138000", "caller_name": "",
        "called": "4008001000", "trunk": "carrier", "queue": "sales", "agent": "agent2", "agent_name": "张伟", "created": ago(since + 25),
        "answered": ago(since + 24), "connected": ago(since), "ended": None, "wait_ms": 18400, "ring_ms": 4100,
        "talk_ms": int(since * 1000), "hold_ms": 0, "duration_ms": int(since * 1000) + 25000, "result": None, "cause": None,
        "cause_text": None, "q850": None, "sip_status": None, "who": None, "recording": None, "recording_live": False, "monitors": [], "context": {},
        "participants": [], "variables": {}, "customer": None, "dispositions": [], "notes": [], **more,
    }  # fmt: skip


def member(identity: str, party: str, role: str, state: str = "talking", since: float = 0) -> Json:
    return {"id": identity, "party": party, "role": role, "state": state, "since": ago(since)}


KNOWN = {"id": "k1", "name": "陈晓雯", "class": "宽带金卡", "importance": 70, "vip": True}


def offer(call_id: str, kind: str = "known") -> Json:
    """`kind`: known (a customer from a web page), unknown (a number that nobody knows), auto (answered by itself)."""
    known = {
        "caller": "web", "caller_name": "陈晓雯", "customer": KNOWN, "number_place": "", "position": 1,
        "repeat": {"last": ago(90_000), "agent": "张伟", "reason": "bill.wrong"},
        "history": [
            {"id": "h3", "at": ago(90_000), "queue": "service", "agent": "张伟", "result": "answered", "disposition": "bill.wrong"},
            {"id": "h9", "at": ago(700_000), "queue": "sales", "agent": "李静", "result": "answered", "disposition": "order.new"},
            {"id": "h12", "at": ago(1_700_000), "queue": "sales", "agent": None, "result": "abandoned", "disposition": None},
        ],
        "context": {"page": "https://shop.example/checkout?step=payment", "title": "结算 - 示例商城", "product": "宽带 500M", "order": "C-10233"},
    }  # fmt: skip
    stranger = {
        "caller": "13911112222", "caller_name": "", "customer": None, "number_place": "广东 深圳", "position": 1, "repeat": None,
        "history": [], "context": {},
    }  # fmt: skip
    return {
        "id": "o1", "call": call_id, "queue": "sales", "queue_title": "销售热线", "called": "4008001000", "wait_ms": 18400,
        "ring_timeout_ms": 20000, "made": ago(0), "variables": {"tariff": "500M 融合"}, "path": ["main/language=1", "main/menu=2", "sales/product=1"],
        "inputs": [{"name": "订单号", "value": "88120031"}], "pop_url": "", "widget_page": "", "auto_answer": kind == "auto",
        **(stranger if kind == "unknown" else known),
    }  # fmt: skip


def board_agents() -> list[Json]:
    return [
        agent("agent2", "张伟", "talking", 84, call="c1", customer_name="陈晓雯", direction="in"),
        agent("agent3", "刘洋", "ready", 312, queues=["sales", "service"], team="二组", occupancy=0.91),
        agent("agent4", "Chen Yu", "not_ready", 640, reason="lunch", team="二组"),
        agent("agent5", "赵敏", "wrap_up", 12),
        agent("agent6", "孙丽", "holding", 45, call="c3", queues=["service"], team="二组"),
        agent("agent7", "Zhou Tao", "not_responding", 95, reachable=False, station="extension:1004"),
        agent("agent8", "吴强", "logged_out", team="夜班", occupancy=None),
    ]


def waiting(call_id: str, caller: str, since: float, position: int, **more: Any) -> Json:
    return {"call": call_id, "caller": caller, "since": ago(since), "position": position, "state": "waiting", "importance": 20, "priority": 36.0,
            "stage": 0, "needs": {"broadband": 60}, "customer_name": "", "vip": False, "predicted_ms": 65_000, "channel": "voice", **more}  # fmt: skip


def queue(name: str, calls: list[Json], offered: int, answered: int, abandoned: int, level: float | None, **more: Any) -> Json:
    longest = 41_000 if calls else 0
    figures = {
        "offered": offered, "answered": answered, "abandoned": abandoned, "short_abandoned": 1, "exits": {"callback": 3, "overflow": 1},
        "service_level": level, "asa_ms": 14_200, "longest_ms": 132_000, "prediction": {"bias_ms": 1200, "mae_ms": 9400, "coverage": 0.83},
    }  # fmt: skip
    return {
        "name": name, "title": QUEUE_TITLES.get(name, name), "strategy": "longest_idle", "waiting": len(calls), "longest_wait_ms": longest,
        "calls": calls, "agents": {"ready": 1, "talking": 1, "not_ready": 1, "wrap_up": 1}, "offered": offered, "answered": answered,
        "abandoned": abandoned, "service_level": level, "open": True, "closed_reason": "", "emergency": None, "ewt_ms": 65_000,
        "p80_ms": 110_000, "signed_in": 4, "ready": 1, "callbacks": 2, "figures": figures, "goal": 0.8, **more,
    }  # fmt: skip


def board_queues() -> list[Json]:
    calls = [
        waiting(
            "c2",
            "13911112222",
            41,
            1,
            customer_name="深圳市前海万里科技发展有限公司客户服务部",
            importance=55,
            stage=1,
            priority=52.2,
        ),
        waiting("c5", "13700001234", 96, 2, priority=35.2),
        waiting(
            "c6", "13877776666", 8, 3, vip=True, customer_name="陈晓雯", importance=70, state="offering", predicted_ms=5_000
        ),
    ]
    return [
        queue("sales", calls, 128, 119, 6, 0.874),
        queue("service", [], 54, 53, 1, None, ewt_ms=0, agents={"ready": 1, "holding": 1}, signed_in=2,
              emergency={"on": True, "announcement": "光缆抢修中，预计 18:00 恢复", "until": ago(-5400)}),
        queue("vip", [], 12, 9, 3, 0.61, open=False, closed_reason="holiday", ewt_ms=None, agents={}, signed_in=0, ready=0, callbacks=0),
    ]  # fmt: skip


def room_member(number: int, name: str, state: str = "inside", **more: object) -> Json:
    caller = {"agent:li": "李娜", "extension:1001": "前台", "extension:1016": ""}.get(name, "")
    return {
        "id": f"m{number}", "name": name, "caller_name": caller, "call": f"r{number}", "role": "member", "state": state,
        "since": ago(40 * number), "muted": False, "talking": False, **more,
    }  # fmt: skip


def rooms() -> list[Json]:
    team = [
        room_member(9, "agent:li", role="moderator", talking=True), room_member(7, "extension:1001"),
        room_member(5, "13800138000", muted=True), room_member(4, "web"), room_member(2, "075512345678", "waiting"),
        room_member(1, "extension:1016", "ringing"),
    ]  # fmt: skip
    usual = {"declared": True, "max_members": 30, "locked": False, "recording": False, "members": []}
    return [
        {**usual, "name": "monday", "title": "周一例会", "number": "7000", "locked": True, "recording": True, "members": team},
        {**usual, "name": "crisis", "title": "应急指挥", "number": "7001"},
        {**usual, "name": "room", "title": "", "number": "", "declared": False, "members": [room_member(3, "13900139000")]},
    ]


def board_calls() -> list[Json]:
    """Live ones in all states; c1 with somebody who was consulted."""
    people = [
        member("p1", "customer", "customer", since=84), member("p2", "agent:agent2", "agent", since=84),
        member("p3", "outside:13600000000", "consulted", since=20),
    ]  # fmt: skip
    alone: Json = {"agent": None, "agent_name": None, "connected": None}
    return [
        call("c1", "talking", 84, participants=people, customer=KNOWN),
        call("c2", "waiting", 41, caller="13911112222", **alone),
        call("c3", "held", 210, caller="01088886666", caller_name="北京远景贸易有限公司", queue="service", agent="agent6", agent_name="孙丽"),
        call("c4", "ivr", 9, caller="web", source="widget", **(alone | {"queue": None})),
    ]  # fmt: skip


def trunks() -> list[Json]:
    carrier = {"name": "carrier", "profile": "generic", "addresses": ["192.0.2.1", "192.0.2.2:5080"], "state": "up", "detail": "",
               "calls": 23, "channels": 30}  # fmt: skip
    backup = {"name": "backup", "profile": "generic", "addresses": ["198.51.100.7"], "state": "down", "detail": "no answer to INVITE",
              "calls": 0, "channels": 30}  # fmt: skip
    return [carrier, backup]


def recording(identity: str, duration_ms: int = 94_000) -> Json:
    digest = "9f2c4e1ab80d4c7e93aa51d2f6c07b1e5d88f4a3c2b1906e7d5f4a3b2c1d0e9f"
    return {"id": identity, "status": "complete", "duration_ms": duration_ms, "bytes": duration_ms * 32, "sha256": digest,
            "restricted": False}  # fmt: skip


def history(count: int) -> list[Json]:
    dice = random.Random(7)
    items = []
    for index in range(count):
        result = RESULTS[index % len(RESULTS)]
        talk = dice.randint(20_000, 400_000) if result == "answered" else 0
        start = 400 + index * 777
        items.append(
            call(f"h{index}", "ended", start, caller=f"1{dice.randint(30, 89)}{dice.randint(10**7, 10**8 - 1)}",
                 direction="out" if index % 5 == 3 else "in", ended=ago(start - 100), result=result, talk_ms=talk,
                 wait_ms=dice.randint(0, 60_000), duration_ms=talk + 20_000, cause="normal" if talk else "no_answer", q850=16,
                 sip_status=200, who="caller", agent="agent1" if talk else None, agent_name="李静" if talk else None,
                 recording=recording(f"r{index}", talk) if talk else None, context={"page": "https://shop.example/"} if index % 4 == 0 else {})
        )  # fmt: skip
    return items


def timeline(start: float = 425) -> list[Json]:
    steps: list[tuple[float, str, Json]] = [
        (0, "call.created", {"direction": "in", "caller": "13800138000", "called": "4008001000", "trunk": "carrier"}),
        (0.2, "call.answered", {"party": "caller"}),
        (0.3, "leg.media", {"codec": "PCMA", "first_rtp_ms": 84}),
        (0.3, "ivr.entered", {"flow": "main", "version": 1}),
        (5, "leg.dtmf", {"digit": "1", "way": "rfc4733"}),
        (5, "ivr.node", {"flow": "main", "node": "menu", "verb": "menu", "result": "1", "ms": 4800}),
        (5.1, "ivr.left", {"flow": "main", "node": "sales", "result": "queue"}),
        (5.1, "queue.entered", {"queue": "sales", "visit": "v1", "position": 1}),
        (
            9,
            "acd.decision",
            {"visit": "v1", "strategy": "longest_idle", "candidates": ["agent1", "agent3"], "chosen": "agent1"},
        ),
        (9, "offer.made", {"agent": "agent3", "offer": "o0", "queue": "sales"}),
        (19, "offer.failed", {"agent": "agent3", "offer": "o0", "reason": "no_answer"}),
        (19.1, "offer.made", {"agent": "agent1", "offer": "o1", "queue": "sales"}),
        (23, "offer.answered", {"agent": "agent1", "offer": "o1", "ring_ms": 3900}),
        (23, "queue.left", {"visit": "v1", "result": "answered", "wait_ms": 17900}),
        (23, "rec.started", {"recording": "r1", "file": "x.wav"}),
        (23, "call.connected", {"other": "agent:agent1"}),
        (50, "call.held", {}),
        (64, "call.resumed", {}),
        (70, "sup.started", {"actor": "supervisor", "mode": "listen"}),
        (90, "sup.mode", {"actor": "supervisor", "mode": "whisper"}),
        (100, "sup.ended", {"actor": "supervisor"}),
        (117, "call.ended", {"who": "caller", "cause": "normal", "q850": 16, "sip_status": 200}),
        (117, "rec.finished", {"recording": "r1", "status": "complete", "duration_ms": 94000, "bytes": 3008000}),
    ]
    return [
        {"type": kind, "at": ago(start - offset), "seq": seq, **fields} for seq, (offset, kind, fields) in enumerate(steps, 1)
    ]


def peaks(points: int = 400) -> list[list[float]]:
    dice = random.Random(3)
    left = [abs(math.sin(i / 23)) * dice.random() if (i // 40) % 2 == 0 else dice.random() * 0.03 for i in range(points)]
    right = [abs(math.cos(i / 19)) * dice.random() if (i // 40) % 2 == 1 else dice.random() * 0.03 for i in range(points)]
    return [left, right]


def status() -> Json:
    return {
        "version": "0.1.0", "started": ago(187_500), "live_calls": 4, "agents": {"ready": 1, "talking": 1, "not_ready": 1, "logged_out": 1},
        "alarms": [{"code": "disk.low", "level": "warning", "text": "录音磁盘预计 6 天后写满", "object": "/data", "since": ago(3600)}],
        "listeners": ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "http:127.0.0.1:8080"], "disk_free_bytes": 412_000_000_000,
        "recordings": {"complete": 1204, "degraded": 1, "bytes": 38_400_000_000},
        "checks": [
            {"name": "clock", "ok": True, "text": "offset 3 ms", "advice": ""},
            {"name": "certificate", "ok": False, "text": "expires in 9 days", "advice": "Renew http.tls_cert before it expires."},
            {"name": "ports", "ok": True, "text": "20000-29999 usable", "advice": ""},
        ],
    }  # fmt: skip
