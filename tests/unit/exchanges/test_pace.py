"""The line in front of a venue, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from app.core.errors import RateLimited, Retryable
from app.exchanges.pace import Budget, Claim, Turn
from app.exchanges.priority import Priority, as_priority, priority_here, urgently
from app.exchanges.windows import Refusal, Window
from tests.fakes.clock import FakeClock

PROTECT, TRADE, DATA = Priority.PROTECT, Priority.TRADE, Priority.DATA


@dataclass
class Seconds:
    """Monotonic seconds that stand still."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Line:
    """A budget of 10 a minute, 2 of them reserved, and who was let go in which order."""

    time: Seconds = field(default_factory=Seconds)
    sent: list[str] = field(default_factory=list)
    patience: float = 300.0

    def __post_init__(self) -> None:
        self.budget = Budget("venue", clock=FakeClock(), monotonic=self.time, reserve=0.2)
        self.window = self.budget.window("weight", 10, 60.0)
        self.tasks: list[asyncio.Task[Turn]] = []

    def turn(self, priority: Priority, amount: float = 1, *others: Window) -> Turn:
        claims = [Claim(self.window, amount), *(Claim(window, 1) for window in others)]
        return self.budget.turn(claims, priority=priority, patience_seconds=self.patience)

    async def _send(self, name: str, turn: Turn) -> Turn:
        async with turn:
            self.sent.append(name)
        return turn

    async def ask(
        self, name: str, priority: Priority, amount: float = 1, *others: Window
    ) -> asyncio.Task[Turn]:
        """Start a request and see whether it goes."""
        turn = self.turn(priority, amount, *others)
        task = asyncio.create_task(self._send(name, turn))
        self.tasks.append(task)
        await asyncio.sleep(0)
        return task

    async def use_up(self, priority: Priority = PROTECT) -> None:
        """Use everything that is allowed to a priority, in one request."""
        await self.ask("all", priority, 10)
        self.sent.clear()

    async def pass_time(self, seconds: float) -> None:
        self.time.at += seconds
        self.budget.serve()
        await _settle()

    async def refuse(self, refusal: Refusal = Refusal.TOO_MANY, **said: float) -> None:
        """Have a request refused that left just now."""
        async with self.turn(PROTECT, 0) as turn:
            self.budget.refuse(turn, refusal, **said)

    @property
    def used(self) -> float:
        return self.budget.status().windows[0].used


async def _settle() -> None:
    """Let every task and timer that is due run."""
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def _opened(line: Line) -> AsyncIterator[Line]:
    yield line
    for task in line.tasks:
        task.cancel()
    await asyncio.gather(*line.tasks, return_exceptions=True)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with _opened(Line()) as opened:
        yield opened


async def test_while_there_is_room_nobody_waits(line: Line) -> None:
    for number in range(8):
        await line.ask(str(number), DATA)

    assert len(line.sent) == 8
    assert line.used == 8


async def test_exits_go_before_entries_and_entries_before_data(line: Line) -> None:
    await line.use_up()
    for name, priority in [("data", DATA), ("entry", TRADE), ("exit", PROTECT)]:
        await line.ask(name, priority)

    await line.pass_time(60)

    assert line.sent == ["exit", "entry", "data"]


async def test_equals_go_in_the_order_of_their_arrival(line: Line) -> None:
    await line.use_up()
    for number in range(6):
        await line.ask(str(number), TRADE)

    await line.pass_time(60)

    assert line.sent == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("priority", [TRADE, DATA])
async def test_the_reserve_is_for_exits_alone(line: Line, priority: Priority) -> None:
    for number in range(9):
        await line.ask(f"other {number}", priority)
    for number in range(3):
        await line.ask(f"exit {number}", PROTECT)

    assert len([name for name in line.sent if name.startswith("other")]) == 8
    assert [name for name in line.sent if name.startswith("exit")] == ["exit 0", "exit 1"]


async def test_room_comes_back_as_uses_grow_old(line: Line) -> None:
    await line.ask("first", DATA, 5)
    await line.pass_time(30)
    await line.ask("second", DATA, 3)
    await line.ask("third", DATA, 5)

    await line.pass_time(29.9)
    assert line.sent == ["first", "second"]
    await line.pass_time(0.2)
    assert line.sent == ["first", "second", "third"]


