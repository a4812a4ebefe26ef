"""Sends notices to their users' own addresses: each at least once, and beside everything else."""

import asyncio
from typing import Final
from uuid import UUID

from loguru import logger

from app.accounts.keys import KeyRing
from app.accounts.notice_address import Destination, destination_of
from app.core.clock import Clock
from app.core.errors import AppError
from app.core.tasks import KeyedTasks
from app.db.session import Database
from app.http.outgoing import Outgoing
from app.notifications import deliveries
from app.notifications.letters import body_of, headers_of
from app.notifications.models import Delivery, Notice

LOOK_SECONDS: Final = 1.0
AFTER_FAILURE_SECONDS: Final = 10.0


class NoticePost:
    """One task per user with something due, so that a slow address holds up its owner's alone.

    Nothing is remembered here: a notice says itself how often it was tried, and when it is next.

    Args:
        database: where the notices are.
        clock: says when a try is due.
        ring: opens the addresses.
        outgoing: the way to them.
    """

    def __init__(self, database: Database, clock: Clock, ring: KeyRing, outgoing: Outgoing) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._outgoing = outgoing
        self._serving = KeyedTasks()

    async def keep(self) -> None:
        """Look for ever, until cancelled; what was under way then is sent again after its pause."""
        try:
            while True:  # noqa: ASYNC110 it looks for what has become due meanwhile
                await asyncio.sleep(await self._looked())
        finally:
            await self._serving.stop()

    async def look(self) -> None:
        """Begin to send what is due, of every user who is not being served."""
        async with self._database.read() as session:
            waiting = await deliveries.users_waiting(session, now=self._clock.now())
        for user_id in waiting:
            if user_id not in self._serving:
                self._serving.start(user_id, self._serve(user_id), name="notices of a user")

    async def idle(self) -> None:
        """Wait until nobody is being served."""
        await self._serving.idle()

    async def _looked(self) -> float:
        """Look once; the seconds until the next time."""
        try:
            await self.look()
        except Exception:  # noqa: BLE001 the loop must outlive a lost database
            logger.exception("notices.not_looked_at")
            return AFTER_FAILURE_SECONDS
        return LOOK_SECONDS

    async def _serve(self, user_id: UUID) -> None:
        try:
            while await self._send_oldest(user_id):
                pass
        except Exception:  # noqa: BLE001 the next look goes on
            logger.bind(user_id=str(user_id)).exception("notices.not_sent")

    async def _send_oldest(self, user_id: UUID) -> bool:
        """Send the oldest that is due; False when none is."""
        async with self._database.transaction() as session:
            notice = await deliveries.claim_oldest(session, user_id, now=self._clock.now())
        if notice is None:
            return False
        outcome = await self._outcome(notice)
        if outcome is not Delivery.WAITING:
            async with self._database.transaction() as session:
                await deliveries.settle(session, notice, outcome)
        if outcome is Delivery.GIVEN_UP:
            logger.bind(notice_id=str(notice.id), tries=notice.tries).warning("notice.given_up")
        return True

    async def _outcome(self, notice: Notice) -> Delivery | None:
        """What has become of a notice after one try; None when it has nowhere to go."""
        if notice.tries >= deliveries.MOST_TRIES:
            # The last try was cut off before anybody could say what came of it.
            return Delivery.GIVEN_UP
        is_last = notice.tries + 1 == deliveries.MOST_TRIES
        failed = Delivery.GIVEN_UP if is_last else Delivery.WAITING
        try:
            async with self._database.read() as session:
                destination = await destination_of(session, self._ring, notice.user_id)
            if destination is None:
                return None
            return Delivery.DELIVERED if await self._is_taken(notice, destination) else failed
        except AppError as failure:
            logger.bind(notice_id=str(notice.id), code=failure.code).info("notice.not_taken")
            return failed

    async def _is_taken(self, notice: Notice, destination: Destination) -> bool:
        body = body_of(notice)
        headers = headers_of(notice.id, body, destination.secret, now=self._clock.now())
        answer = await self._outgoing.post(destination.url, body, headers)
        return answer.is_success
