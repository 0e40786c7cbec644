"""The page in a real browser, and all that the browser has to say of it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.reports import NOW

# How long anything may take before it counts as never: a bound on hanging, not on speed.
PATIENCE: Final = 20_000
# Chrome is what GitHub's machines have, Chromium what Debian has.
NAMES: Final = ("chromium", "google-chrome", "chromium-browser")
# So that what the page's own policy forbids is known without a console, and what it does again and again can be done.
_WATCH: Final = """
window.ticks = [];
const repeat = setInterval;
window.setInterval = (tick, ...more) => { ticks.push(tick); return repeat(tick, ...more); };
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser of this machine."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    assert found, "no Chromium is installed: .ci/chromium installs it"
    # As root it has no sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@dataclass
class Screen:
    """A page that is shown, with what the browser said of it: lines, requests, dialogs."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        """What the page tried and its policy forbade."""
        told: list[str] = self.page.evaluate("window.violations")
        return told

    def text(self, selector: str) -> str:
        """The text of an element, on one line."""
        return " ".join(self.page.locator(selector).inner_text().split())

    def label(self, selector: str) -> str:
        """What an element is called for who does not see it."""
        return self.page.locator(selector).get_attribute("aria-label") or ""

    def count(self, selector: str) -> int:
        """How many elements there are."""
        return self.page.locator(selector).count()

    def look(self, selector: str, what: str) -> str:
        """What an element looks like in one respect, as the browser has worked it out."""
        told: str = self.page.locator(selector).first.evaluate(
            "(element, what) => getComputedStyle(element)[what]", what
        )
        return told

    def areas(self) -> int:
        """How many workspaces the chart of days shows."""
        return self.count("#daily .mark-area path")

    def wait_for_areas(self, count: int) -> None:
        """Waits until the chart of days shows so many workspaces."""
        self.page.wait_for_function(
            "count => document.querySelectorAll('#daily .mark-area path').length === count",
            arg=count,
        )

    def point_at(self, selector: str) -> None:
        """Moves the mouse to the middle of a chart, and waits for what is shown there."""
        chart = self.page.locator(selector)
        chart.scroll_into_view_if_needed()
        place = chart.bounding_box()
        assert place
        self.page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        self.page.wait_for_selector("#tip:not([hidden])")

    def downloaded(self) -> bytes:
        """The CSV that the page offers."""
        with self.page.expect_download() as pending:
            self.page.click("#download")
        return Path(pending.value.path()).read_bytes()

    def findings(self) -> list[str]:
        """What axe finds that is serious or critical: each rule with the elements it is about."""
        # The library is run by the debugger, which the page's policy does not bind.
        self.page.evaluate(axe())
        result: dict[str, Any] = self.page.evaluate("axe.run()")
        assert len(result["passes"]) > 10
        return [
            f"{it['id']}: {[node['html'][:120] for node in it['nodes'][:3]]}"
            for it in result["violations"]
            if it["impact"] in ("serious", "critical")
        ]


@cache
def axe() -> str:
    """The JavaScript of axe-core."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@contextmanager
def shown(
    browser: Browser,
    path: Path,
    *,
    width: int = 1200,
    scheme: Any = "light",
    scripts: bool = True,
    now: datetime = NOW,
    **more: Any,
) -> Iterator[Screen]:
    """The page of a file, drawn, at that time; with no `scripts` allowed, as it stands.

    `more` is what the browser is besides, such as its time zone.
    """
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
        **more,
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    screen = Screen(page)
    page.add_init_script(_WATCH)
    page.add_init_script(f"Date.now = () => {int(now.timestamp() * 1000)};")
    page.on("console", lambda message: screen.said.append(message.text))
    page.on("pageerror", lambda error: screen.said.append(str(error)))
    page.on("request", lambda request: screen.asked.append(request.url))

    def refuse(dialog: Any) -> None:
        screen.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(path.as_uri())
    yield screen
    context.close()