async def test_its_own_timer_lets_the_next_one_go() -> None:
    async with _opened(Line()) as line:
        loop = asyncio.get_running_loop()
        line.budget = Budget("venue", clock=FakeClock(), monotonic=loop.time, reserve=0)
        line.window = line.budget.window("weight", 1, 0.05)
        await line.ask("first", DATA)

        async with asyncio.timeout(2):
            await (await line.ask("second", DATA))

        assert line.sent == ["first", "second"]


async def test_one_that_needs_more_than_is_allowed_goes_when_nothing_is_used(line: Line) -> None:
    await line.ask("small", DATA)
    await line.ask("huge", DATA, 500)
    await line.ask("after", DATA)
    assert line.sent == ["small"]

    await line.pass_time(60)

    assert line.sent == ["small", "huge"]
    await line.pass_time(60)
    assert line.sent == ["small", "huge", "after"]


async def test_a_small_request_does_not_overtake_a_large_one_of_its_priority(line: Line) -> None:
    await line.ask("first", DATA, 6)
    await line.ask("large", DATA, 5)
    await line.ask("small", DATA, 1)

    assert line.sent == ["first"]
    await line.pass_time(60)
    assert line.sent == ["first", "large", "small"]


async def test_who_waits_for_another_limit_holds_nobody_up(line: Line) -> None:
    orders = line.budget.window("orders", 1, 10.0)
    await line.ask("order", PROTECT, 1, orders)
    await line.ask("order too many", PROTECT, 1, orders)
    await line.ask("data", DATA)

    assert line.sent == ["order", "data"]
    await line.pass_time(10)
    assert line.sent == ["order", "data", "order too many"]


async def test_what_the_venue_counts_beyond_ours_is_believed(line: Line) -> None:
    await line.ask("ours", DATA, 2)
    line.budget.learn(line.window, 7)

    await line.ask("fits", DATA)
    await line.ask("does not", DATA)

    assert line.sent == ["ours", "fits"]
    assert line.used == 8


async def test_what_the_venue_counts_less_frees_nothing(line: Line) -> None:
    await line.ask("ours", DATA, 8)
    line.budget.learn(line.window, 1)

    await line.ask("more", DATA)

    assert line.sent == ["ours"]


async def test_a_cancelled_waiter_leaves_no_hole(line: Line) -> None:
    await line.use_up()
    waiting = await line.ask("gone", TRADE, 8)
    await line.ask("next", TRADE, 8)

    waiting.cancel()
    await line.pass_time(60)

    assert line.sent == ["next"]
    assert line.used == 8


async def test_one_that_is_cancelled_as_it_is_let_go_gives_back_what_it_took(line: Line) -> None:
    await line.use_up()
    waiting = await line.ask("gone", TRADE, 8)
    await line.ask("next", TRADE, 8)

    line.time.at += 60
    line.budget.serve()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await line.pass_time(0)

    assert line.sent == ["next"]
    assert line.used == 8


async def test_who_finds_no_room_in_time_is_told_that_nothing_was_sent() -> None:
    async with _opened(Line(patience=0.02)) as line:
        await line.use_up()
        waiting = await line.ask("late", TRADE)

        with pytest.raises(RateLimited, match=r"within 0\.02 s; nothing was sent"):
            await waiting

        await line.pass_time(60)
        assert line.sent == []
        assert line.budget.status().waiting == 0


@pytest.mark.parametrize("priority", Priority)
async def test_while_it_is_closed_nobody_asks_not_even_for_an_exit(
    line: Line, priority: Priority
) -> None:
    await line.refuse(seconds=5.0)
    await line.ask("asked", priority)

    await line.pass_time(4.9)
    assert line.sent == []
    await line.pass_time(0.2)
    assert line.sent == ["asked"]


async def test_when_it_opens_exits_go_first_then_entries_then_data(line: Line) -> None:
    await line.refuse(seconds=5.0)
    for name, priority in [("data", DATA), ("entry", TRADE), ("exit", PROTECT), ("stop", PROTECT)]:
        await line.ask(name, priority)

    await line.pass_time(5)

    assert line.sent == ["exit", "stop", "entry", "data"]


async def test_after_a_refusal_entries_go_one_by_one_until_a_good_answer(line: Line) -> None:
    await line.refuse(seconds=5.0)
    line.time.at += 5
    scout = line.turn(TRADE)
    async with scout:
        await line.ask("second", TRADE)
        await line.ask("third", TRADE)
        await line.ask("exit", PROTECT)
        assert line.sent == ["exit"]

        line.budget.answered(scout)
        await asyncio.sleep(0)

        assert line.sent == ["exit", "second", "third"]


