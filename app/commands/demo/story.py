"""Two trades from alert to result: one reaches its target, one is closed by hand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.commands.demo.server import Body, Server
from app.core.clock import Clock, iso
from app.core.decimals import plain
from app.core.errors import Unavailable

TICKER: Final = "BTCUSDT"
QUANTITY: Final = "0.01"
STRATEGY: Final = "Demo story"
STOP: Final = Decimal("0.98")
TARGET: Final = Decimal("1.01")
BEYOND: Final = Decimal("1.0001")
CENT: Final = Decimal("0.1")
WATCHED_SECONDS: Final = 2.0


@dataclass(slots=True)
class Story:
    """The narrator.

    Attributes:
        told: closed positions, for the table at the end.
        is_held: whether we hold the paper exchange's price.
    """

    server: Server
    console: Console
    clock: Clock
    webhook_url: str = ""
    strategy_id: str = ""
    told: list[Body] = field(default_factory=list)
    is_held: bool = False

    async def tell(self) -> None:
        """All of it, in about a quarter of a minute."""
        await self._prepare()
        try:
            await self._reach_a_target()
            await self._close_by_hand()
        finally:
            await self._let_go()
        await self._sum_up()

    async def _prepare(self) -> None:
        self._chapter("A strategy with a webhook address")
        accounts = await self.server.items("/accounts")
        paper = [one for one in accounts if one["is_paper"] and one["market_type"] == "linear"]
        if not paper:
            raise Unavailable("This user has no paper account for futures.")
        strategies = await self.server.items("/strategies", limit="500")
        known = [one for one in strategies if one["name"] == STRATEGY]
        if known:
            made = await self.server.post(f"/strategies/{known[0]['id']}/rotate-token")
        else:
            wanted = {"name": STRATEGY, "account_id": paper[0]["id"]}
            made = await self.server.post("/strategies", wanted)
        self.webhook_url, self.strategy_id = made["webhook_url"], made["id"]
        self._say(f"“{STRATEGY}” trades on {paper[0]['name']!r}: 10,000 USDT that are not real.")
        self._say(f"TradingView would send its alerts to {self.webhook_url[:-39]}…", dim=True)
        for left in await self._held():
            await self._close(left)

    async def _reach_a_target(self) -> None:
        self._chapter("1. An alert with a stop and a target")
        price = await self.server.price(TICKER)
        stop, target = _tick(price * STOP), _tick(price * TARGET)
        self._say(f"Bitcoin is at [bold]{plain(price)}[/] USDT on the paper exchange.")
        alert = {
            "symbol": TICKER,
            "action": "buy",
            "quantity": QUANTITY,
            "stop_loss": plain(stop),
            "take_profit": plain(target),
            "price": plain(price),
            "time": iso(self.clock.now()),
        }
        position = await self._enter(json.dumps(alert))
        await self._watch(position)
        beyond = plain(_tick(target * BEYOND))
        self.is_held = await self.server.control("price", {"symbol": TICKER, "price": beyond})
        if self.is_held:
            self._say(f"We lift the paper price to {beyond}: past the target.")
            await self._tell_end(position["id"])
            await self._let_go()
        else:
            self._say("The price walks by itself here (PAPER_CONTROL is off), so we do not wait")
            self._say("for the target and close by hand.")
            await self._close(position)

    async def _close_by_hand(self) -> None:
        self._chapter("2. TradingView's own sentence, and a trader who changes their mind")
        # Without a time or an id, the same words within a minute are the same alert.
        name = f"Demo {self.clock.now():%H:%M:%S}"
        order = f"order buy @ {QUANTITY} filled on {TICKER}.P"
        text = f"{name}: {order}. New strategy position is {QUANTITY}"
        position = await self._enter(text)
        await self._watch(position)
        await self._close(position)

    async def _enter(self, alert: str) -> Body:
        self._say(f"The alert: [cyan]{escape(alert)}[/]")
        receipt = await self.server.alert(self.webhook_url, alert)
        signal = await self.server.get(f"/signals/{receipt['signal_id']}")
        self._say(f"Stored, then understood: [bold green]{escape(signal['sentence'])}[/]")
        self._say("Nothing is sent before somebody says yes. We approve.")
        await self.server.post(f"/signals/{signal['id']}/approve")
        order = await self.server.until(
            lambda: self._filled(signal["id"]), "the order to be filled"
        )
        self._say(
            f"Order {order['client_order_id']} was written down, sent and [green]filled[/]:"
            f" {order['filled_quantity']} at {order['average_price']},"
            f" fee {order['fee']} {order['fee_asset']}."
        )
        return await self.server.until(self._open, "the position to open")

    async def _watch(self, position: Body) -> None:
        levels = [
            f"{name} {position[key]}"
            for name, key in (("stop", "stop_loss"), ("target", "take_profit"))
            if position[key] is not None
        ]
        guarded = f", guarded by {' and '.join(levels)}" if levels else ""
        self._say(
            f"A {position['position_side']} position is open at {position['entry_price']}{guarded}."
        )
        loop = asyncio.get_running_loop()
        until = loop.time() + WATCHED_SECONDS
        with self.console.status("watching it") as status:
            while loop.time() < until:
                now = await self.server.get(f"/positions/{position['id']}")
                status.update(f"price {now['price']}   result so far {now['unrealized_pnl']} USDT")
                position = now
                await asyncio.sleep(0.25)
        self._say(
            f"After {WATCHED_SECONDS:.0f} s: price {position['price']},"
            f" result so far {_coloured(position['unrealized_pnl'])} USDT before fees.",
        )

    async def _close(self, position: Body) -> None:
        self._say("We close it by hand.")
        await self.server.post(f"/positions/{position['id']}/close")
        await self._tell_end(position["id"])

    async def _tell_end(self, position_id: str) -> None:
        row = await self.server.until(lambda: self._closed(position_id), "the position to close")
        self.told.append(row)
        self._say(
            f"Closed at {row['exit_price']} ([bold]{row['close_reason']}[/]):"
            f" {_coloured(row['realized_pnl'])} USDT after {row['fees']} in fees."
        )

    async def _sum_up(self) -> None:
        self._chapter("What the day has brought")
        table = Table("why it closed", "entry", "exit", "fees", "result")
        for row in self.told:
            table.add_row(
                row["close_reason"],
                row["entry_price"],
                row["exit_price"],
                row["fees"],
                _coloured(row["realized_pnl"]),
            )
        self.console.print(table)
        for day in (await self.server.items("/pnl/daily"))[:1]:
            self._say(
                f"{day['date']}: {day['trades']} trades, {_coloured(day['realized_pnl'])}"
                f" {day['currency']} after fees of {day['fees']}."
            )
        self._say(f"Every step is on record: {self.server.url}/schema shows where.", dim=True)

    async def _let_go(self) -> None:
        if self.is_held:
            self.is_held = False
            await self.server.control("walk", {"symbol": TICKER})

    async def _filled(self, signal_id: str) -> Body | None:
        for order in await self.server.items("/orders", signal_id=signal_id):
            if order["status"] == "filled":
                return order
        signal = await self.server.get(f"/signals/{signal_id}")
        if signal["status"] in {"denied", "failed", "expired", "superseded"}:
            raise Unavailable(f"The signal was {signal['status']}: {signal['reason']}")
        return None

    async def _held(self) -> list[Body]:
        return await self.server.items("/positions", status="open", strategy_id=self.strategy_id)

    async def _open(self) -> Body | None:
        held = await self._held()
        return held[0] if held else None

    async def _closed(self, position_id: str) -> Body | None:
        row: Body = await self.server.get(f"/positions/{position_id}")
        return row if row["status"] == "closed" else None

    def _chapter(self, title: str) -> None:
        self.console.print(f"\n[bold blue]{escape(title)}[/]")

    def _say(self, text: str, *, dim: bool = False) -> None:
        self.console.print(f"  {text}", style="dim" if dim else None, soft_wrap=True)


@asynccontextmanager
async def logged_in(server: Server, username: str, password: str) -> AsyncIterator[Server]:
    """Log in at the beginning and out at the end."""
    login = await server.post("/auth/token", {"username": username, "password": password})
    server.access_token = login["access_token"]
    try:
        yield server
    finally:
        await server.post("/auth/logout", {"refresh_token": login["refresh_token"]})


def _tick(price: Decimal) -> Decimal:
    return price.quantize(CENT, rounding=ROUND_DOWN)


def _coloured(amount: str | None) -> str:
    if amount is None:
        return "unknown"
    return f"[red]{amount}[/]" if amount.startswith("-") else f"[green]{amount}[/]"
