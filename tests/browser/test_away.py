"""An agent's browser goes away in a conversation: music for the customer, and both talk again as soon as it is back.

All media of the agent's page goes through a router of this test over the switch's one port for browsers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Demo, call_sales, heard_lately, hears, tab, voices
from tests.support.audio import rms_db
from tests.support.chromium import chromium, window
from tests.support.router import Router
from tests.support.switch import free_sip_port, wait_for

GOAL, MOST = 3.0, 8.0
"""Seconds from the return of the page or the network until both hear each other: what is promised on a machine that has time,
and what no machine may need. A fixed wait of the page (a request's time limit, the browser's own verdict) breaks both."""
BACK = GOAL if os.getloadavg()[0] < (os.cpu_count() or 1) else MOST
MUSIC_DB = -50.0

# Sends the page's media through the router.
_THROUGH = """(() => {
  const real = RTCPeerConnection.prototype.setRemoteDescription;
  window.__peers = [];
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    window.__peers.push(this);
    return real.call(this, {...description, sdp: description.sdp.replaceAll(' PORT typ host', ' ROUTER typ host')});
  };
})()"""


# What the page does on its way back, in ms since its time origin.
_MILESTONES = """(() => {
  const marks = window.__marks = [];
  const mark = what => marks.push([Math.round(performance.now()), what]);
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...parts) {
      super(...parts);
      mark('socket');
      this.addEventListener('open', () => mark('socket open'));
      this.addEventListener('close', () => mark('socket closed'));
      this.addEventListener('message', m => { if (m.data.startsWith('{"re"')) mark('reply'); });
    }
    send(text) { mark(JSON.parse(text).type); super.send(text); }
  };
  const Peer = RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...parts) {
      super(...parts);
      mark('peer');
      for (const what of ['iceGatheringState', 'iceConnectionState', 'connectionState'])
        this.addEventListener(what.toLowerCase() + 'change', () => mark(what + ' ' + this[what]));
    }
  };
  const devices = navigator.mediaDevices;
  if (devices) {
    const real = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async wish => {
      mark('microphone');
      const got = await real(wish);
      mark('microphone open');
      return got;
    };
  }
  addEventListener('online', () => mark('online'));
  addEventListener('offline', () => mark('offline'));
  addEventListener('DOMContentLoaded', () => mark('drawn'));
  addEventListener('load', () => mark('loaded'));
})()"""


_SOCKETS = """(() => {
  const Socket = WebSocket;
  window.__sockets = [];
  window.WebSocket = class extends Socket {
    constructor(...parts) { super(...parts); window.__sockets.push(this); }
  };
})()"""


class Talk:
    """A customer of the queue and an agent whose page is reached through `router`."""

    def __init__(self, demo: Demo, router: Router, agent: Page, customer: Page) -> None:
        self.demo, self.router, self.agent, self.customer = demo, router, agent, customer
        self._tools = {page: page.context.new_cdp_session(page) for page in (agent, customer)}
        for tools in self._tools.values():
            tools.send("Network.enable")

    def offline(self, page: Page | None = None, *, offline: bool) -> None:
        """No HTTP and no new WebSocket for a page, the agent's by default; `navigator.onLine` says so. Media goes on."""
        network = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._tools[page or self.agent].send("Network.emulateNetworkConditions", network)

    def is_heard(self) -> bool:
        return voices(self.customer, 0.3) == {"agent"} and voices(self.agent, 0.3) == {"customer"}

    def music_plays(self) -> bool:
        """For a second: the agent's fading voice is no music."""
        parts = np.array_split(heard_lately(self.customer, 1.0), 4)
        is_loud = all(rms_db(part) > MUSIC_DB for part in parts)
        return is_loud and not voices(self.customer, 0.3) and not voices(self.customer, 1.0)

    def seconds_until_heard(self, why: str) -> float:
        since = time.monotonic()
        wait_for(self.is_heard, 20, f"both to talk {why}")
        return time.monotonic() - since

    def milestones(self, since: str) -> str:
        """What the page did from the last `since` on, with the ms from one to the next."""
        marks: list[tuple[int, str]] = self.agent.evaluate("window.__marks")
        first = max(i for i, (_, what) in enumerate(marks) if what == since) if since else 0
        told = marks[first:]
        return f"now {self.agent.evaluate('Math.round(performance.now())') - told[0][0]}: " + ", ".join(
            f"{at - told[0][0]} {what}" for at, what in told
        )

    def peer(self, expression: str) -> object:
        return self.agent.evaluate(f"window.__peers.at(-1).{expression}")

    def live(self) -> dict[str, object]:
        (call,) = self.demo.api("GET", "/calls?state=live")["items"]
        return {name: call[name] for name in ("id", "state", "connected")}

    def went_away(self) -> list[tuple[float, str]]:
        """When (UTC) and why the agent was not heard, once the call is over."""
        self.agent.get_by_test_id("btn-hangup").click()
        (ended,) = self.demo.ended_calls(1)
        timeline = self.demo.api("GET", f"/calls/{ended['id']}")["timeline"]
        assert sum(event["type"] == "leg.resumed" for event in timeline) == sum(e["type"] == "leg.parked" for e in timeline)
        parked = [event for event in timeline if event["type"] == "leg.parked"]
        return [(datetime.fromisoformat(event["at"]).timestamp(), event["reason"]) for event in parked]


