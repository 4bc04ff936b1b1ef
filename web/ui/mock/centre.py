"""Sample customers, callbacks, messages, codes and their REST, kept in memory, in the shapes of web/README.md."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import data
from aiohttp import web

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REASONS = [
    {"code": "break", "title": "小休", "title_en": "Break", "max_seconds": 600},
    {"code": "lunch", "title": "用餐", "title_en": "Lunch", "max_seconds": 2400},
    {"code": "meeting", "title": "会议", "title_en": "Meeting", "productive": True},
    {"code": "training", "title": "培训", "title_en": "Training", "productive": True, "approval": True},
    {"code": "paperwork", "title": "处理工单", "title_en": "Paperwork", "productive": True, "max_seconds": 1200},
]
_CODES = [
    ("bill", "话费", "Bill", ""), ("bill.query", "话费查询", "Bill query", "bill"), ("bill.wrong", "话费争议", "Disputed bill", "bill"),
    ("bill.wrong.roaming", "漫游费", "Roaming", "bill.wrong"), ("bill.wrong.data", "流量费", "Data", "bill.wrong"),
    ("order", "业务办理", "Order", ""), ("order.new", "新装宽带", "New broadband", "order"), ("order.move", "移机", "Move of line", "order"),
    ("order.cancel", "退订", "Cancellation", "order"), ("fault", "故障申告", "Fault", ""), ("fault.none", "已在线解决", "Solved on the phone", "fault"),
    ("fault.visit", "派单上门", "Visit arranged", "fault"), ("other", "其他", "Other", ""),
]  # fmt: skip
NOTED = {"bill.wrong.roaming", "bill.wrong.data", "order.cancel", "fault.visit"}
DISPOSITIONS = [
    {"code": code, "title": zh, "title_en": en, "parent": parent, "note_required": code in NOTED}
    for code, zh, en, parent in _CODES
]
FIELDS = [
    {"name": "contract", "title": "合同号", "title_en": "Contract", "type": "text", "required": False},
    {"name": "speed", "title": "带宽", "title_en": "Speed", "type": "choice", "choices": ["100M", "500M", "1000M"]},
    {"name": "until", "title": "到期日", "title_en": "Ends", "type": "date"},
]
MAILBOXES = [
    {"name": "sales", "title": "销售留言", "owner": "queue:sales", "new": 1, "old": 2},
    {"name": "night", "title": "夜间留言", "owner": "", "new": 1, "old": 0},
]
EXTENSIONS = {"1001": "前台", "1002": "机房", "2001": "会议室"}
FLOWS = ("main", "bill-query", "survey")


def targets(agents: list[Json], queues: list[Json]) -> list[Json]:
    """Whom a call can be sent to."""

    def target(kind: str, name: str, title: str, **more: Any) -> Json:
        return {"kind": kind, "to": f"{kind}:{name}", "name": title or name, "detail": name, **more}

    return [
        *(target("agent", row["login"], row["name"], state=row["state"], since=row["since"]) for row in agents),
        *(target("queue", row["name"], row["title"], waiting=row["waiting"], ready=row["ready"]) for row in queues),
        *(target("flow", name, name) for name in FLOWS),
        *(target("voicemail", row["name"], row["title"]) for row in MAILBOXES),
        *(target("extension", number, name) for number, name in EXTENSIONS.items()),
    ]


class Records:
    """Everything that a test may change."""

    def __init__(self) -> None:
        self.ids = itertools.count(100)
        self.customers = {row["id"]: row for row in customers()}
        self.callbacks = {row["id"]: row for row in callbacks()}
        self.voicemail = {row["id"]: row for row in voicemail()}


def customer(identity: str, name: str, numbers: list[str], **more: Any) -> Json:
    return {
        "id": identity, "name": name, "numbers": numbers, "class": "普通", "importance": 20, "dedicated_agent": "", "version": 1, "vip": False,
        "language": "zh-CN", "note": "", "fields": {"contract": f"HT-{identity}-2026", "speed": "500M", "until": "2027-03-31"},
        "created": data.ago(9_000_000), "updated": data.ago(90_000), "masked": False, **more,
    }  # fmt: skip


def customers() -> list[Json]:
    names = (
        "王芳",
        "李强",
        "张敏",
        "刘伟",
        "杨静",
        "黄磊",
        "周杰",
        "吴敏",
        "徐丽",
        "孙涛",
        "马超",
        "朱琳",
        "胡军",
        "郭静",
        "何平",
    )
    rest = [
        customer(f"k{10 + i}", name, [f"138{i:02d}00{i * 37 % 10000:04d}"], importance=i * 7 % 90, vip=i % 6 == 0)
        for i, name in enumerate(names)
    ]
    return [
        customer("k1", "陈晓雯", ["13800138000", "02087654321"], **{"class": "宽带金卡"}, importance=70, vip=True, dedicated_agent="agent1",
                 note="偏好下午联系；上次投诉已补偿 50 元。"),
        customer("k2", "深圳市前海万里科技发展有限公司客户服务部", ["13911112223", "075588886666"], **{"class": "企业"}, importance=55),
        customer("k3", "林先生", ["1391111****"], masked=True),
        *rest,
    ]  # fmt: skip


def callback(identity: str, number: str, **more: Any) -> Json:
    return {
        "id": identity, "queue": "sales", "number": number, "customer": None, "state": "waiting", "created": data.ago(2400), "call": None,
        "scheduled": None, "entered": data.ago(2400), "attempts": [], "source": "queue", "agent": None, "note": "", **more,
    }  # fmt: skip


def callbacks() -> list[Json]:
    return [
        callback("b1", "13800138000", customer="k1", note="咨询 1000M 套餐的价格"),
        callback("b2", "13655557777", state="scheduled", scheduled=data.ago(-5400), source="agent", agent="agent1"),
        callback("b3", "02088889999", queue="service", source="voicemail", attempts=[{"at": data.ago(900), "result": "no_answer", "agent": "agent2"}]),
        callback("b4", "13577778888", state="done", attempts=[{"at": data.ago(9000), "result": "answered", "agent": "agent3"}], agent="agent3"),
        callback("b5", "13422223333", state="failed", source="page", queue="service",
                 attempts=[{"at": data.ago(9000 - i * 900), "result": "no_answer", "agent": "agent3"} for i in range(3)]),
        callback("b6", "13300001111", state="dialling", agent="agent2"),
    ]  # fmt: skip


def voicemail() -> list[Json]:
    def message(identity: str, **more: Any) -> Json:
        return {
            "id": identity, "mailbox": "sales", "state": "new", "caller": "13911112222", "caller_name": "", "queue": "sales",
            "call": "h1", "created": data.ago(1800), "duration_ms": 37_000, "due": data.ago(-1800), "assignee": "", "note": "",
            "wait_ms": 84_000, "data": {}, "overdue": False, "callback": None, **more,
        }  # fmt: skip

    return [
        message("v1", caller="13800138000", caller_name="陈晓雯", data={"订单号": "88120031"}, callback="b3"),
        message(
            "v2", mailbox="night", created=data.ago(30_000), due=data.ago(600), overdue=True, duration_ms=12_000, queue=None
        ),
        message("v3", state="in_work", assignee="agent1", created=data.ago(60_000), due=None, note="已联系，等客户确认"),
        message("v4", state="done", created=data.ago(160_000), due=None, assignee="agent2"),
    ]


def ladder(call: str) -> Json:
    """A call from a carrier to an agent's browser whose sound did not come, after a full trunk."""
    parties = [
        ("p1", "caller", "trunk", "carrier", "203.0.113.7:5060", "udp"), ("switch", "switch", "switch", "", "", ""),
        ("p2", "callee", "extension", "1002", "198.51.100.2:5062", "tcp"), ("p3", "callee", "browser", "agent1", "", ""),
    ]  # fmt: skip
    lines = [
        (0, "p1", "switch", "INVITE", 0, "INVITE 4008001000 · PCMA PCMU", False), (2, "switch", "p1", "INVITE", 100, "100 Trying", False),
        (40, "switch", "p2", "INVITE", 0, "INVITE 1002 · PCMA PCMU", False), (540, "switch", "p2", "INVITE", 0, "INVITE 1002 · PCMA PCMU", True),
        (552, "p2", "switch", "INVITE", 488, "488 Not Acceptable Here · Q.850 88", False), (553, "switch", "p2", "ACK", 0, "ACK", False),
        (560, "switch", "p1", "INVITE", 180, "180 Ringing", False), (3900, "switch", "p1", "INVITE", 200, "200 OK · PCMA", False),
        (3950, "p1", "switch", "ACK", 0, "ACK", False), (61_000, "p1", "switch", "BYE", 0, "BYE · Q.850 16", False),
        (61_002, "switch", "p1", "BYE", 200, "200 OK (BYE)", False),
    ]  # fmt: skip
    events = [
        (560, "p3", "leg_started", {"target": "agent:agent1", "trunk": ""}), (3905, "switch", "connected", {"other": "agent:agent1"}),
        (3990, "p1", "first_packet", {"codec": "PCMA"}), (6100, "p3", "one_way", {"why": "no_packets", "detail": "", "codec": "opus"}),
        (20_000, "p1", "key", {"digit": "•", "way": "rfc4733"}), (61_001, "switch", "ended", {"who": "caller", "cause": "normal"}),
    ]  # fmt: skip

    def message(number: int, ms: int, source: str, target: str, method: str, status: int, summary: str, repeat: bool) -> Json:
        first = f"SIP/2.0 {summary.split(' ·')[0]}" if status else f"{method} sip:4008001000@192.0.2.100 SIP/2.0"
        text = f"{first}\r\nVia: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK776asdhds\r\nCall-ID: a84b4c76e66710\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        return {
            "number": number, "at": data.ago(420 - ms / 1000), "ms": ms, "source": source, "target": target, "transport": "udp", "first_line": first,
            "method": method, "status": status, "summary": summary, "repeat": repeat, "sdp": [], "text": text,
        }  # fmt: skip

    def verdict(rule: str, level: str, party: str, zh: str, en: str, advice: tuple[str, str] = ("", "")) -> Json:
        return {
            "rule": rule,
            "level": level,
            "at": data.ago(410),
            "party": party,
            "text": {"zh": zh, "en": en},
            "advice": {"zh": advice[0], "en": advice[1]},
        }

    return {
        "call": call, "kept": "kept", "dropped": 0, "began": data.ago(420),
        "parties": [dict(zip(("id", "role", "kind", "name", "address", "transport"), one, strict=True), leg=None) for one in parties],
        "messages": [message(number, *line) for number, line in enumerate(lines, 1)],
        "events": [{"at": data.ago(420 - ms / 1000), "ms": ms, "party": party, "kind": kind, "values": values} for ms, party, kind, values in events],
        "verdicts": [
            verdict("no_packets", "fault", "p3", "没有收到来自座席 agent1 的浏览器的任何语音包", "No packets came from the browser of agent agent1",
                    ("检查 NAT、防火墙和它通告的媒体地址", "Check NAT, firewalls and the media address that it told")),
            verdict("codecs_refused", "warning", "p2", "分机 1002 拒绝了提供的编码（PCMA PCMU）", "Extension 1002 refused the codecs that were offered (PCMA PCMU)",
                    ("为该侧启用它支持的编码", "Offer a codec that it knows")),
            verdict("talked", "info", "p1", "通话正常，持续 57 秒，由主叫挂机", "They talked for 57 s; the caller hung up"),
        ],
    }  # fmt: skip


