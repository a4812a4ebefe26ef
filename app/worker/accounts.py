"""The keeper of accounts: compares each with its venue, and follows what the venue tells."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from loguru import logger

from app.accounts import repository as accounts
from app.accounts import states
from app.accounts.models import ExchangeAccount
from app.core.decimals import plain
from app.core.errors import AppError, AuthRefused, NotFound, Unavailable
from app.exchanges.venue import News, NewsKind
from app.notifications.models import Severity
from app.notifications.service import tell
from app.pipeline.flow.orders import sync_order
from app.pipeline.flow.reconcile import Step as SymbolStep
from app.pipeline.flow.reconcile import reconcile_account
from app.pipeline.flow.reconciling.symbol import Looked
from app.pipeline.flow.tools import Tools
from app.pipeline.orders import repository as orders
from app.pipeline.orders import service as order_service
from app.pipeline.orders.models import Order
from app.pipeline.orders.status import OrderStatus
from app.pipeline.positions import repository as positions
from app.pipeline.wakeups import Work
from app.worker.key_watch import KeyWatch
from app.worker.lanes import Lanes

ZERO: Final = Decimal(0)
# Of the timer's time: after a difference that was seen once, and after a first failure.
SOON: Final = 1 / 30
HINTS_GATHER_SECONDS: Final = 1.0
FUNDING_EVERY: Final = timedelta(seconds=20)
TOLD_AFTER: Final = timedelta(seconds=30)
# A stream that said nothing of what was then found by asking is not believed to be alive.
SILENT_AFTER: Final = timedelta(seconds=10)
# What ended so cannot be at the venue, as far as is known here.
NEVER_THERE: Final = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED})
UNREACHABLE: Final = "account_unreachable"
KEY_REFUSED: Final = "key_refused"


class AccountKeeper:
    """One task per account that is switched on or has something open.

    Args:
        tools: the database, the clock and the venues.
        lanes: where the steps of an account's symbols run.
        on_agreed: hears that entries of an account need not wait any more.
        gather_seconds: how long a comparison waits for more hints after the first.
    """

    def __init__(
        self,
        tools: Tools,
        lanes: Lanes,
        *,
        on_agreed: Callable[[], None],
        gather_seconds: float,
    ) -> None:
        self._tools = tools
        self._lanes = lanes
        self._on_agreed = on_agreed
        self._gather_seconds = gather_seconds
        self._kept: dict[UUID, KeptAccount] = {}
        self._listing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin with every account at once; entries of each wait for its first comparison."""
        agreement = self._tools.agreement
        agreement.is_kept = True
        agreement.on_stranger = self._keep
        await self._list()
        self._listing = asyncio.create_task(self._keep_listing(), name="accounts")

    async def stop(self) -> None:
        """Stop comparing and listening."""
        self._tools.agreement.is_kept = False
        if self._listing is not None:
            self._listing.cancel()
            await asyncio.gather(self._listing, return_exceptions=True)
        await asyncio.gather(*(one.stop() for one in self._kept.values()))
        self._kept.clear()

    async def look(self, account_id: UUID) -> None:
        """Compare an account now, and wait until that is done."""
        self._keep(account_id)
        await self._kept[account_id].look()

    async def look_at_key(self, account_id: UUID) -> None:
        """See what the key of an account may do, if that is due."""
        self._keep(account_id)
        await self._kept[account_id].key.look()

    async def idle(self) -> None:
        """Wait until no comparison runs and no hint waits."""
        await asyncio.gather(*(one.idle() for one in list(self._kept.values())))

    @property
    def is_busy(self) -> bool:
        """Whether an account is being compared."""
        return any(one.is_busy for one in self._kept.values())

    async def _keep_listing(self) -> None:
        while True:
            await asyncio.sleep(self._tools.settings.reconcile_without_stream_seconds)
            try:
                await self._list()
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("accounts.not_listed")

    async def _list(self) -> None:
        async with self._tools.database.read() as session:
            rows = await accounts.active_exchange_accounts(session)
            wanted = {row.id for row in rows}
            wanted |= {row.account_id for row in await positions.held(session)}
            wanted |= {row.account_id for row in await orders.live(session)}
        for account_id in wanted:
            self._keep(account_id)

    def _keep(self, account_id: UUID) -> None:
        if account_id not in self._kept:
            self._kept[account_id] = KeptAccount(
                self._tools,
                self._lanes,
                account_id,
                on_agreed=self._on_agreed,
                gather_seconds=self._gather_seconds,
            )