@contextmanager
def talking(folder: Path) -> Iterator[Talk]:
    shared = free_sip_port()
    router = Router(shared)
    settings = {"SOFTSWITCH_MEDIA__WEBRTC_PORT": str(shared)}
    with Demo(folder, settings=settings) as demo, chromium() as browser:
        context = window(browser)
        through = _THROUGH.replace("PORT", str(shared)).replace("ROUTER", str(router.port))
        agent = tab(context, "agent")
        agent.add_init_script(_MILESTONES)
        agent.add_init_script(through)
        agent.goto(demo.links["agent1"])
        agent.wait_for_url("**/agent")
        agent.get_by_test_id("btn-ready").click()
        expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready")
        customer = tab(context, "customer")
        customer.add_init_script(_SOCKETS)
        call_sales(demo, customer)
        agent.get_by_test_id("btn-answer").click()
        hears(customer, "agent")
        hears(agent, "customer")
        try:
            yield Talk(demo, router, agent, customer)
        finally:
            router.close()


@pytest.mark.timeout(150)
def test_a_reload_and_a_lost_network(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        before = talk.live()
        talk.agent.reload()  # returns with the page's load event: the page is there again
        after_reload = talk.seconds_until_heard("after the reload")
        print("reload:", talk.milestones(""))
        assert talk.live() == before

        ufrag = talk.peer("localDescription.sdp.match(/ice-ufrag:(.*)/)[1]")
        talk.offline(offline=True)
        talk.router.is_cut = True
        wait_for(talk.music_plays, 10, "music instead of the agent")
        time.sleep(12)  # long enough for Chromium to call the connection lost
        talk.router.rebind()
        talk.router.is_cut = False
        talk.offline(offline=False)
        after_network = talk.seconds_until_heard("after the network is back")
        print("network:", talk.milestones("online"))
        assert talk.live() == before
        expect(talk.agent.get_by_test_id("media-state")).to_have_attribute("data-state", "up")
        assert talk.peer("localDescription.sdp.match(/ice-ufrag:(.*)/)[1]") != ufrag, "the same connection, ICE restarted"
        print(f"talking again {after_reload:.2f} s after a reload, {after_network:.2f} s after a lost network")
        assert after_reload < BACK and after_network < BACK
        assert "silent" in [reason for _, reason in talk.went_away()]


@pytest.mark.timeout(150)
def test_only_media_or_only_the_websocket_is_lost(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        before = talk.live()
        talk.router.rebind()  # the router has forgotten the browser: another address from one packet to the next
        time.sleep(1)  # what was said before the change has been heard by now
        rebound = talk.seconds_until_heard("from a new address")
        print(f"talking again {1 + rebound:.2f} s after a router forgot the browser")
        assert rebound < BACK
        since = time.time()
        talk.offline(offline=True)
        for _ in range(3):
            time.sleep(1)
            assert talk.seconds_until_heard("without the WebSocket") < BACK
        talk.offline(offline=False)
        assert talk.seconds_until_heard("with the WebSocket") < BACK
        until = time.time()
        talk.router.is_cut = True
        wait_for(talk.music_plays, 10, "music instead of the agent")
        expect(talk.agent.get_by_test_id("call-card")).to_have_attribute("data-state", "talking")
        talk.router.is_cut = False
        assert talk.seconds_until_heard("after the cut") < BACK
        assert talk.live() == before
        absences = talk.went_away()
        assert [why for at, why in absences if at > until] == ["silent"], "the cut"
        assert not [why for at, why in absences if since < at < until], "sound did not notice the WebSocket"


@pytest.mark.timeout(150)
def test_a_visitor_whose_connection_is_lost_keeps_the_call(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        before = talk.live()
        talk.offline(talk.customer, offline=True)
        talk.customer.evaluate("window.__sockets.at(-1).close(4000)")  # not as a page that is closed
        for _ in range(3):
            time.sleep(1)
            assert talk.is_heard()
        assert talk.live() == before
        talk.offline(talk.customer, offline=False)
        wait_for(lambda: talk.customer.evaluate("window.__sockets.at(-1).readyState") == 1, BACK, "the connection")
        assert talk.is_heard()
        talk.agent.get_by_test_id("btn-hangup").click()
        panel = talk.customer.get_by_test_id("widget-panel")
        expect(panel).to_have_attribute("data-state", "ended")
        expect(panel.get_by_test_id("widget-error")).to_have_count(0)


@pytest.mark.timeout(150)
def test_a_visitor_who_closes_the_tab_is_gone_at_once(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        talk.customer.close()
        talk.demo.ended_calls(1, seconds=GOAL)
