"""Bugs in deciding what may be traded, and in the limits that bind it."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

ALARMS = "integration/flow/test_alarms"
DECISIONS = "integration/flow/test_decisions"
ENTRIES = "integration/flow/test_entries"
DAYS = "integration/flow/test_days"
STOPPING = "integration/flow/test_stopping"
RULES = "unit/risk/test_rules"
RULES_FILE = "app/pipeline/risk/rules.py"

DECIDING = Chapter(
    "Deciding, and the limits",
    (
        Bug(
            name="duplicate_alert_makes_a_second_signal",
            wrong="Makes an alarm of every delivery of an alert.",
            cost="TradingView sends again after an error: the second delivery buys again.",
            file="app/pipeline/alarms/claims.py",
            swaps=(
                Swap(
                    "if _CLAIMS.insert(connection, rows):",
                    "if _CLAIMS.insert(connection, rows) or len(first) == 1:",
                ),
            ),
            tests=tests_in(DECISIONS, "test_a_body_when_it_is_delivered_often_then_is_one_alarm"),
        ),
        Bug(
            name="constant_id_swallows_alerts",
            wrong="Takes an alert's own id for unique, whatever its time.",
            cost="A constant id in the template blocks every later alert, exits too.",
            file="app/pipeline/alarms/claims.py",
            swaps=(
                Swap(
                    """\
            text = f"{name}|{meaning.order_id}|{meaning.alert_at.isoformat()}|{words}"
