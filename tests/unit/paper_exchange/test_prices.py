from collections.abc import Iterator
from decimal import Decimal
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pytest

from app.paper_exchange.prices.board import PriceBoard
from app.paper_exchange.prices.candles import INTERVALS, MINUTE, Candle, Candles
from app.paper_exchange.prices.replay import BadCandles, read_sources
from app.paper_exchange.prices.walk import Source, Walk
from app.paper_exchange.storage.candles import StoredCandles
from app.paper_exchange.storage.database import Database
from app.paper_exchange.symbols import LISTINGS, MARKETS, find
from app.trading.words import MarketType

BTC_SPOT = (MarketType.SPOT, "BTCUSDT")
BTC_LINEAR = (MarketType.LINEAR, "BTCUSDT")
NOON = 1_800_000_000_000
DAY = 1440 * MINUTE
START = NOON - NOON % DAY


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path)
    yield opened
    opened.close()


def a_history(database: Database) -> Candles:
    """The candles of a venue that has just been started over that file."""
    stored = StoredCandles(database.connection, BTC_SPOT)
    return Candles("1:spot:BTCUSDT", Decimal("0.01"), stored)


def keep(database: Database, candles: Candles, *, is_leaving: bool = False) -> None:
    """What a tick writes, or the end of the venue."""
    closed = [*candles.closed, candles.running()] if is_leaving else candles.closed
    database.write_market({}, {BTC_SPOT: closed})
    candles.kept(closed)


def a_board(source: Source | None = None) -> PriceBoard:
    return PriceBoard(source or Walk(7), seed=7, at=NOON, tracks={}, held={})


def last(board: PriceBoard, steps: int) -> list[Decimal]:
    prices = []
    for step in range(steps):
        board.advance(NOON + 500 * step)
        prices.append(board.quote(*BTC_SPOT).last)
    return prices


def test_walk_is_the_same_for_the_same_seed_and_moves() -> None:
    prices = last(a_board(), 50)

    assert prices == last(a_board(), 50)
    assert prices != last(a_board(Walk(8)), 50)
    assert all(Decimal(59_000) < price < Decimal(61_000) for price in prices)


def test_walk_goes_on_after_a_restart_as_if_there_had_been_none() -> None:
    whole = last(a_board(), 20)
    first = a_board()
    begun = last(first, 8)
    second = PriceBoard(Walk(7), seed=7, at=NOON, tracks=first.tracks, held={})

    assert begun + last(second, 12) == whole


def test_prices_are_on_the_tick_of_their_market_with_a_spread() -> None:
    board = a_board()
    board.advance(NOON)

    for key, row in board.rows.items():
        assert row.quote.last % LISTINGS[key].price_tick == 0
        assert row.quote.bid < row.quote.last < row.quote.ask


def test_held_price_stands_still_on_its_market_only() -> None:
    board = a_board()

    board.hold(BTC_LINEAR, Decimal(61000), NOON)
    moved = last(board, 3)

    quote = board.quote(*BTC_LINEAR)
    assert [quote.bid, quote.ask, board.marks["BTCUSDT"]] == [61000, 61000, 61000]
    assert len(set(moved)) == 3


def test_released_price_goes_on_from_where_it_was_held() -> None:
    board = a_board()
    board.hold(BTC_SPOT, Decimal(30000), NOON)

    board.release(BTC_SPOT)

    assert all(abs(price - 30_000) < 30 for price in last(board, 3))


