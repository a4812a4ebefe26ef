"""Which stored candles a replay goes by, and what to fetch where they are missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from app.backtests.what_if.history import repository
from app.backtests.what_if.past import Past
from app.backtests.what_if.replay.tape import Prices, Tape, Tapes
from app.core.clock import iso
from app.core.errors import Denied
from app.market.prices import PriceKey
from app.trading.tickers import to_ticker
from app.trading.timeframe import Timeframe

# Of one market: what can be read while somebody waits.
MOST_CANDLES: Final = 20_000
# Longer ones say too little about what came first.
FIT: Final = tuple(Timeframe)[: tuple(Timeframe).index(Timeframe.H1) + 1]
# A venue that was away for an hour has no candles of it, and never will.
MISSING_PERCENT: Final = 1


async def tapes_of(session: AsyncSession, past: Past, *, now: datetime) -> Tapes:
    """The finest stored candles of each market that an alarm is about, from its first one on.

    Args:
        session: where to read.
        past: whose markets.
        now: candles that are not closed by then are not looked for.

    Raises:
        Denied: `candles_missing`, with the command that fetches them; `too_many_candles`.
    """
    until = min(past.until, now)
    found = {}
    for market, since in _begins(past).items():
        span = _Span(market, since, until)
        timeframe, missing = await _finest(session, span)
        begin, end = span.bounds(timeframe)
        rows = await repository.candle_prices(session, market, timeframe, since=begin, until=end)
        candles = [Prices(*row) for row in rows]
        found[market] = Tape(market, timeframe, candles, missing=missing)
    return found


def _begins(past: Past) -> dict[PriceKey, datetime]:
    """Every market that an alarm is about, and when the first one came."""
    begins: dict[PriceKey, datetime] = {}
    for alarm in past.alarms:
        for intent in () if alarm.meaning is None else alarm.meaning.intents:
            symbol = past.symbols.get((alarm.strategy_id, intent.ticker or ""))
            if symbol is not None:
                market = past.strategies[alarm.strategy_id].market(symbol)
                begins.setdefault(market, alarm.received_at)
    return begins


@dataclass(frozen=True, slots=True)
class _Span:
    """The time in which candles of a market are wanted."""

    market: PriceKey
    since: datetime
    until: datetime

    def bounds(self, timeframe: Timeframe) -> tuple[datetime, datetime]:
        """Open of the first wanted candle, and of the first one that is over too late."""
        return timeframe.open_of(self.since), timeframe.open_of(self.until)

    def wanted(self, timeframe: Timeframe) -> int:
        """How many candles fill it."""
        return timeframe.how_many(*self.bounds(timeframe))


async def _finest(session: AsyncSession, span: _Span) -> tuple[Timeframe, int]:
    """The finest timeframe that is there, and how many of its candles are not.

    Raises:
        Denied: as `tapes_of`.
    """
    missing: dict[Timeframe, int] = {}
    for one in FIT:
        wanted = span.wanted(one)
        if not 0 < wanted <= MOST_CANDLES:
            continue
        begin, end = span.bounds(one)
        count = await repository.count_candles(session, span.market, one, since=begin, until=end)
        missing[one] = wanted - count
        if missing[one] * 100 <= wanted * MISSING_PERCENT:
            return one, missing[one]
    if missing:
        raise _missing(span, min(missing, key=lambda one: missing[one] / span.wanted(one)))
    raise _unfit(span)


def _missing(span: _Span, timeframe: Timeframe) -> Denied:
    """What is not there, and how to have it there; the timeframe that lacks the least."""
    begin, end = (iso(one) for one in span.bounds(timeframe))
    market = span.market
    command = (
        f"python -m app candles fetch {to_ticker(market.symbol)} --exchange {market.exchange} "
        f"--timeframe {timeframe} --from {begin} --to {end}"
    )
    return Denied(
        f"Candles of {market.symbol} on {market.exchange} are missing between {begin} and {end}, "
        f"and nothing is fetched unasked. Fetch them with `{command}` or POST /candles/fetch, "
        "then ask again.",
        code="candles_missing",
    )


def _unfit(span: _Span) -> Denied:
    """No timeframe has a number of candles that could be read."""
    if not any(map(span.wanted, FIT)):
        detail = f"No candle of {span.market.symbol} has closed since then: ask again in a minute."
        return Denied(detail, code="candles_missing")
    detail = (
        f"From {iso(span.since)} to {iso(span.until)} there are more than {MOST_CANDLES} candles "
        f"of {span.market.symbol}: ask about a shorter time."
    )
    return Denied(detail, code="too_many_candles")
