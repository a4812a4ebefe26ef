"""Roots of what crosses HTTP, and pages of it."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from app.core.clock import iso
from app.trading.money import Money

Moment = Annotated[datetime, PlainSerializer(iso, return_type=str, when_used="json")]
MomentIn = AwareDatetime
ItemT = TypeVar("ItemT")


class Shown(BaseModel):
    """Brings a model's example into the OpenAPI document.

    pydantic knows it by `json_schema_extra`, of which Litestar reads nothing: it looks for a key of
    its own.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Called by pydantic when a model is made."""
        super().__pydantic_init_subclass__(**options)
        extra = cls.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and isinstance(shown := extra.get("examples"), list):
            cast("dict[str, Any]", cls.model_config)["example"] = shown[0]


class In(Shown):
    """What we take: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(Shown):
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
