"""How well prices come in, symbol by symbol."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.health.status import Check, Health
from app.http.caller import Caller
from app.market.prices import FeedHealth, FeedState, PriceBoard


@dataclass(frozen=True, slots=True)
class PricesHealth:
    """The price streams of this process."""

    board: PriceBoard
    clock: Clock
    name: str = "prices"

    async def check(self, session: AsyncSession, caller: Caller | None) -> Check | None:
        """Never amber: a price that a position waits for is the monitor's to miss.

        How many symbols are watched is for everybody, which of them for admins: it tells what
        others trade.
        """
        del session
        feeds = self.board.feeds(self.clock.now())
        detail: dict[str, Any] = {
            state.value: sum(1 for feed in feeds if feed.state is state) for state in FeedState
        }
        if caller is not None and caller.is_admin:
            detail["items"] = [_row(feed) for feed in feeds]
        return Check(Health.OK, detail)


def _row(feed: FeedHealth) -> dict[str, Any]:
    figures = feed.figures
    return {
        "exchange": feed.key.exchange,
        "market_type": feed.key.market_type.value,
        "symbol": feed.key.symbol,
        "state": feed.state.value,
        "age_seconds": None if feed.age is None else round(feed.age.total_seconds(), 3),
        "live_fraction": _rounded(figures.live_fraction, 6),
        "live_seconds": round(figures.live_seconds, 3),
        "polling_seconds": round(figures.polling_seconds, 3),
        "stale_seconds": round(figures.stale_seconds, 3),
        "drops": figures.drops,
        "recovery_seconds_median": _rounded(figures.recovery_seconds_median, 3),
        "recovery_seconds_max": _rounded(figures.recovery_seconds_max, 3),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
