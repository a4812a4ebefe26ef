"""How a strategy stands on a market: what its bot is told, and whether it may be told yet."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.algorithms.intents import Account, Holding, Intent, Move
from app.bots.lateness import Patience
from app.core.errors import ExchangeError
from app.exchanges.venue import BalanceReport
from app.pipeline.alarms import repository as alarms
from app.pipeline.flow.exposure import equity_of, holdings_beside
from app.pipeline.flow.glance import newest_entry_alert
from app.pipeline.flow.tools import Tools, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.signals import repository as signals
from app.pipeline.signals.words import SignalAction
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.trading.words import OrderType, PositionSide

SETTLE_LOOK_SECONDS: Final = 0.05
# Of what was asked for: on its way, and not waiting for a price or a person.
ON_ITS_WAY: Final = frozenset({OrderStatus.CREATED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true at this moment.

    Attributes:
        account: what the algorithm is told.
        entered_at: when what is held was last asked for by an alert of the strategy, or else when
            it was opened; None while flat.
        waiting_exits: sides of which all is to be closed once the trader has said yes.
    """

    strategy: Strategy
    account: Account
    entered_at: datetime | None
    waiting_exits: frozenset[PositionSide]

    @property
    def patience(self) -> Patience:
        """How old a wish may be to be sent."""
        return Patience(
            entries=timedelta(seconds=self.strategy.max_alarm_age_seconds),
            exits=timedelta(seconds=self.strategy.exit_max_age_seconds),
        )

    def waits_for_yes(self, intent: Intent) -> bool:
        """Whether it is an exit that its trader has not decided: asking again would replace it."""
        is_whole = intent.quantity is None and intent.limit_price is None
        is_exit = intent.move is Move.EXIT and is_whole
        return is_exit and intent.position_side in self.waiting_exits


class Books:
    """Asks how a strategy stands on one symbol.

    Args:
        tools: the database and the venues.
        user_id: its owner.
        strategy_id: whose books.
        symbol: of the market.
        settle_seconds: how long to wait at most for what is under way.
    """

    def __init__(
        self,
        tools: Tools,
        user_id: UUID,
        strategy_id: UUID,
        symbol: str,
        *,
        settle_seconds: float,
    ) -> None:
        self._settle_seconds = settle_seconds
        self._tools = tools
        self._user_id = user_id
        self._strategy_id = strategy_id
        self._symbol = symbol
        self._balances: list[BalanceReport] | None = None

    async def standing(self) -> Standing:
        """What is held by its fills, and what it may size by (TRADING 12).

        Balances that the venue does not tell now are those it told last: an exit must not wait for
        them.

        Raises:
            NotFound: the strategy is gone.
            Unavailable: the venue's markets are not known yet, or it does not list the symbol.
            ExchangeError: it has never told a balance.
        """
        tools = self._tools
        async with tools.database.read() as session:
            strategy = await strategies.get(session, self._strategy_id)
            account = await session.get_one(ExchangeAccount, strategy.account_id)
        balances = await self._told(account.id)
        async with tools.database.read() as session:
            place = await place_of(session, tools, account.id, self._symbol)
            held = await holdings_beside(session, place)
            capital = await equity_of(session, tools, place, strategy, balances, held=held)
            book = await positions.held_by(session, strategy.id, self._symbol)
            entered_at = None if book is None else await _entered_at(session, book)
            waiting = await signals.pending(session, strategy.id, self._symbol)
        return Standing(
            strategy,
            Account(place.instrument, capital, _holding(book)),
            entered_at,
            frozenset(one.position_side for one in waiting if one.action is SignalAction.CLOSE),
        )

    async def settle(self) -> None:
        """Wait until what was asked for is done, but not for ever.

        The next candle is decided by what is held then.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settle_seconds
        while await self._is_under_way() and loop.time() < deadline:  # noqa: ASYNC110 elsewhere
            await asyncio.sleep(SETTLE_LOOK_SECONDS)

    async def _is_under_way(self) -> bool:
        """Whether something that was asked for is still about to change what is held.

        What waits for a decision, or rests at its price, is not: the next candle need not wait.
        """
        async with self._tools.database.read() as session:
            if await alarms.has_undecided(session, self._user_id, self._strategy_id):
                return True
            if await signals.approved(session, self._strategy_id, self._symbol):
                return True
            found = await orders.live(session, strategy_id=self._strategy_id, symbol=self._symbol)
        return any(_is_on_its_way(order) for order in found)

    async def _told(self, account_id: UUID) -> list[BalanceReport]:
        try:
            self._balances = list(await self._tools.venues.balances(account_id))
        except ExchangeError as silence:
            if self._balances is None:
                raise
            logger.bind(reason=silence.detail).info("bot.balances_not_heard")
        return self._balances


async def _entered_at(session: AsyncSession, book: Position) -> datetime | None:
    return await newest_entry_alert(session, book) or book.opened_at


def _holding(book: Position | None) -> Holding | None:
    if book is None or book.quantity <= Decimal(0):
        return None
    return Holding(book.position_side, book.quantity, book.cost, book.open_fees)


def _is_on_its_way(order: Order) -> bool:
    if order.is_conditional:
        return False
    return order.status in ON_ITS_WAY or order.order_type is OrderType.MARKET
