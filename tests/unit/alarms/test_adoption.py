"""What brings a book to TradingView's position: its side and its ratio, not its size."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.pipeline.alarms.gaps.adoption import Standing, adoption
from app.pipeline.alarms.gaps.chain import Missing, Reported
from app.pipeline.alarms.meaning import DEFAULT_SIZE, WHOLE, Action, Size, SizeKind
from app.trading.words import PositionSide
from tests.builders import d

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def position(signed: str | None, side: PositionSide | None = None) -> Reported:
    if signed is None:
        return Reported(side, None, NOON)
    size = Decimal(signed)
    return Reported(None if size == 0 else LONG if size > 0 else SHORT, abs(size), NOON)


def standing(
    *,
    now: Reported,
    missing: tuple[str, str] = ("0", "2"),
    book: str = "0",
    is_sized_by_alerts: bool = False,
) -> Standing:
    held = position(book)
    return Standing(
        ticker="BTCUSDT.P",
        reported=now,
        missing=Missing(position(missing[0]), position(missing[1])),
        book_side=held.side,
        book_size=held.size or Decimal(0),
        is_sized_by_alerts=is_sized_by_alerts,
    )


def done(at: Standing) -> tuple[Action, PositionSide | None, Size] | None:
    intent = adoption(at)
    return None if intent is None else (intent.action, intent.position_side, intent.size)


def quantity(value: str) -> Size:
    return Size(SizeKind.QUANTITY, d(value))


def percent(value: str) -> Size:
    return Size(SizeKind.POSITION_PERCENT, d(value))


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        # TradingView is flat: everything goes, or there is nothing.
        (standing(now=position("0"), book="3"), (Action.CLOSE, LONG, WHOLE)),
        (standing(now=position("0")), None),
        # We are flat or on the other side: an entry, in our own size unless alerts give it.
        (standing(now=position("2")), (Action.OPEN, LONG, DEFAULT_SIZE)),
        (standing(now=position("-2"), book="1"), (Action.OPEN, SHORT, DEFAULT_SIZE)),
        (standing(now=position("2"), is_sized_by_alerts=True), (Action.OPEN, LONG, quantity("2"))),
        (
            standing(now=position(None, LONG), is_sized_by_alerts=True),
            (Action.OPEN, LONG, DEFAULT_SIZE),
        ),
        # The same side: only the share that the missing alerts took counts.
        (
            standing(now=position("1.5"), missing=("4", "3"), book="0.2"),
            (Action.REDUCE, LONG, percent("25")),
        ),
        (
            standing(now=position("3"), missing=("1", "2"), book="0.2"),
            (Action.ADD, LONG, DEFAULT_SIZE),
        ),
        (standing(now=position("2"), missing=("0", "2"), book="0.2"), None),
        (standing(now=position("2"), missing=("-2", "2"), book="0.2"), None),
        # Sizes from alerts: the difference itself.
        (
            standing(now=position("1"), book="4", is_sized_by_alerts=True),
            (Action.REDUCE, LONG, percent("75")),
        ),
        (
            standing(now=position("-5"), book="-4", is_sized_by_alerts=True),
            (Action.ADD, SHORT, quantity("1")),
        ),
        # A base-coin fee took a thousandth of what was bought: that is no difference.
        (standing(now=position("1"), book="0.999", is_sized_by_alerts=True), None),
    ],
)
def test_the_one_thing_to_do(
    at: Standing, wanted: tuple[Action, PositionSide | None, Size] | None
) -> None:
    assert done(at) == wanted
