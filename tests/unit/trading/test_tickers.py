from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.trading.instrument import Instrument
from app.trading.tickers import resolve_ticker, to_ticker
from app.trading.words import MarketType

SYMBOLS = (
    "BTC/USDT",
    "ETH/USDT",
    "ETH/BTC",
    "BTC/USD",
    "BTC/USDT:USDT",
    "BTC/USDC:USDC",
    "ETH/USDT:USDT",
    "BTC/USDT:USDT-261225",
    "BTC/USD:BTC",
)


def an_instrument(symbol: str) -> Instrument:
    pair, _, contract = symbol.partition(":")
    base, quote = pair.split("/")
    settle = contract.partition("-")[0] or quote
    market_type = MarketType.SPOT
    if contract:
        market_type = MarketType.INVERSE if settle == base else MarketType.LINEAR
    return Instrument(
        symbol=symbol,
        market_type=market_type,
        base=base,
        quote=quote,
        settle=settle,
        quantity_step=Decimal("0.00001"),
        price_tick=Decimal("0.01"),
        min_quantity=Decimal("0.00001"),
        max_quantity=None,
        min_notional=Decimal(5),
        contract_size=Decimal(1),
        taker_fee_rate=Decimal("0.001"),
        maker_fee_rate=Decimal("0.001"),
    )


LISTED: Mapping[str, Instrument] = {symbol: an_instrument(symbol) for symbol in SYMBOLS}


def resolved(ticker: str, market_type: MarketType, **ticker_map: str) -> str:
    return resolve_ticker(ticker, LISTED, market_type=market_type, ticker_map=ticker_map)


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("btcusdt", "BTC/USDT"),
        (" BINANCE:BTCUSDT ", "BTC/USDT"),
        ("BTC-USDT", "BTC/USDT"),
        ("BTC_USDT", "BTC/USDT"),
        ("BTC/USDT", "BTC/USDT"),
        ("BINANCE_USDT_BTC", "BTC/USDT"),
        ("ETHBTC", "ETH/BTC"),
        ("XBTUSD", "BTC/USD"),
        ("XBT/USD", "BTC/USD"),
    ],
)
def test_resolve_ticker_on_spot(ticker: str, symbol: str) -> None:
    assert resolved(ticker, MarketType.SPOT) == symbol


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("BTCUSDT", "BTC/USDT:USDT"),
        ("BTCUSDT.P", "BTC/USDT:USDT"),
        ("BINANCE:BTCUSDT.P", "BTC/USDT:USDT"),
        ("BTCUSDTPERP", "BTC/USDT:USDT"),
        ("BTCUSDT_PERP", "BTC/USDT:USDT"),
        ("BTC-USDT-SWAP", "BTC/USDT:USDT"),
        ("BTC/USDT:USDT", "BTC/USDT:USDT"),
        ("btc/usdt", "BTC/USDT:USDT"),
        ("BTCUSDC.P", "BTC/USDC:USDC"),
        ("ETH-PERP", "ETH/USDT:USDT"),
        ("BTCUSDT-261225", "BTC/USDT:USDT-261225"),
    ],
)
def test_resolve_ticker_on_linear(ticker: str, symbol: str) -> None:
    assert resolved(ticker, MarketType.LINEAR) == symbol


@pytest.mark.parametrize("ticker", ["BTCUSD.P", "BTCUSD", "XBTUSD", "BTCUSD_PERP", "BTC/USD:BTC"])
def test_resolve_ticker_on_inverse(ticker: str) -> None:
    assert resolved(ticker, MarketType.INVERSE) == "BTC/USD:BTC"


@pytest.mark.parametrize("ticker", ["BTCUSDT.P", "BTCUSDTPERP", "BTC/USDT:USDT", "BTC-PERP"])
def test_resolve_ticker_of_a_perpetual_on_spot_is_refused(ticker: str) -> None:
    with pytest.raises(Invalid, match="this account trades spot") as refused:
        resolved(ticker, MarketType.SPOT)

    assert refused.value.code == "unknown_symbol"


@pytest.mark.parametrize("ticker", ["DOGEUSDT", "BTC1!", "", "X" * 200, "BTC/EUR", "PERP", ":"])
def test_resolve_ticker_of_no_listed_market_is_unknown(ticker: str) -> None:
    with pytest.raises(Invalid) as refused:
        resolved(ticker, MarketType.LINEAR)

    assert refused.value.code == "unknown_symbol"


@pytest.mark.parametrize("ticker", ["BTC", "BTC-PERP"])
def test_resolve_ticker_without_a_quote_is_never_guessed(ticker: str) -> None:
    with pytest.raises(Invalid, match="BTC/USDC:USDC, BTC/USDT:USDT") as refused:
        resolved(ticker, MarketType.LINEAR)

    assert refused.value.code == "ambiguous_symbol"


def test_resolve_ticker_follows_the_strategys_map_first() -> None:
    assert resolved("BTC", MarketType.LINEAR, btc="BTC/USDC:USDC") == "BTC/USDC:USDC"
    assert resolved("CME:BTC", MarketType.LINEAR, BTC="ETHUSDT.P") == "ETH/USDT:USDT"


def test_resolve_ticker_refuses_a_map_to_nowhere() -> None:
    with pytest.raises(Invalid, match="mapped to DOGE/USDT") as refused:
        resolved("BTC", MarketType.LINEAR, BTC="DOGE/USDT")

    assert refused.value.code == "unknown_symbol"


@pytest.mark.parametrize(
    ("symbol", "ticker"),
    [
        ("BTC/USDT", "BTCUSDT"),
        ("BTC/USDT:USDT", "BTCUSDT.P"),
        ("BTC/USD:BTC", "BTCUSD.P"),
        ("BTC/USDT:USDT-261225", "BTCUSDT-261225"),
    ],
)
def test_to_ticker(symbol: str, ticker: str) -> None:
    assert to_ticker(symbol) == ticker


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_to_ticker_and_back(symbol: str) -> None:
    assert resolved(to_ticker(symbol), LISTED[symbol].market_type) == symbol


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100), st.sampled_from(MarketType))
def test_resolve_ticker_finds_a_listed_market_or_refuses(ticker: str, kind: MarketType) -> None:
    try:
        assert resolved(ticker, kind) in LISTED
    except Invalid as refused:
        code = refused.code

        assert code in {"unknown_symbol", "ambiguous_symbol"}
