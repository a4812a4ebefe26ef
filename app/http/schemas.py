"""Roots of what crosses HTTP, and pages of it."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from app.core.clock import iso
from app.trading.money import Money

Moment = Annotated[datetime, PlainSerializer(iso, return_type=str, when_used="json")]
MomentIn = AwareDatetime
ItemT = TypeVar("ItemT")


class In(BaseModel):
    """What we take: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """What we give."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class TargetShare(Out):
    """One of several take-profit levels: its price, and its share of the position, 0.5 = half."""

    price: Money
    fraction: Money


class Page(BaseModel, Generic[ItemT]):
    """One page, newest first; pass `next_cursor` as `cursor` for the next, null at the end."""

    items: list[ItemT]
    next_cursor: str | None = None
