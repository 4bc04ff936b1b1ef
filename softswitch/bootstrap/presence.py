"""Whether a switch of this data directory runs, and where it listens: a file that stays locked as long as its process lives."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from softswitch.model.address import Listen
from softswitch.observe.doctor import Running

NAME = "running.lock"


@contextmanager
def present(data_dir: Path, ports: Iterable[Listen]) -> Iterator[None]:
    """The lock for the time of the block; the process's death ends it too. Where another process has it, nothing."""
    with open(data_dir / NAME, "a", encoding="utf-8", opener=_for_its_owner) as file:
        if _lock(file.fileno()):
            file.truncate(0)
            file.write(json.dumps({"process": os.getpid(), "ports": [str(port) for port in ports]}))
            file.flush()
        yield


def running(data_dir: Path) -> Running | None:
    """The switch that runs on this data directory, as far as this user may know."""
    try:
        with (data_dir / NAME).open(encoding="utf-8") as file:
            said = "" if _lock(file.fileno()) else file.read()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    if not said:  # nobody has the lock, or has just taken it
        return None
    known = json.loads(said)
    return Running(known["process"], frozenset(known["ports"]))


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(descriptor: int) -> bool:
    """Until the file is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
