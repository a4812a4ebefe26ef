"""What we owe a venue that says "too much", with real ccxt clients on the paper exchange.

Named after the rows of the fault matrix: 37 too many requests, 38 a ban, 39 time stamps, 50
maintenance.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from app.core.clock import SystemClock
from app.core.errors import ExchangeError, OutcomeUnknown, RateLimited, Retryable
from app.core.ids import new_client_order_id
from app.exchanges.client import Credentials, build_client, load_ccxt, speaking
from app.exchanges.errors import Call
from app.exchanges.pace import Budget
from app.exchanges.priority import urgently
from app.exchanges.redirect import RedirectingSession
from app.exchanges.room import ExchangeRoom
from app.exchanges.venues import venue_spec
from app.exchanges.windows import Refusal
from app.trading.words import MarketType
from tests.contract.paper_venue import PaperVenue, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPOT, LINEAR = MarketType.SPOT, MarketType.LINEAR
SYMBOLS = {SPOT: "BTC/USDT", LINEAR: "BTC/USDT:USDT"}
TIMEOUT_SECONDS = 3.0


@dataclass
class Desk:
    """Clients of two accounts and of nobody, which share one budget."""

    paper: PaperVenue
    budget: Budget
    stack: AsyncExitStack
    session: ClientSession
    began: int = 0

    async def client(self, market: MarketType, credentials: dict[str, str] | None = None) -> Any:
        key = Credentials(credentials["apiKey"], credentials["secret"]) if credentials else None
        client = build_client(
            await load_ccxt(),
            venue_spec("paper", market),
            timeout_seconds=TIMEOUT_SECONDS,
            credentials=key,
            session=self.session,
            budget=self.budget,
        )
        client.symbol = SYMBOLS[market]
        self.stack.push_async_callback(client.close)
        await client.load_markets()
        return client

    async def start(self) -> None:
        """Forget what was asked so far."""
        self.began = (await self.paper.ledger())[-1]["seq"]

    async def requests(self) -> list[dict[str, Any]]:
        """What the venue was asked since, in the order of arrival; refused requests too."""
        items = await self.paper.ledger(self.began)
        return sorted(
            (item for item in items if item["kind"] == "request"),
            key=lambda item: int(item["arrived_monotonic_ns"]),
        )

    async def waiting(self, is_enough: Callable[[int], bool]) -> None:
        """Until that many requests wait for their turn."""
        give_up_at = time.monotonic() + TIMEOUT_SECONDS
        while not is_enough(self.budget.status().waiting):
            assert time.monotonic() < give_up_at, "they do not wait"
            await asyncio.sleep(0.005)

    async def arrivals(self) -> list[float]:
        """When they arrived, in monotonic seconds."""
        return [int(item["arrived_monotonic_ns"]) / 1e9 for item in await self.requests()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaperVenue]:
    async with running(tmp_path_factory.mktemp("limits")) as venue:
        await venue.price("BTCUSDT", "60000")
        yield venue


@pytest_asyncio.fixture(loop_scope="module")
async def desk(paper: PaperVenue) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(RedirectingSession(paper.base))
        opened = Desk(paper, Budget("paper", clock=SystemClock()), stack, session)
        yield opened
        await paper.clear_faults()


@dataclass
class Three:
    """Public data, and two accounts."""

    data: Any
    first: Any
    second: Any


@pytest_asyncio.fixture(loop_scope="module", params=[SPOT, LINEAR], ids=str)
async def three(desk: Desk, request: pytest.FixtureRequest) -> Three:
    market = request.param
    rich = {"USDT": "100000000"}
    first, second = await desk.paper.open_account(rich), await desk.paper.open_account(rich)
    clients = [await desk.client(market, key) for key in (None, first, second)]
    await desk.start()
    return Three(*clients)


async def buy(client: Any, *, limit: float | None = None) -> Any:
    """Place an order as the venue adapter does: failures are of our families."""
    kind = "market" if limit is None else "limit"
    params = {"clientOrderId": new_client_order_id()}
    async with speaking(Call.PLACE):
        return await client.create_order(client.symbol, kind, "buy", "0.01", limit, params)


async def price(client: Any) -> Any:
    async with speaking(Call.READ):
        return await client.fetch_ticker(client.symbol)


async def _knock(three: Three, *, until: float) -> list[type[ExchangeError]]:
    """Everybody asks again and again; what they are told."""
    told: list[type[ExchangeError]] = []

    async def keep_asking(ask: Callable[[], Awaitable[Any]]) -> None:
        while time.monotonic() < until:
            try:
                await ask()
            except ExchangeError as error:
                told.append(type(error))
            await asyncio.sleep(0.05)

    await asyncio.gather(
        keep_asking(lambda: price(three.data)),
        keep_asking(lambda: buy(three.first)),
        keep_asking(lambda: _exit(three.second)),
    )
    return told


async def _exit(client: Any) -> None:
    with urgently():
        await buy(client)


@pytest.mark.parametrize("verb", ["rate_429", "order_count_429"])
async def test_row_37_nobody_asks_while_the_venue_wants_us_to_wait(
    desk: Desk, three: Three, verb: str
) -> None:
    await desk.paper.fault(verb, route="order.create", retry_after="1")
    with pytest.raises(RateLimited):
        await buy(three.first)

    await _knock(three, until=time.monotonic() + 1.2)

    refused, *later = await desk.arrivals()
    assert later
    assert min(later) >= refused + 1.0


async def test_row_37_without_a_word_of_how_long_the_pauses_double(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("rate_429", count=2)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await price(three.data)
    await price(three.data)

    first, second, third = (await desk.arrivals())[:3]
    assert second - first >= 1.0
    assert third - second >= 2.0


async def test_row_37_when_it_opens_exits_go_first(desk: Desk, three: Three) -> None:
    await desk.paper.fault("rate_429", retry_after="1")
    with pytest.raises(RateLimited):
        await price(three.data)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(price(three.data))
        group.create_task(buy(three.first))
        await asyncio.sleep(0.05)
        group.create_task(_exit(three.second))

    _, asked, *_ = await desk.requests()
    await three.second.fetch_balance()
    whose = (await desk.requests())[-1]
    assert (asked["method"], asked["account_id"]) == ("POST", whose["account_id"])


async def test_row_37_an_entry_that_cannot_wait_is_refused_at_once_and_not_sent(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("rate_429", retry_after="30")
    with pytest.raises(RateLimited):
        await price(three.data)
    began = time.monotonic()

    with pytest.raises(RateLimited, match=r"takes no requests until .*nothing was sent"):
        await buy(three.first)

    assert time.monotonic() - began < 0.5
    assert len(await desk.requests()) == 1


async def test_row_37_exits_have_what_entries_and_data_may_not_use(
    desk: Desk, three: Three
) -> None:
    window = desk.budget.window(f"{three.data.id} weight", 0, 0)
    desk.budget.learn(window, window.limit - window.reserved)
    waiting = [asyncio.create_task(price(three.data)), asyncio.create_task(buy(three.first))]
    await desk.waiting(lambda waiting: waiting == 2)

    await _exit(three.second)

    assert len(await desk.requests()) == 1
    for task in waiting:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_row_37_what_others_use_on_this_address_counts(desk: Desk, three: Three) -> None:
    path = "/api/v3/exchangeInfo" if three.data.id == "binance" else "/fapi/v1/income"
    key = {"apiKey": three.first.apiKey, "secret": three.first.secret}
    for _ in range(3):
        await desk.paper.send("GET", path, key)

    await price(three.data)

    (window,) = desk.budget.status().windows
    assert window.used >= 60


async def test_row_37_two_hundred_waiting_requests_delay_an_exit_by_one_at_most(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("rate_429", retry_after="1")
    with pytest.raises(RateLimited):
        await price(three.data)
    await desk.start()

    async with asyncio.TaskGroup() as group:
        for _ in range(200):
            group.create_task(price(three.data))
        await desk.waiting(lambda waiting: waiting == 200)
        await _exit(three.second)

    methods = [item["method"] for item in await desk.requests()]
    assert len(methods) > 200
    assert methods.index("POST") <= 1


async def test_row_37_two_hundred_requests_without_room_do_not_delay_an_exit_at_all(
    desk: Desk, three: Three
) -> None:
    window = desk.budget.window(f"{three.data.id} weight", 0, 0)
    desk.budget.learn(window, window.limit - window.reserved - 20)
    asked = [asyncio.create_task(price(three.data)) for _ in range(200)]
    # What still fitted in is answered, so that none of it can arrive beside the exit.
    await desk.waiting(lambda waiting: waiting + sum(task.done() for task in asked) == 200)
    assert desk.budget.status().waiting >= 150
    await desk.start()

    await _exit(three.second)

    assert (await desk.requests())[0]["method"] == "POST"
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize("status", [418, 403])
async def test_row_38_nobody_asks_while_banned_and_all_goes_on_after(
    desk: Desk, three: Three, status: int
) -> None:
    await desk.paper.fault("rate_429", status=status, retry_after="1")
    with pytest.raises(RateLimited):
        await price(three.data)

    told = await _knock(three, until=time.monotonic() + 1.3)

    banned, *later = await desk.requests()
    assert banned["status"] == status
    assert {item["status"] for item in later} == {200}
    assert (await desk.arrivals())[1] - (await desk.arrivals())[0] >= 1.0
    assert told == []


async def test_row_38_what_the_venue_says_of_a_ban_is_believed(desk: Desk, three: Three) -> None:
    await desk.paper.fault("ban_418", seconds="300")
    with pytest.raises(RateLimited):
        await price(three.data)

    told = await _knock(three, until=time.monotonic() + 0.3)

    assert 295 < _closed_seconds(desk) <= 300
    assert set(told) == {RateLimited}
    assert len(await desk.requests()) == 1


@pytest.mark.parametrize(
    ("verb", "fields"), [("rate_429", {"status": 418}), ("waf_403", {})], ids=["418", "403"]
)
async def test_row_38_a_ban_without_an_end_is_two_minutes_in_which_nothing_leaves(
    desk: Desk, three: Three, verb: str, fields: dict[str, Any]
) -> None:
    await desk.paper.fault(verb, **fields)
    with pytest.raises((RateLimited, Retryable)):
        await price(three.data)

    told = await _knock(three, until=time.monotonic() + 0.3)

    assert desk.budget.status().reason is Refusal.BANNED
    assert 115 < _closed_seconds(desk) <= 120
    assert set(told) == {RateLimited}
    assert len(await desk.requests()) == 1


def _closed_seconds(desk: Desk) -> float:
    until = desk.budget.status().closed_until
    assert until is not None
    return (until - SystemClock().now()).total_seconds()


async def test_row_39_a_refused_time_stamp_is_mended_and_the_same_order_sent_once_more(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("timestamp_1021")

    placed = await buy(three.first)

    orders = [item for item in await desk.requests() if item["method"] == "POST"]
    assert [item["code"] for item in orders] == [-1021, None]
    assert len({item["client_order_id"] for item in orders}) == 1
    assert placed["id"]


async def test_row_39_refused_twice_it_is_not_sent_a_third_time(desk: Desk, three: Three) -> None:
    await desk.paper.fault("timestamp_1021", count=5, route="order.create")

    with pytest.raises(Retryable):
        await buy(three.first)

    orders = [item for item in await desk.requests() if item["method"] == "POST"]
    assert [item["code"] for item in orders] == [-1021, -1021]


@pytest.mark.parametrize("seconds", ["3", "-3", "45", "-45"])
async def test_row_39_a_venue_whose_clock_jumps_is_followed_there_and_back(
    desk: Desk, three: Three, seconds: str
) -> None:
    await desk.paper.fault("clock_jump", seconds=seconds)
    await buy(three.first)
    await buy(three.first)
    await desk.paper.clear_faults()
    await buy(three.first)

    orders = [item for item in await desk.requests() if item["method"] == "POST"]
    assert len([item for item in orders if item["code"] is None]) == 3
    # One that fell out of the venue's time on the way there, and one on the way back.
    assert len(orders) <= 5


async def test_row_39_many_refused_at_once_ask_for_the_time_once(desk: Desk, three: Three) -> None:
    await desk.paper.fault("clock_jump", seconds="-45")

    await asyncio.gather(*(buy(three.first) for _ in range(8)))

    times = [item for item in await desk.requests() if item["path"].endswith("/time")]
    assert len(times) == 1


async def test_row_39_an_outcome_that_is_unknown_is_never_sent_again(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("timeout_1007_accepted")

    with pytest.raises(OutcomeUnknown):
        await buy(three.first)

    assert len([item for item in await desk.requests() if item["method"] == "POST"]) == 1


async def test_row_50_in_maintenance_nobody_hammers_and_all_goes_on_after(
    desk: Desk, three: Three
) -> None:
    await desk.paper.fault("maintenance", seconds="2.5")
    with pytest.raises(Retryable):
        await price(three.data)

    await _knock(three, until=time.monotonic() + 4)

    statuses = [item["status"] for item in await desk.requests()]
    assert statuses.count(503) <= 6
    assert statuses[-1] == 200


async def test_row_37_an_overloaded_venue_is_asked_for_exits_only(desk: Desk, three: Three) -> None:
    await desk.paper.fault("throttled_1008")
    with suppress(ExchangeError):
        await buy(three.first)
    entry = asyncio.create_task(buy(three.first))

    await _exit(three.second)

    assert not entry.done()
    await entry
    refused, out, late = await desk.arrivals()
    assert out - refused < 0.9
    assert late - refused >= 1.0


async def test_the_room_gives_every_client_of_a_venue_one_budget(
    paper: PaperVenue,
) -> None:
    room = ExchangeRoom(
        clock=SystemClock(), paper_url=lambda: paper.base, timeout_seconds=TIMEOUT_SECONDS
    )
    opened = await paper.open_account()
    venue = await room.venue("paper", SPOT, Credentials(opened["apiKey"], opened["secret"]))
    market = await room.market("paper", LINEAR)
    await venue.balances()
    await market.quote(SYMBOLS[LINEAR])

    (status,) = room.budgets()

    assert [window.name for window in status.windows] == ["binance weight", "binanceusdm weight"]
    assert opened["apiKey"] not in str(status)
    await venue.close()
    await room.close()


async def test_a_key_less_client_of_every_venue_has_a_budget() -> None:
    for exchange in ("binance", "bingx", "bybit", "okx"):
        budget = Budget(exchange, clock=SystemClock())
        client = build_client(
            await load_ccxt(), venue_spec(exchange, LINEAR), timeout_seconds=1, budget=budget
        )
        (window,) = budget.status().windows
        assert window.limit > window.reserved > 0
        await client.close()
