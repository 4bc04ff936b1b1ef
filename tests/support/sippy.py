"""Sippy's B2BUA (BSD), another program that does what the switch does: a neighbour in tests, and the peer of benches."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.raw_sip import RawSip, status
from tests.support.switch import free_sip_port, wait_for


@contextmanager
def sippy(folder: Path, out_port: int, port: int = 0) -> Iterator[tuple[int, int]]:
    """Sends every call on to `out_port` of this machine; its own port and process id, once it answers."""
    port = port or free_sip_port()
    command = ["-f", "-l", "127.0.0.1", "-p", str(port), "-n", f"127.0.0.1:{out_port}"]
    with (folder / "sippy.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "sippy.b2bua_simple", *command], stdout=log, stderr=log, cwd=folder)
        try:
            with RawSip(port) as raw:

                def answers() -> bool:
                    raw.send(raw.request("OPTIONS", f"sip:127.0.0.1:{port}"))
                    return status(raw.receive(0.3)) > 0

                wait_for(answers, 30, "Sippy to start")
            yield port, process.pid
        finally:
            process.kill()
            process.wait()
