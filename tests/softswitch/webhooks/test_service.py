"""Deliveries to real endpoints: in order, signed, at least once; whatever an endpoint does harms nobody else."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy.exc import OperationalError

from softswitch.directory.centre import Webhook
from softswitch.directory.model import Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.model.errors import Conflict, NotFound
from softswitch.store.database import Store
from softswitch.webhooks import envelope, outbox
from softswitch.webhooks.lane import Answer, judged
from softswitch.webhooks.service import Webhooks
from tests.softswitch.webhooks.conftest import Post, fine


async def test_each_event_arrives_signed_and_with_the_record(post: Post) -> None:
    endpoint = await post.endpoint()
    post.declare(Webhook(name="crm", url=endpoint.url, events=("call.*",), secret="s3"))
    await post.ready()
    post.call("c1")
    await post.until(lambda: len(endpoint.got) == 2)
    (headers, created), (_, ended) = endpoint.got
    assert (created["type"], ended["type"]) == ("call.created", "call.ended"), "one call's events come in order"
    assert (ended["record"]["id"], ended["record"]["result"], created.get("record")) == ("c1", "abandoned", None)
    wanted = envelope.signature("s3", headers[envelope.TIMESTAMP], endpoint.url, headers["text"])
    assert headers[envelope.SIGNATURE] == wanted
    assert headers[envelope.DELIVERY] == created["id"]
    assert abs(float(headers[envelope.TIMESTAMP]) - time.time()) < 5
    await asyncio.sleep(0.3)
    assert {row.state for row in await post.hooks.deliveries("crm")} == {"done"}
    (view,) = await post.hooks.views()
    assert (view.waiting, view.failing_since, view.signed) == (0, 0.0, True)


async def test_failures_are_tried_again_with_the_same_id_and_in_order(post: Post) -> None:
    statuses = [500, 503, 429]

    async def stumbling(_: web.Request) -> web.StreamResponse:
        return web.Response(status=statuses.pop(0) if statuses else 200)

    endpoint = await post.endpoint(stumbling)
    post.declare(Webhook(name="crm", url=endpoint.url, events=("call.*",)))
    await post.ready()
    post.call("c1")
    await post.until(lambda: len(endpoint.got) == 5)
    assert [body["type"] for _, body in endpoint.got] == ["call.created"] * 4 + ["call.ended"]
    assert len({body["id"] for _, body in endpoint.got[:4]}) == 1
    assert [headers[envelope.ATTEMPT] for headers, _ in endpoint.got] == ["1", "2", "3", "4", "1"]


async def test_what_is_refused_is_given_up_and_the_next_goes_on(post: Post) -> None:
    async def refuses_the_first(request: web.Request) -> web.StreamResponse:
        return web.Response(status=422 if (await request.json())["event"]["call"] == "bad" else 200)

    endpoint = await post.endpoint(refuses_the_first)
    post.declare(Webhook(name="crm", url=endpoint.url))
    await post.ready()
    post.call("bad")
    await post.until(lambda: endpoint.calls().count("bad") == envelope.REFUSALS)
    post.call("bad2")
    await post.until(lambda: "bad2" in endpoint.calls())
    await asyncio.sleep(0.3)
    failed = await post.hooks.deliveries("crm", state="failed")
    assert [(row.call, row.status, row.attempts) for row in failed] == [("bad", 422, 3)]
    endpoint.answering = fine
    again = await post.hooks.retry("crm", failed[0].id)
    assert again.state == "done"
    with pytest.raises(Conflict):
        await post.hooks.retry("crm", failed[0].id)
    with pytest.raises(NotFound):
        await post.hooks.retry("crm", "w404")


async def test_an_endpoint_that_hangs_holds_up_nobody_else(post: Post) -> None:
    async def hangs(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    bad, good = await post.endpoint(hangs), await post.endpoint()
    post.declare(Webhook(name="bad", url=bad.url), Webhook(name="good", url=good.url))
    await post.ready()
    began = time.monotonic()
    for number in range(100):
        post.call(f"c{number}")
    assert time.monotonic() - began < 0.2, "journaling an event does not wait for anybody"
    await post.journal.flush()
    assert time.monotonic() - began < 3.0
    await post.until(lambda: len(good.got) == 100)
    assert len(bad.got) <= 4 * 20, "at most four at a time"
    await post.until(lambda: "no answer" in post.hooks._hooks["bad"].last_error)
    (view,) = [view for view in await post.hooks.views() if view.name == "bad"]
    assert view.waiting == 100


async def test_an_endpoint_that_comes_back_gets_everything(post: Post) -> None:
    endpoint = await post.endpoint()
    assert endpoint.server is not None
    url = endpoint.url
    await endpoint.server.close()
    post.declare(Webhook(name="crm", url=url))
    await post.ready()
    for number in range(20):
        post.call(f"c{number}")
    await asyncio.sleep(0.5)
    back = await post.endpoint()
    post.declare(Webhook(name="crm", url=back.url))
    await post.until(lambda: len(set(back.calls())) == 20)


async def test_an_endpoint_that_talks_nonsense_is_a_failure_and_nothing_else(post: Post) -> None:
    asked = 0

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read(100)
        writer.write(b"\x00\xff\r\nnot HTTP at all\r\n\r\n" * 100)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    post.declare(Webhook(name="crm", url=f"http://127.0.0.1:{port}/"), Webhook(name="worse", url="http://[nonsense/"))
    await post.ready()
    post.call("c1")
    await post.until(lambda: asked >= 3)
    for view in await post.hooks.views():
        assert view.waiting == 1
        assert view.last_error
    server.close()


async def test_a_new_hook_hears_of_what_happens_from_then_on(post: Post) -> None:
    first, second = await post.endpoint(), await post.endpoint()
    post.call("before")
    await post.journal.flush()
    post.declare(Webhook(name="first", url=first.url))
    await post.ready()
    post.call("c1")
    await post.until(lambda: first.calls() == ["c1"])
    post.declare(Webhook(name="second", url=second.url))
    post.call("c2")
    await post.until(lambda: second.calls() == ["c2"])
    await asyncio.sleep(0.3)
    assert first.calls() == ["c1"], "a hook that was removed hears nothing more"


async def test_trouble_that_lasts_is_an_alarm_until_it_is_over(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.webhooks.service.ALARM_AFTER", 0.3)

    async def fails(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    endpoint = await post.endpoint(fails)
    post.declare(Webhook(name="crm", url=endpoint.url))
    await post.ready()
    post.call("c1")
    await post.until(
        lambda: [(alarm.code, alarm.object) for alarm in post.alarms.active()] == [("webhook_failing", "webhook:crm")]
    )
    endpoint.answering = fine
    await post.until(lambda: post.alarms.active() == [])


def test_a_delivery_is_given_up_after_a_day() -> None:
    row = outbox.Delivery(1, "w1", "crm", 0, 1, "call.ended", "c1", "{}", "waiting", 40, 1000.0, 0.0, None, 0, "")
    assert judged(row, Answer(0, "refused"), 1000.0 + 3600).state == "waiting"
    assert judged(row, Answer(0, "refused"), 1000.0 + envelope.MOST_AGE).state == "failed"


async def test_a_test_and_a_message_of_the_product(post: Post) -> None:
    endpoint = await post.endpoint()
    post.declare(Webhook(name="crm", url=endpoint.url))
    await post.ready()
    identity, answer = await post.hooks.test("crm")
    assert (answer.status, answer.error) == (204, "")
    assert (endpoint.got[0][1]["id"], endpoint.got[0][1]["type"]) == (identity, "webhook.test")
    told = await post.hooks.tell("crm", "alarm.escalated", {"code": "disk"})
    await post.until(lambda: len(endpoint.got) == 2)
    assert (endpoint.got[1][1]["id"], endpoint.got[1][1]["event"]) == (told, {"code": "disk"})
    with pytest.raises(NotFound):
        await post.hooks.test("none")


async def test_what_is_over_is_removed_after_a_while(post: Post) -> None:
    endpoint = await post.endpoint()
    post.declare(Webhook(name="crm", url=endpoint.url))
    await post.ready()
    post.call("c1")
    await post.until(lambda: len(endpoint.got) == 1)
    await asyncio.sleep(0.3)
    assert len(await post.hooks.deliveries("crm")) == 1
    later = post.hooks.clock.utc() + 10
    assert await post.store.write(partial(outbox.tidy, done_before=later, failed_before=later)) == 1
    assert await post.hooks.deliveries("crm") == []


async def test_nothing_is_lost_when_the_process_is_killed(post: Post) -> None:
    """The first service vanishes without a word, as by kill -9; the next one sends what the journal and the outbox hold."""
    seen = 0

    async def only_ten(_: web.Request) -> web.StreamResponse:
        nonlocal seen
        seen += 1
        if seen > 10:
            await asyncio.sleep(30)
        return web.Response()

    endpoint = await post.endpoint(only_ten)
    post.declare(Webhook(name="crm", url=endpoint.url))
    await post.ready()
    for number in range(30):
        post.call(f"c{number}")
    await post.journal.flush()
    await post.until(lambda: seen > 10)
    first = post.hooks
    for hook in first._hooks.values():
        for lane, task in zip(hook.lanes, hook.tasks, strict=True):
            lane._finished.clear()  # what was not written down is forgotten
            task.cancel()
    assert first._task is not None
    first._task.cancel()
    for number in range(30, 40):
        post.call(f"c{number}")
    await post.journal.flush()
    endpoint.answering = fine
    second = Webhooks(post.store, first.clock, first.directory, first.raise_alarm, first.clear_alarm, first.wire)
    await second.start()
    await post.until(lambda: len(set(endpoint.calls())) == 40)
    await second.close()


class Away:
    """A database that can be away for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_away = False

    async def read(self, work: Any) -> Any:
        self._check()
        return await self._store.read(work)

    async def write(self, work: Any) -> Any:
        self._check()
        return await self._store.write(work)

    def _check(self) -> None:
        if self.is_away:
            raise OperationalError("select", {}, Exception("the server closed the connection"))


async def test_a_database_that_is_away_delays_and_loses_nothing(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.webhooks.service.RETRY_DATABASE", 0.05)
    away: Any = Away(post.store)
    endpoint = await post.endpoint()
    first = post.hooks
    hooks = Webhooks(away, first.clock, first.directory, first.raise_alarm, first.clear_alarm, first.wire)
    post.snapshot[0] = Snapshot.of([(Kind.WEBHOOK, Webhook(name="crm", url=endpoint.url))], version=1)
    await hooks.start()
    await post.until(lambda: hooks._begun)
    for number in range(60):
        post.call(f"c{number}")
        away.is_away = number % 20 >= 10
        hooks.note()
        await asyncio.sleep(0.02)
    away.is_away = False
    await post.journal.flush()
    hooks.note()
    await post.until(lambda: len(set(endpoint.calls())) == 60)
    await asyncio.sleep(0.2)
    assert {row.state for row in await hooks.deliveries("crm", limit=200)} == {"done"}
    await hooks.close()
