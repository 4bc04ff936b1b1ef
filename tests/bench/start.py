"""What a second start costs: the set-up that has nothing to do, and the service until it is ready."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figure, load_average
from tests.support.switch import Switch

ROOT = Path(__file__).parents[2]
GOAL = 5.0


def setup_seconds() -> float:
    """`script/setup --test` when everything is done (script/bench has just run it)."""
    began = time.monotonic()
    subprocess.run([str(ROOT / "script" / "setup"), "--test"], check=True, stdout=subprocess.DEVNULL, timeout=900)
    return time.monotonic() - began


def ready_seconds() -> float:
    """From `softswitch run` with an empty data folder to /readyz 200."""
    with tempfile.TemporaryDirectory() as name:
        switch = Switch(Path(name), "", token="not needed")
        began = time.monotonic()
        with switch:
            return time.monotonic() - began


def bench() -> list[Figure]:
    setup_seconds()  # sources that changed since are built here
    return [
        Figure("start", "script/setup with nothing to do", setup_seconds(), "s", GOAL, note=load_average()),
        Figure("start", "softswitch run to /readyz", min(ready_seconds() for _ in range(2)), "s", note="best of 2"),
    ]