async def test_when_the_one_that_went_ahead_is_not_answered_the_next_one_goes(line: Line) -> None:
    await line.refuse(seconds=5.0)
    line.time.at += 5
    async with line.turn(TRADE):
        await line.ask("second", TRADE)
        assert line.sent == []
    await asyncio.sleep(0)

    assert line.sent == ["second"]


async def test_who_cannot_wait_until_it_opens_is_told_at_once_until_when() -> None:
    async with _opened(Line(patience=10.0)) as line:
        await line.use_up()
        waiting = await line.ask("waited already", TRADE)
        await line.refuse(Refusal.BANNED, seconds=30.0)

        refused = await line.ask("came later", PROTECT)

        for task in (waiting, refused):
            with pytest.raises(RateLimited, match="takes no requests until 2026-03-02T12:00:30"):
                await task
        assert line.sent == []


async def test_in_maintenance_who_cannot_wait_may_try_again() -> None:
    async with _opened(Line(patience=0.5)) as line:
        await line.refuse(Refusal.MAINTENANCE)

        with pytest.raises(Retryable):
            await (await line.ask("entry", TRADE))


async def _pauses(line: Line, refusal: Refusal, times: int) -> list[float]:
    """For how long it stays closed, refused again each time it opens."""
    pauses = []
    for _ in range(times):
        await line.refuse(refusal)
        until = line.budget.status().closed_until
        assert until is not None
        pauses.append(round((until - FakeClock().now()).total_seconds(), 3))
        line.time.at += pauses[-1]
    return pauses


@pytest.mark.parametrize(
    ("refusal", "pauses"),
    [
        (Refusal.TOO_MANY, [1, 2, 4, 8, 16, 32, 60, 60]),
        (Refusal.BANNED, [120, 120]),
        (Refusal.MAINTENANCE, [1, 2, 2, 2]),
    ],
)
async def test_when_the_venue_does_not_say_how_long_the_pauses_grow(
    line: Line, refusal: Refusal, pauses: list[float]
) -> None:
    assert await _pauses(line, refusal, len(pauses)) == pauses


async def test_a_good_answer_makes_the_next_pause_short_again(line: Line) -> None:
    await _pauses(line, Refusal.TOO_MANY, 3)
    async with line.turn(DATA) as turn:
        line.budget.answered(turn)

    assert await _pauses(line, Refusal.TOO_MANY, 1) == [1]


async def test_refusals_of_what_was_under_way_count_once(line: Line) -> None:
    turns = [line.turn(DATA) for _ in range(5)]
    for turn in turns:
        await turn.__aenter__()
    line.time.at += 0.1

    for turn in turns:
        line.budget.refuse(turn, Refusal.TOO_MANY)

    await line.ask("next", DATA)
    assert line.sent == []
    await line.pass_time(1.0)
    assert line.sent == ["next"]


async def test_an_answer_to_what_left_before_the_refusal_opens_nothing(line: Line) -> None:
    async with line.turn(DATA) as early:
        line.time.at += 0.1
        await line.refuse(seconds=5.0)
        line.budget.answered(early)

    assert line.budget.status().reason is Refusal.TOO_MANY


async def test_an_overloaded_venue_is_still_asked_for_exits(line: Line) -> None:
    await line.refuse(Refusal.OVERLOADED)
    await line.ask("entry", TRADE)
    await line.ask("exit", PROTECT)
    assert line.sent == ["exit"]

    await line.pass_time(1)

    assert line.sent == ["exit", "entry"]


async def test_the_status_says_what_is_used_reserved_and_closed(line: Line) -> None:
    await line.ask("one", DATA, 3)
    await line.refuse(Refusal.BANNED, seconds=30.0)
    await line.ask("waits", DATA)

    status = line.budget.status()

    (weight,) = status.windows
    assert (weight.name, weight.used, weight.limit, weight.reserved) == ("weight", 3, 10, 2)
    assert status.closed_until is not None
    assert (status.closed_until - FakeClock().now()).total_seconds() == pytest.approx(30)
    assert (status.venue, status.reason, status.waiting) == ("venue", Refusal.BANNED, 1)


async def test_a_priority_holds_inside_and_ends_with_its_block() -> None:
    seen = []
    with as_priority(DATA):
        seen.append(priority_here(TRADE))
        with urgently():
            seen.append(await asyncio.create_task(_priority_in_a_task()))
        seen.append(priority_here(TRADE))
    seen.append(priority_here(TRADE))

    assert seen == [DATA, PROTECT, DATA, TRADE]


async def _priority_in_a_task() -> Priority:
    return priority_here(TRADE)
