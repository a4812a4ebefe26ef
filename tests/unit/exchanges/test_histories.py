import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.exchanges.errors import UnreadableReply
from app.exchanges.histories import from_oldest, in_ranges
from app.exchanges.mapping import Raw

PAGE = 3
SPAN = timedelta(milliseconds=20)


class Archive:
    """Rows at moments; an answer holds a page at most, the newest or the oldest of the range."""

    def __init__(self, moments: Sequence[int], *, is_oldest_first: bool) -> None:
        self._rows: list[Raw] = [
            {"id": str(number), "symbol": "BTC/USDT", "timestamp": at}
            for number, at in enumerate(sorted(moments))
        ]
        self._is_oldest_first = is_oldest_first
        self.asked: list[tuple[int, int]] = []

    async def between(self, first: int, last: int) -> Sequence[Raw]:
        self.asked.append((first, last))
        found = [row for row in self._rows if first <= row["timestamp"] <= last]
        return found[:PAGE] if self._is_oldest_first else found[-PAGE:]

    async def since(self, first: int) -> Sequence[Raw]:
        return await self.between(first, 10**9)

    def ids(self, start: int, end: int) -> set[str]:
        return {row["id"] for row in self._rows if start <= row["timestamp"] <= end}


# At most two rows a millisecond: a page of three can always be gone through.
MOMENTS = st.lists(st.integers(0, 60), max_size=40).map(
    lambda moments: [at for at in set(moments) for _ in range(min(2, moments.count(at)))]
)


@given(MOMENTS, st.booleans(), st.integers(0, 60))
def test_in_ranges_every_row_comes_once_whatever_a_full_page_leaves_out(
    moments: list[int],
    is_oldest_first: bool,  # noqa: FBT001 drawn by hypothesis
    start: int,
) -> None:
    archive = Archive(moments, is_oldest_first=is_oldest_first)

    rows = asyncio.run(in_ranges(archive.between, start, 70, span=SPAN, page=PAGE))

    assert {row["id"] for row in rows} == archive.ids(start, 70)
    assert len(rows) == len(archive.ids(start, 70))
    assert all(last - first < 20 for first, last in archive.asked)


@given(MOMENTS, st.integers(0, 60))
def test_from_oldest_every_row_comes_once(moments: list[int], start: int) -> None:
    archive = Archive(moments, is_oldest_first=True)

    rows = asyncio.run(from_oldest(archive.since, start, page=PAGE))

    assert {row["id"] for row in rows} == archive.ids(start, 10**9)
    assert len(rows) == len(archive.ids(start, 10**9))


async def test_more_rows_in_a_millisecond_than_a_page_holds_is_no_answer() -> None:
    archive = Archive([5, 5, 5, 5], is_oldest_first=True)

    with pytest.raises(UnreadableReply):
        await in_ranges(archive.between, 0, 10, span=SPAN, page=PAGE)
    with pytest.raises(UnreadableReply):
        await from_oldest(archive.since, 0, page=PAGE)


async def test_a_quiet_stretch_costs_one_question_a_span() -> None:
    archive = Archive([], is_oldest_first=False)

    assert await in_ranges(archive.between, 0, 59, span=SPAN, page=PAGE) == []

    assert archive.asked == [(0, 19), (20, 39), (40, 59)]