def routing(call: str) -> Json:
    return {
        "call": call,
        "visits": [{
            "visit": "v1", "queue": "sales", "entered": data.ago(420), "left": data.ago(402), "result": "answered", "wait_ms": 17_900,
            "stages": [{"at": data.ago(420), "stage": 0}, {"at": data.ago(408), "stage": 1}],
            "decisions": [
                {"at": data.ago(416), "chosen": "agent3", "rule": "longest_idle", "strategy": "longest_idle", "stage": 0, "priority": 36.0,
                 "candidates": [{"agent": "agent3", "key": -312.0}], "excluded": [{"agent": "agent1", "why": "skills"}, {"agent": "agent4", "why": "not_ready"}],
                 "offer": "o0", "result": "no_answer", "ring_ms": 10_000},
                {"at": data.ago(406), "chosen": "agent1", "rule": "sticky:last", "strategy": "longest_idle", "stage": 1, "priority": 38.4,
                 "candidates": [{"agent": "agent1", "key": -95.5}, {"agent": "agent5", "key": -41.0}], "excluded": [{"agent": "agent3", "why": "failed this call"}, {"agent": "agent4", "why": "not_ready"}],
                 "offer": "o1", "result": "answered", "ring_ms": 3_900},
            ],
            "text": [
                {"zh": "进入队列“销售热线”，当时前面有 2 人，没有合格的空闲座席。", "en": "Entered the queue “sales” behind two callers; no agent with the skill was ready."},
                {"zh": "等待 4 秒后，刘洋空闲最久，分配给刘洋；振铃 10 秒未接，来电保留原位置。", "en": "After 4 s Liu Yang had been idle longest and was offered the call; not answered in 10 s, the caller kept the place."},
                {"zh": "等待 12 秒后放宽技能要求（第 1 阶段），李静上次服务过该客户，优先分配并接听。", "en": "After 12 s the skills were relaxed (stage 1); Li Jing had served this customer before and got the call."},
            ],
        }],
    }  # fmt: skip


