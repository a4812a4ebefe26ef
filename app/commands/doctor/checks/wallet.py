"""What a paper account has left is what it began with and what was earned on it."""

from decimal import Decimal, localcontext
from typing import Final
from uuid import UUID

from app.audit.service import SYSTEM
from app.commands.doctor.checks.advice import BOOKS
from app.commands.doctor.checks.days import settle_of
from app.commands.doctor.checks.results import Replay, can_be_replayed, fills_by_position, replay
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.commands.doctor.venues import VenueView, executing_numbers
from app.core.decimals import EXACT, plain
from app.core.errors import AppError
from app.desk.welcome import STARTING_BALANCE
from app.pipeline.pnl.rules import expected_wallet
from app.trading.words import MarketType, OrderOrigin

ZERO: Final = Decimal(0)
COIN: Final = "USDT"
BY_HAND: Final = frozenset({"external_found", "external_flipped"})
# Venues write amounts with eight places.
TOLERANCE: Final = Decimal("1e-6")


def is_ours_alone(rows: Rows, account_id: UUID) -> bool:
    """Whether the account began with our own gift: of any other one nobody told us the start."""
    account = rows.accounts[account_id]
    return account.is_paper and any(
        one.subject_id == str(account_id)
        and one.action == "exchange_account.created"
        and one.actor == SYSTEM
        for one in rows.history
    )


def wallet_is_what_was_earned(rows: Rows, view: VenueView) -> Finding:
    """Start + net realised - entry fees not booked yet = wallet (I26)."""
    name = f"the paper wallet is what was earned ({view.account.name})"
    obstacle = _obstacle(rows, view)
    if obstacle:
        return Finding(name, 0, left_out=obstacle)
    if not view.is_steady:
        return Finding(name, 0, not_checked="the price did not stand still for a moment")
    try:
        books = _replayed(rows)
    except AppError:
        # A check of its own says so.
        return Finding(name, 0, left_out="the fills of a position make no book")
    with localcontext(EXACT):
        expected = expected_wallet(
            STARTING_BALANCE,
            net_realised=sum((one.realized_pnl for one in rows.positions), ZERO),
            # Funding of what was no book's when it was paid.
            transfers=sum((one.amount for one in rows.funding if one.position_id is None), ZERO),
            open_entry_fees=sum((one.open_fees for one in rows.positions), ZERO),
        )
        found = _wallet(view, books)
        is_equal = abs(found - expected) <= TOLERANCE
    if is_equal:
        return Finding(name, 1)
    return Finding(
        name,
        1,
        (
            Difference(
                where=f"{COIN} on {rows.account_name(view.account.id)}",
                what="the wallet is not what was earned",
                expected=plain(expected),
                found=plain(found),
                todo=f"If nobody moved money or traded there by hand: {BOOKS}",
                subject_id=str(view.account.id),
            ),
        ),
    )


def _obstacle(rows: Rows, view: VenueView) -> str:
    """Why the wallet cannot be told from the outside; empty when it can."""
    ours = executing_numbers(rows, rows.orders)
    is_by_hand = any((one.symbol, one.exchange_order_id) not in ours for one in view.executions)
    if is_by_hand or any(one.quantity for one in rows.external):
        return "somebody traded there by hand"
    if any(code in BY_HAND and subject == str(view.account.id) for subject, code in rows.told):
        return "somebody has traded there by hand before"
    if any(one.origin is OrderOrigin.VENUE for one in rows.orders):
        return "the venue itself closed something there, and its charges are its own"
    if any(settle_of(one.symbol) != COIN for one in rows.positions):
        return "it trades in other coins too"
    fills = fills_by_position(rows)
    for position in rows.positions:
        instrument = rows.instrument(position)
        its_fills = fills[position.id]
        if instrument is None or not can_be_replayed(rows, position, its_fills, instrument):
            return "not all of it is in the executions: a fee in another coin, or coins moved away"
    return ""


def _replayed(rows: Rows) -> list[Replay]:
    fills = fills_by_position(rows)
    return [
        replay(position, fills[position.id], instrument)
        for position in rows.positions
        if (instrument := rows.instrument(position)) is not None
    ]


def _wallet(view: VenueView, books: list[Replay]) -> Decimal:
    """Contracts: margin balance less what is unrealised. Spot: at cost, dust included."""
    coins = view.coins(COIN)
    if view.account.market_type is not MarketType.SPOT:
        return coins - sum((one.unrealized_pnl for one in view.positions), ZERO)
    return coins + sum((one.book.cost + one.dust_cost for one in books), ZERO)
