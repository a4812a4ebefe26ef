"""Results, days and wallets, worked out again from what the venue booked (I24 to I26)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from tests.crash.checker.evidence import ZERO, Evidence, Violation
from tests.crash.facts import Fill, Position, base_of, market_of

EXACT: Final = Context(prec=120)
SHARE: Final = Decimal("1e-12")
SETTLE: Final = "USDT"


@dataclass(slots=True)
class Sum:
    """A position by average cost: what it holds, what that cost, what it earned."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    average_quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    open_fees: Decimal = ZERO
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    dust_cost: Decimal = ZERO

    def enter(self, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        """More is held; its fee waits for the exit."""
        self.quantity += quantity
        self.cost += quantity * price
        self.average_quantity, self.average_cost = self.quantity, self.cost
        self.open_fees += fee

    def leave(self, quantity: Decimal, price: Decimal, fee: Decimal, *, sign: int) -> None:
        """A share of the cost leaves; the last share takes the rest."""
        cost, fees = self.cost, self.open_fees
        if quantity < self.quantity:
            cost = (self.average_cost * quantity / self.average_quantity).quantize(SHARE)
            fees = (self.open_fees * quantity / self.quantity).quantize(SHARE)
        self.gross += sign * (quantity * price - cost)
        self.fees += fees + fee
        self.quantity -= quantity
        self.cost -= cost
        self.open_fees -= fees

    def put_aside(self) -> None:
        """The rest is dust: its cost is no loss, its fees were paid."""
        self.fees += self.open_fees
        self.dust_cost += self.cost
        self.quantity = self.cost = self.open_fees = ZERO


def summed(evidence: Evidence, position: Position) -> Sum | None:
    """The position from its fills at the venue's figures; None with a fee in a third coin."""
    book = Sum()
    with localcontext(EXACT):
        for fill in evidence.fills_of.get(position.id, []):
            fee = _fee_in_settle(fill)
            if fee is None:
                return None
            _apply(book, position, fill, fee)
        if position.is_closed and book.quantity > 0:
            book.put_aside()
    return book


def results_agree(evidence: Evidence) -> Iterator[Violation]:
    """I24: realised results and fees are those of the venue's fills, worked out apart."""
    if not evidence.is_quiet:
        return
    trades = {one.position_id: one for one in evidence.rows.trades}
    for position in evidence.rows.positions:
        book = summed(evidence, position)
        trade = trades.get(position.id)
        if position.is_closed and trade is None:
            yield Violation("I24", position.id, "is closed and no trade")
        if book is None:
            continue
        net = book.gross - book.fees + position.funding
        if position.realized_pnl != net or position.fees != book.fees:
            text = (
                f"booked {position.realized_pnl} (fees {position.fees}), it is {net} ({book.fees})"
            )
            yield Violation("I24", position.id, text)
        if position.quantity != book.quantity:
            yield Violation("I24", position.id, f"holds {position.quantity}, it is {book.quantity}")
        if trade is not None and (trade.gross_pnl, trade.fees, trade.realized_pnl) != (
            book.gross,
            book.fees,
            net,
        ):
            text = f"trade {trade.gross_pnl}/{trade.fees}/{trade.realized_pnl}, it is "
            yield Violation("I24", position.id, text + f"{book.gross}/{book.fees}/{net}")


def days_agree(evidence: Evidence) -> Iterator[Violation]:
    """I25: the days are the bookings, the bookings the trades and what is open; each fill once."""
    if not evidence.is_quiet:
        return
    yield from _fills_have_their_day(evidence)
    days: dict[tuple[date, str, bool], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for one in evidence.rows.bookings:
        days[one.day, one.currency, one.is_paper][0] += one.net_pnl
        days[one.day, one.currency, one.is_paper][1] += one.fees
    for row in evidence.rows.days:
        booked = days.pop((row.day, row.currency, row.is_paper), [ZERO, ZERO])
        if [row.realized_pnl - row.funding, row.fees] != booked:
            text = f"{row.realized_pnl} (fees {row.fees}), bookings {booked[0]} ({booked[1]})"
            yield Violation("I25", str(row.day), text)
    for key, booked in days.items():
        yield Violation("I25", str(key[0]), f"has bookings of {booked[0]} and no row")
    total = sum((one.realized_pnl for one in evidence.rows.days), ZERO)
    closed = sum((one.realized_pnl for one in evidence.rows.trades), ZERO)
    still = sum((one.realized_pnl for one in evidence.rows.positions if not one.is_closed), ZERO)
    if total != closed + still:
        yield Violation("I25", "days", f"add up to {total}, trades {closed}, open books {still}")
    counted = sum(one.trades for one in evidence.rows.days)
    if counted != len(evidence.rows.trades):
        yield Violation("I25", "days", f"count {counted} trades of {len(evidence.rows.trades)}")


def wallets_agree(evidence: Evidence) -> Iterator[Violation]:
    """I26: what the wallet gained is what was booked, symbol by symbol, foreign hands apart."""
    if not evidence.is_quiet:
        return
    foreign = evidence.foreign_symbols()
    for account in evidence.rows.accounts:
        if account.market_type == "spot":
            yield from _spot_wallet(evidence, account.id)
            continue
        symbols = {one.symbol for one in evidence.rows.positions if one.account_id == account.id}
        for symbol in sorted(symbols):
            if market_of(symbol) not in foreign:
                yield from _linear_wallet(evidence, account.id, symbol)


def _linear_wallet(evidence: Evidence, account_id: str, symbol: str) -> Iterator[Violation]:
    """Where the books are flat: realised less fees at the venue = booked, funding apart."""
    books = [
        one
        for one in evidence.rows.positions
        if (one.account_id, one.symbol) == (account_id, symbol)
    ]
    if any(not one.is_closed or one.dust_quantity for one in books):
        return
    name = market_of(symbol)[1]
    fills = [one for one in evidence.ledger.fills if (one.market, one.symbol) == ("linear", name)]
    if any(one.fee_asset != SETTLE for one in fills):
        return
    there = sum((one.realized_pnl - one.fee for one in fills), ZERO)
    booked = sum((one.realized_pnl - one.funding for one in books), ZERO)
    # The venue rounds each realised share of an average price.
    if abs(there - booked) > SHARE * max(1, len(fills)) * 1_000:
        yield Violation("I26", symbol, f"the wallet gained {there}, booked are {booked}")


def _spot_wallet(evidence: Evidence, account_id: str) -> Iterator[Violation]:
    """At cost: quote + cost of what is held and put aside = start + net - fees not recognised."""
    number = evidence.venue_accounts[account_id]
    if number is None:
        return
    with localcontext(EXACT):
        left = evidence.ledger.purse(number, "spot", SETTLE)
        right = _transfers(evidence, number)
        for position in evidence.rows.positions:
            if position.account_id != account_id:
                continue
            book = summed(evidence, position)
            if book is None:
                return
            left += position.cost + book.dust_cost
            right += position.realized_pnl - position.open_fees
    if left != right:
        yield Violation("I26", "spot", f"quote and cost are {left}, the books say {right}")


def _transfers(evidence: Evidence, number: int) -> Decimal:
    """Deposits in quote, and what trades of others brought or cost."""
    found = ZERO
    for change in evidence.ledger.balances:
        if (change.account_id, change.market, change.asset) == (number, "spot", SETTLE):
            found += change.change if change.reason == "deposit" else ZERO
    for fill in evidence.ledger.fills:
        if (fill.account_id, fill.market) == (number, "spot"):
            # A sale by hand may take more than the books hold: the rest was never theirs.
            quantity, fee = evidence.unbooked(fill)
            found -= (quantity if fill.side == "buy" else -quantity) * fill.price
            found -= fee if fill.fee_asset == SETTLE else ZERO
    return found


def _fills_have_their_day(evidence: Evidence) -> Iterator[Violation]:
    zones = {one.id: ZoneInfo(one.timezone) for one in evidence.rows.traders}
    zone = next(iter(zones.values()))
    bookings = defaultdict(list)
    for one in evidence.rows.bookings:
        bookings[one.fill_id].append(one)
    positions = {one.id: one for one in evidence.rows.positions}
    for fill in evidence.rows.fills:
        position = positions.get(fill.position_id or "")
        if position is None or (fill.side == "buy") == (position.sign > 0):
            continue
        found = bookings.get(fill.id, [])
        day = fill.executed_at.astimezone(zone).date()
        if [one.day for one in found] != [day]:
            text = f"belongs to {day}, is booked on {[str(one.day) for one in found]}"
            yield Violation("I25", f"{fill.symbol} {fill.exchange_trade_id}", text)


def _apply(book: Sum, position: Position, fill: Fill, fee: Decimal) -> None:
    base_fee = fill.fee if _is_base_fee(fill) else ZERO
    if (fill.side == "buy") == (position.sign > 0):
        book.enter(fill.quantity - base_fee, fill.price, fee)
        return
    extra = max(ZERO, min(book.quantity - fill.quantity, base_fee))
    book.leave(fill.quantity + extra, fill.price, fee, sign=position.sign)


def _fee_in_settle(fill: Fill) -> Decimal | None:
    if fill.fee == 0 or fill.fee_asset == SETTLE:
        return fill.fee
    if fill.fee_asset == base_of(fill.symbol):
        return fill.fee * fill.price
    return None


def _is_base_fee(fill: Fill) -> bool:
    return market_of(fill.symbol)[0] == "spot" and fill.fee_asset == base_of(fill.symbol)