STORE = Records()
OPEN = ("waiting", "scheduled", "dialling")


def problem(status: int, detail: str) -> web.Response:
    return web.json_response({"title": detail, "status": status, "detail": detail}, status=status)


def listing(rows: list[Json]) -> web.Response:
    return web.json_response({"items": rows, "next": None})


def fixed(rows: list[Json]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return listing(rows)

    return answer


def filtered(kind: str, *fields: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        rows = list(getattr(STORE, kind).values())
        for field in fields:
            if wanted := request.query.get(field):
                rows = [row for row in rows if row[field] in (OPEN if wanted == "open" else (wanted,))]
        return listing(rows)

    return answer


def change(kind: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        rows = getattr(STORE, kind)
        identity = request.match_info["id"]
        if identity not in rows:
            return problem(404, "not found")
        body = await request.json()
        if "at" in body:
            body |= {"scheduled": body.pop("at"), "state": "scheduled"}
        rows[identity] = {**rows[identity], **body}
        return web.json_response(rows[identity])

    return answer


def remove(kind: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        getattr(STORE, kind).pop(request.match_info["id"], None)
        return web.Response(status=204)

    return answer


async def find_customers(request: web.Request) -> web.Response:
    rows = list(STORE.customers.values())
    wanted = request.query.get("q") or request.query.get("number") or ""
    rows = [row for row in rows if wanted in row["name"] or any(wanted in number for number in row["numbers"])]
    return listing(rows[: int(request.query.get("limit", "50"))])


async def one_customer(request: web.Request) -> web.Response:
    found = STORE.customers.get(request.match_info["id"])
    return web.json_response(found) if found else problem(404, "not found")


async def add_customer(request: web.Request) -> web.Response:
    body = await request.json()
    identity = f"k{next(STORE.ids)}"
    STORE.customers[identity] = customer(identity, body["name"], body.get("numbers", [])) | body
    return web.json_response(STORE.customers[identity], status=201)


async def merge_customer(request: web.Request) -> web.Response:
    kept = STORE.customers[request.match_info["id"]]
    other = STORE.customers.pop((await request.json())["other"])
    kept["numbers"] = [*dict.fromkeys([*kept["numbers"], *other["numbers"]])]
    return web.json_response(kept)


async def contacts(_: web.Request) -> web.Response:
    rows = data.history(6)
    return listing([
        {"id": row["id"], "at": row["created"], "kind": "call", "direction": row["direction"], "queue": row["queue"], "agent": row["agent_name"],
         "result": row["result"], "disposition": "bill.query" if row["talk_ms"] else None, "note": "客户要求核对三月账单" if i == 0 else None}
        for i, row in enumerate(rows)
    ])  # fmt: skip


async def import_customers(request: web.Request) -> web.Response:
    lines = (await request.read()).count(b"\n")
    return web.json_response(
        {"created": lines, "updated": 2, "skipped": 0, "errors": [{"line": 7, "reason": "number: not a number"}]}
    )


async def export_customers(_: web.Request) -> web.Response:
    return web.Response(body="id,name\nk1,陈晓雯\n".encode(), content_type="text/csv")


async def add_callback(request: web.Request) -> web.Response:
    body = await request.json()
    identity = f"b{next(STORE.ids)}"
    at = body.pop("at", None)
    row = callback(identity, source="agent", state="scheduled" if at else "waiting", scheduled=at, **body)
    STORE.callbacks[identity] = row
    return web.json_response(row, status=201)


async def why(request: web.Request) -> web.Response:
    return web.json_response(routing(request.match_info["id"]))


async def wire(request: web.Request) -> web.Response:
    return web.json_response(ladder(request.match_info["id"]))


async def codes(_: web.Request) -> web.Response:
    return web.json_response({"reasons": REASONS, "dispositions": DISPOSITIONS})


async def accepted(_: web.Request) -> web.Response:
    return web.json_response({})


def add_routes(router: web.UrlDispatcher, api: str) -> None:
    router.add_get(f"{api}/desk", codes)
    router.add_get(f"{api}/mailboxes", fixed(MAILBOXES))
    router.add_get(f"{api}/customers/fields", fixed(FIELDS))
    router.add_put(f"{api}/customers/fields", accepted)
    router.add_post(f"{api}/customers/import", import_customers)
    router.add_get(f"{api}/customers/export", export_customers)
    router.add_get(f"{api}/customers", find_customers)
    router.add_post(f"{api}/customers", add_customer)
    router.add_get(f"{api}/customers/{{id}}", one_customer)
    router.add_put(f"{api}/customers/{{id}}", change("customers"))
    router.add_delete(f"{api}/customers/{{id}}", remove("customers"))
    router.add_post(f"{api}/customers/{{id}}/merge", merge_customer)
    router.add_get(f"{api}/customers/{{id}}/history", contacts)
    router.add_get(f"{api}/callbacks", filtered("callbacks", "state", "queue", "number"))
    router.add_post(f"{api}/callbacks", add_callback)
    router.add_put(f"{api}/callbacks/{{id}}", change("callbacks"))
    router.add_delete(f"{api}/callbacks/{{id}}", remove("callbacks"))
    router.add_get(f"{api}/voicemail", filtered("voicemail", "state", "mailbox"))
    router.add_put(f"{api}/voicemail/{{id}}", change("voicemail"))
    router.add_delete(f"{api}/voicemail/{{id}}", remove("voicemail"))
    router.add_get(f"{api}/calls/{{id}}/routing", why)
    router.add_get(f"{api}/calls/{{id}}/ladder", wire)
    for method, path in (
        ("POST", "/calls/{id}/notes"), ("PUT", "/calls/{id}/disposition"), ("PUT", "/calls/{id}/customer"),
        ("DELETE", "/calls/{id}/participants/{part}"), ("POST", "/messages"), ("POST", "/queues/{name}/calls/{call}/pick"),
        ("PUT", "/agents/{login}/skills"),
    ):  # fmt: skip
        router.add_route(method, api + path, accepted)
