"""What a venue holds against what our books say: whose the difference is, and who bears it.

The net of a symbol is our books and the trader's own quantity together (TRADING 1). What is there
beyond the books is EXTERNAL; what is missing was taken by other hands, and the books share the
loss by what they hold (TRADING 26).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from app.core.decimals import EXACT, floor_to
from app.exchanges.venue import FillReport
from app.pipeline.positions.amounts import SHARE, ZERO, pro_rata, storable
from app.pipeline.positions.book import Book, Realised
from app.trading.instrument import Instrument
from app.trading.words import MarketType, Side

# The id of a later share of one execution: what it is a share of, and which one.
SHARE_MARK: Final = "/"


@dataclass(frozen=True, slots=True)
class Difference:
    """One symbol of one account, ours and the venue's; signed base units, contracts on inverse.

    Attributes:
        net: what the venue has.
        ours: the books together.
        external: what is there and no book's.
        missing: unsigned; what the books hold and the venue has not.
        is_opposite: the venue's net points the other way than the books.
    """

    net: Decimal
    ours: Decimal
    external: Decimal
    missing: Decimal
    is_opposite: bool


def compare(net: Decimal, books: Iterable[Decimal], *, dust: Decimal = ZERO) -> Difference:
    """Tell the venue's net apart into ours, what is no book's, and what is missing.

    Args:
        net: signed net quantity; on spot the coins, free and locked.
        books: signed quantities of the open books.
        dust: coins that closed books left behind; 0 on contracts. Where even those are gone
            `external` is below 0: books + dust + external are the coins in any case.
    """
    with localcontext(EXACT):
        ours = sum(books, ZERO)
        is_opposite = net * ours < 0
        there = ZERO if is_opposite else min(abs(net), abs(ours)).copy_sign(ours)
        return Difference(
            net=net,
            ours=ours,
            external=net - dust - there,
            missing=abs(ours - there),
            is_opposite=is_opposite,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """What one execution did to the net, signed."""

    quantity: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """An execution of other hands, and what of it no book has borne yet.

    Attributes:
        report: the execution as the venue booked it.
        left: quantity that is in no book.
        fee_left: likewise; in the report's fee asset.
        shares: how many books have borne a share of it.
        spare: quantity that is in no book either, and stays so.
    """

    report: FillReport
    left: Decimal
    fee_left: Decimal
    shares: int = 0
    spare: Decimal = ZERO

    def move(self, instrument: Instrument) -> Move:
        """What of it is in no book, as it moved the net; a fee in the coin itself included."""
        report = self.report
        with localcontext(EXACT):
            signed = self.left if report.side is Side.BUY else -self.left
            is_spot = instrument.market_type is MarketType.SPOT
            if is_spot and report.fee_asset == instrument.base:
                signed -= self.fee_left
        return Move(signed, report.executed_at)


def latest(executions: Sequence[Taken], missing: Decimal) -> list[Taken]:
    """The youngest executions that explain a missing quantity, oldest first.

    What other hands did before took what was theirs; that is why the books still held it then.

    Args:
        executions: those that take quantity away, in any order.
        missing: unsigned; what the result adds up to, or less where they explain less.
    """
    found: list[Taken] = []
    with localcontext(EXACT):
        for one in sorted(executions, key=_by_time, reverse=True):
            if missing <= 0:
                break
            if one.left > 0:
                left = min(one.left, missing)
                found.append(replace(one, left=left, spare=one.left - left))
                missing -= left
    return found[::-1]


def lost_shares(missing: Decimal, held: Sequence[Decimal], *, step: Decimal) -> list[Decimal]:
    """What each book loses of a missing quantity: by what it holds, never more than that.

    Args:
        missing: unsigned; not more than is held altogether.
        held: unsigned quantities, at least one above 0.
        step: shares are multiples of it, as far as what is held and missing is.
    """
    with localcontext(EXACT):
        whole = sum(held, ZERO)
        shares = [min(one, floor_to(missing * one / whole, step)) for one in held]
        rest = missing - sum(shares, ZERO)
        # The rest of the rounding goes where most is left; some books may be full already.
        for index in sorted(range(len(held)), key=lambda at: shares[at] - held[at]):
            part = min(rest, held[index] - shares[index])
            shares[index] += part
            rest -= part
    return shares


def share_out(executions: Sequence[Taken], shares: Sequence[Decimal]) -> list[list[FillReport]]:
    """Cut executions into what each book bears, with its share of the fees.

    The first share of an execution keeps its id; later ones carry `/2`, `/3` after it.

    Args:
        executions: oldest first; `left` adds up to the shares.
        shares: unsigned, one per book.

    Returns:
        One list per share, oldest first.
    """
    waiting = list(executions)
    parts: list[list[FillReport]] = []
    with localcontext(EXACT):
        for share in shares:
            part: list[FillReport] = []
            while share > 0 and waiting:
                piece, rest = _cut(waiting[0], min(share, waiting[0].left))
                part.append(piece)
                share -= piece.quantity  # noqa: PLW2901 it is used up piece by piece
                waiting[:1] = [] if rest.left == 0 else [rest]
            parts.append(part)
    return parts


def _cut(one: Taken, quantity: Decimal) -> tuple[FillReport, Taken]:
    report = one.report
    is_last = quantity == one.left and one.spare == 0
    fee = one.fee_left if is_last else storable(report.fee * quantity / report.quantity)
    number = one.shares + 1
    trade_id = report.exchange_trade_id
    piece = replace(
        report,
        exchange_trade_id=trade_id if number == 1 else f"{trade_id}{SHARE_MARK}{number}",
        quantity=quantity,
        fee=fee,
    )
    rest = replace(one, left=one.left - quantity, fee_left=one.fee_left - fee, shares=number)
    return piece, rest


def whole_id(exchange_trade_id: str) -> str:
    """The venue's id of the execution that a booked one is (a share of)."""
    return exchange_trade_id.partition(SHARE_MARK)[0]


