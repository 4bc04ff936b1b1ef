"""A stand-in for the switch: the pages' REST and WebSocket with sample data and one scripted call.

    python web/ui/mock/server.py [PORT]      then open http://127.0.0.1:PORT/login#code=agent   (or supervisor, administrator)

`POST /mock/ring` offers a call to the agent (`?kind=unknown` or `auto`), `/mock/withdraw` takes it back, `/mock/drop` cuts all
sockets, `/mock/alarm` raises an alarm, `/mock/message` writes to the agent, `/mock/help` asks the supervisor, `/mock/mode?mode=until_done`
sets the wrap-up mode, `/mock/crowd` fills the board with 500 agents that keep changing, `/mock/reset` starts afresh.
`SOFTSWITCH_STATIC` names another folder of built pages.
Browser media is answered by aiortc with silence.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import wave
from pathlib import Path
from typing import Any

import centre
import data
import desk
from aiohttp import WSMsgType, web

sys.path.insert(0, str(Path(__file__).parents[3]))
from softswitch.prompts import texts  # noqa: E402
from web.pages import secure_headers  # noqa: E402 - the pages must work under the real policy

STATIC = Path(os.environ.get("SOFTSWITCH_STATIC") or Path(__file__).parents[2] / "static")
PAGES = (
    "/",
    "/login",
    "/demo",
    "/agent",
    "/supervisor",
    "/history",
    "/admin",
    "/wallboard",
    "/callbacks",
    "/voicemail",
    "/customers",
    "/conferences",
)
Json = dict[str, Any]


SEAT = desk.Seat()


class Client:
    def __init__(self, socket: web.WebSocketResponse, role: str) -> None:
        self.socket = socket
        self.role = role
        self.seq = 0

    async def event(self, event: Json) -> None:
        if event["type"].startswith("board.") and self.role == "agent":
            return
        self.seq += 1
        await self.socket.send_json({"seq": self.seq, "event": event})

    async def serve(self, ask: Json) -> Json:
        kind = ask["type"]
        if kind == "subscribe":
            found: Json = {}
            if "agent" in ask["topics"]:
                found |= {"agent": SEAT.agent, "offer": SEAT.offer, "call": SEAT.call}
            found |= {"rooms": data.rooms()} if "rooms" in ask["topics"] else {}
            return found | (SEAT.board if "board" in ask["topics"] else {})
        if kind == "media.offer":
            return {"sdp": await SEAT.answer(ask["sdp"])}
        if kind == "agent.state":
            station = {"station": ask["station"]} if ask.get("station") else {}
            return await SEAT.become(ask["state"], reason=ask.get("reason", ""), **station)
        if kind == "call.dial":
            SEAT.call = data.call(
                "c10", "ringing", 0, direction="out", called=ask["to"], agent="agent1", queue=None, connected=None
            )
            await SEAT.become("dialling", call="c10")
            await SEAT.show_call(SEAT.call)
            return {"call": "c10"}
        if kind == "monitor.set":
            await SEAT.tell({"type": "monitor.state", "call": ask["call"], "mode": ask["mode"]})
            return {"mode": ask["mode"]}
        return await self.serve_call(kind, ask)

    async def serve_call(self, kind: str, ask: Json) -> Json:
        if kind == "offer.accept":
            await SEAT.connect_call()
        elif kind == "offer.reject":
            await SEAT.withdraw("reject")
        elif kind == "call.hangup":
            await SEAT.end_call()
        elif kind == "call.start":
            asyncio.get_running_loop().create_task(self.script())
            return {"sdp": await SEAT.answer(ask["sdp"]), "call": "c9"}
        else:
            return await desk.serve(SEAT, kind, ask)
        return {}

    async def script(self) -> None:
        """What a widget's call lives through."""
        for delay, state in ((0.5, {"state": "ivr"}), (3, {"state": "waiting", "position": 2}), (2, {"state": "talking"})):
            await asyncio.sleep(delay)
            await self.event({"type": "call.state", **state})


def role_of(request: web.Request) -> str:
    """Each tab names its session; one that names none is who signed in last."""
    wanted = request.headers.get("X-Session") or request.query.get("session")
    return data.SESSIONS.get(wanted, "") if wanted else request.cookies.get("mock", "")


