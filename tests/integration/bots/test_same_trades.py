"""A bot that is ended and started anew asks for what the same algorithm asks for in one go."""

import json
from datetime import datetime
from decimal import Decimal
from random import Random

import pytest

from app.algorithms.catalog.macd import MACD
from app.algorithms.feed import Feed
from app.algorithms.intents import Account, Holding, Move
from app.bots.alerts import Moment, alerts_of
from app.db.session import Database
from app.market.bars import bar_of
from app.trading.words import PositionSide
from tests.builders import LINEAR
from tests.fakes.exchange import an_instrument
from tests.integration.bots.yard import BASE, LENGTH, PARAMETERS, Yard, candles, open_yard

CANDLES = 16
A_DAY = {"max_alarm_age_seconds": 86_400, "exit_max_age_seconds": 86_400}

Wish = tuple[str, str]


@pytest.mark.parametrize("seed", [1, 2])
async def test_ended_at_any_candle_it_asks_for_the_same_and_trades_the_same(
    database: Database, seed: int
) -> None:
    dice = Random(seed)
    async with open_yard(database, **A_DAY) as yard:
        bot_id = await yard.running()
        begun = BASE.open_of(yard.desk.clock.now())
        left = CANDLES
        while left:
            away = min(left, dice.choice((1, 1, 1, 2, 4)))
            if away > 1 or dice.random() < 0.5:
                await yard.close()
            for _ in range(away):
                yard.pass_by(yard.closes[-1] + dice.randint(-200, 200))
            if not yard.workers:
                yard.open()
            await yard.gets_to(bot_id)
            left -= away
        asked = [_wish(one.body) for one in await yard.desk.alarms()]
        trades = [one.position_side for one in await yard.desk.trades()]

        wishes, closed = in_one_go(yard, begun)
        assert len(wishes) > 3
        assert asked == wishes
        assert trades == closed


def in_one_go(yard: Yard, begun: datetime) -> tuple[list[Wish], list[PositionSide]]:
    """What the algorithm wants when every wish comes true at once, and which sides it closes."""
    first = BASE.open_of(yard.desk.clock.now()) - len(yard.closes) * LENGTH
    feed = Feed(MACD, PARAMETERS, LENGTH)
    held: PositionSide | None = None
    wishes: list[Wish] = []
    closed: list[PositionSide] = []
    for bar in map(bar_of, candles(yard.closes, first)):
        holding = None if held is None else Holding(held, Decimal(1), Decimal(1), Decimal(0))
        intents = feed.close(bar, Account(an_instrument(LINEAR), Decimal(1000), holding))
        if bar.closed_at <= begun:
            continue
        moment = Moment(yard.desk.strategy.id, LINEAR, bar.closed_at, Decimal(1))
        wishes += map(_wish, alerts_of(moment, intents))
        for intent in intents:
            if intent.move is Move.EXIT:
                closed.append(intent.position_side)
            held = None if intent.move is Move.EXIT else intent.position_side
    return wishes, closed


def _wish(body: bytes) -> Wish:
    fields = json.loads(body)
    return fields["action"], fields["time"]
