"""A newcomer's whole story: `softswitch demo`, its links in tabs of one browser, a call from the demo page to its recording."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Demo, hears, loudness, picture, sign_in, tab, voices
from tests.support.chromium import chromium, window
from tests.support.switch import wait_for


@pytest.mark.timeout(180)
def test_newcomer(tmp_path: Path) -> None:
    faults: list[str] = []
    with Demo(tmp_path) as demo, chromium() as browser:
        context = window(browser)
        agent = sign_in(context, demo, "agent1", "agent", faults)
        supervisor = sign_in(context, demo, "supervisor", "supervisor", faults)
        admin = sign_in(context, demo, "admin", "", faults)
        for page, name in ((agent, "Li"), (supervisor, "Supervisor"), (admin, "Administrator")):
            page.reload()
            expect(page.get_by_test_id("session-name")).to_contain_text(name)

        agent.bring_to_front()
        customer = tab(context, "customer", faults)
        call_the_demo(demo, customer)
        call = becomes_agents(demo, customer, agent)
        hold_and_resume(customer, agent)
        supervise(customer, agent, supervisor, call)
        hang_up(demo, customer, agent)
        hear_again(demo, agent, supervisor, call)
        hang_up_by_supervisor(demo, customer, agent, supervisor)
    assert faults == []


def call_the_demo(demo: Demo, customer: Page) -> None:
    """Greeting, menu, music and place in the queue."""
    customer.goto(f"{demo.url}/demo")
    customer.get_by_test_id("widget-call").click()
    panel = customer.get_by_test_id("widget-panel")
    expect(panel).to_have_attribute("data-state", "ivr")
    wait_for(lambda: loudness(customer) > -40, 5, "the greeting to be heard")
    picture(customer, "demo-menu")
    keypad = customer.get_by_test_id("widget-keypad")
    if not keypad.is_visible():
        customer.get_by_test_id("widget-keypad-toggle").click()
    time.sleep(1.0)  # a person listens before pressing
    customer.get_by_test_id("widget-key-1").click()
    expect(panel).to_have_attribute("data-state", "waiting", timeout=15_000)
    wait_for(lambda: loudness(customer, 1.0) > -50, 8, "the music to be heard")
    expect(customer.get_by_test_id("widget-position")).to_contain_text("1")
    picture(customer, "demo-waiting")


def becomes_agents(demo: Demo, customer: Page, agent: Page) -> str:
    """Ready, ring, answer; both hear each other. The call's id."""
    agent.get_by_test_id("btn-ready").click()
    expect(agent.get_by_test_id("offer-card")).to_be_visible()
    expect(agent.get_by_test_id("offer-queue")).to_have_text("sales")
    expect(agent.get_by_test_id("offer-caller")).not_to_be_empty()
    expect(agent.get_by_test_id("offer-waited")).to_have_text(re.compile(r"0:(0[2-9]|[1-5]\d)"))
    expect(agent.get_by_test_id("contact-page")).to_contain_text("/demo")
    picture(agent, "demo-offer")
    agent.get_by_test_id("btn-answer").click()
    expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "talking")
    expect(agent.get_by_test_id("call-recording")).to_be_visible()
    expect(customer.get_by_test_id("widget-panel")).to_have_attribute("data-state", "talking")
    hears(customer, "agent")
    hears(agent, "customer")
    picture(agent, "demo-call")
    (live,) = demo.api("GET", "/calls?state=live")["items"]
    assert live["recording_live"] is True
    call: str = live["id"]
    return call


def hold_and_resume(customer: Page, agent: Page) -> None:
    agent.get_by_test_id("btn-hold").click()
    expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "holding")
    hears(agent)
    wait_for(lambda: loudness(customer, 1.0) > -50 and "agent" not in voices(customer), 8, "music for the customer")
    agent.get_by_test_id("btn-hold").click()
    expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "talking")
    hears(customer, "agent")
    hears(agent, "customer")


