"""A router between a browser and the switch: forwards, loses everything, or gives the browser another outside address."""

from __future__ import annotations

import selectors
import socket
import threading

LOOPBACK = "127.0.0.1"


class Router:
    """A thread of its own. `port` is what the browser is told, `target` the switch's port."""

    def __init__(self, target: int) -> None:
        self._target = (LOOPBACK, target)
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind((LOOPBACK, 0))
        self.port: int = self._inside.getsockname()[1]
        self.is_cut = False
        self._lock = threading.Lock()
        self._outside: dict[tuple[str, int], socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inside, selectors.EVENT_READ, None)
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def rebind(self) -> None:
        """From now on every browser has another address outside: another network, or a router that forgot."""
        with self._lock:
            for former in self._outside.values():
                self._selector.unregister(former)
                former.close()
            self._outside.clear()

    def close(self) -> None:
        self._stop = True
        self._thread.join(2)
        self.rebind()
        self._inside.close()

    def _run(self) -> None:
        while not self._stop:
            for key, _ in self._selector.select(0.1):
                with self._lock:
                    self._forward(key)

    def _forward(self, key: selectors.SelectorKey) -> None:
        try:
            if key.data is not None:
                packet = key.fileobj.recv(2048)  # type: ignore[union-attr]
                if not self.is_cut:
                    self._inside.sendto(packet, key.data)
                return
            packet, browser = self._inside.recvfrom(2048)
            if not self.is_cut:
                self._way_of(browser).sendto(packet, self._target)
        except OSError:  # an ICMP error, or the socket was closed by `rebind` meanwhile
            return

    def _way_of(self, browser: tuple[str, int]) -> socket.socket:
        way = self._outside.get(browser)
        if way is None:
            way = self._outside[browser] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.bind((LOOPBACK, 0))
            self._selector.register(way, selectors.EVENT_READ, browser)
        return way
