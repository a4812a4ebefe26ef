"""What goes into a database comes out of it, on each of them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import String, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.session import Database
from tests.integration.db.own import Colour, OwnBase


class Sample(OwnBase):
    __tablename__ = "test_samples"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    amount: Mapped[Decimal | None]
    at: Mapped[datetime | None]
    colour: Mapped[Colour | None]


async def read_back(samples: Database, **values: object) -> Sample:
    async with samples.transaction() as session:
        session.add(Sample(name="one", **values))
    async with samples.read() as session:
        found = await session.scalar(select(Sample))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "amount",
    [
        "0",
        "0.123456789012345678",
        "-0.000000000000000001",
        "12345678901234567890.123456789012345678",
        "1E+3",
        "0.10",
    ],
)
async def test_money_when_stored_keeps_every_digit(samples: Database, amount: str) -> None:
    row = await read_back(samples, amount=Decimal(amount))

    assert row.amount == Decimal(amount)


async def test_money_with_a_nineteenth_place_is_refused(samples: Database) -> None:
    with pytest.raises(StatementError, match="more than 18 decimal places"):
        await read_back(samples, amount=Decimal("0.1234567890123456789"))


async def test_moments_keep_microseconds_and_come_back_in_utc(samples: Database) -> None:
    at = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=2)))

    row = await read_back(samples, at=at)

    assert row.at == datetime(2026, 3, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    assert row.at is not None
    assert row.at.utcoffset() == timedelta(0)


async def test_a_moment_without_a_zone_is_refused(samples: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        await read_back(samples, at=datetime(2026, 1, 1))  # noqa: DTZ001 that is the point


async def test_words_are_stored_by_value(samples: Database) -> None:
    await read_back(samples, colour=Colour.GREEN)

    async with samples.read() as session:
        stored = await session.scalar(text("SELECT colour FROM test_samples"))
    assert stored == "green"
