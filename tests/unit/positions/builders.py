"""Valid values of the trade by default; override by keyword."""

from datetime import UTC, datetime
from decimal import Decimal

from app.pipeline.positions.book import BookFill
from app.trading.instrument import Instrument
from app.trading.quote import Quote
from app.trading.words import MarketType, Side

NOON = datetime(2026, 1, 24, 12, tzinfo=UTC)


def an_instrument(
    market_type: MarketType = MarketType.SPOT,
    *,
    symbol: str = "BTC/USDT",
    quantity_step: str = "0.00001",
    price_tick: str = "0.01",
    min_quantity: str = "0.00001",
    max_quantity: str | None = "100",
    min_notional: str = "5",
    contract_size: str = "1",
    settle: str = "USDT",
    is_active: bool = True,
) -> Instrument:
    return Instrument(
        symbol=symbol,
        market_type=market_type,
        base="BTC",
        quote="USDT",
        settle=settle,
        quantity_step=Decimal(quantity_step),
        price_tick=Decimal(price_tick),
        min_quantity=Decimal(min_quantity),
        max_quantity=None if max_quantity is None else Decimal(max_quantity),
        min_notional=Decimal(min_notional),
        contract_size=Decimal(contract_size),
        taker_fee_rate=Decimal("0.001"),
        maker_fee_rate=Decimal("0.001"),
        is_active=is_active,
    )


def an_inverse(*, contract_size: str = "1") -> Instrument:
    return an_instrument(
        MarketType.INVERSE,
        symbol="BTC/USD:BTC",
        quantity_step="1",
        min_quantity="1",
        max_quantity=None,
        min_notional="0",
        contract_size=contract_size,
        settle="BTC",
    )


def a_linear() -> Instrument:
    return an_instrument(MarketType.LINEAR, symbol="BTC/USDT:USDT", quantity_step="0.001")


def a_fill(
    side: Side,
    quantity: str,
    price: str,
    *,
    fee: str = "0",
    fee_asset: str = "USDT",
    at: datetime = NOON,
    fee_in_settle: str | None = None,
) -> BookFill:
    return BookFill(
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        at=at,
        fee_in_settle=None if fee_in_settle is None else Decimal(fee_in_settle),
    )


def a_quote(*, last: Decimal, mark: Decimal | None = None) -> Quote:
    return Quote("BTC/USDT", bid=last, ask=last, last=last, mark=mark, at=NOON)
