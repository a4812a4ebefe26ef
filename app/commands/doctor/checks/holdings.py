"""What our books hold together is what the venue holds."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

from app.commands.doctor.checks.advice import ITSELF
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.commands.doctor.venues import VenueView
from app.core.decimals import EXACT, plain
from app.pipeline.positions.models import Position
from app.pipeline.positions.repository import HELD
from app.trading.words import MarketType

ZERO: Final = Decimal(0)


def holdings_are_the_venues(rows: Rows, view: VenueView) -> Finding:
    """Per symbol: books and the trader's own add up to the venue's net (I15).

    On spot the venue must have at least the coins that the books hold: what is beyond them was
    there before, and is nobody's business.
    """
    held = [one for one in rows.positions if one.status in HELD]
    if view.account.market_type is MarketType.SPOT:
        looked_at, differences = _coins(rows, view, held)
    else:
        looked_at, differences = _nets(rows, view, held)
    name = f"books and what is yours add up to what the venue holds ({view.account.name})"
    return Finding(name, looked_at, tuple(differences))


def _nets(rows: Rows, view: VenueView, held: Iterable[Position]) -> tuple[int, list[Difference]]:
    books: dict[str, Decimal] = defaultdict(lambda: ZERO)
    net: dict[str, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for position in held:
            books[position.symbol] += position.quantity * position.position_side.sign
        for report in view.positions:
            net[report.symbol] += report.quantity * report.position_side.sign
        external = {one.symbol: one.quantity for one in rows.external}
        symbols = sorted(books.keys() | net.keys() | external.keys())
        differences = [
            Difference(
                where=f"{symbol} on {rows.account_name(view.account.id)}",
                what="our books and what is yours do not add up to the venue's position",
                expected=f"{plain(net[symbol])} as at the venue",
                found=f"books {plain(books[symbol])}, yours {plain(external.get(symbol, ZERO))}",
                todo=ITSELF,
                subject_id=str(view.account.id),
            )
            for symbol in symbols
            if books[symbol] + external.get(symbol, ZERO) != net[symbol]
        ]
    return len(symbols), differences


def _coins(rows: Rows, view: VenueView, held: Iterable[Position]) -> tuple[int, list[Difference]]:
    books: dict[str, Decimal] = defaultdict(lambda: ZERO)
    with localcontext(EXACT):
        for position in held:
            books[position.symbol.partition("/")[0]] += position.quantity
        differences = [
            Difference(
                where=f"{coin} on {rows.account_name(view.account.id)}",
                what="the venue has fewer coins than our books",
                expected=f"at least {plain(quantity)}",
                found=plain(view.coins(coin)),
                todo=ITSELF,
                subject_id=str(view.account.id),
            )
            for coin, quantity in sorted(books.items())
            if view.coins(coin) < quantity
        ]
    return len(books), differences


def leverage_is_as_set(rows: Rows, view: VenueView) -> Finding:
    """The venue keeps the leverage that each book was opened with (I22)."""
    at_venue = {one.symbol: one.leverage for one in view.positions if one.leverage is not None}
    held = [
        one
        for one in rows.positions
        if one.status in HELD and one.leverage is not None and one.symbol in at_venue
    ]
    differences = tuple(
        Difference(
            where=rows.position_name(one),
            what="the venue has another leverage",
            expected=f"{one.leverage}x",
            found=f"{at_venue[one.symbol]}x",
            todo="Somebody changed it there: set it back, or its liquidation price has moved.",
            subject_id=str(one.id),
        )
        for one in held
        if one.leverage != at_venue[one.symbol]
    )
    return Finding(f"leverage is as it was set ({view.account.name})", len(held), differences)
