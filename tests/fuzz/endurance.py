"""One endpoint under very many hostile messages: what it says, how much memory it takes, how fast it still answers."""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from signalling.commands import Answer, HangUp
from signalling.endpoint import Endpoint, EndpointConfig, Limits
from signalling.errors import LocalProtocolError
from signalling.events import Body, Flow, IncomingCall
from signalling.testing import counting_token, open_book
from tests.fuzz import seeds
from tests.fuzz.mutation import mutated

UDP = Flow("udp", ("192.0.2.200", 5060), ("192.0.2.77", 40123))
STEP = 0.002  # seconds between two messages: 500 a second
WARM = 0.2  # of the messages; caches and tables have their size then
STATUSES = frozenset(
    {100, 180, 200, 202, 400, 403, 404, 405, 406, 408, 412, 413, 414, 415, 416, 420, 421, 422, 423, 481, 482, 483, 488, 489,
     491, 494, 500, 501, 503, 505, 513}
)  # fmt: skip


class Report(NamedTuple):
    messages: int
    seconds: float
    grown_mb: float  # memory after the last message over memory after the warm-up
    options_p99_ms: float
    statuses: dict[int, int]
    left: int  # objects that are alive when all timers have run out


def mutations(count: int, seed: int) -> Iterator[bytes]:
    random, corpus = Random(seed), seeds("message")
    return (mutated(random, corpus) for _ in range(count))


def protos(path: Path) -> Iterator[bytes]:
    """The cases of the PROTOS suite c07-sip from its archive, which is not part of this repository (GPL)."""
    fields = {
        b"From-Address": b"192.0.2.77", b"Local-Port": b"5060", b"To": b"user@192.0.2.200", b"From": b"prober@192.0.2.77",
        b"CSeq": b"1", b"From-Port": b"5060",
    }  # fmt: skip
    with zipfile.ZipFile(path) as archive:
        for number, name in enumerate(sorted(name for name in archive.namelist() if name.startswith("testcases/"))):
            data = re.sub(rb"\A\d+ ", b"", archive.read(name))
            yield re.sub(
                rb"<([A-Z][A-Za-z-]+)>", lambda found, number=number: fields.get(found[1], b"%d" % number), data
            )[:65_507]  # fmt: skip


def endure(messages: Iterable[bytes], count: int) -> Report:
    """Feeds everything to one endpoint of profile "open"; calls are answered, every eighth is hung up by us.

    Raises whatever the endpoint lets out, AssertionError for an answer that is not among the documented ones.
    """
    limits = Limits(stranger_rate=1e9, stranger_burst=1e9, told_per_minute=1e9)
    endpoint = Endpoint(EndpointConfig(limits=limits), open_book(), counting_token())
    now, memory, delays, statuses = 10.0, resident(), [], dict.fromkeys(sorted(STATUSES), 0)
    started = time.monotonic()
    for number, data in enumerate(messages):
        now += STEP
        sent = react(endpoint, data, now, hang_up=number % 8 == 0)
        for reply in sent:
            if reply.startswith(b"SIP/2.0 "):
                statuses[int(reply[8:11])] += 1
        endpoint.handle_timeout(now)
        if number % 100 == 0:
            delays.append(delay_of_options(endpoint, number, now))
        if number == int(count * WARM):
            memory = resident()
    grown, seconds = resident() - memory, time.monotonic() - started
    for _ in range(400):
        now += 1.0
        endpoint.handle_timeout(now)
    delays.sort()
    said = {status: times for status, times in statuses.items() if times}
    return Report(number + 1, seconds, grown, delays[len(delays) * 99 // 100] * 1e3, said, sum(endpoint.leftovers.values()))


def react(endpoint: Endpoint, data: bytes, now: float, *, hang_up: bool) -> list[bytes]:
    output = endpoint.receive(data, UDP, now)
    sent = [transmit.data for transmit in output.transmits]
    assert all(transmit.flow == UDP for transmit in output.transmits), "only the source hears"
    for event in output.events:
        if isinstance(event, IncomingCall):
            for command in (
                (Answer(event.leg, Body(b"v=0")), HangUp(event.leg)) if hang_up else (Answer(event.leg, Body(b"v=0")),)
            ):
                try:
                    sent += [transmit.data for transmit in endpoint.submit(command, now).transmits]
                except LocalProtocolError:
                    assert event.leg not in endpoint.legs or endpoint.legs[event.leg].is_over
    return sent


def delay_of_options(endpoint: Endpoint, number: int, now: float) -> float:
    data = (
        f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKprobe{number}\r\nFrom: <sip:a@x>;tag=p{number}\r\n"
        f"To: <sip:x>\r\nCall-ID: probe{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    started = time.thread_time()  # of this thread alone: a busy machine says nothing about us
    (answer,) = endpoint.receive(data, UDP, now).transmits
    assert answer.data.startswith(b"SIP/2.0 200 ")
    return time.thread_time() - started


def resident() -> float:
    """Memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