class KeptAccount:
    """One account: its timer, its private stream, its key, and how it stands.

    Args:
        tools: the database, the clock and the venues.
        lanes: where the steps of its symbols run.
        account_id: which one.
        on_agreed: hears that its entries need not wait any more.
        gather_seconds: hints come in swarms; how long one waits for the others.
    """

    def __init__(
        self,
        tools: Tools,
        lanes: Lanes,
        account_id: UUID,
        *,
        on_agreed: Callable[[], None],
        gather_seconds: float,
    ) -> None:
        self._tools = tools
        self._lanes = lanes
        self._gather_seconds = gather_seconds
        self._id = account_id
        self._on_agreed = on_agreed
        self._called = asyncio.Event()
        self._turn = asyncio.Lock()
        self._first_done = asyncio.Event()
        self._is_first = True
        self._is_streaming = False
        self._failures = 0
        self._last = Looked()
        self._heard_at = tools.now()
        self._funding_at: datetime | None = None
        self._hints: set[asyncio.Task[None]] = set()
        self.key = KeyWatch(tools, account_id)
        self._tasks = [
            asyncio.create_task(self._keep(), name=f"account {account_id}"),
            asyncio.create_task(self._follow(), name=f"news {account_id}"),
            asyncio.create_task(self.key.keep(), name=f"key {account_id}"),
        ]

    async def stop(self) -> None:
        """Stop at once: what was begun is begun anew by the next run."""
        tasks = [*self._tasks, *self._hints]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def is_busy(self) -> bool:
        """Whether it or its key is looked at, or has not been yet, or a hint is looked into."""
        is_looking = self._turn.locked() or self.key.is_busy
        return is_looking or not self._first_done.is_set() or bool(self._hints)

    async def idle(self) -> None:
        """Wait until it is not busy."""
        while self.is_busy:
            await self._first_done.wait()
            await self.key.idle()
            await asyncio.gather(*self._hints, return_exceptions=True)
            async with self._turn:
                pass

    async def look(self) -> None:
        """Compare it now; what goes wrong is written down and tried again later."""
        async with self._turn:
            try:
                self._last = await self._reconcile()
            except NotFound:
                self._last = Looked()
            except AppError as failure:
                await self._note_failing(failure)
            except Exception as surprise:  # noqa: BLE001 entries wait, and it is tried again
                logger.bind(account_id=str(self._id)).exception("account.not_reconciled")
                await self._note_failing(Unavailable(type(surprise).__name__, code="crashed"))
            else:
                await self._note_agreed()
            finally:
                self._first_done.set()

    async def _keep(self) -> None:
        while True:
            try:
                await self.look()
                pause_seconds = await self._pause_seconds()
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.exception("account.not_kept")
                pause_seconds = self._tools.settings.reconcile_without_stream_seconds
            await self._wait(pause_seconds)

    async def _wait(self, pause_seconds: float) -> None:
        """Until the timer is up, or a little after a hint: hints come in swarms."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_seconds):
                await self._called.wait()
            await asyncio.sleep(self._gather_seconds)
        self._called.clear()

    async def _pause_seconds(self) -> float:
        settings = self._tools.settings
        if self._last.is_open or self._failures == 1:
            return settings.reconcile_seconds * SOON
        if self._failures:
            return settings.reconcile_without_stream_seconds
        if self._is_streaming:
            return settings.reconcile_seconds
        async with self._tools.database.read() as session:
            is_open = await positions.held(session, account_id=self._id) or await orders.live(
                session, account_id=self._id
            )
        if is_open:
            return settings.reconcile_without_stream_seconds
        return settings.reconcile_seconds

    async def _follow(self) -> None:
        """Follow the private stream; it only says when to ask, and what was accepted."""
        while True:
            try:
                venue = await self._tools.venues.of(self._id)
                if not venue.abilities.streams_news:
                    return
                async with aclosing(venue.news()) as stream:
                    async for news in stream:
                        self._hear(news)
            except AppError as failure:
                logger.bind(account_id=str(self._id), reason=failure.detail).info("news.not_heard")
            except Exception:  # noqa: BLE001 the stream must outlive whatever it runs into
                logger.bind(account_id=str(self._id)).exception("news.crashed")
            self._is_streaming = False
            await asyncio.sleep(self._tools.settings.reconcile_seconds * SOON)

    def _hear(self, news: News) -> None:
        self._heard_at, self._is_streaming = self._tools.now(), True
        if news.kind is not NewsKind.ORDER or news.client_order_id is None:
            self._called.set()
            return
        self._tools.agreement.hear_of(news.client_order_id, news.exchange_order_id)
        task = asyncio.create_task(self._look_into(news.client_order_id))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)

    async def _look_into(self, client_order_id: str) -> None:
        """Ask about an order of ours in its lane; what is not known here concerns the account."""
        try:
            async with self._tools.database.read() as session:
                found = await orders.by_client_ids(session, self._id, [client_order_id])
        except Exception:  # noqa: BLE001 the timer asks again
            logger.exception("news.not_looked_into")
            return
        if not found or any(order.status in NEVER_THERE for order in found):
            self._called.set()
        for order in found:
            if order.is_final:
                continue
            self._lanes.put(
                order_service.lane_of(order),
                (Work.ORDER, order.id),
                partial(sync_order, self._tools, order.id),
                is_urgent=order_service.is_exit(order),
            )

    async def _reconcile(self) -> Looked:
        now = self._tools.now()
        is_due = self._funding_at is None or now - self._funding_at >= FUNDING_EVERY
        looked = await reconcile_account(
            self._tools,
            self._id,
            in_lane=self._in_lane,
            is_first=self._is_first,
            with_funding=is_due,
        )
        if is_due:
            self._funding_at = now
        self._is_first = False
        if looked.has_news and now - self._heard_at > SILENT_AFTER:
            self._is_streaming = False
        return looked

    async def _in_lane(self, symbol: str, step: SymbolStep) -> Looked:
        """Run a symbol's step in its lane, and wait for what it comes to."""
        done: asyncio.Future[Looked] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            if done.cancelled():
                return
            try:
                looked = await step()
            except BaseException as failure:
                if not done.done():
                    done.set_exception(failure)
                raise
            if not done.done():
                done.set_result(looked)

        self._lanes.put((self._id, symbol), ("reconcile", id(done)), run)
        return await done

    async def _note_agreed(self) -> None:
        tools, self._failures = self._tools, 0
        async with tools.database.read() as session:
            row = await states.state(session, self._id)
        now = tools.now()
        if states.is_worth_writing(row, now=now):
            async with tools.database.transaction() as session:
                await states.note_agreed(session, self._id, now=now)
        for code in (UNREACHABLE, KEY_REFUSED):
            tools.agreement.is_over(code, self._id)
        if tools.agreement.agree(self._id):
            logger.bind(account_id=str(self._id)).info("account.reconciled")
            self._on_agreed()

    async def _note_failing(self, failure: AppError) -> None:
        """Entries wait; the owner is told when it lasts, at once when the key is refused."""
        tools = self._tools
        self._failures += 1
        reason = f"{failure.code}: {failure.detail}"
        tools.agreement.fail(self._id, reason)
        logger.bind(account_id=str(self._id), reason=reason).warning("account.not_reconciled")
        if failure.code == "credentials_missing":
            self._failures = 1
            return
        async with tools.database.transaction() as session:
            since = await states.note_failing(session, self._id, reason, now=tools.now())
            account = await session.get_one(ExchangeAccount, self._id)
            is_refused = isinstance(failure, AuthRefused)
            code = KEY_REFUSED if is_refused else UNREACHABLE
            lasts = tools.now() - since >= TOLD_AFTER
            if not (is_refused or lasts) or not tools.agreement.is_new(code, self._id):
                return
            live = await orders.live(session, account_id=self._id)
            await tell(
                session,
                user_id=account.user_id,
                severity=Severity.URGENT,
                code=code,
                subject_kind="account",
                subject_id=str(self._id),
                text=_failing_words(account, failure, live),
                now=tools.now(),
            )


def _failing_words(account: ExchangeAccount, failure: AppError, live: Sequence[Order]) -> str:
    """What cannot be done, and what still protects: the stops that rest at the venue."""
    resting = [
        f"{order.purpose.value} {plain(order.quantity)} {order.symbol} at "
        f"{plain(order.trigger_price or ZERO)}"
        for order in live
        if order.is_resting_exit and order.accepted_at is not None
    ]
    what = (
        f"The venue refuses the key of {account.name}"
        if isinstance(failure, AuthRefused)
        else f"{account.name} cannot be compared with its venue ({failure.code})"
    )
    stops = f"Resting there: {'; '.join(resting)}." if resting else "No stop of ours rests there."
    return (
        f"{what}. Nothing is opened on it; positions are watched by the public price, but may not "
        f"be closable from here. {stops}"
    )
