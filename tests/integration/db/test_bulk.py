"""Rows by the thousand, in few statements or by COPY: all comes out, and who was first stays."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.db.bulk import AT_ONCE, WORTH_COPYING, Bulk
from app.db.session import Database
from tests.integration.db.own import Colour, OwnBase

NOW = datetime(2026, 3, 4, 5, 6, 7, 8, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))
SHARED = ("colour", "place")
OWN = ("name", "at", "amount", "shade", "number")


class Crate(OwnBase):
    __tablename__ = "test_crates"

    colour: Mapped[Colour] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    amount: Mapped[Decimal | None]
    shade: Mapped[Colour | None]
    number: Mapped[int | None]


CRATES = Bulk(Crate, shared=SHARED, own=OWN)


def columns(some: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*some, strict=True))


def rows(count: int, *, amount: str = "0.10") -> list[tuple[Any, ...]]:
    return [
        (f"crate {number:05}", NOW, Decimal(amount) + number, Colour.RED, number)
        for number in range(count)
    ]


async def insert(samples: Database, *some: tuple[Any, ...], place: str = "O'Hare, gate 1") -> int:
    shared = {"colour": Colour.GREEN, "place": place}
    write = CRATES.ready(samples.engine.dialect, shared, columns(some))
    return await samples.together(lambda writing: write(writing.connection))


async def stored(samples: Database, place: str = "O'Hare, gate 1") -> list[tuple[Any, ...]]:
    query = select(*(getattr(Crate, name) for name in OWN)).where(
        Crate.colour == Colour.GREEN, Crate.place == place
    )
    async with samples.read() as session:
        return [tuple(row) for row in await session.execute(query.order_by(Crate.name))]


@pytest.mark.parametrize("count", [1, WORTH_COPYING - 1, WORTH_COPYING, AT_ONCE - 1, AT_ONCE])
async def test_rows_come_out_as_they_went_in_and_a_second_time_none_is_new(
    samples: Database, count: int
) -> None:
    sent = rows(count)

    assert await insert(samples, *sent) == count
    assert await insert(samples, *sent) == 0

    assert await stored(samples) == sent


@pytest.mark.parametrize("others", [0, WORTH_COPYING])
async def test_whatever_a_value_looks_like_it_is_kept(samples: Database, others: int) -> None:
    strange = [
        ("a\\N", NOW, None, None, None),
        ("b\tc\nd\re\\", NOW.astimezone(TOKYO), Decimal("0E-8"), Colour.GREEN, -(2**31)),
        ("b“”", NOW, Decimal("-12345678901234567890.123456789012345678"), None, 0),
    ]

    assert await insert(samples, *strange, *rows(others)) == len(strange) + others

    assert (await stored(samples))[: len(strange)] == strange


@pytest.mark.parametrize("count", [3, WORTH_COPYING])
async def test_who_was_first_stays_and_the_others_come(samples: Database, count: int) -> None:
    first = rows(count)
    await insert(samples, *first[1:2])

    assert await insert(samples, *rows(count, amount="9")) == count - 1

    kept = await stored(samples)
    assert [one[2] for one in kept[:3]] == [Decimal(9), Decimal("1.1"), Decimal(11)]


async def test_batches_of_one_transaction_do_not_see_each_others_rows(samples: Database) -> None:
    dialect, sent = samples.engine.dialect, columns(rows(WORTH_COPYING))
    batches = [
        CRATES.ready(dialect, {"colour": Colour.GREEN, "place": place}, sent)
        for place in ("here", "there")
    ]

    new = await samples.together(lambda writing: [one(writing.connection) for one in batches])

    assert new == [WORTH_COPYING, WORTH_COPYING]
    assert len(await stored(samples, "there")) == WORTH_COPYING


async def test_what_is_rolled_back_was_never_there_and_the_next_one_is(samples: Database) -> None:
    here, sent = {"colour": Colour.GREEN, "place": "here"}, columns(rows(WORTH_COPYING))
    write = CRATES.ready(samples.engine.dialect, here, sent)
    with suppress(InterruptedError):
        async with samples.transaction() as session:
            assert await (await session.connection()).run_sync(write) == WORTH_COPYING
            raise InterruptedError

    assert await stored(samples, "here") == []
    assert await insert(samples, *rows(WORTH_COPYING), place="here") == WORTH_COPYING
