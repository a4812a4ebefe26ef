"""The worker: carries the flow on, one step after another per account and symbol."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

from loguru import logger

from app.audit.sealing import Sealer
from app.core.errors import AppError, Conflict, Denied
from app.core.failpoints import failpoint
from app.pipeline import wakeups
from app.pipeline.flow import stopping, sweeps
from app.pipeline.flow.entries import enter, note_reference
from app.pipeline.flow.evidence import tell_unknown
from app.pipeline.flow.exits import leave
from app.pipeline.flow.firing import fire, rests_for
from app.pipeline.flow.intake import decide_waiting
from app.pipeline.flow.orders import cancel_order, submit_order, sync_order
from app.pipeline.flow.protection import protect, tell_naked
from app.pipeline.flow.scheduling import keep_prices
from app.pipeline.flow.silence import watch_for_gaps
from app.pipeline.flow.sweeps import Due
from app.pipeline.flow.tools import Tools, place_of
from app.pipeline.flow.weighing import weigh
from app.pipeline.orders import repository as orders
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.positions.models import Position
from app.pipeline.positions.monitor import Monitor
from app.pipeline.wakeups import Wakeup, Work
from app.trading.words import CloseReason, Protection
from app.worker.accounts import HINTS_GATHER_SECONDS, AccountKeeper
from app.worker.lanes import Lanes, Step

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.25
# Longer than any busy moment: the machine was suspended or starved, and nothing guarded from here.
STOOD_STILL_SECONDS: Final = 2.0
# A note may be committed later than a younger one, but not by more than a transaction takes.
NOTES_SETTLE_AFTER: Final = timedelta(seconds=10)
TIDY_EVERY: Final = 300
# A venue that takes no stops is asked again now and then.
ASK_AGAIN_AFTER: Final = timedelta(seconds=60)
PROTECT_WINDOW: Final = timedelta(seconds=1)
PROTECT_AT_MOST: Final = 8
NAKED_TOLD_AFTER: Final = timedelta(seconds=5)
# The price had gone again when a scheduled exit arrived.
MISSED: Final = frozenset({OrderStatus.EXPIRED, OrderStatus.CANCELED})
# A position, and whether it is its scheduled exit that pauses: that must not hold up the stop.
Paced: TypeAlias = tuple[UUID, bool]


class Worker:
    """Hears of committed changes, sweeps for what was missed, and guards open positions.

    Args:
        tools: the database, the clock and the venues.
        monitor: watches the prices of what is open.
        gather_seconds: how long the comparison of an account waits for more hints after the first.
    """

    def __init__(
        self, tools: Tools, monitor: Monitor, *, gather_seconds: float = HINTS_GATHER_SECONDS
    ) -> None:
        self.tools = tools
        self.monitor = monitor
        self.lanes = Lanes()
        self.sealer = Sealer(tools.database, tools.clock)
        self.accounts = AccountKeeper(
            tools, self.lanes, on_agreed=self._look_for_work, gather_seconds=gather_seconds
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._noticed: set[asyncio.Task[None]] = set()
        self._settled_note = 0
        self._heard: set[int] = set()
        self._asked: dict[UUID, datetime] = {}
        self._leaving: set[UUID] = set()
        self._protected: dict[UUID, tuple[datetime, int]] = {}
        self._exit_pauses: dict[Paced, tuple[datetime, float]] = {}
        self._proofs_due: dict[UUID, asyncio.TimerHandle] = {}
        self._deciding = asyncio.Lock()
        self._steps: Mapping[Work, Callable[[UUID], Awaitable[None]]] = {
            Work.ALARMS: self._decide_crowd,
            Work.PRICE: partial(note_reference, tools),
            Work.WEIGH: partial(weigh, tools),
            Work.ENTRY: self._enter,
            Work.EXIT: self._leave,
            Work.ORDER: self._carry_order_on,
            Work.CANCEL: partial(cancel_order, tools),
            Work.POSITION: self._guard_anew,
            Work.PROTECT: self._protect,
            Work.RISK: partial(stopping.stop_entries, tools),
        }
        self.started_at: datetime | None = None
        self.last_sweep_at: datetime | None = None

    async def start(self) -> None:
        """Take up what the last run left, guard what is open, then follow the news."""
        async with self.tools.database.read() as session:
            self._settled_note = await wakeups.newest_id(session)
        self.tools.database.listeners.append(self.hear)
        await self.accounts.start()
        await _told(partial(self.sweep, is_start=True))
        self.started_at = self.tools.now()
        self._tasks = [
            asyncio.create_task(self._follow_notes(), name="worker notes"),
            asyncio.create_task(self._keep_sweeping(), name="worker sweep"),
        ]

    async def stop(self, timeout_seconds: float = 8.0) -> None:
        """Finish the steps at hand and stop; nothing is lost that waits."""
        self.tools.database.listeners.remove(self.hear)
        self.monitor.close()
        for timer in self._proofs_due.values():
            timer.cancel()
        await self.accounts.stop()
        for task in (*self._tasks, *self._noticed):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._noticed, return_exceptions=True)
        await self.lanes.stop(timeout_seconds)
        await _told(self.sealer.seal_some)

    async def idle(self) -> None:
        """Wait until every step that was set going has come to rest."""
        while self._noticed or self.lanes.is_busy or self.accounts.is_busy:
            await asyncio.gather(*self._noticed, return_exceptions=True)
            await self.lanes.idle()
            await self.accounts.idle()

    @property
    def waiting_steps(self) -> int:
        """Steps that wait in all lanes."""
        return self.lanes.length

    def on_trigger(self, position_id: UUID, reason: CloseReason) -> None:
        """A level was reached: close the position, ahead of everything else in its lane.

        Every further quote says so again; while one exit is being made, that costs a look.
        """
        if position_id in self._leaving or self._is_pausing(_paced(position_id, reason)):
            return
        self._leaving.add(position_id)
        self._notice(partial(self._dispatch_exit, position_id, reason))

    def _is_pausing(self, paced: Paced) -> bool:
        pause = self._exit_pauses.get(paced)
        return pause is not None and self.tools.now() < pause[0]

    def hear(self, info: dict[Any, Any]) -> None:
        """Take up the steps that a commit of this process left notes of."""
        for note in wakeups.committed(info):
            self._heard.add(note.id)
            self._notice(partial(self._take_up, note))

    def _look_for_work(self) -> None:
        """Take up at once what has waited for an account to be compared with its venue."""
        self._notice(self.sweep)

    def _notice(self, step: Step) -> None:
        task = asyncio.create_task(_told(step))
        self._noticed.add(task)
        task.add_done_callback(self._noticed.discard)

    async def _follow_notes(self) -> None:
        """Notes of other processes; those of this one were heard at their commit."""
        while True:
            await _sleep_watchfully(POLL_SECONDS)
            try:
                await self._read_notes()
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("worker.notes_failed")
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _read_notes(self) -> None:
        """Take up what is new. Ids may be committed out of order: the youngest are read again."""
        async with self.tools.database.read() as session:
            notes = await wakeups.after(session, self._settled_note)
        for note in notes:
            if note.id not in self._heard:
                self._heard.add(note.id)
                await _told(partial(self._take_up, note))
        settled_at = self.tools.now() - NOTES_SETTLE_AFTER
        settled = [note.id for note in notes if note.created_at <= settled_at]
        if len(notes) == wakeups.AT_ONCE:
            settled = [note.id for note in notes]
        self._settled_note = max([self._settled_note, *settled])
        self._heard = {heard for heard in self._heard if heard > self._settled_note}

    async def _keep_sweeping(self) -> None:
        count = 0
        while True:
            await asyncio.sleep(self.tools.settings.sweep_seconds)
            try:
                await self.sweep()
                count += 1
                if count % TIDY_EVERY == 0:
                    await sweeps.tidy(self.tools)
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("worker.sweep_failed")

    async def sweep(self, *, is_start: bool = False) -> None:
        """Find by their status the steps that are missing, whatever note of them was lost.

        What fails for one row keeps no other row waiting.

        Args:
            is_start: True at start-up, when nothing can be in anybody's hands.
        """
        tools = self.tools
        await _told(self._guard_missing)
        await _told(partial(sweeps.expire, tools))
        found = await sweeps.find_due(tools, is_start=is_start, asked=self._asked)
        if found.alarms:
            self._notice(partial(self._decide_crowd, found.alarms[0]))
        for due in found.due:
            self._take_up_due(due)
        for position_id, reason in found.exits:
            self.on_trigger(position_id, reason)
        for position in found.guarded:
            if is_start or self._needs_protection(position):
                self._take_up_protection(position)
        live = {order.id for order in found.live}
        self._asked = {key: at for key, at in self._asked.items() if key in live}
        for user_id in await stopping.traders_to_stop(tools, found.live):
            await _told(partial(stopping.stop_entries, tools, user_id))
        await _told(partial(sweeps.keep_day, tools))
        await _told(partial(self._follow_peaks, found.guarded))
        await _told(partial(keep_prices, tools))
        await _told(partial(tell_naked, tools, tools.now(), NAKED_TOLD_AFTER))
        await _told(partial(tell_unknown, tools, found.live))
        await _told(partial(watch_for_gaps, tools))
        self._notice(self.sealer.seal)
        self.last_sweep_at = tools.now()

    def _take_up_due(self, due: Due) -> None:
        if due.work in {Work.ORDER, Work.CANCEL}:
            self._asked[due.subject_id] = self.tools.now()
        self.lanes.put(
            due.lane,
            (due.work, due.subject_id),
            partial(self._step, due.work, due.subject_id),
            is_urgent=due.is_urgent,
        )

    def _needs_protection(self, position: Position) -> bool:
        """Whether the venue should be asked (again) to carry its stop."""
        if position.protection is Protection.VENUE:
            return False
        last, _ = self._protected.get(position.id, (None, 0))
        is_given_up = position.protection is Protection.MONITOR
        wait = ASK_AGAIN_AFTER if is_given_up else timedelta(seconds=FIRST_PAUSE_SECONDS)
        return last is None or last <= self.tools.now() - wait

    def _take_up_protection(self, position: Position) -> None:
        self.lanes.put(
            (position.account_id, position.symbol),
            (Work.PROTECT, position.id),
            partial(self._protect, position.id),
            is_urgent=True,
        )

    async def _follow_peaks(self, guarded: Sequence[Position]) -> None:
        """A trailing stop that rests at the venue follows the best price, in steps."""
        moved = await sweeps.keep_peaks(self.tools, self.monitor.peaks())
        for position in guarded:
            if position.id in moved:
                self._take_up_protection(position)

    async def _guard_missing(self) -> None:
        """Guard what is held and not guarded, and let go of what is flat.

        Only what was guarded before the rows were read can be proven flat by them.
        """
        before = self.monitor.guarded_ids
        books = await sweeps.held_books(self.tools)
        for position, key in books:
            if position.id not in self.monitor.guarded_ids:
                self.monitor.guard(position, key)
        for position_id in before - {position.id for position, _ in books}:
            self.monitor.release(position_id)
            for reason in CloseReason:
                self._exit_pauses.pop(_paced(position_id, reason), None)
            self._protected.pop(position_id, None)

    async def _take_up(self, note: Wakeup) -> None:
        """Put the step a note asks for into its lane."""
        failpoint("C06")
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
        await self._steps[work](subject_id)

    async def _decide_crowd(self, _first: UUID) -> None:
        """Decide alarms that nobody waits for any more; one pass at a time finds them all."""
        async with self._deciding:
            await decide_waiting(self.tools, told=_told)

    async def _enter(self, signal_id: UUID) -> None:
        await self._submit(await enter(self.tools, signal_id, hand_over=False))

    async def _leave(self, signal_id: UUID) -> None:
        await self._submit(await leave(self.tools, signal_id))

    async def _protect(self, position_id: UUID) -> None:
        now = self.tools.now()
        since, times = self._protected.get(position_id, (now, 0))
        if now - since > PROTECT_WINDOW:
            since, times = now, 0
        self._protected[position_id] = (since, times + 1)
        if times >= PROTECT_AT_MOST:
            # A venue that ends each new stop at once is asked again by the next sweep.
            return
        proof_due_at = await protect(self.tools, position_id)
        if proof_due_at is not None:
            self._protect_at(proof_due_at, position_id)

    def _protect_at(self, moment: datetime, position_id: UUID) -> None:
        """Go on with its stop at that moment, and not with the sweep after it."""
        earlier = self._proofs_due.pop(position_id, None)
        if earlier is not None:
            earlier.cancel()
        wait = moment - self.tools.now()
        self._proofs_due[position_id] = asyncio.get_running_loop().call_later(
            wait.total_seconds(), self._proof_is_due, position_id
        )

    def _proof_is_due(self, position_id: UUID) -> None:
        self._proofs_due.pop(position_id, None)
        self._notice(partial(self._protect_again, position_id))

    async def _protect_again(self, position_id: UUID) -> None:
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
        self._take_up_protection(position)

    async def _carry_order_on(self, order_id: UUID) -> None:
        async with self.tools.database.read() as session:
            order = await orders.get(session, order_id)
        if order.status is OrderStatus.CREATED:
            await submit_order(self.tools, order)
        else:
            await sync_order(self.tools, order_id)

    async def _dispatch_exit(self, position_id: UUID, reason: CloseReason) -> None:
        try:
            async with self.tools.database.read() as session:
                position = await positions.get(session, position_id)
            if await rests_for(self.tools, position_id, reason):
                # The venue's own order comes first; the monitor is behind it (TRADING 19).
                await asyncio.sleep(self.tools.settings.trigger_grace_seconds)
        except BaseException:
            self._leaving.discard(position_id)
            raise
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
        failpoint("C30")
        order = None
        has_gone = False
        try:
            order = await fire(self.tools, position_id, reason)
            # The price of a scheduled exit may have gone again: that was no attempt.
            has_gone = order is None and reason is CloseReason.SCHEDULED
            await self._submit(order)
        except (Conflict, Denied):
            # Another exit of it is on its way, or it is flat: watch it as what it is now.
            await self._guard_anew(position_id)
        finally:
            self._leaving.discard(position_id)
            if not has_gone:
                await self._pace_exit(_paced(position_id, reason), order)
            if reason is CloseReason.SCHEDULED:
                # A stop may have been reached meanwhile, and its trigger was not heard.
                await self._guard_anew(position_id)

    async def _pace_exit(self, paced: Paced, order: Order | None) -> None:
        """An exit the venue refuses is tried again, each time after twice the pause."""
        position_id, is_scheduled = paced
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
            sent = None if order is None else await orders.get(session, order.id)
        if position.is_closed or (sent is not None and sent.status is OrderStatus.FILLED):
            self._exit_pauses.pop(paced, None)
            return
        if self._is_pausing(paced):
            return
        _, last = self._exit_pauses.get(paced, (None, FIRST_PAUSE_SECONDS / 2))
        pause = min(last * 2, LONGEST_PAUSE_SECONDS)
        if is_scheduled and sent is not None and sent.status in MISSED:
            pause = FIRST_PAUSE_SECONDS
        self._exit_pauses[paced] = (self.tools.now() + timedelta(seconds=pause), pause)

    async def _guard_anew(self, position_id: UUID) -> None:
        async with self.tools.database.read() as session:
            position = await positions.get(session, position_id)
            place = await place_of(session, self.tools, position.account_id, position.symbol)
        if position.is_closed:
            self.monitor.release(position_id)
        else:
            self.monitor.guard(position, place.key)
        if position.is_to_be_closed and position.close_reason is not None:
            self.on_trigger(position_id, position.close_reason)


def _paced(position_id: UUID, reason: CloseReason) -> Paced:
    return position_id, reason is CloseReason.SCHEDULED


async def _sleep_watchfully(seconds: float) -> None:
    """Sleep, and say so when it took far longer than it should have."""
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    await asyncio.sleep(seconds)
    late_seconds = loop.time() - due
    if late_seconds > STOOD_STILL_SECONDS:
        logger.bind(seconds=round(late_seconds, 1)).warning("worker.stood_still")


async def _told(step: Callable[[], Awaitable[object]]) -> None:
    """Run a step; what goes wrong is logged and keeps nothing else from running."""
    try:
        await step()
    except AppError as error:
        logger.bind(code=error.code, reason=error.detail).warning("step.not_done")
    except Exception:  # noqa: BLE001 one failing step must not stop the others
        logger.exception("step.crashed")
