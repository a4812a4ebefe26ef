"""What a strategy wants of the market: into a position, or out of it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from app.algorithms.intents import Intent, Move
from app.pipeline.risk.levels import PriceLevel
from app.pipeline.risk.sizing import SizeAsked
from app.strategies.words import LevelKind, SizingMode
from app.trading.words import CloseReason, PositionSide

ONE: Final = Decimal(1)
# A level with its share of the position in percent; None for an equal share of what is left.
WishedTarget: TypeAlias = tuple[PriceLevel, Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryWish:
    """Open a position, or add to one.

    Attributes:
        wished_at: aware; `Terms.entry_ttl` counts from then.
        reason: a sentence for a trader.
        size: None: the strategy's own.
        fraction: the part of the size that was approved, 0 < f ≤ 1.
        limit_price: quote per base; rounded to the tick in the trader's favour. None: at market.
        stop_loss: None: the strategy's own.
        targets: empty: the strategy's own.
        leverage: lowers the strategy's, never raises it; None leaves it.
        reference_price: what drift is measured from; None: no drift is looked at.
        is_auto: nobody looked at it: `max_entries` counts (TRADING 7).
        is_add: it says outright that it adds to a position.
        tag: the caller's own mark, on every fill and refusal that follows: an alarm's id.
    """

    position_side: PositionSide
    wished_at: datetime
    reason: str = ""
    size: SizeAsked | None = None
    fraction: Decimal = ONE
    limit_price: Decimal | None = None
    stop_loss: PriceLevel | None = None
    targets: tuple[WishedTarget, ...] = ()
    leverage: int | None = None
    reference_price: Decimal | None = None
    is_auto: bool = True
    is_add: bool = False
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitWish:
    """Close a position, or a part of it; it never opens anything.

    Attributes:
        position_side: of the position that is meant.
        wished_at: aware.
        reason: a sentence for a trader.
        close_reason: that a trade which ends by it carries.
        quantity: base units (contracts on inverse), cut to what is held; None: see `fraction`.
        fraction: of what is held, 0 < f ≤ 1, rounded down to the lot.
        limit_price: on the tick; it rests until it is filled, another exit replaces it, or the
            position is closed. None: at market.
        tag: the caller's own mark.
    """

    position_side: PositionSide
    wished_at: datetime
    reason: str = ""
    close_reason: CloseReason = CloseReason.SIGNAL
    quantity: Decimal | None = None
    fraction: Decimal = ONE
    limit_price: Decimal | None = None
    tag: str | None = None


Wish: TypeAlias = EntryWish | ExitWish


def wish_of(intent: Intent, *, price: Decimal) -> Wish:
    """An algorithm's intent as a wish.

    Args:
        intent: as it was decided.
        price: at the close that decided it, quote per base; drift is measured from it.
    """
    if intent.move is Move.EXIT:
        return ExitWish(
            position_side=intent.position_side,
            wished_at=intent.decided_at,
            reason=intent.reason,
            quantity=intent.quantity,
            limit_price=intent.limit_price,
        )
    size, target = intent.quantity, _at_price(intent.take_profit)
    return EntryWish(
        position_side=intent.position_side,
        wished_at=intent.decided_at,
        reason=intent.reason,
        size=None if size is None else SizeAsked(SizingMode.QUANTITY, size),
        limit_price=intent.limit_price,
        stop_loss=_at_price(intent.stop_loss),
        targets=() if target is None else ((target, None),),
        reference_price=price,
    )


def _at_price(price: Decimal | None) -> PriceLevel | None:
    return None if price is None else PriceLevel(LevelKind.PRICE, price)
