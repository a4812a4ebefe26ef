"""Asking about the past until the answer is complete: nothing skipped, nothing twice."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from app.exchanges.errors import UnreadableReply
from app.exchanges.mapping import Raw, needed, word
from app.exchanges.quirks import HistoryLimits

AskFrom = Callable[[int], Awaitable[Sequence[Raw]]]
AskRange = Callable[[int, int], Awaitable[Sequence[Raw]]]
Rows = Mapping[tuple[str, str], Raw]

# The venue's clock may be ahead of ours, by less than it tolerates in a signed request.
SKEW: Final = timedelta(minutes=1)


async def trades_since(
    client: Any, symbol: str, start: int, limits: HistoryLimits
) -> Sequence[Raw]:
    """Every trade of the account on a symbol from a millisecond on, in any order.

    Raises:
        UnreadableReply: more rows than a page holds within one millisecond.
    """

    async def ask_from(first: int) -> Sequence[Raw]:
        rows: Sequence[Raw] = await client.fetch_my_trades(symbol, first, limits.page)
        return rows

    async def ask(first: int, last: int) -> Sequence[Raw]:
        query = {"until": last}
        rows: Sequence[Raw] = await client.fetch_my_trades(symbol, first, limits.page, query)
        return rows

    span = limits.spot_span if client.market(symbol)["spot"] else limits.contract_span
    if span is None:
        return await from_oldest(ask_from, start, page=limits.page)
    now = client.milliseconds()
    start = max(start, now - _milliseconds(limits.kept))
    return await in_ranges(ask, start, now + _milliseconds(SKEW), span=span, page=limits.page)


async def funding_since(client: Any, start: int, limits: HistoryLimits) -> Sequence[Raw]:
    """Every funding payment of the account from a millisecond on, in any order.

    Raises:
        UnreadableReply: more rows than a page holds within one millisecond.
    """

    async def ask(first: int, last: int) -> Sequence[Raw]:
        query: dict[str, int] = {"until": last}
        since: int | None = first
        if limits.funding_range is not None:
            since, query = None, dict(zip(limits.funding_range, (first, last), strict=True))
        rows: Sequence[Raw] = await client.fetch_funding_history(None, since, limits.page, query)
        return rows

    now, span = client.milliseconds(), limits.contract_span
    start = max(start, now - _milliseconds(limits.kept))
    return await in_ranges(ask, start, now + _milliseconds(SKEW), span=span, page=limits.page)


async def from_oldest(ask: AskFrom, start: int, *, page: int) -> Sequence[Raw]:
    """Every row from a moment on, of a venue that answers the oldest first.

    Args:
        ask: the oldest rows from a moment in milliseconds on, itself included.
        start: milliseconds.
        page: rows that one answer holds at most.

    Raises:
        UnreadableReply: more rows than a page holds within one millisecond.
    """
    rows: dict[tuple[str, str], Raw] = {}
    while True:
        answer = await ask(start)
        rows |= _by_id(answer)
        if len(answer) < page:
            return list(rows.values())
        newest = max(int(needed(row, "timestamp")) for row in answer)
        if newest == start:
            raise UnreadableReply(f"more than {page} rows in one millisecond")
        start = newest


async def in_ranges(
    ask: AskRange, start: int, end: int, *, span: timedelta, page: int
) -> Sequence[Raw]:
    """Every row between two moments, whatever the venue leaves out of an answer that is too long.

    A full page is never believed: its range is halved and asked again.

    Args:
        ask: the rows between two moments in milliseconds, both included.
        start: milliseconds.
        end: milliseconds, included.
        span: the longest range that one question may cover.
        page: rows that one answer holds at most.

    Raises:
        UnreadableReply: more rows than a page holds within one millisecond.
    """
    width = _milliseconds(span)
    ranges = deque((first, min(first + width - 1, end)) for first in range(start, end + 1, width))
    rows: dict[tuple[str, str], Raw] = {}
    while ranges:
        first, last = ranges.popleft()
        answer = await ask(first, last)
        if len(answer) < page:
            rows |= _by_id(answer)
        elif first == last:
            raise UnreadableReply(f"more than {page} rows in one millisecond")
        else:
            middle = (first + last) // 2
            ranges.extendleft([(middle + 1, last), (first, middle)])
    return list(rows.values())


def _by_id(answer: Sequence[Raw]) -> Rows:
    return {(str(row.get("symbol")), word(row, "id")): row for row in answer}


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
