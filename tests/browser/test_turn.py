"""Browsers that reach the switch through TURN alone: coturn with passwords that the switch makes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import Demo, call_sales, hears, tab
from tests.support.chromium import chromium, window
from tests.support.switch import free_port, wait_for

SECRET = "a secret of two servers"
LOCAL = "127.0.0.1"

_PEERS = """(() => {
  const Real = RTCPeerConnection;
  window.__peers = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...parts) { super(...parts); window.__peers.push(this); }
  };
})()"""
_PAIR = """async () => {
  const all = await window.__peers.at(-1).getStats();
  const pair = all.get([...all.values()].find(one => one.type === 'transport').selectedCandidatePairId);
  return all.get(pair.localCandidateId).candidateType;
}"""


@contextmanager
def coturn(folder: Path) -> Iterator[int]:
    """The Debian package, unprivileged, on loopback; its port."""
    server = shutil.which("turnserver")
    if server is None:
        pytest.skip("coturn is not installed")
    port, log = free_port(), folder / "turn.log"
    options = {
        "listening-port": port, "listening-ip": LOCAL, "relay-ip": LOCAL, "realm": "softswitch", "static-auth-secret": SECRET,
        "min-port": 31000, "max-port": 31199, "userdb": folder / "turn.db", "pidfile": folder / "turn.pid", "log-file": log,
    }  # fmt: skip
    switches = ("use-auth-secret", "lt-cred-mech", "allow-loopback-peers", "no-tls", "no-dtls", "no-cli", "simple-log")
    command = [server, "-n", *(f"--{name}={value}" for name, value in options.items()), *(f"--{name}" for name in switches)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: any(folder.glob("turn*.log")), 10, "coturn")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.timeout(120)
def test_a_call_through_the_relay_alone(tmp_path: Path) -> None:
    with coturn(tmp_path) as port:
        settings = {
            "SOFTSWITCH_MEDIA__TURN": f'["turn:{LOCAL}:{port}?transport=udp"]',
            "SOFTSWITCH_MEDIA__TURN_SECRET": SECRET,
        }
        with Demo(tmp_path, settings=settings) as demo, chromium() as browser:
            (server,) = demo.api("GET", "/ice-servers")["ice_servers"]
            assert server["username"].partition(":")[2], "the name says for whom it is"
            context = window(browser)
            context.add_init_script(_PEERS)
            agent = tab(context, "agent")
            agent.goto(demo.links["agent1"])
            agent.wait_for_url("**/agent")
            agent.goto(f"{demo.url}/agent?relay=1")
            agent.get_by_test_id("btn-ready").click()
            expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready", timeout=15_000)
            assert agent.evaluate(_PAIR) == "relay"
            customer = tab(context, "customer")
            call_sales(demo, customer)
            agent.get_by_test_id("btn-answer").click()
            hears(customer, "agent")
            hears(agent, "customer")
