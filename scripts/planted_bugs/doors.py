"""Bugs at the doors, in what is stored, and in how a venue is treated."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

PACE = "unit/exchanges/test_pace"
SESSION = "integration/db/test_session"
INBOX = "integration/flow/test_inbox"

DOORS = Chapter(
    "Doors, storage, and manners at the venue",
    (
        Bug(
            name="acknowledged_before_commit",
            wrong="Answers the sender of an alert while it is only in memory.",
            cost="The commit fails or the process dies, nobody sends it again, and the trader sees "
            "no trace.",
            file="app/webhooks/routes.py",
            swaps=(
                Swap(
                    "from typing import Any, Final\n",
                    "from typing import Any, Final\nfrom uuid import UUID\n",
                ),
                Swap(
                    """\
    return AlarmReceipt.of(await door.take(admitted, await _body(request)))
""",
                    """\
    later = asyncio.ensure_future(door.take(admitted, await _body(request)))
    later.add_done_callback(lambda done: done.exception())
    return AlarmReceipt(alarm_id=UUID(int=0), status="accepted")
""",
                ),
            ),
            tests=tests_in(
                "integration/desk/test_webhook",
                "test_an_alert_that_could_not_be_kept_is_no_success_and_counts_when_it_comes_again",
            ),
        ),
        Bug(
            name="one_bad_alert_takes_the_crowd",
            wrong="Refuses everything that came with an alert that cannot be kept.",
            cost="At the close of a bar one odd alert loses everybody's.",
            file="app/pipeline/alarms/inbox.py",
            swaps=(
                Swap("if len(deliveries) == 1 or is_down(failed):", "if len(deliveries) >= 1:"),
            ),
            tests=tests_in(INBOX, "test_a_crowd_when_one_cannot_be_kept_then_the_others_are"),
        ),
        Bug(
            name="claims_of_a_crowd_not_asked",
            wrong="Takes every alert of a crowd for new, without asking who has its key.",
            cost="An alert that is sent again in the rush of a bar close is traded twice.",
            file="app/pipeline/alarms/claims.py",
            swaps=(
                Swap(
                    "if _CLAIMS.insert(connection, rows):",
                    "if _CLAIMS.insert(connection, rows) or len(first) > 1:",
                ),
            ),
            tests=tests_in(
                INBOX,
                "test_a_crowd_when_it_repeats_what_came_before_then_names_the_first_and_its_signal",
            ),
        ),
        Bug(
            name="crowd_wakes_nobody",
            wrong="Answers a crowd and wakes no worker to decide it.",
            cost="Alerts of a busy moment are decided seconds later, exits among them.",
            file="app/pipeline/alarms/inbox.py",
            swaps=(
                Swap(
                    "wake_in(writing, Work.ALARMS, undecided[0].alarm_id, now=now)",
                    "writing.info.setdefault(Work.ALARMS, now)",
                ),
            ),
            tests=tests_in(
                INBOX, "test_a_crowd_is_answered_first_and_decided_at_once_by_the_worker"
            ),
        ),
        Bug(
            name="failed_commit_swallowed",
            wrong="Swallows a commit that failed, so that the sender hears 200.",
            cost="The alert is nowhere, and is never sent again: advanced-alchemy's autocommit "
            "answers 201 with no row.",
            file="app/db/session.py",
            swaps=(
                Swap(
                    "await connection.invalidate()\n                    raise\n",
                    "await connection.invalidate()\n",
                ),
            ),
            tests=tests_in(SESSION, "test_a_commit_that_fails_is_an_error_and_leaves_nothing"),
        ),
        Bug(
            name="failed_commit_left_open",
            wrong="Gives a connection back to the pool with the failed transaction still on it.",
            cost="The lock is held until somebody trips over it, and that step fails too: found "
            "in our own code while this list was made.",
            file="app/db/session.py",
            swaps=(Swap("                    await connection.invalidate()\n", ""),),
            tests=tests_in(SESSION, "test_a_commit_that_fails_is_an_error_and_leaves_nothing"),
        ),
        Bug(
            name="commit_cut_in_half",
            wrong="Lets a sender who hangs up cancel a commit that has begun.",
            cost="TradingView hangs up after three seconds: the row may be there or not, "
            "and nobody waited to see which.",
            file="app/db/session.py",
            swaps=(
                Swap("        return await asyncio.shield(task)\n", "        return await task\n"),
            ),
            tests=tests_in(
                SESSION, "test_a_commit_that_has_begun_when_its_caller_is_cancelled_then_is_done"
            ),
        ),
        Bug(
            name="wake_up_only_in_memory",
            wrong="Relies on notes: what nobody was told of is never looked for.",
            cost="A crash between the commit and the note loses an approved order for ever.",
            file="app/worker/worker.py",
            swaps=(
                Swap(
                    "        for due in found.due:\n            self._take_up_due(due)\n",
                    "",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_crashes",
                "test_an_approval_when_the_process_dies_after_it_then_is_carried_out_next_time",
            ),
        ),
        Bug(
            name="stored_alert_never_decided",
            wrong="Does not look for alarms whose decision was cut off.",
            cost="Simultaneous alerts were lost: GunbotAMA #90.",
            file="app/worker/worker.py",
            swaps=(
                Swap(
                    "        if found.alarms:\n"
                    "            self._notice(partial(self._decide_crowd, found.alarms[0]))\n",
                    "",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_decisions",
                "test_an_alarm_when_its_decision_was_cut_off_then_the_sweep_decides_it",
            ),
        ),
        Bug(
            name="webhook_token_in_the_log",
            wrong="Writes the webhook's token into the access log in clear.",
            cost="Whoever sees a log file can trade: 3Commas lost USD 14.8-22 million to leaked "
            "keys in December 2022.",
            file="app/core/scrub.py",
            swaps=(
                Swap(
                    r'_WEBHOOK: Final = re.compile(r"(/webhooks/tradingview/)',
                    r'_WEBHOOK: Final = re.compile(r"(/webhook/tradingview/)',
                ),
            ),
            tests=tests_in(
                "unit/test_log",
                "test_what_looks_like_a_secret_is_in_neither_file",
            ),
        ),
        Bug(
            name="webhook_token_stored_in_clear",
            wrong="Keeps webhook tokens as they are, and compares them as text.",
            cost="One copy of the database opens every webhook.",
            file="app/strategies/service.py",
            swaps=(
                Swap(
                    "    return hashlib.sha256(token.encode()).hexdigest()\n",
                    "    return token\n",
                ),
            ),
            tests=tests_in(
                "integration/desk/test_owners",
                "test_a_webhook_token_is_told_once_and_stored_as_a_digest",
            ),
        ),
        Bug(
            name="rotated_token_still_opens",
            wrong="Takes a token that was right once for right ever after.",
            cost="A token is rotated because somebody else has it: they go on trading.",
            file="app/pipeline/alarms/inbox.py",
            swaps=(
                Swap(
                    "        one.token_digest is None\n        or",
                    "        one.strategy_id\n        or",
                ),
            ),
            tests=tests_in(
                "integration/desk/test_door",
                "test_a_token_when_it_was_rotated_then_opens_no_more",
            ),
        ),
        Bug(
            name="leftmost_forwarded_address_believed",
            wrong="Takes the sender's own claim in X-Forwarded-For for its address.",
            cost="Everybody is TradingView: the door that uvicorn opens with `*`.",
            file="app/http/sender.py",
            swaps=(Swap("hops.pop().strip()", "hops.pop(0).strip()"),),
            tests=tests_in(
                "unit/webhooks/test_source",
                "test_the_sender_is_the_last_address_nobody_trusted_vouches_for",
            ),
        ),
        Bug(
            name="guesses_counted_without_their_number",
            wrong="Counts a wrong password, and never makes the next guess wait.",
            cost="A thousand passwords are tried in a minute.",
            file="app/accounts/guesses.py",
            swaps=(Swap("now + patience.pause_after(count.attempts)", "now"),),
            tests=tests_in(
                "integration/accounts/test_guesses",
                "test_security_26_guesses_at_one_name_from_everywhere_are_slowed_down",
            ),
        ),
        Bug(
            name="cookie_believed_from_any_page",
            wrong="Takes a cookie for a login without asking which page sent it.",
            cost="A page that a trader happens to visit closes their positions.",
            file="app/accounts/authentication.py",
            swaps=(
                Swap(
                    'connection.scope.get("method") not in SAFE_METHODS',
                    'connection.scope.get("method") == "WEBSOCKET"',
                ),
            ),
            tests=tests_in(
                "integration/accounts/test_browser",
                "test_security_13_a_foreign_page_changes_nothing_with_our_cookie",
            ),
        ),
        Bug(
            name="limits_raised_without_a_proof",
            wrong="Raises a risk limit for whoever holds a login.",
            cost="A stolen token takes the brakes off before it trades.",
            file="app/pipeline/risk/service.py",
            swaps=(Swap("        before_loosening()\n", "        pass\n"),),
            tests=tests_in(
                "integration/desk/test_step_up",
                "test_security_29_limits_are_raised_with_a_proof_and_lowered_without",
            ),
        ),
        Bug(
            name="limits_raised_at_once",
            wrong="Raises a risk limit at the moment it is asked for.",
            cost="On a bad day the trader lifts the loss limit and goes on losing.",
            file="app/pipeline/risk/loosening.py",
            swaps=(
                Swap(
                    "    more = loosened(held.values, wanted)\n", "    more: tuple[str, ...] = ()\n"
                ),
            ),
            tests=tests_in(
                "integration/flow/test_loosening",
                "test_security_22_a_raised_limit_when_the_traders_midnight_comes_then_holds_by_itself",
            ),
        ),
        Bug(
            name="owner_of_an_order_not_checked",
            wrong="Shows and cancels an order for whoever knows its id.",
            cost="One user ends another one's entry, or reads what they trade.",
            file="app/pipeline/orders/repository.py",
            swaps=(
                Swap(
                    "    if row is None or row.user_id != user_id:\n",
                    "    del user_id\n    if row is None:\n",
                ),
            ),
            tests=tests_in(
                "integration/desk/test_owners",
                "test_security_02_nobody_sees_or_moves_what_is_somebody_elses",
            ),
        ),
        Bug(
            name="owner_of_a_position_not_checked",
            wrong="Closes a position for whoever knows its id.",
            cost="Another user sells it at the worst moment.",
            file="app/pipeline/positions/repository.py",
            swaps=(
                Swap(
                    "    if row is None or row.user_id != user_id:\n",
                    "    del user_id\n    if row is None:\n",
                ),
            ),
            tests=tests_in(
                "integration/desk/test_owners",
                "test_security_02_nobody_sees_or_moves_what_is_somebody_elses",
            ),
        ),
        Bug(
            name="rate_limit_ignored",
            wrong="Goes on asking a venue that has answered 429.",
            cost="The address is banned for minutes or days, exits and all.",
            file="app/exchanges/pace.py",
            swaps=(
                Swap(
                    """\
        self._gate.shut(now, refusal, sent_at=turn.sent_at, seconds=seconds)
""",
                    "        del refusal, seconds\n",
                ),
            ),
            tests=tests_in(PACE, "test_while_it_is_closed_nobody_asks_not_even_for_an_exit"),
        ),
        Bug(
            name="reserve_not_kept",
            wrong="Lets candles and entries use up what is reserved for exits.",
            cost="The stop has to wait until the minute is over.",
            file="app/exchanges/pace.py",
            swaps=(
                Swap(
                    "Window(limit, seconds, reserve=self._reserve)",
                    "Window(limit, seconds, reserve=0.0)",
                ),
            ),
            tests=tests_in(PACE, "test_the_reserve_is_for_exits_alone"),
        ),
        Bug(
            name="exit_in_line_with_data",
            wrong="Serves requests in the order in which they came.",
            cost="Two hundred candles stand before the stop.",
            file="app/exchanges/pace.py",
            swaps=(
                Swap(
                    "    return (turn.priority, turn.number)\n",
                    "    return (0, turn.number)\n",
                ),
            ),
            tests=tests_in(PACE, "test_exits_go_before_entries_and_entries_before_data"),
        ),
    ),
)
