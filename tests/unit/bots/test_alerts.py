"""The wishes of an algorithm, as the alerts that a stranger would have sent."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.algorithms.intents import Intent, Move
from app.bots.alerts import Moment, alerts_of, dated
from app.pipeline.alarms.claims import claim_key
from app.pipeline.alarms.meaning import Action, Level, LevelKind, SizeKind
from app.pipeline.alarms.meaning import Intent as Understood
from app.pipeline.alarms.reading import understand
from app.trading.words import OrderType, PositionSide
from tests.builders import LINEAR, d

CLOSE = datetime(2026, 3, 2, 12, tzinfo=UTC)
MOMENT = Moment(UUID("019aa0c4-7a2b-7c1e-9f00-2f3a4b5c6d7e"), LINEAR, CLOSE, d("60000.5"))
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def wish(move: Move, side: PositionSide, **more: Any) -> Intent:
    return Intent(move, side, "why", CLOSE, **more)


def said(*wishes: Intent) -> list[Understood]:
    """What the corridor understands, alert by alert."""
    found: list[Understood] = []
    for body in alerts_of(MOMENT, wishes):
        meaning = understand(body)
        assert (meaning.dialect, meaning.alert_at) == ("native", CLOSE)
        assert meaning.problems == ()
        found += meaning.intents
    return found


def test_an_entry_says_its_side_its_size_and_its_levels() -> None:
    [entry] = said(
        wish(Move.ENTER, LONG, quantity=d("0.25"), limit_price=d("59000"), stop_loss=d("58000"))
    )

    assert (entry.action, entry.position_side, entry.ticker) == (Action.OPEN, LONG, LINEAR)
    assert (entry.order_type, entry.limit_price) == (OrderType.LIMIT, d("59000"))
    assert (entry.size.kind, entry.size.value) == (SizeKind.QUANTITY, d("0.25"))
    assert entry.stop_loss == Level(LevelKind.PRICE, d("58000"))
    assert (entry.is_bare, entry.comment) == (False, "why")


def test_an_entry_without_a_size_leaves_it_to_the_strategy_and_says_the_price_it_saw() -> None:
    [body] = alerts_of(MOMENT, [wish(Move.ENTER, SHORT)])

    meaning = understand(body)
    assert meaning.intents[0].position_side is SHORT
    assert meaning.intents[0].size.kind is SizeKind.DEFAULT
    assert meaning.reference_price == d("60000.5")


def test_an_exit_closes_its_side_and_a_part_is_a_part() -> None:
    whole, part = said(wish(Move.EXIT, LONG), wish(Move.EXIT, SHORT, quantity=d("0.1")))

    assert (whole.action, whole.position_side, whole.size.kind) == (
        Action.CLOSE,
        LONG,
        SizeKind.ALL,
    )
    assert (part.action, part.position_side, part.size.value) == (Action.REDUCE, SHORT, d("0.1"))


def test_an_exit_with_a_limit_is_a_close_at_that_limit() -> None:
    [exit_] = said(wish(Move.EXIT, LONG, limit_price=d("61000")))

    assert (exit_.action, exit_.order_type, exit_.limit_price) == (
        Action.CLOSE,
        OrderType.LIMIT,
        d("61000"),
    )


def test_out_of_one_side_and_into_the_other_is_one_flip() -> None:
    [flip] = said(wish(Move.EXIT, LONG), wish(Move.ENTER, SHORT, stop_loss=d("61000")))

    assert (flip.action, flip.position_side) == (Action.FLIP, SHORT)
    assert flip.stop_loss == Level(LevelKind.PRICE, d("61000"))


def test_what_is_no_flip_stays_two() -> None:
    same = said(wish(Move.EXIT, LONG), wish(Move.ENTER, LONG))
    resting = said(wish(Move.EXIT, LONG, limit_price=d("61000")), wish(Move.ENTER, SHORT))

    assert [one.action for one in same] == [Action.CLOSE, Action.OPEN]
    assert [one.action for one in resting] == [Action.CLOSE, Action.OPEN]


def test_a_wish_has_the_same_key_whatever_else_is_wanted_beside_it() -> None:
    entry, exit_ = wish(Move.ENTER, LONG), wish(Move.EXIT, LONG)

    both = alerts_of(MOMENT, [exit_, entry])
    alone = alerts_of(MOMENT, [entry])

    assert keys(both)[1:] == keys(alone)


def test_two_wishes_of_one_kind_and_two_closes_have_keys_of_their_own() -> None:
    part = wish(Move.EXIT, LONG, quantity=d("0.1"))
    later = Moment(MOMENT.bot_id, LINEAR, datetime(2026, 3, 2, 13, tzinfo=UTC), d("1"))

    bodies = [*alerts_of(MOMENT, [part, part]), *alerts_of(later, [part])]

    assert len(set(keys(bodies))) == 3


def test_a_wish_of_an_earlier_close_says_of_which() -> None:
    later = Moment(MOMENT.bot_id, LINEAR, datetime(2026, 3, 2, 15, tzinfo=UTC), d("1"))

    [body] = alerts_of(later, [dated(wish(Move.EXIT, LONG), later)])

    fields = json.loads(body)
    assert fields["time"] == "2026-03-02T15:00:00.000000Z"
    assert fields["comment"] == "asked for at 2026-03-02 12:00 UTC: why"


def keys(bodies: list[bytes]) -> list[str]:
    return [claim_key(body, understand(body), window=CLOSE - CLOSE)[0] for body in bodies]
