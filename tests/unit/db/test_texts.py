"""Columns as text in bulk: the same as the types write value by value."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from app.core.decimals import can_be_kept
from app.db.texts import moment_texts, money_texts
from app.db.types import Money, UtcDateTime

SQLITE = sqlite.dialect()
TOKYO = timezone(timedelta(hours=9))

numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=18),
    st.decimals(allow_nan=False, allow_infinity=False, places=8),
    st.decimals(min_value=-1, max_value=1, allow_nan=False),
    st.sampled_from([Decimal(text) for text in ("0E-8", "-0", "1E+4", "1E-18", "0.0", "100")]),
).filter(can_be_kept)
moments = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 hypothesis adds the zone
    max_value=datetime(9998, 1, 1),  # noqa: DTZ001 likewise
    timezones=st.sampled_from([UTC, TOKYO]),
)
opens = moments.map(lambda moment: moment.replace(second=0, microsecond=0))


@given(st.lists(st.none() | numbers))
def test_a_column_of_money_is_what_the_type_writes(values: list[Decimal | None]) -> None:
    assert money_texts(values) == [Money().process_bind_param(one, SQLITE) for one in values]


@given(st.lists(moments | opens))
def test_a_column_of_moments_is_what_the_type_writes(values: list[datetime]) -> None:
    process = UtcDateTime().dialect_impl(SQLITE).bind_processor(SQLITE)
    assert process is not None

    assert moment_texts(values) == [process(one) for one in values]


def test_a_moment_without_a_zone_is_refused() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(ValueError, match="without a zone"):
        moment_texts([now, now.replace(tzinfo=None)])
