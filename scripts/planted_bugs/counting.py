"""Bugs in the arithmetic of money."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

BOOK = "unit/positions/test_book"
DAYS = "integration/flow/test_days"
RECONCILE = "integration/flow/test_reconcile"
BOOK_FILE = "app/pipeline/positions/book.py"

COUNTING = Chapter(
    "Counting money",
    (
        Bug(
            name="row_time_for_the_day",
            wrong="Books a fill on the day its row was written, not on the day it happened.",
            cost="What is found after midnight moves a loss into the next day, past its limit.",
            file="app/pipeline/positions/service.py",
            swaps=(Swap("            at=fill.executed_at,\n", "            at=now,\n"),),
            tests=tests_in(
                DAYS,
                "test_a_fill_when_it_is_recorded_after_midnight_then_counts_on_the_day_it_happened",
            ),
        ),
        Bug(
            name="fee_counted_twice",
            wrong="Puts the entry fee into the cost of a position and books it as a fee as well.",
            cost="Every trade looks worse than it was: freqtrade #7291, #9626.",
            file=BOOK_FILE,
            swaps=(
                Swap(
                    "    cost = book.cost + amount_of(book.instrument, held, price=fill.price)\n",
                    """\
    cost = book.cost + amount_of(book.instrument, held, price=fill.price) + fee
""",
                ),
            ),
            tests=tests_in(
                BOOK, "test_entry_fees_are_recognised_pro_rata_and_the_last_fill_takes_the_rest"
            ),
        ),
        Bug(
            name="fee_not_counted",
            wrong="Takes a fee in a third coin for nothing when its rate is not known.",
            cost="A strategy that loses by its fees looks like one that wins: freqtrade #13102.",
            file=BOOK_FILE,
            swaps=(
                Swap(
                    "    return (value * instrument.taker_fee_rate).quantize(SHARE), True\n",
                    "    return value - value, True\n",
                ),
            ),
            tests=tests_in(
                BOOK,
                "test_fee_in_a_third_coin_without_a_rate_is_estimated_and_stays_provisional",
            ),
        ),
        Bug(
            name="coin_fee_left_in_the_book",
            wrong="Counts coins as held that the venue has kept as its fee.",
            cost="The exit asks for more than there is, and is refused.",
            file=BOOK_FILE,
            swaps=(
                Swap(
                    "    held = fill.quantity - _base_fee(book, fill)\n",
                    "    held = fill.quantity\n",
                ),
            ),
            tests=tests_in(BOOK, "test_base_coin_fee_lowers_the_book_and_is_counted_once"),
        ),
        Bug(
            name="share_rounding_loses_the_rest",
            wrong="Rounds every share of a cost, the last one too.",
            cost="The days do not add up to the trades, by a crumb each: nobody finds it again.",
            file=BOOK_FILE,
            swaps=(
                Swap("    if quantity < book.quantity:\n", "    if quantity <= book.quantity:\n"),
            ),
            tests=tests_in(
                BOOK, "test_cost_is_shared_by_quantity_and_the_last_fill_takes_the_rest"
            ),
        ),
        Bug(
            name="shared_loss_does_not_add_up",
            wrong="Gives each book its rounded share of a payment and drops what is left over.",
            cost="Books and wallet drift apart with every funding payment.",
            file="app/pipeline/positions/amounts.py",
            swaps=(
                Swap(
                    "        shares[heaviest] += total - sum(shares, ZERO)\n",
                    "        del heaviest\n",
                ),
            ),
            tests=tests_in("unit/positions/test_amounts", "test_shares_always_add_up"),
        ),
        Bug(
            name="funding_twice",
            wrong="Books a funding payment each time that the venue lists it.",
            cost="Funding in a result went wrong more than once: freqtrade #8693, #13263.",
            file="app/pipeline/flow/reconciling/funding.py",
            swaps=(
                Swap(
                    "        venue_id=row.venue_id,\n",
                    '        venue_id=f"{row.venue_id} {now}",\n',
                ),
            ),
            tests=tests_in(
                RECONCILE, "test_row_70_funding_while_closing_then_it_is_booked_once_on_its_day"
            ),
        ),
        Bug(
            name="funding_of_others_in_our_books",
            wrong="Charges our books with the funding of a quantity that is not ours.",
            cost="The trader's own position pays, and the strategy's result is wrong.",
            file="app/pipeline/positions/outside.py",
            swaps=(
                Swap(
                    "    weights = [*held, abs(external)]\n",
                    "    weights = [*held, external - external]\n",
                ),
            ),
            tests=tests_in(
                RECONCILE,
                "test_funding_when_books_and_other_hands_hold_then_each_bears_its_part",
            ),
        ),
        Bug(
            name="cost_of_a_part_by_what_is_left",
            wrong="Takes the cost of a part that is sold from what is left, not from the average.",
            cost="Each further part looks cheaper than it was, and the last one pays for them all.",
            file=BOOK_FILE,
            swaps=(
                Swap(
                    """\
        cost = (book.average_cost * quantity / book.average_quantity).quantize(SHARE)
""",
                    """\
        cost = (book.cost * quantity / book.average_quantity).quantize(SHARE)
""",
                ),
            ),
            tests=tests_in(
                BOOK, "test_cost_is_shared_by_quantity_and_the_last_fill_takes_the_rest"
            ),
        ),
        Bug(
            name="dust_booked_as_a_loss",
            wrong="Writes off the cost of a rest that is too small to sell.",
            cost="Each small round trip on spot shows a loss that never happened.",
            file="app/pipeline/positions/dust.py",
            swaps=(Swap("        gross=ZERO,\n", "        gross=-book.cost,\n"),),
            tests=tests_in(
                "unit/positions/test_dust",
                "test_dust_leaves_at_cost_without_a_loss_and_its_fees_are_booked",
            ),
        ),
    ),
)
