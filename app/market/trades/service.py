"""Keep the trades of markets."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import record
from app.core.clock import iso
from app.core.errors import Invalid
from app.http.caller import Caller
from app.market.facts import Kept
from app.market.prices import PriceKey
from app.market.trades import repository
from app.trading.market_trade import MarketTrade


async def keep(
    session: AsyncSession, trades: Mapping[PriceKey, Sequence[MarketTrade]], *, now: datetime
) -> dict[PriceKey, Kept]:
    """Keep trades in the caller's transaction: all of them, or none if one is refused.

    Args:
        session: the caller's transaction.
        trades: by market, in any order.
        now: what happened later has not happened.

    Raises:
        Invalid: `trade_in_future`.
        TradeConflict: one is stored with other values, or came twice with different ones.
    """
    for market, some in trades.items():
        for trade in some:
            if trade.executed_at > now:
                raise Invalid(
                    f"Trade {trade.exchange_trade_id} of {market.symbol} is of "
                    f"{iso(trade.executed_at)}, which is yet to come.",
                    code="trade_in_future",
                )
    # In one order, so that two writers never wait for each other.
    return {
        market: await repository.keep(session, market, trades[market]) for market in sorted(trades)
    }


async def import_trades(
    session: AsyncSession,
    caller: Caller,
    trades: Mapping[PriceKey, Sequence[MarketTrade]],
    *,
    now: datetime,
) -> Kept:
    """Keep what a user sent, with a line in the audit trail for each market that has grown.

    Raises:
        Invalid: as `keep`.
        TradeConflict: as `keep`.
    """
    kept = await keep(session, trades, now=now)
    for market, one in kept.items():
        if not one.inserted:
            continue
        moments = [trade.executed_at for trade in trades[market]]
        await record(
            session,
            now=now,
            actor=caller.username,
            user_id=caller.user_id,
            action="market_trades.imported",
            subject_kind="market_trades",
            subject_id=market.symbol,
            detail={
                "exchange": market.exchange,
                "market_type": market.market_type.value,
                "first_at": iso(min(moments)),
                "last_at": iso(max(moments)),
                "inserted": str(one.inserted),
                "duplicates_skipped": str(one.duplicates_skipped),
            },
        )
    return sum(kept.values(), Kept())
