"""A bad link between a peer and the switch: datagrams are lost, late and out of order, both ways."""

from __future__ import annotations

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from collections import Counter

LOOPBACK = "127.0.0.1"
MOST_IN_A_ROW = 3
"""The same message is not lost more often: what a peer sends seven times arrives, and no run of the test is unlucky."""


class BadLink:
    """`port` is what the peers of one side are told, `target` where their datagrams go; answers come back by the same link."""

    def __init__(self, target: int, *, loss: float, jitter: float, seed: int = 1) -> None:
        self._target = (LOOPBACK, target)
        self._loss, self._jitter, self._chance = loss, jitter, random.Random(seed)
        self._inside = self._socket()
        self.port: int = self._inside.getsockname()[1]
        self.lost = self.passed = 0
        self._outside: dict[tuple[str, int], socket.socket] = {}
        self._lost_before: Counter[bytes] = Counter()
        self._waiting: list[tuple[float, int, socket.socket, bytes, tuple[str, int]]] = []
        self._numbers = itertools.count()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inside, selectors.EVENT_READ, None)
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> BadLink:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(2)
        for each in (self._inside, *self._outside.values()):
            each.close()

    @staticmethod
    def _socket() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((LOOPBACK, 0))
        return made

    def _run(self) -> None:
        while not self._stop:
            pause = min(0.1, max(0.0, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.1
            for key, _ in self._selector.select(pause):
                self._take(key)
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, way, packet, address = heapq.heappop(self._waiting)
                way.sendto(packet, address)

    def _take(self, key: selectors.SelectorKey) -> None:
        packet, source = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
        if key.data is not None:
            way, address = self._inside, key.data
        else:
            way, address = self._way_of(source), self._target
        if self._lost_before[packet] < MOST_IN_A_ROW and self._chance.random() < self._loss:
            self._lost_before[packet] += 1
            self.lost += 1
            return
        del self._lost_before[packet]
        self.passed += 1
        at = time.monotonic() + self._chance.random() * self._jitter
        heapq.heappush(self._waiting, (at, next(self._numbers), way, packet, address))

    def _way_of(self, peer: tuple[str, int]) -> socket.socket:
        way = self._outside.get(peer)
        if way is None:
            way = self._outside[peer] = self._socket()
            self._selector.register(way, selectors.EVENT_READ, peer)
        return way
