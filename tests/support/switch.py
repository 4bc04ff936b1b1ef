"""The switch as its user runs it: a process with its own ports and data folder, driven through its command line and REST."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "softswitch"]
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0)


def free_port(*kinds: int) -> int:
    """A port that is free for TCP, or for the kinds of sockets that are named.

    It lies below the range that systems give to sockets without a wish, so nobody takes it before it is bound.
    """
    while True:
        port = random.randrange(10_000, 20_000)
        try:
            for kind in kinds or (socket.SOCK_STREAM,):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


def free_sip_port() -> int:
    """A port that is free for UDP and TCP."""
    return free_port(socket.SOCK_DGRAM, socket.SOCK_STREAM)


def wait_for(what: Callable[[], Any], seconds: float = 10.0, why: str = "") -> Any:
    """Polls until `what()` is truthy and returns it. The only kind of waiting that tests with real peers do."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {why or what}")
        time.sleep(0.05)


class ApiError(Exception):
    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.problem = problem


@dataclass
class Switch:
    """One running switch. Use as a context manager; `apply` is the text of its apply file."""

    folder: Path
    apply: str
    sip_listen: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    sip_port: int = field(default_factory=free_sip_port)
    http_port: int = field(default_factory=free_port)
    token: str = ""
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Switch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def log(self) -> str:
        return (self.folder / "switch.log").read_text(errors="replace")

    def variables(self) -> dict[str, str]:
        first = 22_000 + _WORKER * 4_000
        listen = self.sip_listen or f'["udp:127.0.0.1:{self.sip_port}","tcp:127.0.0.1:{self.sip_port}"]'
        values = {
            "SOFTSWITCH_DATA_DIR": str(self.data),
            "SOFTSWITCH_SIP__LISTEN": listen,
            "SOFTSWITCH_SIP__OVERLOAD_MS": "0",  # machines of tests are busy with other things
            "SOFTSWITCH_MEDIA__LISTEN": "127.0.0.1",
            "SOFTSWITCH_MEDIA__PORTS": f"{first}-{first + 3_998}",
            "SOFTSWITCH_HTTP__LISTEN": f"127.0.0.1:{self.http_port}",
            **self.settings,
        }
        return {**os.environ, "PYTHONUNBUFFERED": "1", **values, **self.environment}

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command of the command line, against the same data."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            env=self.variables(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check and done.returncode:
            raise AssertionError(f"softswitch {' '.join(arguments)} → {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self) -> None:
        """Starts the service and waits until it is ready."""
        apply_file = self.folder / "apply.toml"
        apply_file.write_text(self.apply, encoding="utf-8")
        out = (self.folder / "switch.log").open("ab")
        self.process = subprocess.Popen(
            [*COMMAND, "run", "--apply", str(apply_file)], env=self.variables(), cwd=self.folder, stdout=out, stderr=out
        )
        try:
            wait_for(self.is_ready, 60, "the switch to become ready")
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.log}") from error
        if not self.token:
            self.token = self.run("token", "add", "tests", "--role", "administrator").stdout.split()[-1]

    def is_ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the switch exited with {self.process.returncode}")
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """SIGTERM and wait; the exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the switch did not stop after SIGTERM\n" + self.log[-4000:]) from None

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def request(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, content_type: str = ""
    ) -> tuple[int, bytes]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if data is not None:
            headers["Content-Type"] = content_type or "application/json"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=15) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def api(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON reply of a REST call under /api/v1. Raises ApiError for a problem."""
        status, content = self.request(method, "/api/v1" + path, body, **more)
        document = json.loads(content) if content else None
        if status >= 400:
            raise ApiError(status, document)
        return document

    def link(self, login: str) -> str:
        """A fresh sign-in link (absolute URL) for a person."""
        text = self.run("user", "link", login).stdout
        code = text.split("#code=")[1].split()[0]
        return f"{self.url}/login#code={code}"

    def ended_calls(self, count: int = 1, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Newest first; waits until at least `count` are committed."""

        def enough() -> list[dict[str, Any]] | None:
            items: list[dict[str, Any]] = self.api("GET", "/calls?state=ended&limit=200")["items"]
            return items if len(items) >= count else None

        return wait_for(enough, seconds, f"{count} ended calls")  # type: ignore[no-any-return]
