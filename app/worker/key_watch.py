"""What the key of an account may do, asked at the start and once a day."""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from loguru import logger

from app.accounts.key_looks import is_due, is_news, note_permissions
from app.accounts.models import ExchangeAccount
from app.audit.service import SYSTEM
from app.core.errors import AppError
from app.pipeline.flow.tools import Tools

LOOK_SECONDS: Final = 60.0
# A venue that did not answer is asked again after that long; its last answer stands meanwhile.
AGAIN_AFTER: Final = timedelta(minutes=10)


class KeyWatch:
    """One account's key. What is stored of it decides about entries, not what is known here.

    Args:
        tools: the database, the clock and the venues.
        account_id: whose key it is.
    """

    def __init__(self, tools: Tools, account_id: UUID) -> None:
        self._tools = tools
        self._id = account_id
        self._is_asked = False
        self._key_digest: str | None = None
        self._again_at: datetime | None = None
        self._turn = asyncio.Lock()
        self._first_done = asyncio.Event()

    async def keep(self) -> None:
        """Look for ever; what goes wrong is tried again."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Ask the venue if that is due, and write down what is news."""
        async with self._turn:
            try:
                await self._look()
            except AppError as failure:
                if failure.code != "credentials_missing":
                    self._again_at = self._tools.now() + AGAIN_AFTER
                logger.bind(account_id=str(self._id), reason=failure.detail).info("key.not_asked")
            except Exception:  # noqa: BLE001 the loop must outlive a lost database
                logger.bind(account_id=str(self._id)).exception("key.not_looked_at")
            finally:
                self._first_done.set()

    @property
    def is_busy(self) -> bool:
        """Whether it is being asked about, or has not been yet."""
        return self._turn.locked() or not self._first_done.is_set()

    async def idle(self) -> None:
        """Wait until it is not busy."""
        await self._first_done.wait()
        async with self._turn:
            pass

    async def _look(self) -> None:
        tools, now = self._tools, self._tools.now()
        async with tools.database.read() as session:
            account = await session.get(ExchangeAccount, self._id)
        if account is None:
            return
        if account.venue_key_digest != self._key_digest:
            self._key_digest, self._again_at = account.venue_key_digest, None
        if not self._may_ask(account, now):
            return
        asked = await tools.venues.permissions(self._id)
        self._is_asked, self._again_at = True, None
        if is_news(account, asked, now=now):
            async with tools.database.transaction() as session:
                await note_permissions(session, self._id, asked, actor=SYSTEM, now=now)

    def _may_ask(self, account: ExchangeAccount, now: datetime) -> bool:
        if self._again_at is not None and now < self._again_at:
            return False
        return not self._is_asked or is_due(account, now=now)
