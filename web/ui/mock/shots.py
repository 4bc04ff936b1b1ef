"""Pictures of all pages and states against the mock, for looking at them: python web/ui/mock/shots.py OUT_DIR [PORT]."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

OUT = Path(sys.argv[1])
BASE = f"http://127.0.0.1:{sys.argv[2] if len(sys.argv) > 2 else 8090}"
SIZES = {"s": (1366, 768), "l": (1920, 1080)}
ARGS = [
    "--no-sandbox", "--disable-gpu", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--disable-background-networking", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


def control(action: str) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{BASE}/mock/{action}", method="POST"))


class Shooter:
    def __init__(self, browser: Browser, size: str, language: str) -> None:
        width, height = SIZES[size]
        self.context = browser.new_context(viewport={"width": width, "height": height}, locale=language)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: message.type in ("error", "warning") and print("console:", message.text))
        self.page.on("pageerror", lambda error: print("page error:", error))
        self.suffix = f"{size}-{language[:2]}"

    def shot(self, name: str) -> None:
        self.page.wait_for_timeout(350)
        self.page.screenshot(path=str(OUT / f"{name}-{self.suffix}.png"))

    def sign_in(self, role: str) -> None:
        self.page.goto(f"{BASE}/login#code={role}")
        self.page.get_by_test_id("lang-en" if self.suffix.endswith("en") else "lang-zh-CN").click()
        self.page.get_by_test_id("session-name").wait_for()

    def agent(self) -> None:
        page = self.page
        control("reset")
        page.goto(BASE)
        self.shot("signin")
        self.sign_in("agent")
        page.get_by_test_id("agent-state").wait_for()
        self.shot("agent-out")
        page.get_by_test_id("btn-ready").click()
        page.locator("[data-testid=agent-state][data-state=ready]").wait_for()
        self.shot("agent-ready")
        page.get_by_test_id("btn-not-ready").click()
        page.get_by_test_id("reason-lunch").wait_for()
        self.shot("agent-reasons")
        page.keyboard.press("Escape")
        control("ring")
        page.get_by_test_id("offer-card").wait_for()
        self.shot("agent-offer")
        page.keyboard.press("Alt+KeyA")
        page.get_by_test_id("call-card").wait_for()
        page.wait_for_timeout(1500)
        self.shot("agent-call")
        page.get_by_test_id("btn-keypad").click()
        page.get_by_test_id("key-5").click()
        self.shot("agent-keypad")
        page.keyboard.press("Alt+KeyH")
        page.locator("[data-testid=call-card][data-state=holding]").wait_for()
        page.get_by_test_id("btn-keypad").click()
        self.shot("agent-hold")
        page.keyboard.press("Alt+KeyE")
        page.get_by_test_id("wrapup-card").wait_for()
        self.shot("agent-wrapup")
        control("drop")
        page.get_by_test_id("link-banner").wait_for()
        self.shot("agent-banner")

    def supervisor(self) -> None:
        page = self.page
        control("reset")
        self.context.clear_cookies()
        self.sign_in("supervisor")
        page.get_by_test_id("sup-call-row").first.wait_for()
        self.shot("supervisor")
        page.locator("[data-call=c1]").get_by_test_id("btn-listen").click()
        page.get_by_test_id("monitor-bar").wait_for()
        self.shot("supervisor-listen")
        page.locator("[data-call=c1]").get_by_test_id("btn-whisper").click()
        page.locator("[data-testid=monitor-bar][data-mode=whisper]").wait_for()
        control("alarm")
        self.shot("supervisor-whisper")
        page.locator("[data-call=c1]").get_by_test_id("btn-sup-hangup").click()
        self.shot("supervisor-confirm")
        page.keyboard.press("Escape")
        page.locator("[data-login=agent3]").get_by_test_id("btn-force").click()
        self.shot("supervisor-force")
        page.keyboard.press("Escape")
        page.get_by_test_id("nav-history").click()
        page.get_by_test_id("history-row").first.wait_for()
        self.shot("history")
        page.get_by_test_id("history-row").first.click()
        page.get_by_test_id("timeline").wait_for()
        page.wait_for_timeout(700)
        self.shot("history-detail")

    def admin(self) -> None:
        page = self.page
        self.context.clear_cookies()
        self.sign_in("administrator")
        page.get_by_test_id("status").wait_for()
        self.shot("admin")
        page.get_by_test_id("tab-telephony").click()
        page.get_by_test_id("trunk-row").first.wait_for()
        self.shot("admin-telephony")
        page.get_by_test_id("tab-agents").click()
        self.shot("admin-agents")
        page.get_by_test_id("tab-apply").click()
        page.get_by_test_id("apply-text").fill(
            '[[queue]]\nname = "sales"\nstrategy = "oops"\n\n[[number]]\nnumber = "1"\nto = "flow:main"\n'
        )
        page.get_by_test_id("btn-apply-check").click()
        page.get_by_test_id("apply-error").first.wait_for()
        self.shot("admin-errors")
        page.get_by_test_id("apply-text").fill('[[queue]]\nname = "sales"\n')
        page.get_by_test_id("btn-apply-check").click()
        page.get_by_test_id("plan-line").first.wait_for()
        self.shot("admin-plan")
        page.get_by_test_id("btn-apply-confirm").click()
        page.get_by_test_id("apply-done").wait_for()
        self.shot("admin-applied")

    def demo(self) -> None:
        page = self.page
        page.goto(f"{BASE}/demo")
        page.get_by_test_id("widget-call").wait_for()
        self.shot("demo")
        page.get_by_test_id("widget-call").click()
        page.get_by_test_id("widget-keypad").wait_for()
        self.shot("demo-menu")
        page.get_by_test_id("widget-key-1").click()
        page.get_by_test_id("widget-position").wait_for()
        self.shot("demo-waiting")
        page.locator("[data-testid=widget-panel][data-state=talking]").wait_for()
        page.wait_for_timeout(1200)
        self.shot("demo-talking")
        page.get_by_test_id("widget-hangup").click()
        self.shot("demo-ended")


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for size, language in (("s", "zh-CN"), ("l", "en-GB")):
            shooter = Shooter(browser, size, language)
            for part in (shooter.agent, shooter.supervisor, shooter.admin, shooter.demo):
                part()
        browser.close()


if __name__ == "__main__":
    main()
