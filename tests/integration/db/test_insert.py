"""Rows by the hundred: what goes in comes out, and who was first stays."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, String, select
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Mapped, mapped_column

from app.core.ids import new_id
from app.db.insert import AT_ONCE, Rows
from app.db.session import Database
from tests.integration.db.own import Colour, OwnBase

NOW = datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=UTC)


class Parcel(OwnBase):
    __tablename__ = "test_parcels"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    colour: Mapped[Colour | None]
    amount: Mapped[Decimal | None]
    at: Mapped[datetime | None]
    number: Mapped[int | None] = mapped_column(default=7)
    notes: Mapped[list[dict[str, Any]]]


NEW = Rows(Parcel)
ABSENT = Rows(Parcel, unless_taken=True)


def a_row(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "name": name,
        "body": name.encode() + b"\x00\xff",
        "colour": Colour.RED,
        "amount": Decimal("0.1"),
        "at": NOW,
        "notes": [{"code": "x", "detail": "“quoted”, {braced}", "position": None}],
        **changes,
    }


async def insert(samples: Database, rows: Rows, *values: dict[str, Any]) -> bool:
    return await samples.together(lambda writing: rows.insert(writing.connection, values))


async def stored(samples: Database) -> list[dict[str, Any]]:
    async with samples.read() as session:
        found = await session.execute(select(Parcel.__table__).order_by(Parcel.name))
        return [dict(row) for row in found.mappings()]


@pytest.mark.parametrize("count", [1, 3, 2 * AT_ONCE + 1])
async def test_rows_when_inserted_then_come_out_as_they_went_in(
    samples: Database, count: int
) -> None:
    rows = [a_row(f"parcel {number:03}", amount=Decimal(number)) for number in range(count)]

    assert await insert(samples, NEW, *rows)

    assert await stored(samples) == [{**row, "number": None} for row in rows]


async def test_values_when_they_change_from_row_to_row_then_each_keeps_its_own(
    samples: Database,
) -> None:
    later = NOW + timedelta(microseconds=1)
    rows = [
        a_row("a", colour=None, amount=None, at=None, notes=[]),
        a_row("b", colour=Colour.RED, at=NOW),
        a_row("c", colour=Colour.RED, at=NOW, amount=Decimal("-12345678901234567890.5")),
        a_row("d", colour=None, at=later),
        a_row("e", colour=Colour.GREEN, at=None),
    ]

    await insert(samples, NEW, *rows)

    assert await stored(samples) == [{**row, "number": None} for row in rows]


async def test_a_row_when_its_key_is_taken_then_the_first_stays_and_the_others_come(
    samples: Database,
) -> None:
    crowds = (
        [a_row("b", colour=Colour.RED)],
        [a_row("b", colour=Colour.GREEN)],
        [a_row("a"), a_row("b", colour=Colour.GREEN), a_row("c")],
    )

    were_new = await samples.together(
        lambda writing: [ABSENT.insert(writing.connection, one) for one in crowds]
    )

    assert were_new == [True, False, False]
    assert [(row["name"], row["colour"]) for row in await stored(samples)] == [
        (name, Colour.RED) for name in "abc"
    ]


async def test_a_taken_key_when_it_must_be_new_then_is_an_error_and_nothing_is_kept(
    samples: Database,
) -> None:
    with pytest.raises(IntegrityError):
        await insert(samples, NEW, a_row("a"), a_row("b"), a_row("a"))

    assert await stored(samples) == []


async def test_a_moment_without_a_zone_when_inserted_then_is_refused(samples: Database) -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises((ValueError, StatementError), match="without a zone"):
        await insert(samples, NEW, a_row("a"), a_row("b", at=naive))
