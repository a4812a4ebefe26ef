"""Bugs in what guards a position while it is open, and in how it ends."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

EXITS = "integration/flow/test_exits"
SCHEDULING = "integration/flow/test_scheduling"
PROTECTION = "integration/flow/test_protection"
STUBBORN = "integration/flow/test_stubborn"
TRIGGERS = "unit/positions/test_triggers"
PROTECT = "app/pipeline/flow/protection.py"
SETTLING = "app/pipeline/flow/settling.py"

GUARDING = Chapter(
    "Guarding and closing positions",
    (
        Bug(
            name="stop_not_resized_after_a_partial_exit",
            wrong="Leaves the stop as it was when a part of the position is sold.",
            cost="The stop sells more than is left, and turns the position round: jesse #510.",
            file=SETTLING,
            swaps=(Swap("        _after_reduction(settling, position)\n", "        return\n"),),
            tests=tests_in(
                PROTECTION, "test_a_part_closed_by_hand_when_it_is_filled_then_the_stop_shrinks"
            ),
        ),
        Bug(
            name="stop_not_grown_with_the_fills",
            wrong="Protects the first part of an entry that fills in parts, and no other.",
            cost="Most of the position has no stop, and the screen shows one.",
            file="app/pipeline/positions/protection.py",
            swaps=(
                Swap(
                    "        found = tuple(sorted(one))\n        if found in missing:\n"
                    "            missing.remove(found)\n",
                    "        price = one[0].price\n"
                    "        found = next((row for row in missing if row[0].price == price), ())\n"
                    "        if found:\n            missing.remove(found)\n",
                ),
            ),
            tests=tests_in(
                PROTECTION, "test_a_limit_entry_when_it_fills_in_parts_then_the_stop_grows_with_it"
            ),
        ),
        Bug(
            name="stop_not_read_back",
            wrong="Believes the receipt of a stop, and never looks whether it rests.",
            cost="On 2025-12-09 Binance ceased to take stops on the old path (-4120): a receipt is "
            "no stop.",
            file=PROTECT,
            swaps=(Swap("    if placed:\n        await _read_back(tools, position_id)\n", ""),),
            tests=tests_in(
                PROTECTION, "test_a_stop_that_rests_other_than_confirmed_then_is_replaced"
            ),
        ),
        Bug(
            name="stop_placed_beside_an_old_one",
            wrong="Places a new stop while the old one may still rest.",
            cost="Both fire, and the second one opens the opposite position.",
            file=PROTECT,
            swaps=(Swap("        if surplus:\n            return []\n", "        del surplus\n"),),
            tests=tests_in(
                STUBBORN,
                "test_row_69_a_moved_stop_when_the_venue_keeps_the_old_one_then_no_second_one_rests",
            ),
        ),
        Bug(
            name="silent_stop_replaced_unproven",
            wrong="Places a new stop after a second of silence, without cancelling the first.",
            cost="The venue had it and did not show it: two stops rest, and both sell.",
            file="app/pipeline/flow/evidence.py",
            swaps=(
                Swap(
                    "    if order.is_resting_exit and await _was_cancelled(venue, trail):\n",
                    "    if order.is_resting_exit and order.is_final:\n",
                ),
            ),
            tests=tests_in(
                PROTECTION,
                "test_a_stop_that_the_venue_has_and_does_not_show_then_never_two_rest",
            ),
        ),
        Bug(
            name="stop_not_placed_again",
            wrong="Does not place a stop again that somebody cancelled at the venue.",
            cost="The screen says protected, the venue has nothing: freqtrade #11608, #12360.",
            file=SETTLING,
            swaps=(
                Swap(
                    "    if order.is_resting_exit and order.status is not OrderStatus.FILLED:\n",
                    "    if order.is_resting_exit and order.status is not OrderStatus.FILLED:\n"
                    "        return\n"
                    "    if order.is_resting_exit and order.status is OrderStatus.CANCELED:\n",
                ),
            ),
            tests=tests_in(
                PROTECTION,
                "test_row_54_a_stop_that_the_trader_cancelled_at_the_venue_then_is_placed_again",
            ),
        ),
        Bug(
            name="stop_not_cancelled_after_the_close",
            wrong="Leaves the stop and the target of a closed position at the venue.",
            cost="They wait for the next position on that symbol and close it: freqtrade #11608.",
            file=SETTLING,
            swaps=(
                Swap(
                    "    for order in await orders.resting_exits(session, position.id):\n"
                    '        await order_service.request_cancel(session, order, actor="rule:exit", '
                    "now=now)\n",
                    "",
                ),
            ),
            tests=tests_in(
                PROTECTION, "test_a_close_by_hand_when_it_is_filled_then_leaves_no_stop_behind"
            ),
        ),
        Bug(
            name="stop_left_while_another_book_holds_the_symbol",
            wrong="Closes a position before its stop is gone, though others hold the same symbol.",
            cost="Reduce-only does not help: the stop that is left closes the other book.",
            file="app/pipeline/flow/orders.py",
            swaps=(
                Swap(
                    "    return foreign is not None or any(one.id != order.position_id "
                    "for one in books)\n",
                    "    del books\n    return foreign is not None\n",
                ),
            ),
            tests=tests_in(
                STUBBORN,
                "test_a_stop_when_another_book_holds_the_symbol_then_has_gone_as_the_exit_arrives",
            ),
        ),
        Bug(
            name="refused_conditional_ignored",
            wrong="Believes a position guarded whose stop the venue does not take.",
            cost="Naked, and shown as protected: what Binance's -4120 leaves behind.",
            file="app/pipeline/flow/guarded.py",
            swaps=(
                Swap(
                    "        return Protection.MONITOR, refusal.reason\n",
                    "        return Protection.VENUE, None\n",
                ),
            ),
            tests=tests_in(
                PROTECTION,
                "test_row_51_a_venue_that_takes_no_stops_when_an_entry_fills_then_the_monitor_guards",
            ),
        ),
        Bug(
            name="refused_stop_and_nobody_told",
            wrong="Says nothing to the trader when the venue refuses a stop.",
            cost="They sleep, in the belief that it rests at the venue.",
            file=PROTECT,
            swaps=(Swap("    await _tell_refused(tools, position, refused[0])\n", ""),),
            tests=tests_in(
                PROTECTION,
                "test_row_51_a_venue_that_takes_no_stops_when_an_entry_fills_then_the_monitor_guards",
            ),
        ),
        Bug(
            name="refused_stop_never_closes",
            wrong="Tries a refused stop again for ever instead of closing after ten seconds.",
            cost="No stop is too risky, said the users of junta's connector (issue 29).",
            file=PROTECT,
            swaps=(
                Swap(
                    "    await _leave(tools, position_id, CloseReason.RISK)\n    return True\n",
                    "    return False\n",
                ),
            ),
            tests=tests_in(
                PROTECTION,
                "test_row_51_a_stop_that_is_refused_for_ten_seconds_then_the_position_is_closed",
            ),
        ),
        Bug(
            name="passed_stop_not_carried_out",
            wrong="Does nothing when a stop is refused because its price is passed already.",
            cost="The market has gone through the stop; the position waits for it to come back.",
            file=PROTECT,
            swaps=(
                Swap(
                    '        if (order.reason or "").startswith(AT_ONCE) and order.close_reason '
                    "is not None:\n",
                    "        if order.reason is None and order.close_reason is not None:\n",
                ),
            ),
            tests=tests_in(
                PROTECTION,
                "test_row_51_a_stop_whose_price_is_passed_then_the_position_is_closed_at_once",
            ),
        ),
        Bug(
            name="protection_forgotten_by_a_restart",
            wrong="Looks only at signals and orders when it starts, not at what guards positions.",
            cost="A restart leaves positions unattended: hummingbot-api #243.",
            file="app/worker/worker.py",
            swaps=(
                Swap(
                    "            if is_start or self._needs_protection(position):\n"
                    "                self._take_up_protection(position)\n",
                    "            del position\n",
                ),
            ),
            tests=tests_in(
                PROTECTION, "test_a_restart_when_no_stop_was_sent_for_a_level_then_it_is_placed"
            ),
        ),
        Bug(
            name="trailing_stop_goes_back",
            wrong="Forgets the best price of a trailing stop when its levels are read again.",
            cost="The stop loosens by itself and gives the profit back.",
            file="app/pipeline/positions/triggers.py",
            swaps=(
                Swap(
                    "            self.add(position_id, _with_better_peak(levels, known))\n",
                    "            self.add(position_id, levels)\n",
                ),
            ),
            tests=tests_in(TRIGGERS, "test_update_with_an_older_peak_keeps_the_better_one"),
        ),
        Bug(
            name="peak_not_stored",
            wrong="Keeps the best price of a trailing stop in memory only.",
            cost="After a restart it trails from the entry price again.",
            file="app/pipeline/flow/sweeps.py",
            swaps=(
                Swap(
                    "            position.trailing_peak = peaks[position_id]\n",
                    "            position.note = position.note\n",
                ),
            ),
            tests=tests_in(
                EXITS,
                "test_a_trailing_stop_when_the_process_ends_then_its_peak_is_known_to_the_next",
            ),
        ),
        Bug(
            name="stop_loosened_by_an_add",
            wrong="Takes the stop of an added entry even if it is further away.",
            cost="More is at risk than anybody approved.",
            file="app/pipeline/positions/service.py",
            swaps=(
                Swap(
                    """\
    position.stop_loss = tighter_stop(
        position.stop_loss, order.stop_loss, position_side=position.position_side
    )
