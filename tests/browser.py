"""A real browser for tests: Chromium through Playwright, headless, with a profile that is gone afterwards."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
WIDE: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "has_touch": True}
# axe-core finds what keeps people with other senses and hands out, as far as a program can.
_AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium() -> str:
    """The path of a Chromium. The test is skipped where there is none: setup has told why."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        pytest.skip("there is no Chromium: `apt-get install chromium`, or set CHROMIUM to its path")
    return found


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without pages."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS), timeout=120_000)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, base: str, **options: object) -> Iterator["Visitor"]:
    """A visitor of the site at `base`; in the end nothing may have gone wrong and nobody else may have been asked."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    visitor = Visitor(context, base)
    try:
        yield visitor
        assert visitor.troubles == []
        assert visitor.hosts == {urlsplit(base).netloc}
    finally:
        context.close()


class Visitor:
    """One tab, and what it complained of."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base = base.rstrip("/")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.troubles: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("console", lambda said: self._hear(said.type, said.text))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("dialog", lambda dialog: (self.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _hear(self, kind: str, text: str) -> None:
        # What the API refuses is shown to the visitor; the browser's own line about it is no fault of the page's.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.troubles.append(f"{kind}: {text}")

    def go(self, path: str) -> None:
        """Go to a page, and wait until it is there."""
        self.page.goto(f"{self.base}/explorer/#/{path}")
        self.settled()

    def settled(self) -> None:
        """Wait until the page of the address is shown."""
        address = self.page.url.partition("#")[2] or "/"
        self.page.locator(f"main[data-shown={address!r}]:not([aria-busy]) h1").wait_for()

    def text(self, selector: str = "main") -> str:
        """What can be read there."""
        return self.page.locator(selector).first.inner_text()

    def barriers(self) -> list[str]:
        """What axe finds wrong, a line each."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(_AXE(encoding="utf-8"))
        run = f"axe.run(document, {{resultTypes: ['violations'], runOnly: {{type: 'tag', values: {_RULES}}}}})"
        found = self.page.evaluate(run)["violations"]
        return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]

    def too_wide(self) -> bool:
        """Whether the page has to be moved sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
