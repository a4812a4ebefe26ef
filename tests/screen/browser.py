"""A real Chromium that looks at a real server, and notes what it complains about."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NoReturn

import pytest
from playwright.async_api import ConsoleMessage, Page, async_playwright

from scripts.screen import is_current

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
# A runner may be root, for whom Chromium has no sandbox; and some have little shared memory.
ARGUMENTS: Final = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
REQUIRED: Final = "SCREEN_TESTS_REQUIRED"
PATIENCE_MILLISECONDS: Final = 15_000
# The page tells of what its policy stopped, also where no console would.
NOTE_VIOLATIONS: Final = """
    document.addEventListener('securitypolicyviolation', (event) =>
        console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI));
"""


@dataclass(frozen=True, slots=True)
class Look:
    """How somebody looks at the screen."""

    name: str
    width: int
    height: int
    theme: str = "light"

    @property
    def is_phone(self) -> bool:
        """Whether it is held in a hand."""
        return self.width < 700


DESK: Final = Look("desk", 1280, 800)
PHONE: Final = Look("phone", 390, 844, "dark")


@dataclass(slots=True)
class Tab:
    """One page in the browser.

    Attributes:
        page: to act on.
        look: its size and theme.
        complaints: errors of the console, violations of the policy, exceptions of the page.
    """

    page: Page
    look: Look
    complaints: list[str] = field(default_factory=list)

    async def is_too_wide(self) -> bool:
        """Whether the page can be moved sideways."""
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(await self.page.evaluate(wide))


def needs_a_browser() -> None:
    """Skip, saying why, where the screen cannot be looked at; a failure where it must be tested."""
    if program() is None:
        refuse(f"no Chromium here (looked for {', '.join(PROGRAMS)}): apt-get install chromium")
    if not is_current():
        refuse("the screen is not built from these sources: `make screen` builds it")


def program() -> str | None:
    """The machine's Chromium."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@asynccontextmanager
async def browsing(base: str, look: Look) -> AsyncIterator[Tab]:
    """Open one tab, with nothing remembered from before.

    Args:
        base: of the server.
        look: size and theme.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program(), args=list(ARGUMENTS), headless=True
        )
        context = await browser.new_context(
            base_url=base,
            viewport={"width": look.width, "height": look.height},
            color_scheme="dark" if look.theme == "dark" else "light",
            has_touch=look.is_phone,
            is_mobile=look.is_phone,
            timezone_id="Europe/Prague",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        await context.add_init_script(NOTE_VIOLATIONS)
        tab = Tab(await context.new_page(), look)
        tab.page.on("console", lambda said: _note(tab, said))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        try:
            yield tab
        finally:
            await browser.close()


def _note(tab: Tab, said: ConsoleMessage) -> None:
    if said.type in {"error", "warning"}:
        tab.complaints.append(f"{said.type}: {said.text} {said.location.get('url', '')}")


def refuse(why: str) -> NoReturn:
    """Skip for that reason; a failure where it must be tested."""
    if os.environ.get(REQUIRED):  # noqa: TID251 the runner's word, no setting of ours
        pytest.fail(f"the screen was not tested: {why}")
    pytest.skip(f"THE SCREEN WAS NOT TESTED: {why}")