async def live(request: web.Request) -> web.StreamResponse:
    role = role_of(request)
    token = request.query.get("token")
    if (token is None and not role) or token == "expired":
        raise web.HTTPForbidden()
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    client = Client(socket, role or "widget")
    SEAT.sockets.append(client)
    if token is None:
        if request.query.get("resume"):
            await client.event({"type": "resync"})
        await client.event({"type": "hello", "resume": "token", "session": data.session(role)})
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                ask = message.json()
                await socket.send_json({"re": ask["id"], "ok": await client.serve(ask)})
    finally:
        SEAT.sockets.remove(client)
    return socket


def problem(status: int, detail: str) -> web.Response:
    return web.json_response({"title": detail, "status": status, "detail": detail}, status=status)


async def sign_in(request: web.Request) -> web.Response:
    body = await request.json()
    role = body.get("code") or {"agent1": "agent", "supervisor": "supervisor", "admin": "administrator"}.get(
        body.get("login", "")
    )
    if role not in ("agent", "supervisor", "administrator"):
        return problem(401, "not valid")
    response = web.json_response(data.session(role))
    response.set_cookie("mock", role)
    return response


async def session(request: web.Request) -> web.Response:
    role = role_of(request)
    return web.json_response(data.session(role)) if role else problem(401, "signed out")


async def sign_out(_: web.Request) -> web.Response:
    response = web.Response(status=204)
    response.del_cookie("mock")
    return response


async def calls(request: web.Request) -> web.Response:
    items = data.history(120)
    for field in ("result", "queue"):
        if wanted := request.query.get(field):
            items = [item for item in items if item[field] == wanted]
    if number := request.query.get("number"):
        items = [item for item in items if number in (item["caller"], item["called"])]
    start, limit = int(request.query.get("cursor", "0")), int(request.query.get("limit", "50"))
    return web.json_response(
        {"items": items[start : start + limit], "next": str(start + limit) if start + limit < len(items) else None}
    )


async def call(request: web.Request) -> web.Response:
    found = data.history(1)[0] | {"id": request.match_info["id"], "agent": "agent1", "agent_name": "李静"}
    more = {
        "timeline": data.timeline(), "recordings": [data.recording("r1")], "customer": data.KNOWN,
        "dispositions": [{"codes": ["bill", "bill.wrong", "bill.wrong.data"], "note": "三月流量多扣，已登记", "agent": "agent1", "at": data.ago(280)}],
        "notes": [{"text": "客户希望周五前答复", "at": data.ago(300), "author": "agent1"}],
        "participants": [data.member("p1", "customer", "customer"), data.member("p2", "agent:agent1", "agent")],
    }  # fmt: skip
    return web.json_response(found | more)


async def recording(request: web.Request) -> web.Response:
    if request.query.get("peaks"):
        return web.json_response({"duration_ms": 94_000, "channels": data.peaks()})
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0" * 8000 * 4 * 94)
    return web.Response(body=file.getvalue(), content_type="audio/wav")


async def apply(request: web.Request) -> web.Response:
    text = await request.text()
    if "oops" in text:
        errors = [
            'body:3: queue[0].strategy: expected one of longest_idle, got "oops"',
            'body:7: number[0].to: there is no flow "main"',
        ]
        return web.json_response({"title": "wrong", "status": 422, "plan": [], "errors": errors}, status=422)
    plan = ["create queue sales", "update agent agent1 queues: [] -> ['sales']", "create extension 1003"]
    secrets = {} if request.query.get("dry_run") else {"extension 1003": "k7Qm-2fZp-9sXw"}
    return web.json_response({"plan": plan, "errors": [], "secrets": secrets})


async def control(request: web.Request) -> web.Response:
    action = request.match_info["action"]
    if action == "ring":
        await SEAT.ring(request.query.get("kind", "known"))
    elif action == "mode":
        SEAT.mode = request.query.get("mode", "timed")
    elif action == "message":
        await SEAT.tell(
            {"type": "agent.message", "from": "王班长", "text": "销售队列排队较多，请尽快结束话后处理。", "at": data.ago(0)}
        )
    elif action == "help":
        await SEAT.ask_help("agent2")
    elif action == "crowd":
        SEAT.crowd()
    elif action == "withdraw":
        await SEAT.withdraw("abandoned")
    elif action == "reset":
        SEAT.reset()
    elif action == "alarm":
        await SEAT.tell(
            {
                "type": "alarm.raised",
                "code": "trunk.down",
                "level": "critical",
                "text": "中继 carrier 不可用",
                "object": "carrier",
            }
        )
    elif action == "drop":
        for client in list(SEAT.sockets):
            await client.socket.close()
    return web.Response(status=204)


