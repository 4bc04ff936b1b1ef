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

    def see(self, test_id: str) -> None:
        self.page.get_by_test_id(test_id).first.wait_for()

    def click(self, test_id: str) -> None:
        self.page.get_by_test_id(test_id).first.click()

    def state(self, state: str) -> None:
        self.page.locator(f"[data-testid=agent-state][data-state={state}]").wait_for()

    def dialog(self, button: str, dialog: str) -> None:
        """Opens it, takes its picture, closes it."""
        self.click(button)
        self.see(dialog)
        self.shot(dialog)
        self.page.keyboard.press("Escape")
        self.page.get_by_test_id(dialog).wait_for(state="hidden")

    def sign_in(self, role: str) -> None:
        self.page.goto(f"{BASE}/login#code={role}")
        self.page.get_by_test_id("lang-en" if self.suffix.endswith("en") else "lang-zh-CN").click()
        self.page.get_by_test_id("session-name").wait_for()

    def agent(self) -> None:
        page, press = self.page, self.page.keyboard.press
        control("reset")
        page.goto(BASE)
        self.shot("signin")
        self.sign_in("agent")
        self.see("agent-state")
        self.click("station-extension")
        self.shot("agent-out")
        self.click("station-browser")
        self.click("btn-ready")
        self.state("ready")
        control("message")
        self.shot("agent-ready")
        self.click("btn-not-ready")
        self.see("reason-lunch")
        self.shot("agent-reasons")
        self.click("reason-lunch")
        self.see("reason-left")
        self.click("side-waiting")
        self.see("waiting-call")
        self.shot("agent-break")
        press("Alt+Slash")
        self.shot("agent-keys")
        press("Alt+Slash")
        press("Alt+KeyR")
        self.state("ready")
        control("ring")
        self.see("customer-record")
        self.shot("agent-offer")
        press("Alt+KeyA")
        self.see("call-card")
        page.wait_for_timeout(1500)
        self.shot("agent-call")
        press("Alt+KeyK")
        self.click("key-5")
        self.shot("agent-keypad")
        press("Alt+KeyK")
        press("Alt+KeyH")
        page.locator("[data-testid=call-card][data-state=holding]").wait_for()
        self.shot("agent-hold")
        press("Alt+KeyH")
        page.locator("[data-testid=call-card][data-state=talking]").wait_for()
        self.with_others()
        self.after_the_call()

    def with_others(self) -> None:
        page, press = self.page, self.page.keyboard.press
        press("Alt+KeyT")
        self.see("target")
        self.shot("agent-transfer")
        press("Escape")
        press("Alt+KeyC")
        page.get_by_test_id("target-search").fill("13600000000")
        press("Enter")
        self.see("consult-bar")
        self.shot("agent-consult")
        press("Alt+KeyG")
        page.locator("[data-testid=call-card][data-state=conference]").wait_for()
        self.shot("agent-conference")

    def after_the_call(self) -> None:
        page, press = self.page, self.page.keyboard.press
        control("mode?mode=until_done")
        press("Alt+KeyE")
        self.see("wrapup-card")
        for code in ("bill", "bill.wrong", "bill.wrong.data"):
            page.locator(f"[data-code='{code}']").click()
        self.click("btn-extend")
        self.shot("agent-wrapup")
        page.get_by_test_id("wrapup-note").fill("三月流量多扣")
        press("Alt+KeyW")
        self.state("ready")
        control("ring?kind=unknown")
        self.see("customer-unknown")
        press("Alt+KeyJ")
        self.see("customer-form")
        self.shot("agent-unknown")
        control("drop")
        self.see("link-banner")
        self.shot("agent-banner")

    def supervisor(self) -> None:
        page = self.page
        control("reset")
        self.context.clear_cookies()
        self.sign_in("supervisor")
        self.see("sup-call-row")
        self.shot("supervisor")
        self.click("board-tab-waiting")
        self.see("sup-waiting-row")
        self.shot("supervisor-waiting")
        self.dialog("btn-move", "move-dialog")
        self.click("board-tab-trunks")
        self.shot("supervisor-trunks")
        self.click("board-tab-calls")
        row = page.locator("[data-call=c1]")
        row.get_by_test_id("btn-listen").click()
        self.see("monitor-bar")
        control("help")
        control("alarm")
        self.see("sup-help")
        self.shot("supervisor-listen")
        self.click("btn-help-accept")
        page.locator("[data-testid=monitor-bar][data-mode=whisper]").wait_for()
        self.shot("supervisor-whisper")
        self.dialog("btn-sup-hangup", "release-dialog")
        self.dialog("btn-emergency", "emergency-dialog")
        self.dialog("btn-message", "message-dialog")
        page.locator("[data-login=agent3]").get_by_test_id("btn-force").click()
        self.shot("supervisor-menu")
        self.dialog("agent-day", "day-dialog")
        control("crowd")
        page.reload()
        self.see("sup-agent-row")
        self.shot("supervisor-crowd")
        page.goto(f"{BASE}/wallboard")
        self.see("wall-queue")
        self.shot("wallboard")
        self.records()

    def records(self) -> None:
        page = self.page
        page.goto(f"{BASE}/history")
        self.see("history-row")
        self.shot("history")
        page.get_by_test_id("history-row").first.click()
        self.see("timeline")
        page.wait_for_timeout(700)
        self.shot("history-detail")
        self.click("btn-routing")
        self.see("routing-decision")
        page.get_by_test_id("routing-decision").last.scroll_into_view_if_needed()
        self.shot("history-routing")
        self.click("btn-ladder")
        self.see("ladder-message")
        page.get_by_test_id("ladder-message").nth(4).click()
        page.get_by_test_id("verdict").first.scroll_into_view_if_needed()
        self.shot("history-ladder")
        page.get_by_test_id("ladder-text").scroll_into_view_if_needed()
        self.shot("history-ladder-text")
        page.goto(f"{BASE}/callbacks")
        self.see("callback-row")
        self.shot("callbacks")
        self.dialog("btn-plan", "callback-dialog")
        page.goto(f"{BASE}/voicemail?message=v1")
        page.locator("[data-testid=voicemail-detail] audio").wait_for()
        self.shot("voicemail")
        page.goto(f"{BASE}/customers?customer=k1")
        self.see("customer-record")
        self.shot("customers")
        self.dialog("btn-merge", "merge-dialog")
        self.dialog("btn-fields", "fields-dialog")
        self.dialog("btn-import", "import-dialog")
        self.click("btn-edit")
        self.shot("customers-edit")

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
        page.get_by_test_id("tab-prompts").click()
        self.see("prompt-row")
        page.get_by_test_id("prompt-name").fill("welcome")
        page.get_by_test_id("prompts-own").check()
        self.shot("admin-prompts-own")
        page.get_by_test_id("prompts-own").uncheck()
        page.get_by_test_id("prompts-en").click()
        page.get_by_test_id("prompt-name").fill("my prompt")
        page.get_by_test_id("speech-text").fill("Good morning, you have reached Example Ltd.")
        self.click("btn-speak")
        self.see("speech-failure")
        self.shot("admin-prompts")
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
