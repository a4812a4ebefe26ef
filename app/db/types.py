"""Column types that mean the same on SQLite, PostgreSQL and MariaDB."""

import json
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any, Final
from uuid import UUID

from sqlalchemy import DateTime, Dialect, Numeric, String, Text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.core.decimals import EXACT, PLACES, plain
from app.trading.scheduled import ScheduledExit
from app.trading.targets import Target

SCALE = PLACES
PRECISION = 38
_QUANTUM = Decimal(1).scaleb(-SCALE)


class Money(TypeDecorator[Decimal]):
    """An exact decimal with 18 places: `NUMERIC(38, 18)`, text on SQLite, which has no decimals.

    SQL cannot add up that text: sums are made in Python.
    """

    impl = Numeric(PRECISION, SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(48))
        return dialect.type_descriptor(Numeric(PRECISION, SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if dialect.name == "sqlite":
            # The text says how many places there are; asking the number takes longer than all else.
            text = plain(value)
            if len(text.partition(".")[2]) <= SCALE and text[-1].isdigit():
                return text
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -SCALE:
            value = _with_fewer_places(value)
        return plain(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 SQLAlchemy's signature
        if value is None:
            return None
        if isinstance(value, str):
            return Decimal(value)  # as `plain` wrote it
        with localcontext(EXACT):
            return Decimal(plain(Decimal(value)))


def _with_fewer_places(value: Decimal) -> Decimal:
    """The same number within the column's places, when only zeros are lost."""
    with localcontext(EXACT):
        exact = value.quantize(_QUANTUM)
        if exact != value:
            raise ValueError(f"{value} has more than {SCALE} decimal places: round it first")
        return exact


class _SqliteMoment(sqlite.DATETIME):
    """The same text as SQLAlchemy writes, in a fifth of the time."""

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 SQLAlchemy's signature
        return _moment_text


def _moment_text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(" ", "microseconds")


_SQLITE_MOMENT: Final[TypeEngine[datetime]] = _SqliteMoment()  # type: ignore[no-untyped-call]  # SQLAlchemy's


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC moment with microseconds; naive values are refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        if dialect.name == "sqlite":
            return _SQLITE_MOMENT
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 SQLAlchemy's signature
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Targets(TypeDecorator[tuple[Target, ...]]):
    """Take-profit levels as JSON text, `[["64000","0.5"],…]`: price and share, exact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Target, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 SQLAlchemy's signature
        if value is None:
            return None
        return json.dumps([[plain(one.price), plain(one.fraction)] for one in value])

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 SQLAlchemy's signature
    ) -> tuple[Target, ...] | None:
        if value is None:
            return None
        return tuple(Target(Decimal(price), Decimal(share)) for price, share in json.loads(value))


class Scheduled(TypeDecorator[ScheduledExit]):
    """A scheduled exit as a JSON object of texts, its amounts exact."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: ScheduledExit | None, dialect: Dialect) -> str | None:  # noqa: ARG002 SQLAlchemy's signature
        if value is None:
            return None
        return json.dumps(
            {
                "id": str(value.id),
                "min_profit_percent": plain(value.min_profit_percent),
                "quantity": _plain_or_none(value.quantity),
                "limit_price": _plain_or_none(value.limit_price),
                "price": plain(value.price),
                "by": value.scheduled_by,
                "at": value.scheduled_at.astimezone(UTC).isoformat(),
            }
        )

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 SQLAlchemy's signature
    ) -> ScheduledExit | None:
        if value is None:
            return None
        kept = json.loads(value)
        return ScheduledExit(
            id=UUID(kept["id"]),
            min_profit_percent=Decimal(kept["min_profit_percent"]),
            quantity=_decimal_or_none(kept["quantity"]),
            limit_price=_decimal_or_none(kept["limit_price"]),
            price=Decimal(kept["price"]),
            scheduled_by=kept["by"],
            scheduled_at=datetime.fromisoformat(kept["at"]),
        )


def _plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _decimal_or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
