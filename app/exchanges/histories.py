"""Asking about the past until the answer is complete: nothing skipped, nothing twice."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from app.exchanges.errors import UnreadableReply
from app.exchanges.mapping import Raw, word

AskRange = Callable[[int, int], Awaitable[Sequence[Raw]]]

# The venue's clock may be ahead of ours, by less than it tolerates in a signed request.
SKEW: Final = timedelta(minutes=1)


async def complete(
    ask: AskRange, start: int, now: int, *, span: timedelta, page: int
) -> Sequence[Raw]:
    """Every row from a moment until now, oldest first.

    Venues answer with the oldest rows of a range or with the newest, and cut off at a full page
    without a word. So a full page is never believed: its range is halved and asked again.

    Args:
        ask: the rows between two moments in milliseconds, both included, in any order.
        start: milliseconds.
        now: milliseconds, by our clock.
        span: the longest range that one question may cover.
        page: rows that one answer holds at most.

    Raises:
        UnreadableReply: more rows than a page holds within one millisecond.
    """
    end, width = now + _milliseconds(SKEW), _milliseconds(span)
    starts = range(start, end + 1, width)
    ranges = deque((first, min(first + width - 1, end)) for first in starts)
    rows: dict[tuple[str, str], Raw] = {}
    while ranges:
        first, last = ranges.popleft()
        answer = await ask(first, last)
        if len(answer) < page:
            rows |= {(str(row.get("symbol")), word(row, "id")): row for row in answer}
        elif first == last:
            raise UnreadableReply(f"more than {page} rows in one millisecond")
        else:
            middle = (first + last) // 2
            ranges.extendleft([(middle + 1, last), (first, middle)])
    return list(rows.values())


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