def listing(items: Any) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"items": items(), "next": None})

    return answer


def registrations() -> list[Json]:
    contact = {
        "contact": "sip:1001@192.0.2.50:5062",
        "address": "192.0.2.50:5062",
        "user_agent": "baresip v3",
        "expires": data.ago(-240),
    }
    return [{"extension": "1001", "contacts": [contact]}]


def ring_groups() -> list[Json]:
    def member(to: str, name: str, state: str) -> Json:
        return {"to": to, "name": name, "state": state}

    front = [
        member("extension:1001", "前台", "free"), member("extension:1002", "Lee", "busy"), member("extension:1003", "仓库", "dnd"),
        member("extension:1004", "", "offline"), member("outside:13800138000", "", "outside"),
    ]  # fmt: skip
    figures = {"ringing": 1, "calls": 42, "answered": 37}
    return [
        {"name": "desk", "title": "前台", "number": "6000", "strategy": "all", "members": front, **figures},
        {"name": "night", "title": "", "number": "", "strategy": "longest_idle", "members": front[:2], **figures, "ringing": 0},
    ]


def phones() -> list[Json]:
    common = {"profile": "yealink", "label": "", "path": "/provision/0/", "file": "x.cfg", "address": "192.0.2.50"}
    return [
        {**common, "mac": "001565aabbcc", "extension": "1001", "fetched_at": data.ago(3600), "device": "Yealink SIP-T54W 96.86.0.100",
         "pin": "", "pin_until": None},
        {**common, "mac": "001565aabbcd", "extension": "1002", "fetched_at": None, "device": "", "pin": "waiting",
         "pin_until": data.ago(-86400), "address": ""},
    ]  # fmt: skip


