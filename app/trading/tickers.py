"""Tickers as alerts spell them, and the one market of an account each of them means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.core.errors import Invalid
from app.trading.instrument import Instrument
from app.trading.words import MarketType

MAX_LENGTH: Final = 80
_OLD_NAMES: Final = {"XBT": "BTC"}
_PERPETUAL_MARKS: Final = ("PERPETUAL", "PERP", "SWAP", "P")
_SEPARATORS: Final = re.compile(r"[-_/]")
_DATED: Final = re.compile(r"-\d{6}(?:-|$)")
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Spelling:
    """What a ticker says about its market.

    Attributes:
        text: as given, upper case.
        exchange: the prefix in front; it does not choose the venue, the account does.
        base: coin that is bought; None when written together with the quote.
        quote: coin that prices are in; None when it is not said, or written together.
        pair: base and quote together; the base alone when no quote is said.
        settle: coin that profit is paid in; None when not said.
        is_perpetual: whether it names a perpetual contract.
    """

    text: str
    exchange: str | None = None
    base: str | None = None
    quote: str | None = None
    pair: str = ""
    settle: str | None = None
    is_perpetual: bool = False


def parse_ticker(ticker: str) -> Spelling:
    """What a spelling says, without looking at any venue.

    Args:
        ticker: `BINANCE:BTCUSDT.P`, `BTC-USDT`, `BTC/USDT:USDT`, `BINANCE_USDT_BTC`, in any case.

    Raises:
        Invalid: empty, or too long for a market (`unknown_symbol`).
    """
    text = ticker.strip().upper()
    if not text or len(text) > MAX_LENGTH:
        raise Invalid("the alert names no market", code="unknown_symbol")
    exchange, name = _without_exchange(text)
    name, colon, settle = name.partition(":")
    name, is_marked = _without_mark(name)
    parts = [_today(part) for part in _SEPARATORS.split(name) if part]
    if len(parts) == _PARTS:
        # EXCHANGE_QUOTE_BASE
        exchange, parts = parts[0], parts[:0:-1]
    is_split = len(parts) == _PARTS - 1
    return Spelling(
        text=text,
        exchange=exchange,
        base=parts[0] if is_split else None,
        quote=parts[1] if is_split else None,
        pair=_together("".join(parts)),
        settle=_today(settle) if colon else None,
        is_perpetual=is_marked or bool(colon),
    )


def resolve_ticker(
    ticker: str,
    instruments: Mapping[str, Instrument],
    *,
    market_type: MarketType,
    ticker_map: Mapping[str, str],
) -> str:
    """The ccxt symbol of the one market a ticker means on an account.

    A plain `BTCUSDT` means the contract on a contract account; `BTCUSDT.P` never means spot.

    Args:
        ticker: in any spelling.
        instruments: what the account's venue lists, by ccxt symbol.
        market_type: of the account.
        ticker_map: the strategy's own choices, ticker to symbol or ticker; they win.

    Raises:
        Invalid: nothing matches (`unknown_symbol`), or more than one does (`ambiguous_symbol`).
    """
    spelling = parse_ticker(ticker)
    mapped = _mapped(spelling, ticker_map)
    if mapped is not None:
        return _mapped_symbol(spelling, mapped, instruments)
    listed = {
        symbol: instrument
        for symbol, instrument in instruments.items()
        if instrument.market_type is market_type
    }
    if spelling.text in listed:
        return spelling.text
    if spelling.is_perpetual and market_type is MarketType.SPOT:
        detail = f"{spelling.text} is a perpetual contract, and this account trades spot"
        raise Invalid(detail, code="unknown_symbol")
    return _only(spelling, [symbol for symbol in listed if _matches(spelling, listed[symbol])])


def to_ticker(symbol: str) -> str:
    """TradingView's spelling of a ccxt symbol: `BTCUSDT`, `BTCUSDT.P`, `BTCUSD.P`."""
    pair, _, contract = symbol.partition(":")
    name = pair.replace("/", "")
    _, dash, expiry = contract.partition("-")
    if dash:
        return f"{name}-{expiry}"
    return f"{name}.P" if contract else name


def _without_exchange(text: str) -> tuple[str | None, str]:
    """The prefix of `BINANCE:BTCUSDT`; the colon of `BTC/USDT:USDT` is another thing."""
    prefix, colon, rest = text.partition(":")
    if not colon or "/" in prefix:
        return None, text
    return prefix, rest


def _without_mark(name: str) -> tuple[str, bool]:
    """`BTCUSDT.P`, `BTC-PERP`, `BTCUSDTPERP` without what says perpetual."""
    for mark in _PERPETUAL_MARKS:
        for separator in (".", "-", "_"):
            if name.endswith(separator + mark):
                return name.removesuffix(separator + mark), True
    for mark in ("PERPETUAL", "PERP"):
        if name.endswith(mark) and name != mark:
            return name.removesuffix(mark), True
    return name, False


def _today(coin: str) -> str:
    return _OLD_NAMES.get(coin, coin)


def _together(pair: str) -> str:
    for old, new in _OLD_NAMES.items():
        if pair.startswith(old) and pair != old:
            return new + pair.removeprefix(old)
    return pair


def _mapped(spelling: Spelling, ticker_map: Mapping[str, str]) -> str | None:
    wanted = {name.strip().upper(): target for name, target in ticker_map.items()}
    _, bare = _without_exchange(spelling.text)
    return wanted.get(spelling.text, wanted.get(bare))


def _mapped_symbol(spelling: Spelling, target: str, instruments: Mapping[str, Instrument]) -> str:
    wanted = target.strip().upper()
    for symbol in instruments:
        if wanted in {symbol.upper(), to_ticker(symbol)}:
            return symbol
    detail = f"{spelling.text} is mapped to {target}, which the account's venue does not list"
    raise Invalid(detail, code="unknown_symbol")


def _matches(spelling: Spelling, instrument: Instrument) -> bool:
    if _DATED.search(instrument.symbol):
        return spelling.text == to_ticker(instrument.symbol)
    if spelling.settle is not None and spelling.settle != instrument.settle:
        return False
    if spelling.base is None:
        return spelling.pair in {instrument.base + instrument.quote, instrument.base}
    return (spelling.base, spelling.quote) == (instrument.base, instrument.quote)


def _only(spelling: Spelling, symbols: list[str]) -> str:
    if len(symbols) == 1:
        return symbols[0]
    if not symbols:
        detail = (
            f"the account's venue lists no market for {spelling.text}; "
            "check the spelling, or add it to the strategy's ticker_map"
        )
        raise Invalid(detail, code="unknown_symbol")
    shown = ", ".join(sorted(symbols)[:5])
    detail = f"{spelling.text} may mean {shown}; add the one you mean to the ticker_map"
    raise Invalid(detail, code="ambiguous_symbol")
