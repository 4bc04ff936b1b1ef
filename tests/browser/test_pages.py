"""Every page in both languages and sizes while calls are live: quiet console, nothing sticks out, pictures in tests/output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.people import Demo, call_sales, hears, picture, sign_in, tab
from tests.support.chromium import chromium, window

SIZES = ((1366, 768), (1920, 1080))
LANGUAGES = ("zh-CN", "en-US")
STICKS_OUT = """() => [document.documentElement, ...document.querySelectorAll('main, .card, .scroll, table')]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'hidden')
  .map(e => `${e.tagName}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""


@dataclass
class Office:
    """A demo with one ended call, one live and one waiting; agent1's tab talks."""

    demo: Demo
    browser: Browser
    context: BrowserContext
    agent: Page
    customer: Page


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Demo(tmp_path_factory.mktemp("demo")) as demo, chromium() as browser:
        context = window(browser)
        agent = sign_in(context, demo, "agent1", "agent")
        for login in ("agent2", "supervisor", "admin"):
            sign_in(context, demo, login).close()
        customer = tab(context, "customer")
        yield Office(demo, browser, context, agent, customer)


@pytest.mark.timeout(90)
def test_agent_with_the_keyboard_alone(office: Office) -> None:
    agent, customer = office.agent, office.customer
    agent.bring_to_front()
    expect(agent.get_by_test_id("agent-state")).to_be_visible()
    agent.keyboard.press("Alt+KeyR")
    expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready")
    call_sales(office.demo, customer)
    agent.bring_to_front()
    expect(agent.get_by_test_id("offer-card")).to_be_visible()
    agent.keyboard.press("Alt+KeyA")
    expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "talking")
    hears(customer, "agent")
    agent.keyboard.press("Alt+KeyM")
    hears(customer)
    agent.keyboard.press("Alt+KeyM")
    hears(customer, "agent")
    agent.keyboard.press("Alt+KeyH")
    expect(agent.get_by_test_id("call-card")).to_have_attribute("data-state", "holding")
    agent.keyboard.press("Alt+KeyH")
    hears(agent, "customer")
    agent.keyboard.press("Alt+KeyE")
    expect(agent.get_by_test_id("wrapup-card")).to_be_visible()
    agent.keyboard.press("Alt+KeyW")
    expect(agent.get_by_test_id("idle-card")).to_have_attribute("data-state", "ready")
    office.demo.ended_calls(1)


@pytest.fixture(scope="module")
def busy(office: Office) -> Office:
    """One call talks, one waits."""
    call_sales(office.demo, office.customer)
    office.agent.get_by_test_id("btn-answer").click()
    hears(office.agent, "customer")
    call_sales(office.demo, tab(office.context))
    return office


@pytest.mark.timeout(90)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pages(busy: Office, language: str, size: tuple[int, int]) -> None:
    """A new tab without a session of its own is who used that page last at this browser."""
    width, height = size
    faults: list[str] = []
    context = busy.browser.new_context(
        storage_state=busy.context.storage_state(), locale=language, viewport={"width": width, "height": height}
    )
    context.add_init_script(f"localStorage['softswitch.language'] = '{language.removesuffix('-US')}'")
    page = tab(context, faults=faults)

    def check(name: str) -> None:
        assert page.evaluate("document.documentElement.lang").startswith(language[:2])
        assert page.evaluate(STICKS_OUT) == [], f"{name} sticks out"
        picture(page, f"{name}-{language}-{width}")

    def fresh(path: str) -> None:
        """As a new tab would open it."""
        page.evaluate("sessionStorage.clear()")
        page.goto(busy.demo.url + path)

    page.goto(f"{busy.demo.url}/demo")
    page.get_by_test_id("widget-call").wait_for()
    check("demo")
    fresh("/agent")
    page.get_by_test_id("idle-card").wait_for()
    expect(page.get_by_test_id("session-name")).to_have_text("Ann")
    check("agent")
    fresh("/supervisor")
    expect(page.get_by_test_id("sup-call-row")).to_have_count(2)
    expect(page.locator("[data-testid=sup-call-row][data-state=talking]")).to_have_count(1)
    check("supervisor")
    for part in ("waiting", "trunks"):
        page.get_by_test_id(f"board-tab-{part}").click()
        check(f"supervisor-{part}")
    page.goto(f"{busy.demo.url}/wallboard")
    expect(page.get_by_test_id("wall-queue")).to_have_count(1)
    check("wallboard")
    for part, shown in (("customers", "customers-empty"), ("callbacks", "callbacks-empty"), ("voicemail", "voicemail-empty")):
        page.goto(f"{busy.demo.url}/{part}")
        page.get_by_test_id(shown).wait_for()
        check(part)
    page.get_by_test_id("nav-history").click()
    page.locator("[data-testid=history-row]").last.click()
    page.get_by_test_id("timeline").wait_for()
    page.locator("[data-testid=waveform] div").first.wait_for(state="attached")
    page.get_by_test_id("btn-play").click(trial=True)  # waits until the drawer stands still
    check("history")
    page.get_by_test_id("btn-routing").click()
    page.get_by_test_id("routing-sentence").first.wait_for()
    check("history-routing")
    fresh("/admin")
    page.get_by_test_id("status").wait_for()
    check("admin-status")
    for part in ("telephony", "agents", "apply"):
        page.get_by_test_id(f"tab-{part}").click()
        page.wait_for_timeout(250)  # the tab's first data
        check(f"admin-{part}")
    page.get_by_test_id("apply-text").fill('[[queue]]\nname = "sales"\nstrategy = "oops"\n')
    page.get_by_test_id("btn-apply-check").click()
    page.get_by_test_id("apply-error").first.wait_for()
    check("admin-errors")
    page.evaluate("sessionStorage.clear(); localStorage.clear()")
    context.clear_cookies()
    page.goto(busy.demo.url)
    page.get_by_test_id("sign-in-form").wait_for()
    check("sign-in")
    context.close()
    # The browser itself notes two expected answers: the file that was refused, and that nobody is signed in.
    assert [fault for fault in faults if "status of 422" not in fault and "status of 401" not in fault] == []
