"""Bugs on the way of an order to the venue."""

from scripts.planted_bugs.bug import Bug, Chapter, Swap, tests_in

UNKNOWN = "integration/flow/test_unknown"
EXITS = "integration/flow/test_exits"
STUBBORN = "integration/flow/test_stubborn"
PROTECTION = "integration/flow/test_protection"
ORDERS = "app/pipeline/flow/orders.py"

PLACE_ONE = """\
        return [await venue.place(order_service.request_of(legs[0]))]
"""

SENDING = Chapter(
    "Sending orders",
    (
        Bug(
            name="retry_on_timeout",
            wrong="Sends an order again when its answer is lost.",
            cost="The first one had arrived: junta's connector (issue 30) bought twice and was "
            "over-leveraged.",
            file=ORDERS,
            swaps=(
                Swap(
                    PLACE_ONE,
                    """\
        request = order_service.request_of(legs[0])
        try:
            return [await venue.place(request)]
        except OutcomeUnknown:
            return [await venue.place(request)]
""",
                ),
            ),
            tests=tests_in(UNKNOWN, "test_row_33_timeout_after_accept_then_adopted_by_client_id"),
        ),
        Bug(
            name="id_reminted_before_proof",
            wrong="Tries again under a new id before the first is proven not to be there.",
            cost="The venue cannot know that they are one intent: NautilusTrader #3176 had "
            "duplicate orders that way.",
            file=ORDERS,
            swaps=(
                Swap(
                    PLACE_ONE,
                    """\
        request = order_service.request_of(legs[0])
        try:
            return [await venue.place(request)]
        except OutcomeUnknown:
            anew = type(request)(f"{request.client_order_id}r", request.symbol, request.side,
                                 request.order_type, request.quantity)
            return [await venue.place(anew)]
""",
                ),
            ),
            tests=tests_in(UNKNOWN, "test_row_33_timeout_after_accept_then_adopted_by_client_id"),
        ),
        Bug(
            name="id_minted_at_sending",
            wrong="Gives an order its id as it leaves, and not the one that was committed.",
            cost="After a crash nobody can ask for it: freqtrade #3647 and #9128 lost filled "
            "orders and kept ghosts.",
            file="app/pipeline/orders/service.py",
            swaps=(
                Swap(
                    "        client_order_id=order.client_order_id,\n        symbol=order.symbol,",
                    "        client_order_id=new_client_order_id(),\n        symbol=order.symbol,",
                ),
            ),
            tests=tests_in(UNKNOWN, "test_row_33_timeout_after_accept_then_adopted_by_client_id"),
        ),
        Bug(
            name="order_sent_before_commit",
            wrong="Sends an order first and commits that it was sent afterwards.",
            cost="Killed in between, the next run sends it again; a client id is unique among "
            "open orders only, so the venue takes both.",
            file=ORDERS,
            swaps=(
                Swap(
                    """\
    async with tools.database.transaction() as session:
        await hold_trader(session, tools, Order, order.id)
        legs = await orders.legs_of(session, order)
        for leg in legs:
            if not await orders.claim_for_sending(session, leg, now=tools.now()):
                # A pair goes whole or not at all.
                await session.rollback()
                return ()
""",
                    """\
    async with tools.database.read() as session:
        legs = await orders.legs_of(session, order)
""",
                ),
                Swap(
                    """\
        reports = await _place(venue, legs)
""",
                    """\
        try:
            reports = await _place(venue, legs)
        finally:
            async with tools.database.transaction() as session:
                for leg in legs:
                    await orders.claim_for_sending(session, leg, now=tools.now())
""",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_crashes",
                "test_a_round_trip_when_the_process_dies_at_any_moment_then_happens_once",
            ),
        ),
        Bug(
            name="order_claimed_by_several",
            wrong="Lets everybody send an order that was to be sent once.",
            cost="Two workers or a note and the sweep buy twice: openalgo #932, dwxconnect #21.",
            file="app/pipeline/orders/repository.py",
            swaps=(
                Swap(
                    """\
            Order.status == OrderStatus.CREATED,
            Order.cancel_requested_at.is_(None),
""",
                    """\
            Order.cancel_requested_at.is_(None),
""",
                ),
            ),
            tests=tests_in(
                "integration/flow/test_decisions",
                "test_an_intent_when_two_send_it_at_once_then_it_leaves_once",
            ),
        ),
        Bug(
            name="client_retries_what_it_lost",
            wrong="Sends any failed request once more, not only one refused for its time stamp.",
            cost="The retry sits below everything that knows about outcomes, and places the "
            "order twice.",
            file="app/exchanges/manners.py",
            swaps=(
                Swap(
                    """\
                if type(error).__name__ != "InvalidNonce":
                    raise
""",
                    "",
                ),
            ),
            tests=tests_in(
                "contract/test_rate_limits",
                "test_row_39_an_outcome_that_is_unknown_is_never_sent_again",
            ),
        ),
        Bug(
            name="exit_not_reduce_only",
            wrong="Sends exits of contracts without the reduce-only mark.",
            cost="Two exits that cross open the opposite position: whook #22.",
            file="app/pipeline/flow/exits.py",
            swaps=(
                Swap(
                    "reduce_only=place.account.market_type is not MarketType.SPOT,",
                    "reduce_only=False,",
                ),
            ),
            tests=tests_in(EXITS, "test_exits_when_they_are_of_contracts_then_are_reduce_only"),
        ),
        Bug(
            name="exit_larger_than_the_book",
            wrong="Does not count exits that are under way against what is held.",
            cost="Partial exits at once sell more than there is, and take from another book.",
            file="app/pipeline/flow/exits.py",
            swaps=(
                Swap(
                    "spare = position.quantity - sum((order.remaining for order in live), ZERO)",
                    "spare = position.quantity",
                ),
            ),
            tests=tests_in(
                EXITS,
                "test_partial_exits_when_they_come_at_once_then_never_exceed_what_is_held",
                "test_the_stop_when_a_partial_exit_is_under_way_then_closes_only_the_rest",
            ),
        ),
        Bug(
            name="position_closed_by_several",
            wrong="Lets an exit begin while another one of the same position is under way.",
            cost="Stop, signal and trader at once send three exits: openalgo #932.",
            file="app/pipeline/flow/exits.py",
            swaps=(
                Swap(
                    "place.instrument.floor_quantity(spare), tools.now()",
                    "place.instrument.floor_quantity(position.quantity), tools.now()",
                ),
                Swap(
                    """\
    await position_service.begin_closing(
        session, position, now=now, actor=wanted.actor, reason=wanted.reason
    )
""",
                    """\
    if position.close_reason is None:
        await position_service.begin_closing(
            session, position, now=now, actor=wanted.actor, reason=wanted.reason
        )
""",
                ),
            ),
            tests=tests_in(EXITS, "test_two_exits_when_they_come_at_once_then_one_order_is_sent"),
        ),
        Bug(
            name="entry_survives_while_the_exit_hangs",
            wrong="Leaves a resting entry at the venue until the exit of its book is done.",
            cost="The exit hangs, the entry fills meanwhile, and the position grows as it is left.",
            file="app/pipeline/flow/exits.py",
            swaps=(
                Swap(
                    """\
    for order in in_the_way:
        await _cancel_quietly(tools, order)
""",
                    "    del in_the_way\n",
                ),
                Swap("    await _end_entries(session, leaving, now=tools.now())\n", ""),
            ),
            tests=tests_in(
                STUBBORN,
                "test_an_exit_when_it_is_not_heard_of_then_the_resting_entry_is_gone_all_the_same",
            ),
        ),
        Bug(
            name="entry_survives_the_stop",
            wrong="Leaves a resting entry at the venue when the stop fires there.",
            cost="It fills in the same fall, and opens again what the stop has just closed.",
            file="app/pipeline/flow/settling.py",
            swaps=(
                Swap(
                    """\
    for order in await orders.live_entries(session, position.strategy_id, position.symbol):
        await order_service.request_cancel(
            session, order, actor="rule:exit", now=now, close_late=position.close_reason
        )
""",
                    "",
                ),
            ),
            tests=tests_in(
                STUBBORN,
                "test_a_stop_that_fires_at_the_venue_when_an_entry_rests_then_the_entry_dies",
            ),
        ),
        Bug(
            name="contracts_taken_for_coins",
            wrong="Sends a number of coins where the venue counts contracts.",
            cost="An OKX contract is 0.01 BTC: the order is a hundredth of what was meant, or a "
            "hundred times as much on the way back.",
            file="app/exchanges/mapping.py",
            swaps=(Swap("return plain(quantity / unit_of(market))", "return plain(quantity)"),),
            tests=tests_in(
                "unit/exchanges/test_other_venues",
                "test_okx_place_counts_contracts_and_names_the_margin_mode",
            ),
        ),
        Bug(
            name="spot_sale_with_coins_locked",
            wrong="Sells coins while the stop that rests at the venue still locks them.",
            cost="The venue refuses the sale, and the position cannot be closed by hand.",
            file=ORDERS,
            swaps=(
                Swap(
                    "    if not (venue.abilities.locks_coins or is_shared):",
                    "    if not is_shared:",
                ),
            ),
            tests=tests_in(
                PROTECTION, "test_spot_when_it_is_closed_by_hand_then_the_coins_are_freed_first"
            ),
        ),
        Bug(
            name="pair_placed_as_two_singles",
            wrong="Places the stop and the target of a spot position one after the other.",
            cost="The first locks the coins, the venue refuses the second: no target, or no stop.",
            file=ORDERS,
            swaps=(
                Swap(
                    """\
    return await venue.place_pair(
        stop.pair_id or "",
        stop=order_service.request_of(stop),
        target=order_service.request_of(target),
    )
""",
                    """\
    return [
        await venue.place(order_service.request_of(stop)),
        await venue.place(order_service.request_of(target)),
    ]
""",
                ),
            ),
            tests=tests_in(
                PROTECTION, "test_spot_when_there_is_a_stop_and_a_target_then_they_rest_as_a_pair"
            ),
        ),
    ),
)
