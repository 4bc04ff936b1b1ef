"""What a supervisor sees, photographed by Chromium at 1920×1080 in both languages. Runs in a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from tests.support.chromium import chromium, window

SIZE = (1920, 1080)
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}


class Camera:
    """`with Camera(…)`; the methods may be called from any thread but wait for the picture."""

    def __init__(self, url: str, link: str, folder: Path) -> None:
        self._url, self._link, self._folder = url, link, folder
        self._thread = ThreadPoolExecutor(1, "camera")
        self._stack = ExitStack()
        self._contexts: dict[str, BrowserContext] = {}
        self._pages: dict[str, Page] = {}
        self.faults: list[str] = []
        self.taken: list[str] = []

    def open(self) -> None:
        self._thread.submit(self._open).result()

    def close(self) -> None:
        self._thread.submit(self._stack.close).result()
        self._thread.shutdown()

    def board(self, moment: str) -> None:
        """The supervisor's board in both languages."""
        for short in LANGUAGES:
            self._thread.submit(self._take, short, "/supervisor", "sup-agent-row", f"board-{moment}-{short}").result()

    def wallboard(self, moment: str) -> None:
        self._thread.submit(self._take, "zh", "/wallboard", "wall-queue", f"wallboard-{moment}").result()

    def report(self) -> None:
        for short in LANGUAGES:
            self._thread.submit(self._take, short, "/reports", "report-totals", f"report-queues-{short}").result()

    def _open(self) -> None:
        browser = self._stack.enter_context(chromium())
        first = window(browser, LANGUAGES["zh"], SIZE)
        page = first.new_page()
        page.goto(self._link)
        page.wait_for_url("**/supervisor")
        for short, language in LANGUAGES.items():
            context = browser.new_context(
                storage_state=first.storage_state(), locale=language, viewport={"width": SIZE[0], "height": SIZE[1]}
            )
            spoken = language.removesuffix("-US")
            context.add_init_script(f"localStorage['softswitch.language'] = '{spoken}'")
            self._contexts[short] = context
        page.close()

    def _take(self, short: str, path: str, awaited: str, name: str) -> None:
        page = self._contexts[short].new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{name}: {error}"))
        page.goto(self._url + path)
        page.get_by_test_id(awaited).first.wait_for(timeout=30_000)
        page.wait_for_timeout(2500)  # what is pushed and drawn comes to rest
        file = self._folder / f"{name}.png"
        page.screenshot(path=file, animations="disabled")
        self.taken.append(file.name)
        page.close()
