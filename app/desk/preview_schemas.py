"""A preview as it crosses HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.http.schemas import Moment, Out
from app.pipeline.signals.models import Signal
from app.trading.instrument import Instrument
from app.trading.money import Money
from app.trading.quote import Quote


class RuleOut(Out):
    """What one risk rule says, with its figures; `rule` is also the code of a denial."""

    rule: str
    ok: bool
    detail: str


WouldBe = Literal["sent", "waits", "denied"]


class PreviewOut(Out):
    """What approving a signal now would do; figures are null when it cannot even be sized.

    `waits`: for the consent of the second person that your limits name.
    Amounts are in settle currency, `notional` and prices in quote, `quantity` in base units.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "signal_id": "019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e",
                    "would_be": "sent",
                    "reason": None,
                    "quantity": "0.01",
                    "notional": "600",
                    "entry_price": "60000",
                    "fee": "0.3",
                    "loss_at_stop": "20.59",
                    "loss_at_stop_percent": "0.2059",
                    "stop_loss": "58000",
                    "take_profit": "64000",
                    "leverage": 1,
                    "margin": "600",
                    "price_at": "2026-01-31T12:00:00.000000Z",
                    "rules": [{"rule": "kill_switch", "ok": True, "detail": "off"}],
                }
            ]
        }
    )

    signal_id: UUID
    would_be: WouldBe
    reason: str | None
    quantity: Money | None = None
    notional: Money | None = None
    entry_price: Money | None = None
    fee: Money | None = None
    loss_at_stop: Money | None = None
    loss_at_stop_percent: Money | None = None
    stop_loss: Money | None = None
    take_profit: Money | None = None
    trailing_percent: Money | None = None
    leverage: int | None = None
    margin: Money | None = None
    is_raised_to_minimum: bool = False
    price_at: Moment | None = None
    rules: list[RuleOut] = Field(default_factory=list)

    @classmethod
    def nothing(cls, signal: Signal, reason: str, *, price_at: datetime | None = None) -> Self:
        """It would not be sent, and has no figures."""
        return cls(signal_id=signal.id, would_be="denied", reason=reason, price_at=price_at)

    @classmethod
    def closing(
        cls,
        signal: Signal,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal | None,
        reason: str | None,
        *,
        quote: Quote | None,
    ) -> Self:
        """What a reducing signal would close; no risk rule may stop it."""
        return cls(
            signal_id=signal.id,
            would_be="denied" if reason else "sent",
            reason=reason,
            quantity=quantity,
            notional=None if price is None else instrument.notional(quantity, price),
            price_at=None if quote is None else quote.at,
        )