""",
                    "    position.stop_loss = order.stop_loss or position.stop_loss\n",
                ),
            ),
            tests=tests_in(EXITS, "test_an_add_when_it_brings_a_stop_then_never_moves_it_away"),
        ),
        Bug(
            name="stale_price_triggers",
            wrong="Fires a stop on a price that is minutes old.",
            cost="A cached replay after a reconnect sells at the bottom of a move long over.",
            file="app/pipeline/positions/monitor.py",
            swaps=(
                Swap(
                    "        if not self._is_fresh(quote, self._now()):\n            return\n",
                    "",
                ),
            ),
            tests=tests_in(
                STUBBORN,
                "test_a_quote_that_was_held_up_when_it_is_beyond_the_stop_then_fires_nothing",
            ),
        ),
        Bug(
            name="target_slice_sold_twice",
            wrong="Sells the slice of a target again with each quote beyond it.",
            cost="A storm of quotes sells the whole position at the first target.",
            file="app/pipeline/flow/exits.py",
            swaps=(
                Swap(
                    "    if wanted.reason is CloseReason.TAKE_PROFIT and live:\n",
                    "    if wanted.reason is CloseReason.SCHEDULED and live:\n",
                ),
            ),
            tests=tests_in(
                STUBBORN,
                "test_a_storm_beyond_a_target_when_its_exit_is_unknown_then_sells_the_slice_once",
            ),
        ),
        Bug(
            name="dust_loops",
            wrong="Opens a position again for a rest that no order can carry.",
            cost="It is sold, refused and sold again until the venue bans the address.",
            file=SETTLING,
            swaps=(
                Swap(
                    "    if settling.order.filled_quantity > 0 and dust_left(book, instrument, "
                    "price=price) is not None:\n",
                    "    if dust_left(book, instrument, price=price) is None and book.is_flat:\n",
                ),
            ),
            tests=tests_in(
                EXITS,
                "test_a_spot_book_when_only_dust_is_left_then_is_closed_without_it_as_a_loss",
            ),
        ),
        Bug(
            name="exit_waits_behind_entries",
            wrong="Queues an exit behind everything that waits in its lane.",
            cost="The stop waits for twenty entries to be judged and sent, in a falling market.",
            file="app/worker/lanes.py",
            swaps=(
                Swap(
                    """\
        queue.insert(0 if is_urgent else len(queue), (name, step, is_urgent))