def move_out(book: Book, quantity: Decimal, *, at: datetime) -> tuple[Book, Realised]:
    """The book after coins left it without a sale: at cost, so that it is no profit and no loss.

    They go where dust goes. Entry fees that belong to them are booked, for they were paid.

    Args:
        book: on spot; contracts cannot leave without an execution.
        quantity: unsigned, not more than is held.
        at: when it was seen; the fees belong to that day.
    """
    with localcontext(EXACT):
        is_all = quantity == book.quantity
        cost, fees = book.cost, book.open_fees
        if not is_all:
            cost = (book.average_cost * quantity / book.average_quantity).quantize(SHARE)
            fees = (book.open_fees * quantity / book.quantity).quantize(SHARE)
        left = replace(
            book,
            quantity=book.quantity - quantity,
            cost=book.cost - cost,
            open_fees=book.open_fees - fees,
            fees=book.fees + fees,
            dust_quantity=book.dust_quantity + quantity,
        )
    booked = Realised(
        at=at,
        quantity=ZERO,
        entry_cost=ZERO,
        exit_value=ZERO,
        gross=ZERO,
        entry_fees=fees,
        exit_fees=ZERO,
        is_provisional=book.is_provisional,
    )
    return left, booked


def held_at(moves: Iterable[Move], at: datetime) -> Decimal:
    """The net that these executions had made by a moment, signed."""
    with localcontext(EXACT):
        return sum((one.quantity for one in moves if one.at <= at), ZERO)


def funding_shares(amount: Decimal, held: Sequence[Decimal], external: Decimal) -> list[Decimal]:
    """What each book bears of a funding payment; EXTERNAL bears the rest (TRADING 31).

    Args:
        amount: settle currency, negative when paid.
        held: unsigned quantities at that time, one per book.
        external: at that time, signed.
    """
    weights = [*held, abs(external)]
    if not any(weights):
        return [ZERO for _ in held]
    return pro_rata(amount, weights, step=SHARE)[: len(held)]


def is_explained(extra: Decimal, others: Iterable[Move]) -> bool:
    """Whether what is there beyond what we know is just what other hands did last.

    Args:
        extra: signed; the venue's net less books, dust and EXTERNAL.
        others: what other hands did, as far as no book bears it, in any order.
    """
    total = ZERO
    with localcontext(EXACT):
        for one in sorted(others, key=lambda move: move.at, reverse=True):
            if total == extra:
                break
            total += one.quantity
        return total == extra


def _by_time(one: Taken) -> tuple[datetime, str]:
    return one.report.executed_at, one.report.exchange_trade_id