def supervise(customer: Page, agent: Page, supervisor: Page, call: str) -> None:
    """Who hears whom in each mode; the talking parties always hear each other."""
    row = supervisor.get_by_test_id("sup-call-row")
    expect(row).to_have_attribute("data-call", call)
    expect(row).to_have_attribute("data-state", "talking")
    expect(row.get_by_test_id("sup-call-agent")).to_contain_text("Li")
    seat = supervisor.locator("[data-testid=sup-agent-row][data-login=agent1]").get_by_test_id("sup-agent-state")
    expect(seat).to_have_attribute("data-state", "talking")
    for mode, in_customer, in_agent in (
        ("listen", {"agent"}, {"customer"}),
        ("whisper", {"agent"}, {"customer", "supervisor"}),
        ("barge", {"agent", "supervisor"}, {"customer", "supervisor"}),
    ):
        supervisor.bring_to_front()
        row.get_by_test_id(f"btn-{mode}").click()
        expect(supervisor.get_by_test_id("monitor-bar")).to_have_attribute("data-mode", mode)
        hears(supervisor, "customer", "agent")
        hears(customer, *in_customer)
        hears(agent, *in_agent)
        picture(supervisor, f"demo-{mode}")
    supervisor.get_by_test_id("monitor-stop").click()
    expect(supervisor.get_by_test_id("monitor-bar")).to_have_count(0)
    hears(supervisor)
    hears(customer, "agent")
    hears(agent, "customer")


def hang_up(demo: Demo, customer: Page, agent: Page) -> None:
    """The agent ends it; wrap-up runs and ends."""
    agent.get_by_test_id("btn-hangup").click()
    expect(customer.get_by_test_id("widget-panel")).to_have_attribute("data-state", "ended")
    expect(agent.get_by_test_id("wrapup-card")).to_be_visible()
    expect(agent.get_by_test_id("wrapup-timer")).to_have_text(re.compile("0:(2[0-9]|30)"))
    picture(agent, "demo-wrapup")
    agent.get_by_test_id("btn-wrapup-done").click()
    expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready")
    assert demo.api("GET", "/agents/agent1")["state"] == "ready"


def hear_again(demo: Demo, agent: Page, supervisor: Page, call: str) -> None:
    """The call in the history, its waveform, its recording."""
    supervisor.get_by_test_id("nav-history").click()
    row = supervisor.locator(f'[data-testid=history-row][data-call="{call}"]')
    row.click()
    expect(supervisor.get_by_test_id("detail-result")).to_be_visible()
    player = supervisor.locator("[data-testid=recording][data-status=complete]").first
    expect(player.get_by_test_id("waveform")).to_be_visible()
    wait_for(lambda: player.get_by_test_id("waveform").evaluate("e => e.clientHeight > 60"), 5, "two channels of waveform")
    player.get_by_test_id("btn-play").click()
    audio = player.get_by_test_id("recording-audio")
    wait_for(lambda: audio.evaluate("a => a.currentTime > 0.5 && !a.error"), 8, "the recording to play")
    picture(supervisor, "demo-history")
    player.get_by_test_id("btn-play").click()
    restricted = supervisor.locator("[data-testid=recording]")
    assert restricted.count() == 2, "the whisper is kept beside the call"
    status, content = demo.request("GET", f"/api/v1/calls/{call}/recording")
    assert status == 200 and content[:4] == b"RIFF"
    agent.get_by_test_id("nav-history").click()
    agent.locator(f'[data-testid=history-row][data-call="{call}"]').click()
    expect(agent.get_by_test_id("recording")).to_have_count(1)
    agent.get_by_test_id("nav-agent").click()
    supervisor.get_by_test_id("nav-supervisor").click()


def hang_up_by_supervisor(demo: Demo, customer: Page, agent: Page, supervisor: Page) -> None:
    """A second call, answered, ended by the supervisor."""
    customer.get_by_test_id("widget-again").click()
    expect(customer.get_by_test_id("widget-panel")).to_have_attribute("data-state", "ivr")
    if not customer.get_by_test_id("widget-keypad").is_visible():
        customer.get_by_test_id("widget-keypad-toggle").click()
    customer.get_by_test_id("widget-key-1").click()
    agent.get_by_test_id("btn-answer").click()
    hears(customer, "agent")
    supervisor.get_by_test_id("btn-sup-hangup").click()
    supervisor.get_by_test_id("btn-release").click()
    expect(customer.get_by_test_id("widget-panel")).to_have_attribute("data-state", "ended")
    expect(agent.get_by_test_id("wrapup-card")).to_be_visible()
    ended = demo.ended_calls(2)
    assert ended[0]["who"] == "supervisor" and ended[0]["result"] == "answered"
