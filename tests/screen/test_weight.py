"""What a first visit to a page loads: measured on the files, without a browser."""

import gzip
import json
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.screen import BUILT, is_current
from tests.screen.browser import refuse

MOST_BYTES: Final = 250_000
PAGE: Final = "index.html"
SHELL: Final = "src/shell/Shell.tsx"
PAGES: Final = {
    "login": ["src/pages/login/Login.tsx"],
    "inbox": [SHELL, "src/pages/inbox/Inbox.tsx"],
    "positions": [SHELL, "src/pages/positions/Positions.tsx"],
    "today": [SHELL, "src/pages/today/Today.tsx"],
    "alarms": [SHELL, "src/pages/alarms/Alarms.tsx"],
    "strategies": [SHELL, "src/pages/strategies/Strategies.tsx"],
    "status": [SHELL, "src/pages/status/Status.tsx"],
}


@pytest.fixture
def manifest() -> dict[str, Any]:
    if not is_current():
        refuse("the screen is not built from these sources: `make screen` builds it")
    found: dict[str, Any] = json.loads((BUILT / ".vite" / "manifest.json").read_bytes())
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light_enough_for_a_phone(manifest: dict[str, Any], page: str) -> None:
    files = {PAGE}
    for entry in (PAGE, *PAGES[page]):
        files |= loaded(manifest, entry)

    weight = sum(len(gzip.compress((BUILT / name).read_bytes())) for name in files)

    assert weight < MOST_BYTES, sorted(files)
    assert any(name.endswith(".js") for name in files)


def loaded(manifest: dict[str, Any], entry: str) -> set[str]:
    """Scripts and styles that an entry needs before it shows anything."""
    seen: set[str] = set()
    files: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        chunk = manifest[name]
        files |= {chunk["file"], *chunk.get("css", [])}
        waiting += chunk.get("imports", [])
    return {name for name in files if Path(name).suffix in {".js", ".css"}}
