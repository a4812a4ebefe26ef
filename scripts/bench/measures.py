"""The three things that are timed, each one at a time."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
from sqlalchemy import Text, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.ids import new_client_order_id
from app.exchanges.client import Credentials, build_client, load_ccxt
from app.exchanges.redirect import RedirectingSession
from app.exchanges.venues import PAPER, venue_spec
from app.trading.words import MarketType
from scripts.bench.processes import PASSWORD, USERNAME, Site

SYMBOL = "BTC/USDT"
TICKER = "BTCUSDT"
PRICE = "60000"
QUANTITY = "0.0002"  # 12 USDT: above every minimum, and the paper money lasts
ROW_BYTES = 700  # what one of our three transactions writes, its audit row and note included
SETTLE_SECONDS = 0.12  # until fill, balances and position of the last order are done with
PATIENCE_SECONDS = 10.0


class Base(DeclarativeBase):
    """Tables of the benchmark alone."""


class Line(Base):
    """A row as large as ours."""

    __tablename__ = "bench_lines"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(Text)


@dataclass(slots=True)
class Alerts:
    """Alert to order: from before it is sent to its arrival in the venue's ledger.

    Attributes:
        answered: milliseconds until the sender of the alert was answered.
        arrived: milliseconds until the venue received the order.
    """

    site: Site
    client: httpx.AsyncClient
    webhook_url: str
    answered: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    seen: int = 0
    count: int = 0

    @classmethod
    async def prepare(cls, site: Site, client: httpx.AsyncClient) -> "Alerts":
        """Log in and make a strategy that approves by itself, on the spot paper account."""
        await _control(client, site, "price", symbol=TICKER, price=PRICE)
        login = await _post(
            client, f"{site.server}/auth/token", username=USERNAME, password=PASSWORD
        )
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        accounts = (await client.get(f"{site.server}/accounts", headers=bearer)).json()["items"]
        spot = next(one for one in accounts if one["market_type"] == "spot")
        made = await client.post(
            f"{site.server}/strategies",
            headers=bearer,
            json={
                "name": "bench",
                "account_id": spot["id"],
                "approval": "auto",
                "max_entries": 0,
            },
        )
        made.raise_for_status()
        return cls(site, client, made.json()["webhook_url"])

    async def one(self) -> None:
        """Send one alert and wait for its order."""
        self.count += 1
        alert = {
            "symbol": TICKER,
            "action": "buy",
            "quantity": QUANTITY,
            "stop_loss": "50000",
            "id": f"bench-{self.count}",
        }
        began = time.time()
        answer = await self.client.post(self.webhook_url, json=alert)
        answered = time.time()
        receipt = answer.json()
        if receipt["status"] != "accepted":
            raise RuntimeError(f"the alert was not accepted: {receipt}")
        arrival = await self._arrival()
        self.answered.append((answered - began) * 1000)
        self.arrived.append((arrival - began) * 1000)

    async def _arrival(self) -> float:
        """When the venue received the order, by its ledger; read after everything is over."""
        deadline = time.time() + PATIENCE_SECONDS
        while time.time() < deadline:
            await asyncio.sleep(SETTLE_SECONDS)
            url = f"{self.site.paper}/control/ledger"
            answer = await self.client.get(url, params={"after": self.seen})
            items = answer.json()["items"]
            self.seen = max([self.seen, *(item["seq"] for item in items)])
            for item in items:
                if item["kind"] == "request" and _is_order(item):
                    return datetime.fromisoformat(item["received_at"]).timestamp()
        raise RuntimeError("the alert was accepted, but no order reached the venue")


@dataclass(slots=True)
class BareOrders:
    """`create_order` of the same ccxt client, with nothing around it."""

    ccxt_client: Any
    session: RedirectingSession
    taken: list[float] = field(default_factory=list)
    count: int = 0

    @classmethod
    async def prepare(cls, site: Site, client: httpx.AsyncClient) -> "BareOrders":
        """A client with an account of its own; markets are loaded."""
        key = await _control(client, site, "accounts", balances={"USDT": "10000", "BTC": "1"})
        session = RedirectingSession(site.paper)
        ccxt_client = build_client(
            await load_ccxt(),
            venue_spec(PAPER, MarketType.SPOT),
            timeout_seconds=10,
            credentials=Credentials(key["api_key"], key["api_secret"]),
            session=session,
            is_rate_limited=False,
        )
        await ccxt_client.load_markets()
        return cls(ccxt_client, session)

    async def one(self) -> None:
        """Buy and sell in turn, after the same silence as an alert comes out of.

        A loop without it would run on warm caches and awake threads, which no alert finds.
        """
        await asyncio.sleep(SETTLE_SECONDS)
        self.count += 1
        side = "buy" if self.count % 2 else "sell"
        parameters = {"clientOrderId": new_client_order_id()}
        began = time.perf_counter()
        await self.ccxt_client.create_order(
            SYMBOL, "market", side, float(Decimal(QUANTITY)), None, parameters
        )
        self.taken.append((time.perf_counter() - began) * 1000)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.ccxt_client.close()
        await self.session.close()


@dataclass(slots=True)
class BareCommits:
    """Three transactions, one insert each, through SQLAlchemy as it comes."""

    engine: AsyncEngine
    taken: list[float] = field(default_factory=list)

    @classmethod
    async def prepare(cls, url: str) -> "BareCommits":
        """A table on the same kind of database, as safely written."""
        engine = create_async_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine.sync_engine, "connect", as_safe_as_ours)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        return cls(engine)

    async def one(self) -> None:
        """Insert and commit, three times, after the same silence as an alert comes out of."""
        await asyncio.sleep(SETTLE_SECONDS)
        began = time.perf_counter()
        for _ in range(3):
            async with AsyncSession(self.engine) as session:
                session.add(Line(text="x" * ROW_BYTES))
                await session.commit()
        self.taken.append((time.perf_counter() - began) * 1000)

    async def close(self) -> None:
        """Drop the table and close."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
        await self.engine.dispose()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed, 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def as_safe_as_ours(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _is_order(item: dict[str, Any]) -> bool:
    return item["method"] == "POST" and str(item["path"]).endswith("/order")


async def _control(client: httpx.AsyncClient, site: Site, what: str, **body: Any) -> dict[str, Any]:
    return await _post(client, f"{site.paper}/control/{what}", **body)


async def _post(client: httpx.AsyncClient, url: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(url, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
