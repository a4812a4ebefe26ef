"""Asking the venue what is there, and telling whose hands made each execution."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import states
from app.core.decimals import EXACT
from app.core.errors import OrderNotFound
from app.exchanges.venue import BalanceReport, FillReport, OrderReport, PositionReport, Venue
from app.pipeline.flow.tools import Place, Tools, place_of, whole_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Fill, Order
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.positions.outside import Difference, Taken, compare, whole_id
from app.trading.words import MarketType, OrderOrigin

ZERO: Final = Decimal(0)
# Order ids of Binance's own making; other venues' orders of this kind carry no client id of ours.
LIQUIDATION: Final = "autoclose-"
OF_VENUE: Final = (LIQUIDATION, "adl_autoclose", "settlement_autoclose-", "delivery_autoclose-")


@dataclass(frozen=True, slots=True)
class OurSide:
    """What the database says of one symbol of an account.

    Attributes:
        books: not flat, oldest first.
        live: orders that may still be filled.
        elsewhere: coins of the same base that books of other symbols hold; 0 on contracts.
        dust: coins of the same base that closed books left behind; 0 on contracts.
        external: signed, as it is stored.
    """

    place: Place
    books: Sequence[Position]
    live: Sequence[Order]
    elsewhere: Decimal
    dust: Decimal
    external: Decimal

    @property
    def lane(self) -> tuple[UUID, str]:
        """Whose steps run one after another."""
        return self.place.account.id, self.place.instrument.symbol

    @property
    def signed(self) -> list[Decimal]:
        """Each book's quantity with its sign."""
        return [one.quantity * one.position_side.sign for one in self.books]

    @property
    def total(self) -> Decimal:
        """All books together, signed."""
        with localcontext(EXACT):
            return sum(self.signed, ZERO)


async def our_side(session: AsyncSession, tools: Tools, account_id: UUID, symbol: str) -> OurSide:
    """Read our side of a symbol.

    Raises:
        Unavailable: the venue's markets are not known yet.
    """
    place = await place_of(session, tools, account_id, symbol)
    elsewhere = dust = ZERO
    if place.account.market_type is MarketType.SPOT:
        held = await positions.held(session, account_id=account_id)
        shared = [one for one in held if one.symbol != symbol and _is_same_coin(tools, place, one)]
        left = [
            one
            for one in await positions.with_dust(session, account_id)
            if _is_same_coin(tools, place, one)
        ]
        with localcontext(EXACT):
            elsewhere = sum((one.quantity for one in shared), ZERO)
            dust = sum((one.dust_quantity for one in left), ZERO)
    return OurSide(
        place=place,
        books=await positions.held(session, account_id=account_id, symbol=symbol),
        live=await orders.live(session, account_id=account_id, symbol=symbol),
        elsewhere=elsewhere,
        dust=dust,
        external=await states.external_at(session, account_id, symbol),
    )


def _is_same_coin(tools: Tools, place: Place, position: Position) -> bool:
    account = place.account
    other = tools.instruments.get(account.exchange, account.market_type, position.symbol)
    return other is not None and other.base == place.instrument.base


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the venue says is there: net positions on contracts, coins on spot."""

    positions: Sequence[PositionReport]
    balances: Sequence[BalanceReport]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all, which may be no answer to the question either."""
        return not self.positions and not self.balances


async def holdings_at_venue(venue: Venue, market_type: MarketType) -> Holdings:
    """Ask what is there, now."""
    if market_type is MarketType.SPOT:
        return Holdings((), await venue.balances())
    return Holdings(await venue.positions(), ())


def net_of(there: Holdings, our: OurSide) -> Decimal:
    """The venue's signed net of a symbol; on spot the coins less those of other symbols' books."""
    instrument = our.place.instrument
    with localcontext(EXACT):
        if instrument.market_type is MarketType.SPOT:
            return whole_of(there.balances, instrument.base) - our.elsewhere
        return sum(
            (
                one.quantity * one.position_side.sign
                for one in there.positions
                if one.symbol == instrument.symbol
            ),
            ZERO,
        )


def difference(net: Decimal, our: OurSide) -> Difference:
    """The venue's net against ours."""
    return compare(net, our.signed, dust=our.dust)


async def note_coins(
    session: AsyncSession, tools: Tools, place: Place, balances: Sequence[BalanceReport]
) -> None:
    """Remember the coins that were there before the first order on a spot symbol (TRADING 25).

    They are EXTERNAL: never sold, and no sign of an execution when an order's fate is unknown.
    """
    lane = (place.account.id, place.instrument.symbol)
    if place.account.market_type is not MarketType.SPOT or tools.agreement.knows(lane):
        return
    our = await our_side(session, tools, *lane)
    external = our.external
    if external == 0 and not our.books and not our.live:
        with localcontext(EXACT):
            whole = whole_of(balances, place.instrument.base)
            external = whole - our.elsewhere - our.dust
        await states.put_external(session, *lane, external, now=tools.now())
    tools.agreement.know_external(lane, external)


