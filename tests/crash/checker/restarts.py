"""Restarting a quiet server changes nothing (I34)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.crash.checker.evidence import Violation
from tests.crash.ledger import Request

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Still:
    """Every row, and every request so far that may have changed something at the venue."""

    rows: Mapping[str, list[tuple[Any, ...]]]
    mutations: tuple[Request, ...]


def unchanged(before: Still, after: Still) -> Iterator[Violation]:
    """I34: no order, cancel or setting at the venue, and no row that is another one."""
    new = after.mutations[len(before.mutations) :]
    for request in new[:SHOWN]:
        text = f"{request.method} {request.path} {dict(request.params)}"
        yield Violation("I34", "venue", f"a restart sent {text}")
    for table in sorted(set(before.rows) | set(after.rows)):
        was, now = before.rows.get(table, []), after.rows.get(table, [])
        if was == now:
            continue
        fresh = [row for row in now if row not in was]
        text = f"{len(was)} rows became {len(now)}, such as {fresh[:SHOWN]}"
        yield Violation("I34", table, text)