def file(name: str) -> Any:
    async def answer(_: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    return answer


def value(make: Any) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(make())

    return answer


async def one_agent(request: web.Request) -> web.Response:
    login = request.match_info["login"]
    found = [SEAT.agent] if login == "agent1" else [row for row in SEAT.board["agents"] if row["login"] == login]
    return web.json_response(found[0]) if found else problem(404, "not found")


async def force_state(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response(await SEAT.force(request.match_info["login"], body["state"], body.get("reason", "")))


async def one_queue(request: web.Request) -> web.Response:
    found = [row for row in SEAT.board["queues"] if row["name"] == request.match_info["name"]]
    return web.json_response(found[0]) if found else problem(404, "not found")


async def emergency(request: web.Request) -> web.Response:
    return web.json_response(await SEAT.emergency(request.match_info["name"], await request.json()))


async def move(request: web.Request) -> web.Response:
    await SEAT.move(request.match_info["name"], request.match_info["call"], await request.json())
    return web.json_response({})


async def take_help(request: web.Request) -> web.Response:
    call = await SEAT.end_help(request.match_info["login"])
    return web.json_response({"mode": "whisper" if call else "off", "call": call})


async def rights(request: web.Request) -> web.Response:
    agent = ["desk", "customer", "voicemail"]
    more = [
        "queue",
        "customer.delete",
        "export",
        "board",
        "monitor",
        "config",
        "config.read",
        "status",
        "flow",
        "trace",
        "calls.place",
        "calls.end",
    ]
    return web.json_response({"mine": agent if role_of(request) == "agent" else [*agent, *more]})


OWN: set[tuple[str, str]] = {("zh-CN", "welcome"), ("zh-CN", "announcement-flood"), ("music", "spring")}


def prompts() -> list[Json]:
    said = {("zh-CN", name): words.get("zh-CN", "") for name, words in texts().items()}
    said |= {("en", name): words["en"] for name, words in texts().items() if "en" in words}
    said |= {("music", "default"): "", ("music", "beep"): ""}
    return [
        {"name": name, "language": language, "own": (language, name) in OWN, "shipped": (language, name) in said,
         "text": said.get((language, name), ""), "duration_ms": 900 + 170 * len(said.get((language, name), ""))}
        for language, name in sorted(said.keys() | OWN)
    ]  # fmt: skip


async def put_prompt(request: web.Request) -> web.Response:
    if (await request.read())[:4] != b"RIFF":
        reason = "no_decoder: only WAV and Ogg/Opus can be read here"
        return web.json_response(
            {
                "title": "Invalid",
                "status": 422,
                "detail": reason,
                "code": "invalid",
                "errors": [{"field": "sound", "reason": reason}],
            },
            status=422,
        )
    OWN.add((request.match_info["language"], request.match_info["name"]))
    return web.json_response({})


async def drop_prompt(request: web.Request) -> web.Response:
    OWN.discard((request.match_info["language"], request.match_info["name"]))
    return web.Response(status=204)


async def speak(request: web.Request) -> web.Response:
    if (await request.json())["language"] == "en":
        return web.json_response({"title": "Conflict", "status": 409, "detail": "no engine", "code": "no_speech"}, status=409)
    return await recording(request)


async def targets(_: web.Request) -> web.Response:
    return centre.listing(centre.targets([SEAT.agent, *SEAT.board["agents"]], SEAT.board["queues"]))


async def waiting(_: web.Request) -> web.Response:
    rows = [
        {**call, "queue": row["name"]}
        for row in SEAT.board["queues"]
        for call in row["calls"]
        if row["name"] in SEAT.agent["queues"]
    ]
    return centre.listing(rows)


async def nothing(_: web.Request) -> web.Response:
    return web.Response(status=204)


def build() -> web.Application:
    app, api = web.Application(), "/api/v1"
    for path in PAGES:
        app.router.add_get(path, file("index.html"))
    app.router.add_get("/widget.js", file("widget.js"))
    app.router.add_get("/favicon.ico", file("favicon.svg"))
    app.router.add_get("/healthz", nothing)
    app.on_response_prepare.append(secure_headers)
    app.router.add_static("/assets", STATIC / "assets")
    app.router.add_post("/mock/{action}", control)
    app.router.add_post(f"{api}/auth/link", sign_in)
    app.router.add_get(f"{api}/auth/session", session)
    app.router.add_post(f"{api}/auth/session", sign_in)
    app.router.add_delete(f"{api}/auth/session", sign_out)
    app.router.add_get(f"{api}/calls", calls)
    app.router.add_get(f"{api}/calls/{{id}}", call)
    app.router.add_delete(f"{api}/calls/{{id}}", nothing)
    app.router.add_get(f"{api}/calls/{{id}}/recording", recording)
    app.router.add_get(f"{api}/prompts", listing(prompts))
    app.router.add_get(f"{api}/prompts/{{language}}/{{name}}", recording)
    app.router.add_put(f"{api}/prompts/{{language}}/{{name}}", put_prompt)
    app.router.add_delete(f"{api}/prompts/{{language}}/{{name}}", drop_prompt)
    app.router.add_post(f"{api}/speech", speak)
    app.router.add_get(f"{api}/agents", listing(lambda: SEAT.board["agents"]))
    app.router.add_get(f"{api}/agents/{{login}}", one_agent)
    app.router.add_put(f"{api}/agents/{{login}}/state", force_state)
    app.router.add_get(f"{api}/queues", listing(lambda: SEAT.board["queues"]))
    app.router.add_get(f"{api}/queues/{{name}}", one_queue)
    app.router.add_put(f"{api}/queues/{{name}}/emergency", emergency)
    app.router.add_put(f"{api}/queues/{{name}}/calls/{{call}}", move)
    app.router.add_put(f"{api}/help/{{login}}", take_help)
    app.router.add_get(f"{api}/desk/targets", targets)
    app.router.add_get(f"{api}/desk/waiting", waiting)
    app.router.add_get(f"{api}/parked", listing(list))
    app.router.add_get(f"{api}/voicemail/{{id}}/audio", recording)
    app.router.add_get(f"{api}/rights", rights)
    centre.add_routes(app.router, api)
    app.router.add_get(f"{api}/trunks", listing(data.trunks))
    app.router.add_get(f"{api}/ring_groups", listing(ring_groups))
    app.router.add_get(f"{api}/registrations", listing(registrations))
    app.router.add_get(f"{api}/phones", listing(phones))
    app.router.add_post(f"{api}/phones/{{mac}}/pin", value(lambda: {"pin": "482913", "until": data.ago(-86400)}))
    app.router.add_get(f"{api}/status", value(data.status))
    app.router.add_get(f"{api}/demo", value(lambda: {"token": "demo", "to": "flow:main"}))
    app.router.add_post(f"{api}/apply", apply)
    app.router.add_get(f"{api}/ws", live)
    return app


if __name__ == "__main__":
    web.run_app(build(), host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8090)