@dataclass(frozen=True, slots=True)
class Stranger:
    """An execution that no order of ours made.

    Attributes:
        taken: the execution, and what of it no book has borne yet.
        client_order_id: of the order that made it; the venue's own orders are known by it.
    """

    taken: Taken
    client_order_id: str

    @property
    def origin(self) -> OrderOrigin:
        """Whose order it was."""
        is_venue = self.client_order_id.startswith(OF_VENUE)
        return OrderOrigin.VENUE if is_venue else OrderOrigin.TRADER

    @property
    def is_liquidation(self) -> bool:
        """Whether the venue took the position because its margin was used up."""
        return self.client_order_id.startswith(LIQUIDATION)


@dataclass(frozen=True, slots=True)
class Told:
    """What a list of executions says.

    Attributes:
        missed: executions that are not booked, by the order of ours that made them.
        strangers: those of other hands, booked or not.
        found: what the venue says of orders of ours whose number there was not known here.
        unclear: those whose order the venue does not show; they may be anybody's.
    """

    missed: dict[UUID, list[FillReport]]
    strangers: list[Stranger]
    found: dict[UUID, OrderReport]
    unclear: list[Stranger]


async def tell_apart(
    tools: Tools, venue: Venue, our: OurSide, trades: Sequence[FillReport]
) -> Told:
    """Say of each execution whose it is, asking the venue about orders that are not known here."""
    async with tools.database.read() as session:
        owners = await _owners(session, our, trades)
        booked = await _booked(session, our, trades)
    unknown = sorted({one.exchange_order_id for one in trades} - owners.keys())
    makers, own = await _ask_makers(tools, venue, our, unknown)
    owners |= {number: owner for number, (owner, _) in own.items()}
    told = Told({}, [], dict(own.values()), [])
    for trade in trades:
        number = trade.exchange_order_id
        shares = booked.get(trade.exchange_trade_id, ())
        if number in owners:
            if not shares:
                told.missed.setdefault(owners[number], []).append(trade)
            continue
        maker = makers.get(number)
        kind = told.unclear if maker is None else told.strangers
        kind.append(Stranger(_taken(trade, shares), maker or ""))
    return told


async def _ask_makers(
    tools: Tools, venue: Venue, our: OurSide, numbers: Iterable[str]
) -> tuple[dict[str, str], dict[str, tuple[UUID, OrderReport]]]:
    """Whose these orders are, known by the venue's number alone.

    Returns:
        The client id of each order that the venue shows, and our own order where it is one.
    """
    agreement, account_id = tools.agreement, our.place.account.id
    makers: dict[str, str] = {}
    own: dict[str, tuple[UUID, OrderReport]] = {}
    for number in numbers:
        known = agreement.maker_of(account_id, number)
        if known is not None:
            makers[number] = known
            continue
        report = await _report_of(venue, our, number)
        if report is None:
            continue
        makers[number] = report.client_order_id
        owner = await _owner_by_client_id(tools, our, report)
        if owner is None:
            agreement.know_maker(account_id, number, report.client_order_id)
        else:
            own[number] = owner, report
    return makers, own


async def _report_of(venue: Venue, our: OurSide, number: str) -> OrderReport | None:
    try:
        return await venue.find_foreign(our.place.instrument.symbol, number)
    except OrderNotFound:
        return None


async def _owner_by_client_id(tools: Tools, our: OurSide, report: OrderReport) -> UUID | None:
    if not report.client_order_id:
        return None
    async with tools.database.read() as session:
        known = await orders.by_client_ids(session, our.place.account.id, [report.client_order_id])
    return next((one.id for one in known), None)


async def _owners(
    session: AsyncSession, our: OurSide, trades: Sequence[FillReport]
) -> dict[str, UUID]:
    numbers = {trade.exchange_order_id for trade in trades}
    known = await orders.by_exchange_ids(session, *our.lane, numbers)
    is_spot = our.place.account.market_type is MarketType.SPOT
    owners: dict[str, UUID] = {}
    for order in known:
        own = {order.triggered_order_id}
        if is_spot or not order.is_conditional:
            # Elsewhere conditional orders have numbers of their own: the same one may be another's
            # among the orders that execute. What is left out here is asked for by its number.
            own.add(order.exchange_order_id)
        owners |= {number: order.id for number in own if number in numbers and number is not None}
    return owners


async def _booked(
    session: AsyncSession, our: OurSide, trades: Sequence[FillReport]
) -> dict[str, list[Fill]]:
    """What is booked of these executions, by the venue's id of the whole one."""
    if not trades:
        return {}
    account_id, symbol = our.lane
    query = select(Fill).where(
        Fill.account_id == account_id,
        Fill.symbol == symbol,
        Fill.executed_at >= min(trade.executed_at for trade in trades),
    )
    found: dict[str, list[Fill]] = {}
    for fill in (await session.scalars(query)).all():
        found.setdefault(whole_id(fill.exchange_trade_id), []).append(fill)
    return found


def _taken(trade: FillReport, booked: Sequence[Fill]) -> Taken:
    with localcontext(EXACT):
        return Taken(
            report=trade,
            left=trade.quantity - sum((one.quantity for one in booked), ZERO),
            fee_left=trade.fee - sum((one.fee for one in booked), ZERO),
            shares=len(booked),
        )
