from hypothesis import given
from hypothesis import strategies as st

from app.backtests.processes.packing import AT_ONCE, Strand, opened, packed

COUNTS = st.sampled_from([0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 7])


@given(COUNTS)
def test_parts_hold_every_line_once_and_know_where_they_begin_and_end(count: int) -> None:
    lines = [[number * 60, f"{number}.5", None] for number in range(count)]

    parts = list(packed(Strand.EQUITY, iter(lines)))

    assert [line for part in parts for line in opened(part.body)] == lines
    assert [part.first for part in parts] == list(range(0, count, AT_ONCE))
    assert sum(part.count for part in parts) == count
    assert all(part.first_at == part.first * 60 for part in parts)
    assert all(part.last_at == (part.first + part.count - 1) * 60 for part in parts)
    assert {part.strand for part in parts} <= {Strand.EQUITY}
