"""What an administrator enters is there after a reload, a mistake is told beside its field; dialogs by keyboard; signing in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.people import Demo, tab, watch
from tests.support.chromium import chromium, window

# Nobody listens there: the way back from a provider that cannot be asked.
NOWHERE = {"SOFTSWITCH_OIDC__ISSUER": "https://127.0.0.1:1", "SOFTSWITCH_OIDC__TITLE": "Example"}
FLOW = """languages: [en]
start: hello
nodes:
  hello:
    verb: answer
    next: {next}
  end:
    verb: hangup
"""


@dataclass
class Desk:
    """An administrator's tab."""

    demo: Demo
    browser: Browser
    page: Page
    faults: list[str]

    def part(self, name: str, query: str = "") -> None:
        """A part of the administration, as after a reload."""
        self.page.goto(f"{self.demo.url}/admin?part={name}{query}")

    def at(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def make(self, kind: str) -> None:
        self.part("config", f"&kind={kind}")
        self.at("btn-config-new").click()
        expect(self.at("config-form")).to_be_visible()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Demo(tmp_path_factory.mktemp("demo"), settings=NOWHERE) as demo, chromium() as browser:
        context = window(browser)
        context.add_init_script("localStorage['softswitch.language'] = 'en'")  # else the person's, which is Chinese
        page = tab(context)
        expect.set_options(timeout=15_000)
        page.goto(demo.links["admin"])
        expect(page.get_by_test_id("status")).to_be_visible()
        yield Desk(demo, browser, page, [])
        expect.set_options(timeout=5_000)


@pytest.fixture
def desk(opened: Desk) -> Iterator[Desk]:
    """Fails when the console complained about anything but the refusals that the browser itself notes."""
    opened.faults.clear()
    watch(opened.page, opened.faults)
    yield opened
    assert [fault for fault in opened.faults if "status of 4" not in fault] == []


@pytest.mark.timeout(120)
def test_a_queue_and_its_agent(desk: Desk) -> None:
    desk.make("queue")
    desk.at("name").fill("support")
    desk.at("title").fill("After sales")
    desk.at("btn-config-save").click()
    expect(desk.at("object-support")).to_be_visible()
    desk.page.reload()
    desk.at("object-support").click()
    expect(desk.at("title")).to_have_value("After sales")

    desk.make("agent")
    desk.at("login").fill("chen")
    desk.at("queues").click()
    desk.page.get_by_role("option", name="support").click()
    desk.page.keyboard.press("Escape")
    desk.at("station").fill("nowhere:at all")
    desk.at("btn-config-save").click()
    expect(desk.at("fault-station")).to_be_visible()
    desk.at("station").fill("browser")
    desk.at("btn-config-save").click()
    expect(desk.at("object-chen")).to_be_visible()
    desk.page.reload()
    expect(desk.at("object-chen")).to_contain_text("support")
    assert desk.demo.api("GET", "/agents/chen")["queues"] == ["support"]


@pytest.mark.timeout(120)
def test_a_user(desk: Desk) -> None:
    desk.part("users")
    desk.at("btn-user-new").click()
    desk.at("user-login").fill("zhao li")
    desk.at("user-role").select_option("supervisor")
    desk.at("btn-user-save").click()
    expect(desk.at("fault-login")).to_be_visible()
    expect(desk.at("user-failure")).to_have_count(0)
    desk.at("user-login").fill("zhao")
    desk.at("user-name").fill("Zhao Li")
    desk.page.keyboard.press("Enter")
    expect(desk.at("invitation-link")).to_be_visible()
    expect(desk.page).to_have_url(re.compile("user=zhao"))
    desk.page.reload()
    row = desk.page.locator("[data-testid=user-row][data-login=zhao]")
    expect(row).to_contain_text("Zhao Li")
    expect(row).to_contain_text("Supervisor")
    expect(desk.at("user-name")).to_have_value("Zhao Li")  # the address keeps who is open


@pytest.mark.timeout(120)
def test_an_entry_of_a_list(desk: Desk) -> None:
    desk.part("lists")
    desk.at("btn-entry-new").click()
    desk.at("entry-pattern").fill("no number")
    desk.at("btn-entry-save").click()
    expect(desk.at("fault-pattern")).to_be_visible()
    desk.at("entry-pattern").fill("0755*")
    desk.at("entry-reason").fill("nuisance calls")
    desk.at("btn-entry-save").click()
    expect(desk.at("entry-form")).to_have_count(0)
    desk.page.reload()
    expect(desk.at("entry-row")).to_contain_text(["0755*"])
    expect(desk.at("entry-row")).to_contain_text(["nuisance calls"])


@pytest.mark.timeout(120)
def test_a_holiday(desk: Desk) -> None:
    desk.make("calendar")
    desk.at("name").fill("office")
    desk.at("btn-config-save").click()
    expect(desk.at("object-office")).to_be_visible()
    desk.part("calendar")
    year = desk.at("calendar-year").input_value()
    desk.at("day-date").locator("input").fill(f"{year}-08-15")
    desk.page.keyboard.press("Enter")
    desk.at("day-kind").select_option("special")
    desk.at("day-hours").fill("25:00-26:00")
    desk.at("btn-day-save-entry").click()
    expect(desk.at("fault-open")).to_be_visible()
    desk.at("day-kind").select_option("holiday")
    desk.at("day-title").fill("Founding day")
    desk.at("btn-day-save-entry").click()
    row = desk.page.locator(f"[data-testid=day-row][data-date='{year}-08-15']")
    expect(row).to_contain_text("Founding day")
    desk.page.reload()
    expect(row).to_contain_text("Founding day")
    expect(row).to_contain_text("Holiday")


@pytest.mark.timeout(120)
def test_a_flow_is_published(desk: Desk) -> None:
    desk.part("flows")
    desk.at("btn-flow-new").click()
    desk.at("flow-name").fill("night")
    desk.at("flow-text").fill(FLOW.format(next="nowhere"))
    desk.at("btn-flow-save").click()
    expect(desk.at("flow-finding").first).to_have_attribute("data-line", "6")
    desk.at("flow-text").fill(FLOW.format(next="end"))
    desk.at("btn-flow-save").click()
    expect(desk.at("flow-version")).to_have_count(1)
    desk.at("btn-flow-publish").click()
    desk.page.locator(".el-popconfirm").get_by_role("button", name="Publish", exact=True).click()
    expect(desk.at("flow-version")).to_contain_text("Published")
    desk.page.reload()
    desk.at("flow-night").click()
    expect(desk.at("flow-version")).to_contain_text("Published")
    expect(desk.at("flow-text")).to_have_value(re.compile("next: end"))
    assert {flow["name"]: flow["published"] for flow in desk.demo.api("GET", "/flows")["items"]}["night"] == 1


@pytest.mark.timeout(120)
def test_dialogs_by_keyboard(desk: Desk) -> None:
    """Opened with Enter; the field has the focus; Tab stays inside; Escape closes and gives the focus back; Enter sends."""
    page, press = desk.page, desk.page.keyboard.press
    page.goto(f"{desk.demo.url}/callbacks")
    expect(desk.at("callbacks-empty")).to_be_visible()
    desk.at("btn-callback-new").focus()
    press("Enter")
    expect(desk.at("new-callback-number")).to_be_focused()
    for _ in range(12):
        press("Tab")
        assert page.evaluate("document.activeElement.closest('[role=dialog], .el-popper') !== null"), (
            "the focus left the dialog"
        )
    press("Escape")
    expect(desk.at("callback-dialog")).to_have_count(0)
    expect(desk.at("btn-callback-new")).to_be_focused()
    press("Enter")
    expect(desk.at("new-callback-number")).to_be_focused()
    page.keyboard.type("no number")
    press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    desk.at("new-callback-number").fill("1001")
    press("Enter")
    expect(desk.at("callback-row")).to_have_count(1)
    expect(desk.at("callback-dialog")).to_have_count(0)


@pytest.mark.timeout(120)
def test_the_sign_in_page_offers_the_provider(desk: Desk) -> None:
    page = tab(window(desk.browser, "zh-CN"))
    page.goto(f"{desk.demo.url}/login")
    expect(page.get_by_test_id("btn-oidc")).to_have_text("使用 Example 登录")
    page.get_by_test_id("lang-en").click()
    page.get_by_test_id("btn-oidc").click()
    expect(page.get_by_test_id("sign-in-error")).to_contain_text("cannot be reached")
    expect(page.get_by_test_id("input-login")).to_be_visible()
    page.context.close()
