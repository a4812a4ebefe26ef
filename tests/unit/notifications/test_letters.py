"""The signature of a notice, checked with the very lines that the page gives to receivers."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.notifications.letters import SIGNATURE, body_of_test, headers_of

PAGE = Path(__file__).parents[3] / "docs" / "notices.md"
ID = UUID("019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11")
SECRET = "s" * 43


@pytest.fixture(scope="module")
def is_genuine() -> Callable[[str, bytes, str], bool]:
    [lines] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102 our own page
    found: Callable[[str, bytes, str], bool] = names["is_genuine"]
    return found


def sent(*, age: timedelta = timedelta(0)) -> tuple[str, bytes]:
    now = datetime.fromtimestamp(time.time(), UTC) - age
    body = body_of_test(ID, ID, now)
    return headers_of(ID, body, SECRET, now=now)[SIGNATURE], body


def test_security_what_we_sign_is_genuine_to_the_page(
    is_genuine: Callable[[str, bytes, str], bool],
) -> None:
    header, body = sent()

    assert is_genuine(header, body, SECRET)
    assert not is_genuine(header, body + b" ", SECRET)
    assert not is_genuine(header, body, f"{SECRET}x")
    assert not is_genuine(header.replace("t=", "t=1"), body, SECRET)


def test_security_an_old_letter_is_not_genuine_any_more(
    is_genuine: Callable[[str, bytes, str], bool],
) -> None:
    assert not is_genuine(*sent(age=timedelta(minutes=6)), SECRET)