""",
                    '            text = f"{name}|{meaning.order_id}|{words}"\n',
                ),
            ),
            tests=tests_in(DECISIONS, "test_a_constant_id_when_times_differ_then_merges_nothing"),
        ),
        Bug(
            name="old_alert_replayed",
            wrong="Acts on an alert of any age.",
            cost="An alert 253,824 seconds old was replayed: TradingView-Free-Webhook-Alerts #4.",
            file="app/pipeline/flow/intents.py",
            swaps=(
                Swap(
                    "    if age > timedelta(seconds=most):\n",
                    "    if age < -timedelta(seconds=most):\n",
                ),
            ),
            tests=tests_in(
                ALARMS, "test_an_entry_when_it_is_older_than_the_strategy_allows_then_is_stale"
            ),
        ),
        Bug(
            name="older_alert_overtakes",
            wrong="Opens by an alert that is older than one already acted on.",
            cost="Alerts that fire together arrive in any order: add-tradingview-alerts-tool #59.",
            file="app/pipeline/flow/intents.py",
            swaps=(
                Swap(
                    "    if latest is not None and alert_at < latest:\n",
                    "    if latest is not None and alert_at == latest:\n",
                ),
            ),
            tests=tests_in(
                ALARMS,
                "test_an_older_entry_when_a_newer_alert_came_first_then_is_out_of_order",
            ),
        ),
        Bug(
            name="signal_decided_by_several",
            wrong="Lets each of two clicks approve a signal.",
            cost="Two tabs, two orders.",
            file="app/pipeline/signals/repository.py",
            swaps=(
                Swap(
                    "        .where(Signal.id == signal.id, Signal.status == frm)\n",
                    "        .where(Signal.id == signal.id, Signal.status != to)\n",
                ),
            ),
            tests=tests_in(
                DECISIONS,
                "test_a_signal_when_it_is_approved_twice_then_the_second_is_a_conflict",
                "test_a_signal_when_approve_and_reject_race_then_one_of_them_counts",
            ),
        ),
        Bug(
            name="expired_signal_approved",
            wrong="Lets a signal be approved after its time.",
            cost="A click on a card that was rendered an hour ago buys at another price.",
            file="app/pipeline/signals/service.py",
            swaps=(
                Swap(
                    "    if signal.status is SignalStatus.PENDING and is_over:\n",
                    "    if signal.status is SignalStatus.EXPIRED and is_over:\n",
                ),
            ),
            tests=tests_in(DECISIONS, "test_a_signal_when_it_has_expired_then_cannot_be_approved"),
        ),
        Bug(
            name="expired_signal_sent",
            wrong="Sends an entry whose time ran out between the approval and the sending.",
            cost="The worker was down for an hour, and buys what was wanted an hour ago.",
            file="app/pipeline/flow/entries.py",
            swaps=(
                Swap(
                    "    if signal.expires_at <= now:\n",
                    "    if signal.expires_at <= signal.received_at:\n",
                ),
            ),
            tests=tests_in(
                DECISIONS,
                "test_an_approved_signal_when_its_time_is_over_as_it_is_sized_then_expires",
            ),
        ),
        Bug(
            name="decision_not_rechecked_at_submit",
            wrong="Sends an intent that was found late as it was judged once.",
            cost="Limits, switches and the price have changed since: what was approved is not what "
            "is bought.",
            file="app/pipeline/flow/orders.py",
            swaps=(Swap("        await _last_look(tools, order)\n", ""),),
            tests=tests_in(
                DECISIONS,
                "test_an_intent_that_was_never_sent_when_the_price_has_moved_then_is_denied",
            ),
        ),
        Bug(
            name="kill_switch_ignored_at_submit",
            wrong="Does not ask about the kill switch when an entry is sized and sent.",
            cost="The trader pulls the switch, and what is on its way goes out all the same.",
            file="app/pipeline/flow/exposure.py",
            swaps=(
                Swap(
                    "session, place, strategy) if standing.has_switch_on else None",
                    "session, place, strategy) if ignore_order is not None else None",
                ),
            ),
            tests=tests_in(ENTRIES, "test_an_entry_when_the_kill_switch_is_on_then_is_denied"),
        ),
        Bug(
            name="stopped_entry_sent",
            wrong="Sends an entry although its trader was switched off, or threw the kill switch, "
            "a moment after it was judged.",
            cost="Everybody believes that nothing leaves any more, and one more order does.",
            file="app/pipeline/flow/orders.py",
            swaps=(
                Swap(
                    "        if order.purpose is Purpose.ENTRY:\n"
                    "            await refuse_stopped(session, order)\n",
                    "",
                ),
            ),
            tests=tests_in(STOPPING, "test_row_23_stopped_while_the_venue_answers_then_no_order"),
        ),
        Bug(
            name="kill_switch_leaves_resting_entries",
            wrong="Leaves entries at the venue when the kill switch is thrown.",
            cost="They fill after the trader believed everything to be off.",
            file="app/pipeline/flow/stopping.py",
            swaps=(
                Swap(
                    "_why_stopped(order, trader, switches, is_day_frozen=",
                    "_why_stopped(order, trader, [], is_day_frozen=",
                ),
            ),
            tests=tests_in(
                ENTRIES,
                "test_the_kill_switch_when_an_entry_rests_then_cancels_it_and_exits_still_work",
            ),
        ),
        Bug(
            name="daily_loss_not_latched",
            wrong="Lets entries go on as soon as the day's loss is below its limit again.",
            cost="A limit that never bites: go-trader #1269 found that it had blocked nothing.",
            file="app/pipeline/flow/sweeps.py",
            swaps=(
                Swap(
                    "        if state.is_reached:\n",
                    "        if state.is_reached and not held.accounts:\n",
                ),
            ),
            tests=tests_in(
                DAYS,
                "test_the_daily_loss_when_it_is_reached_then_cancels_and_freezes_until_midnight",
            ),
        ),
        Bug(
            name="stale_price_opens",
            wrong="Sizes and judges an entry by a price of any age.",
            cost="The feed froze, and the order is sized by a price of ten minutes ago.",
            file=RULES_FILE,
            swaps=(Swap("    return age <= oldest, detail\n", "    return True, detail\n"),),
            tests=tests_in(RULES, "test_old_price_is_no_price"),
        ),
        Bug(
            name="drift_not_checked",
            wrong="Lets an entry go however far the price has moved since the alert.",
            cost="The breakout is over, and it buys the top.",
            file=RULES_FILE,
            swaps=(Swap("    return drift <= most, detail\n", "    return True, detail\n"),),
            tests=tests_in(
                ENTRIES,
                "test_the_price_at_receipt_when_the_alert_brings_none_then_bounds_the_drift",
            ),
        ),
        Bug(
            name="opposite_book_not_seen",
            wrong="Opens a short on an account that holds a long of another strategy.",
            cost="In one-way mode the two net out at the venue, and both books are wrong.",
            file=RULES_FILE,
            swaps=(
                Swap(
                    "        if book.position_side is not side and book.quantity > 0:\n",
                    "        if book.position_side is not side and book.quantity < 0:\n",
                ),
            ),
            tests=tests_in(
                ENTRIES,
                "test_an_entry_when_another_book_points_the_other_way_then_is_denied",
            ),
        ),
        Bug(
            name="approved_size_exceeded",
            wrong="Sends more than was approved when the price has fallen.",
            cost="A person agreed to one size, and another one is bought.",
            file="app/pipeline/risk/sizing.py",
            swaps=(
                Swap(
                    "            wanted = min(wanted, approved_quantity)\n",
                    "            wanted = max(wanted, approved_quantity)\n",
                ),
            ),
            tests=tests_in(
                "unit/risk/test_sizing", "test_submit_never_exceeds_the_approved_quantity"
            ),
        ),
        Bug(
            name="liquidation_forgotten",
            wrong="Opens by itself again right after the venue liquidated the last position.",
            cost="A loop of liquidations: freqtrade #8300.",
            file="app/pipeline/flow/intents.py",
            swaps=(
                Swap(
                    "    if last is not None and last.close_reason is CloseReason.LIQUIDATED:\n"
                    "        return True\n",
                    "",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_reconcile",
                "test_row_57_liquidated_then_closed_once_and_the_next_entry_waits_for_a_person",
            ),
        ),
    ),
)
