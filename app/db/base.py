"""The root of every table and the one map from Python types to columns."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import JSON, Date, Enum, MetaData, Uuid
from sqlalchemy.orm import DeclarativeBase

from app.db.types import Money, Scheduled, Targets, UtcDateTime
from app.trading.scheduled import ScheduledExit
from app.trading.targets import Target


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can drop it on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        Decimal: Money,
        datetime: UtcDateTime,
        date: Date,
        UUID: Uuid,
        tuple[Target, ...]: Targets,
        ScheduledExit: Scheduled,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=False,
            length=32,
            values_callable=lambda kind: [member.value for member in kind],
        ),
    }
