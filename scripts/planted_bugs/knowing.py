"""Bugs in what is believed of the venue: outcomes, executions, what is held there."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

UNKNOWN = "integration/flow/test_unknown"
RECONCILE = "integration/flow/test_reconcile"
ENTRIES = "integration/flow/test_entries"
ORDERS = "app/pipeline/flow/orders.py"
EVIDENCE = "app/pipeline/flow/evidence.py"
SYMBOL = "app/pipeline/flow/reconciling/symbol.py"

KNOWING = Chapter(
    "Knowing what happened",
    (
        Bug(
            name="unknown_read_as_rejected",
            wrong="Records an order whose answer was lost as rejected.",
            cost="It was filled, and nobody watched the position: Hummingbot #8457, "
            "NautilusTrader #4958.",
            file=ORDERS,
            swaps=(
                Swap(
                    "        await mark_unknown(tools, legs, silence.detail)\n",
                    "        await _mark_rejected(tools, legs, silence.detail)\n",
                ),
            ),
            tests=tests_in(UNKNOWN, "test_row_33_timeout_after_accept_then_adopted_by_client_id"),
        ),
        Bug(
            name="surprise_read_as_rejected",
            wrong="Records an order as rejected when the reply cannot be parsed.",
            cost="A truncated success reply is a live order: NautilusTrader's pull request 4160.",
            file=ORDERS,
            swaps=(
                Swap(
                    "        await mark_unknown(tools, legs, type(surprise).__name__)\n",
                    "        await _mark_rejected(tools, legs, type(surprise).__name__)\n",
                ),
            ),
            tests=tests_in(
                UNKNOWN, "test_row_41_a_reply_that_cannot_be_read_then_unknown_and_found"
            ),
        ),
        Bug(
            name="timeout_read_as_refusal",
            wrong="Takes a failure of the network for the venue's refusal.",
            cost="The same as above, one floor lower: whatever the flow does, it was told a lie.",
            file="app/exchanges/errors.py",
            swaps=(
                Swap(
                    '    "OperationFailed": OutcomeUnknown,', '    "OperationFailed": OrderRefused,'
                ),
            ),
            tests=tests_in(
                "unit/exchanges/test_errors",
                "test_translate_when_an_order_was_placed_then_says_what_is_proved",
            ),
        ),
        Bug(
            name="not_found_believed_at_once",
            wrong="Gives an order up the first time the venue does not know it.",
            cost="Venues know an order a little later than they take it: the real one is left "
            "alone, and a second one is sent.",
            file=EVIDENCE,
            swaps=(
                Swap(
                    "NOT_FOUND_GRACE: Final = timedelta(seconds=10)",
                    "NOT_FOUND_GRACE: Final = timedelta(0)",
                ),
            ),
            tests=tests_in(
                UNKNOWN, "test_row_32_timeout_before_accept_then_not_accepted_with_evidence"
            ),
        ),
        Bug(
            name="one_endpoint_is_proof",
            wrong="Does not look at executions and holdings before giving an order up.",
            cost="One lagging endpoint decides; the executions would have told.",
            file=EVIDENCE,
            swaps=(
                Swap("        found = found or await _among_executions(tools, venue, trail)\n", ""),
            ),
            tests=tests_in(
                UNKNOWN,
                "test_row_34_timeout_after_accept_and_not_found_for_a_while_then_unknown_meanwhile",
                "test_an_unknown_order_when_the_net_is_not_what_it_should_be_then_stays_unknown",
            ),
        ),
        Bug(
            name="second_entry_beside_an_unknown_one",
            wrong="Takes entries on a symbol while an order's fate there is unknown.",
            cost="Both are filled, and the position is twice what the rules allowed.",
            file="app/pipeline/flow/entries.py",
            swaps=(
                Swap(
                    "for one in (*held.unknown, *own_exits))",
                    "for one in own_exits)",
                ),
            ),
            tests=tests_in(
                ENTRIES, "test_a_second_entry_when_an_outcome_is_unknown_then_waits_for_it"
            ),
        ),
        Bug(
            name="unknown_for_ever_and_nobody_told",
            wrong="Tells nobody of an order whose fate stays unknown.",
            cost="The symbol takes no entry for hours and the trader wonders why.",
            file=EVIDENCE,
            swaps=(Swap("    if not new:\n        return\n", "    if new:\n        return\n"),),
            tests=tests_in(
                UNKNOWN,
                "test_an_order_that_stays_unknown_then_its_owner_is_told_once_after_30_seconds",
            ),
        ),
        Bug(
            name="cancel_assumed_done",
            wrong="Records an order as cancelled because it asked for that.",
            cost="It had been filled meanwhile: freqtrade #3647 kept a position it did not know.",
            file=ORDERS,
            swaps=(
                Swap(
                    "        await sync_order(tools, leg.id, is_cancelled=is_cancelled)\n",
                    "        await record_end(tools, leg.id, OrderStatus.CANCELED, "
                    '"cancelled: As asked.")\n',
                ),
            ),
            tests=tests_in(
                ENTRIES, "test_a_cancel_when_the_order_was_filled_meanwhile_then_the_fill_counts"
            ),
        ),
        Bug(
            name="fill_counted_twice",
            wrong="Books an execution each time that it is seen.",
            cost="The book is larger than the position: its exit sells what is not there.",
            file="app/pipeline/orders/service.py",
            swaps=(
                Swap(
                    "    known = {fill.exchange_trade_id for fill in await "
                    "repository.fills_of_order(session, order.id)}\n",
                    "    rows = await repository.fills_of_order(session, order.id)\n"
                    "    known = {fill.exchange_trade_id: fill for fill in rows}\n",
                ),
                Swap(
                    "        if report.exchange_trade_id in known:\n            continue\n",
                    "        if report.exchange_trade_id in known:\n"
                    "            new.append(known[report.exchange_trade_id])\n"
                    "            continue\n",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_protection",
                "test_a_limit_entry_when_it_fills_in_parts_then_the_stop_grows_with_it",
            ),
        ),
        Bug(
            name="final_before_its_fills",
            wrong="Ends an order by the venue's word before its executions are known.",
            cost="What was executed is never asked for again: a filled order without a position, "
            "as in freqtrade #3647.",
            file="app/pipeline/orders/service.py",
            swaps=(
                Swap(
                    "    if report.filled_quantity <= order.filled_quantity:\n"
                    "        return STATUS_OF[report.status]\n"
                    "    return OrderStatus.OPEN if order.filled_quantity == 0 else "
                    "OrderStatus.PARTIALLY_FILLED\n",
                    "    return STATUS_OF[report.status]\n",
                ),
            ),
            tests=tests_in(
                ENTRIES,
                "test_a_filled_order_when_its_executions_show_late_then_is_guarded_once_they_do",
            ),
        ),
        Bug(
            name="late_fill_dropped",
            wrong="Books nothing of an order that had ended here.",
            cost="A late execution is money at risk that no book knows.",
            file=SYMBOL,
            swaps=(
                Swap(
                    "            has_news |= await record_late(tools, order_id, fills)\n",
                    "            pass\n",
                ),
            ),
            tests=tests_in(
                UNKNOWN,
                "test_row_34_when_everything_lags_for_longer_than_anybody_waits_then_its_fill_counts",
            ),
        ),
        Bug(
            name="failure_read_as_flat",
            wrong="Reads an empty object in place of an answer as an account that holds nothing.",
            cost="The position is dropped from the books while it lives, and nobody guards it.",
            file="app/exchanges/client.py",
            swaps=(
                Swap(
                    "        if not isinstance(answer, list | dict) or answer == {}:\n"
                    "            raise UnreadableReply(\"the venue's answer is not the JSON it "
                    'promises")\n',
                    "",
                ),
            ),
            tests=tests_in(
                "unit/exchanges/test_ccxt_venue",
                "test_positions_when_the_question_fails_then_it_is_not_flat",
                "test_balances_when_the_question_fails_then_it_is_not_an_empty_account",
            ),
        ),
        Bug(
            name="empty_read_as_flat",
            wrong="Believes an empty list of positions after a while, with no execution to show.",
            cost="A hiccup of the venue closes the books of everything, and the stops with them.",
            file=SYMBOL,
            swaps=(
                Swap("    if is_spot and is_late and not seen.there.is_empty:", "    if is_late:"),
            ),
            tests=tests_in(RECONCILE, "test_row_64_positions_empty_then_never_read_as_flat"),
        ),
        Bug(
            name="difference_believed_at_first_sight",
            wrong="Acts on a difference that was seen once.",
            cost="Two answers of one venue are of two moments: a book is closed that was only "
            "being filled.",
            file=SYMBOL,
            swaps=(
                Swap(
                    "TWICE_APART: Final = timedelta(seconds=1)", "TWICE_APART: Final = timedelta(0)"
                ),
            ),
            tests=tests_in(
                RECONCILE, "test_row_55_closed_by_hand_when_seen_once_then_nothing_is_booked_yet"
            ),
        ),
        Bug(
            name="external_quantity_absorbed",
            wrong="Adds what the trader bought by hand to one of our books.",
            cost="The next exit sells coins that were never the strategy's.",
            file=SYMBOL,
            swaps=(
                Swap(
                    "        await states.put_external(session, *look.lane, external, "
                    "now=tools.now())\n",
                    "        for book in our.books[:1]:\n"
                    "            row = await session.get_one(type(book), book.id)\n"
                    "            row.quantity += abs(external)\n",
                ),
            ),
            tests=tests_in(
                RECONCILE, "test_row_56_added_by_hand_then_it_is_external_and_our_stop_covers_ours"
            ),
        ),
        Bug(
            name="entry_before_reconciliation",
            wrong="Takes entries on an account that was not compared with its venue yet.",
            cost="After a restart it trades on books of yesterday: hummingbot-api #243.",
            file="app/pipeline/flow/agreement.py",
            swaps=(
                Swap(
                    "        return self._failing.get(account_id, NOT_YET)\n",
                    "        return None\n",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_stubborn",
                "test_an_account_whose_positions_are_not_told_then_takes_no_entry_though_it_could_be_sized",
            ),
        ),
        Bug(
            name="stray_order_left_alone",
            wrong="Leaves orders under our ids at the venue that had ended here.",
            cost="One of them fills next week, and opens a position out of nothing.",
            file="app/pipeline/flow/reconciling/strays.py",
            swaps=(Swap("    if not own:\n", "    if own or not own:\n"),),
            tests=tests_in(
                RECONCILE,
                "test_an_order_that_ended_here_and_rests_at_the_venue_then_is_cancelled",
            ),
        ),
        Bug(
            name="silent_stream_believed",
            wrong="Asks about no order by itself: the private stream tells.",
            cost="A stream can be open and say nothing: a stop that fired is found too late.",
            file=SYMBOL,
            swaps=(Swap("        await _sync_live(look)\n", ""),),
            tests=tests_in(
                RECONCILE, "test_row_60_a_silent_stream_then_the_timer_finds_what_it_kept"
            ),
        ),
    ),
)