def test_candle_file_plays_open_extremes_and_close(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text("open_time,open,high,low,close,volume\n1,100,110,90,105,8\n2,105,106,80,85,4\n")

    prices = last(a_board(read_sources(str(path), Walk(1))), 9)

    assert prices == [100, 90, 110, 105, 105, 106, 80, 85, 100]


def test_candle_files_are_named_by_symbol_and_others_walk(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("1700000000000,2000,2000,2000,2000,1\n")

    board = a_board(read_sources(f"ETHUSDT={path}", Walk(7)))
    board.advance(NOON)

    assert board.quote(MarketType.SPOT, "ETHUSDT").last == 2000
    assert board.quote(*BTC_SPOT).last > 59_000


@pytest.mark.parametrize(
    ("setting", "content", "reason"),
    [
        ("BTCUSDT={}", None, "cannot read"),
        ("NOPE={}", "", "not listed"),
        ("BTCUSDT={}", "open,high,low\n1,2,3\n", "no column close"),
        ("BTCUSDT={}", "1,2,3,4\n", "not a candle"),
        ("BTCUSDT={}", "1,0,0,0,0,0\n", "above 0"),
    ],
)
def test_unusable_candle_file_says_why(
    tmp_path: Path, setting: str, content: str | None, reason: str
) -> None:
    path = tmp_path / "candles.csv"
    if content is not None:
        path.write_text(content)

    with pytest.raises(BadCandles, match=reason):
        read_sources(setting.format(path), Walk(1))


def test_candles_join_recorded_minutes_to_a_past_without_a_gap() -> None:
    candles = Candles("1:spot:BTCUSDT", Decimal("0.01"))
    start = NOON - NOON % 300_000
    for second, price in ((0, 100), (30, 104), (70, 96), (400, 101)):
        candles.record(start + second * 1000, Decimal(price), Decimal(2))

    read = candles.read("5m", until=start + 400_000, limit=10)

    assert [c.opened_at for c in read] == [start + 300_000 * i for i in range(-8, 2)]
    joined = read[-2]
    shown = [joined.open, joined.high, joined.low, joined.close, joined.volume]
    assert shown == [100, 104, 96, 96, 6]
    assert read[-3].close == read[-2].open
    assert read == candles.read("5m", until=start + 400_000, limit=10)
    assert candles.current("5m") == read[-1]
    assert (candles.day().high, candles.day().volume) == (Decimal(104), Decimal(8))


def a_day_of(candles: Candles, minutes: range, since: int = START) -> None:
    """A price that goes up by one a minute, with a dip in between."""
    for minute in minutes:
        for second, change in ((0, 0), (20, -3), (40, 1)):
            price = Decimal(1000 + minute + change)
            candles.record(since + minute * MINUTE + second * 1000, price, Decimal(1))


def test_candles_that_have_closed_are_those_of_before_after_a_restart(database: Database) -> None:
    before = a_history(database)
    a_day_of(before, range(200))
    asked = {"until": START + 190 * MINUTE, "limit": 300}
    shown = {interval: before.read(interval, **asked) for interval in ("1m", "5m", "1h")}
    keep(database, before, is_leaving=True)

    after = a_history(database)
    a_day_of(after, range(200, 420))
    keep(database, after)

    for interval, candles in shown.items():
        again = after.read(interval, **asked)
        closed = [
            one for one in candles if one.opened_at + INTERVALS[interval] <= START + 200 * MINUTE
        ]
        assert again[: len(closed)] == closed, interval


def test_larger_candles_are_what_their_minutes_make_also_over_a_restart(
    database: Database,
) -> None:
    first = a_history(database)
    a_day_of(first, range(97))
    keep(database, first, is_leaving=True)
    second = a_history(database)
    a_day_of(second, range(97, 300))
    keep(database, second)

    minutes = second.read("1m", until=START + 239 * MINUTE, limit=240)
    hours = second.read("1h", until=START + 239 * MINUTE, limit=4)

    made = [reduce(Candle.joined, minutes[start : start + 60]) for start in range(0, 240, 60)]
    assert [one.opened_at for one in hours] == [START + hour * 60 * MINUTE for hour in range(4)]
    assert hours == made


def test_nothing_was_traded_while_the_venue_was_away(database: Database) -> None:
    first = a_history(database)
    a_day_of(first, range(10))
    keep(database, first, is_leaving=True)
    second = a_history(database)
    a_day_of(second, range(3000, 3010))

    read = second.read("5m", until=START + 3009 * MINUTE, limit=602)

    assert [one.opened_at for one in read] == [START + 5 * number * MINUTE for number in range(602)]
    away = read[2:600]
    assert {one.volume for one in away} == {0}
    assert {price for one in away for price in (one.open, one.high, one.low, one.close)} == {1010}
    assert read[1].close == 1010
    assert second.day().volume == 30


def test_a_venue_that_was_killed_has_what_had_closed(database: Database) -> None:
    first = a_history(database)
    a_day_of(first, range(61))
    keep(database, first)

    second = a_history(database)
    a_day_of(second, range(62, 70))

    [hour] = second.read("1h", until=START, limit=1)
    assert [hour.open, hour.close, hour.volume] == [1000, 1060, 180]
    [lost] = second.read("1m", until=START + 60 * MINUTE, limit=1)
    assert [lost.close, lost.volume] == [1060, 0]


def test_the_made_up_past_hangs_on_the_first_minute_for_ever(database: Database) -> None:
    first = a_history(database)
    a_day_of(first, range(2))
    past = first.read("1h", until=START - 1, limit=50)
    keep(database, first, is_leaving=True)
    second = a_history(database)
    a_day_of(second, range(5000, 5003))

    assert second.read("1h", until=START - 1, limit=50) == past
    assert past[-1].close == 1000
    assert len(past) == 50


def test_every_symbol_is_listed_on_both_markets_with_steps_that_divide_its_limits() -> None:
    assert len(LISTINGS) == 20
    for market in MARKETS:
        listing = find(market, "BTCUSDT")
        assert listing is not None
        assert listing.max_quantity % listing.quantity_step == 0


def test_maintenance_margin_has_no_step_between_brackets() -> None:
    brackets = LISTINGS[BTC_LINEAR].brackets

    for lower, upper in pairwise(brackets):
        below = lower.cap * lower.rate - lower.amount
        assert below == upper.floor * upper.rate - upper.amount


def test_the_session_in_the_documentation_is_the_one_the_tests_use() -> None:
    session = Path("tests/contract/redirecting_session.py").read_text()

    assert session in Path("docs/paper-exchange.md").read_text()
    assert len(session.splitlines()) <= 30
