"""Which stored candles a replay goes by, and what to fetch where they are missing."""

from collections.abc import Mapping
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
        stock = await repository.candle_stock(session, market, since=since, until=until)
        timeframe, missing = _finest(market, stock, since=since, until=until)
        rows = await repository.candle_prices(
            session,
            market,
            timeframe,
            since=timeframe.open_of(since),
            until=timeframe.open_of(until),
        )
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


def _finest(
    market: PriceKey, stock: Mapping[Timeframe, int], *, since: datetime, until: datetime
) -> tuple[Timeframe, int]:
    """The finest timeframe that is there, and how many of its candles are not."""
    wanted = {one: one.how_many(one.open_of(since), one.open_of(until)) for one in FIT}
    affordable = [one for one in FIT if 0 < wanted[one] <= MOST_CANDLES]
    for one in affordable:
        missing = max(0, wanted[one] - stock.get(one, 0))
        if missing * 100 <= wanted[one] * MISSING_PERCENT:
            return one, missing
    if not affordable:
        few = not any(wanted.values())
        raise Denied(
            f"No candle of {market.symbol} has closed since {iso(since)}: ask again in a minute."
            if few
            else f"From {iso(since)} to {iso(until)} there are more than {MOST_CANDLES} candles of "
            f"{market.symbol}: ask about a shorter time.",
            code="candles_missing" if few else "too_many_candles",
        )
    raise _missing(market, max(affordable, key=lambda one: stock.get(one, 0)), since, until)


def _missing(market: PriceKey, timeframe: Timeframe, since: datetime, until: datetime) -> Denied:
    """What is not there, and how to have it there; the timeframe that lacks the least."""
    begin, end = timeframe.open_of(since), timeframe.open_of(until)
    command = (
        f"python -m app candles fetch {to_ticker(market.symbol)} --exchange {market.exchange} "
        f"--timeframe {timeframe} --from {iso(begin)} --to {iso(end)}"
    )
    return Denied(
        f"Candles of {market.symbol} on {market.exchange} are missing between {iso(begin)} and "
        f"{iso(end)}, and nothing is fetched unasked. Fetch them with `{command}` or "
        "POST /candles/fetch, then ask again.",
        code="candles_missing",
    )
