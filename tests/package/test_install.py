"""`pip install .` on a clean clone makes one wheel with engine and pages; what is installed starts and serves its pages."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.switch import free_port, free_sip_port, wait_for

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **environment}, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.timeout(1500)
def test_install_from_a_clean_clone(tmp_path: Path) -> None:
    clone, venv, home = tmp_path / "clone", tmp_path / "venv", tmp_path / "home"
    home.mkdir()
    run("git", "clone", "-q", ROOT, clone, cwd=tmp_path)
    run(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    run(venv / "bin" / "pip", "install", "-q", ".", cwd=clone)
    files = run(venv / "bin" / "pip", "show", "-f", "softswitch", cwd=tmp_path)
    assert "web/static/index.html" in files and "web/static/widget.js" in files and "media/_native" in files
    assert "media/native/engine" not in files and "web/ui/src" not in files

    http, sip = free_port(), free_sip_port()
    environment = {
        "SOFTSWITCH_HTTP__LISTEN": f"127.0.0.1:{http}",
        "SOFTSWITCH_SIP__LISTEN": f'["udp:127.0.0.1:{sip}"]',
        "SOFTSWITCH_MEDIA__LISTEN": "127.0.0.1",
    }
    log = (tmp_path / "log").open("wb")
    service = subprocess.Popen(
        [venv / "bin" / "softswitch", "run"], cwd=home, env={**os.environ, **environment}, stdout=log, stderr=log
    )
    try:
        wait_for(lambda: _status(http, "/readyz") == 200, 30, "the installed switch to be ready")
        for path in ("/agent", "/widget.js", "/api/v1/openapi.json"):
            assert _status(http, path) == 200, path
    finally:
        service.terminate()
        assert service.wait(20) == 0


def _status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as reply:
            return int(reply.status)
    except OSError as error:
        return int(getattr(error, "code", 0))
