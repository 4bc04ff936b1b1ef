"""A call outlives the page that shows it: the agent reloads, or the connection drops; both still talk."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.people import Demo, call_sales, hears, sign_in, tab, voices
from tests.support.chromium import chromium, window
from tests.support.switch import wait_for

# Lets the test cut the page's connection the way a network does: without a word to the page's own code.
_SOCKETS = """(() => {
  const Real = WebSocket;
  window.__sockets = [];
  window.WebSocket = class extends Real {
    constructor(...parts) { super(...parts); window.__sockets.push(this); }
  };
})()"""


@pytest.mark.timeout(120)
def test_the_call_goes_on(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo, chromium() as browser:
        context = window(browser)
        context.add_init_script(_SOCKETS)
        agent = sign_in(context, demo, "agent1", "agent")
        agent.get_by_test_id("btn-ready").click()
        expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready")
        customer = tab(context, "customer")
        call_sales(demo, customer)
        agent.get_by_test_id("btn-answer").click()
        hears(customer, "agent")
        hears(agent, "customer")
        (before,) = demo.api("GET", "/calls?state=live")["items"]

        agent.reload()
        expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "talking")
        hears(customer, "agent", seconds=12)
        hears(agent, "customer", seconds=12)
        (after,) = demo.api("GET", "/calls?state=live")["items"]
        assert after["id"] == before["id"] and after["connected"] == before["connected"] and after["state"] == "talking"
        expect(agent.get_by_test_id("session-name")).to_contain_text("Li")

        opened = agent.evaluate("window.__sockets.length")
        agent.evaluate("window.__sockets.at(-1).close()")
        wait_for(lambda: agent.evaluate("window.__sockets.length") > opened, 5, "a new connection")
        resumed = agent.evaluate("window.__sockets.at(-1).url")
        assert "resume=" in resumed and "session=" in resumed
        expect(agent.get_by_test_id("link-banner")).to_have_count(0)
        assert voices(customer) == {"agent"} and voices(agent) == {"customer"}, "audio does not notice"

        agent.get_by_test_id("btn-hold").click()
        expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "holding")
        agent.get_by_test_id("btn-hold").click()
        hears(agent, "customer")
        agent.get_by_test_id("btn-hangup").click()
        expect(agent.get_by_test_id("wrapup-card")).to_be_visible()
        ended = demo.ended_calls(1)
        assert [call["id"] for call in ended] == [before["id"]]
        assert ended[0]["result"] == "answered" and ended[0]["who"] == "agent"
