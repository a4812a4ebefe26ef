"""The worker: carries the flow on, one step after another per account and symbol."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from loguru import logger

from app.core.errors import AppError, Conflict
from app.pipeline import wakeups
from app.pipeline.flow import sweeps
from app.pipeline.flow.alarms import on_alarm
from app.pipeline.flow.entries import enter, note_reference
from app.pipeline.flow.exits import Exit, exit_position, leave
from app.pipeline.flow.orders import cancel_order, submit_order, sync_order
from app.pipeline.flow.tools import Tools, place_of
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions.monitor import Monitor
from app.pipeline.signals import repository as signals
from app.pipeline.signals.status import SignalStatus
from app.pipeline.wakeups import Wakeup, Work
from app.trading.words import CloseReason

Lane = tuple[UUID, str]
Step = Callable[[], Awaitable[None]]

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.25
TIDY_EVERY: Final = 300


class Lanes:
    """Steps of one account and symbol run one after another; different ones at the same time.

    An exit goes before everything that waits in its lane.
    """

    def __init__(self) -> None:
        self._waiting: dict[Lane, list[tuple[object, Step]]] = {}
        self._running: dict[Lane, asyncio.Task[None]] = {}

    def put(self, lane: Lane, name: object, step: Step, *, is_urgent: bool = False) -> None:
        """Queue a step unless one of the same name waits already."""
        queue = self._waiting.setdefault(lane, [])
        if any(waiting == name for waiting, _ in queue):
            return
        if is_urgent:
            queue.insert(0, (name, step))
        else:
            queue.append((name, step))
        if lane not in self._running:
            self._running[lane] = asyncio.create_task(self._run(lane), name=f"lane {lane[1]}")

    async def idle(self) -> None:
        """Wait until every lane is empty."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def stop(self, timeout_seconds: float) -> None:
        """Let running steps finish, drop what waits: it is found again by its status."""
        self._waiting.clear()
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def length(self) -> int:
        """Steps that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    async def _run(self, lane: Lane) -> None:
        try:
            while self._waiting.get(lane):
                name, step = self._waiting[lane].pop(0)
                try:
                    await step()
                except AppError as error:
                    logger.bind(step=str(name), code=error.code, reason=error.detail).warning(
                        "step.not_done"
                    )
                except Exception:  # noqa: BLE001 one failing step must not stop the others
                    logger.bind(step=str(name)).exception("step.crashed")
        finally:
            self._waiting.pop(lane, None)
            self._running.pop(lane, None)


class Worker:
    """Hears of committed changes, sweeps for what was missed, and guards open positions."""

    def __init__(self, tools: Tools, monitor: Monitor) -> None:
        self.tools = tools
        self.monitor = monitor
        self.lanes = Lanes()
        self._tasks: list[asyncio.Task[None]] = []
        self._noticed: set[asyncio.Task[None]] = set()
        self._last_note = 0
        self._heard: set[int] = set()
        self._exit_pauses: dict[UUID, tuple[datetime, float]] = {}
        self.started_at: datetime | None = None
        self.last_sweep_at: datetime | None = None

    async def start(self) -> None:
        """Take up what the last run left, guard what is open, then follow the news."""
        async with self.tools.database.read() as session:
            self._last_note = await wakeups.newest_id(session)
        self.tools.database.listeners.append(self._on_commit)
        await self._guard_all()
        await self._sweep(is_start=True)
        self.started_at = self.tools.now()
        self._tasks = [
            asyncio.create_task(self._follow_notes(), name="worker notes"),
            asyncio.create_task(self._keep_sweeping(), name="worker sweep"),
        ]

    async def stop(self, timeout_seconds: float = 8.0) -> None:
        """Finish the steps at hand and stop; nothing is lost that waits."""
        self.tools.database.listeners.remove(self._on_commit)
        for task in (*self._tasks, *self._noticed):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._noticed, return_exceptions=True)
        await self.lanes.stop(timeout_seconds)
        self.monitor.close()

    @property
    def waiting_steps(self) -> int:
        """Steps that wait in all lanes."""
        return self.lanes.length

    def on_trigger(self, position_id: UUID, reason: CloseReason) -> None:
        """A level was reached: close the position, ahead of everything else in its lane."""
        pause = self._exit_pauses.get(position_id)
        if pause is None or self.tools.now() >= pause[0]:
            self._notice(self._dispatch_exit(position_id, reason))

    def _on_commit(self, info: dict[Any, Any]) -> None:
        for note in info.get(wakeups.SESSION_KEY, ()):
            self._heard.add(note.id)
            self._notice(self._take_up(note))

    def _notice(self, step: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(step)
        self._noticed.add(task)
        task.add_done_callback(self._noticed.discard)

    async def _follow_notes(self) -> None:
        """Notes of other processes; those of this one were heard at their commit."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                async with self.tools.database.read() as session:
                    notes = await wakeups.after(session, self._last_note)
                for note in notes:
                    self._last_note = note.id
                    if note.id not in self._heard:
                        await self._take_up(note)
                self._heard = {heard for heard in self._heard if heard > self._last_note}
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("worker.notes_failed")
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _keep_sweeping(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(self.tools.settings.sweep_seconds)
            try:
                await self._sweep()
                count += 1
                if count % TIDY_EVERY == 0:
                    await sweeps.tidy(self.tools)
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("worker.sweep_failed")

    async def _sweep(self, *, is_start: bool = False) -> None:
        tools = self.tools
        await sweeps.expire(tools)
        found = await sweeps.find_due(tools, is_start=is_start)
        for alarm_id in found.alarms:
            await on_alarm(tools, alarm_id)
        for due in found.due:
            self.lanes.put(
                due.lane, (due.work, due.subject_id), partial(self._step, due.work, due.subject_id)
            )
        await sweeps.keep_day(tools)
        await sweeps.keep_peaks(tools, self.monitor.peaks())
        self.last_sweep_at = tools.now()

    async def _guard_all(self) -> None:
        async with self.tools.database.read() as session:
            for position in await positions.held(session):
                try:
                    place = await place_of(
                        session, self.tools, position.account_id, position.symbol
                    )
                except AppError as error:
                    logger.bind(position_id=str(position.id), reason=error.detail).error(
                        "position.not_guarded"
                    )
                    continue
                self.monitor.guard(position, place.key)

    async def _take_up(self, note: Wakeup) -> None:
        """Put the step a note asks for into its lane."""
        if note.account_id is None or note.symbol is None:
            await self._step(note.work, note.subject_id)
            return
        self.lanes.put(
            (note.account_id, note.symbol),
            (note.work, note.subject_id),
            partial(self._step, note.work, note.subject_id),
            is_urgent=note.is_urgent,
        )

    async def _step(self, work: Work, subject_id: UUID) -> None:
        match work:
            case Work.SIGNAL:
                await self._carry_signal_on(subject_id)
            case Work.ORDER:
                await self._carry_order_on(subject_id)
            case Work.CANCEL:
                await cancel_order(self.tools, subject_id)
            case Work.POSITION:
                await self._guard_anew(subject_id)
            case Work.RISK:
                await sweeps.stop_entries(self.tools, subject_id)

    async def _carry_signal_on(self, signal_id: UUID) -> None:
        async with self.tools.database.read() as session:
            signal = await signals.get(session, signal_id)
        if signal.status is SignalStatus.PENDING:
            await note_reference(self.tools, signal_id)
        elif signal.status is SignalStatus.APPROVED and signal.action.opens:
            await self._submit(await enter(self.tools, signal_id, hand_over=False))
        elif signal.status is SignalStatus.APPROVED:
            await self._submit(await leave(self.tools, signal_id))

    async def _carry_order_on(self, order_id: UUID) -> None:
        async with self.tools.database.read() as session:
            order = await orders.get(session, order_id)
        if order.status is OrderStatus.CREATED:
            await submit_order(self.tools, order)
        else:
            await sync_order(self.tools, order_id)

    async def _dispatch_exit(self, position_id: UUID, reason: CloseReason) -> None:
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
        self.lanes.put(
            (position.account_id, position.symbol),
            ("exit", position_id),
            lambda: self._exit(position_id, reason),
            is_urgent=True,
        )

    async def _submit(self, order: Order | None) -> None:
        if order is not None:
            await submit_order(self.tools, order)

    async def _exit(self, position_id: UUID, reason: CloseReason) -> None:
        wanted = Exit(reason=reason, actor=f"rule:{reason.value}")
        try:
            order = await exit_position(self.tools, position_id, wanted, hand_over=False)
        except Conflict:
            return  # another exit of it is on its way
        await self._submit(order)
        await self._pace_exit(position_id)

    async def _pace_exit(self, position_id: UUID) -> None:
        """An exit the venue refuses is tried again, each time after twice the pause."""
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
        if position.is_closed:
            self._exit_pauses.pop(position_id, None)
            return
        _, last = self._exit_pauses.get(position_id, (None, FIRST_PAUSE_SECONDS / 2))
        pause = min(last * 2, LONGEST_PAUSE_SECONDS)
        self._exit_pauses[position_id] = (self.tools.now() + timedelta(seconds=pause), pause)

    async def _guard_anew(self, position_id: UUID) -> None:
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
            place = await place_of(session, self.tools, position.account_id, position.symbol)
        if position.is_closed:
            self.monitor.release(position_id)
        else:
            self.monitor.guard(position, place.key)