""",
                    "        queue.append((name, step, is_urgent))\n",
                ),
            ),
            tests=tests_in(
                "unit/worker/test_lanes", "test_an_urgent_step_goes_before_everything_that_waits"
            ),
        ),
        Bug(
            name="refused_exit_forgotten",
            wrong="Forgets an exit that the venue refused.",
            cost="The trader was told closed, and the position runs on: zerodha-algo-trading #141.",
            file="app/pipeline/positions/repository.py",
            swaps=(
                Swap(
                    "        Position.close_reason.is_not(None),\n",
                    "        Position.close_reason.is_(None),\n        Position.quantity < 0,\n",
                ),
            ),
            tests=tests_in(
                EXITS, "test_an_exit_by_signal_when_the_venue_refuses_it_then_is_not_forgotten"
            ),
        ),
        Bug(
            name="scheduled_sell_sent_at_market",
            wrong="Sends a scheduled sell at market once its price is there.",
            cost="The price has gone again when it arrives: sold at a loss, against a promise.",
            file="app/pipeline/flow/firing.py",
            swaps=(
                Swap(
                    """\
        order_type=OrderType.LIMIT,
        limit_price=limit,
        time_in_force=TimeInForce.IOC,
""",
                    "",
                ),
            ),
            tests=tests_in(
                SCHEDULING,
                "test_a_price_that_has_gone_when_the_sell_arrives_then_it_waits_and_the_stop_is_back",
            ),
        ),
        Bug(
            name="floor_of_the_first_entry",
            wrong="Keeps the price of a scheduled sell when more was bought at a higher price.",
            cost="It sells below what the whole has cost.",
            file="app/pipeline/positions/service.py",
            swaps=(Swap("    position.scheduled = priced(position.scheduled, book)\n", ""),),
            tests=tests_in(
                SCHEDULING,
                "test_more_that_is_bought_then_the_price_follows_what_all_of_it_cost",
            ),
        ),
        Bug(
            name="missed_sale_holds_up_the_stop",
            wrong="Lets the pause after a scheduled sell that missed its price count for the stop.",
            cost="The price turns, and the stop is not acted on for as long.",
            file="app/worker/worker.py",
            swaps=(
                Swap(
                    "    return position_id, reason is CloseReason.SCHEDULED\n",
                    "    return position_id, False\n",
                ),
            ),
            tests=tests_in(
                SCHEDULING, "test_a_sell_that_missed_its_price_then_does_not_hold_up_the_stop"
            ),
        ),
    ),
)
