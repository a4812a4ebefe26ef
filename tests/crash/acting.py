"""One step of a story carried out against a running server and its venue."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx

from tests.crash.facts import Position, Rows, Signal, market_of
from tests.crash.history import Command, Delivery, History, now_ns
from tests.crash.mapping import read_rows
from tests.crash.server import Server
from tests.crash.story import STRATEGIES, Step
from tests.crash.venue import PaperVenue

# TradingView cancels after three seconds, and sends again after 5xx, at most three times; a proxy
# in front turns a broken connection into 502. Its pauses of five seconds are shortened.
PATIENCE_SECONDS: Final = 3.0
PAUSE_SECONDS: Final = 0.8
SENDS: Final = 4
OPEN_SECONDS: Final = 2.0
TICK: Final = Decimal("0.01")
ONE: Final = Decimal(1)
PERCENT: Final = Decimal("0.01")


@dataclass
class Actor:
    """The trader, TradingView and the market.

    Attributes:
        webhooks: address of each strategy, by its name in the stories.
        strategies: id of each, likewise.
    """

    server: Server
    venue: PaperVenue
    history: History
    webhooks: dict[str, str] = field(default_factory=dict)
    strategies: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    count: int = 0

    async def settle_in(self) -> None:
        """Make the strategies of the stories."""
        deadline = time.monotonic() + 10
        accounts: dict[str, str] = {}
        while len(accounts) < 2 and time.monotonic() < deadline:
            _, answer = await self.server.ask("GET", "/accounts")
            ready = [one for one in answer["items"] if one["key_hint"]]
            accounts = {one["market_type"]: one["id"] for one in ready}
            await asyncio.sleep(0.05)
        for name, (market, settings) in STRATEGIES.items():
            body = {"name": name, "account_id": accounts[market], **settings}
            status, made = await self.server.ask("POST", "/strategies", body)
            assert status == 201, made
            self.webhooks[name] = made["webhook_url"]
            self.strategies[name] = made["id"].replace("-", "")

    async def act(self, step: Step) -> None:
        """Carry one step out; what the server or the venue refuses is part of the story."""
        does: dict[str, Callable[[Step], Awaitable[None]]] = {
            "alert": self._alert,
            "repeat": self._repeat,
            "ensure_open": self._ensure_open,
            "ensure_flat": self._ensure_flat,
            "decide": self._decide,
            "close": self._close,
            "levels": self._levels,
            "schedule": self._schedule,
            "hit": self._hit,
            "move": self._move,
            "hands": self._hands,
            "fault": self._fault,
            "cancel": self._cancel,
            "fund": self._fund,
            "wait": self._wait,
        }
        await does[step["do"]](step)

    async def delivered(self) -> None:
        """Wait until TradingView has stopped sending again."""
        while self.sending:
            await asyncio.gather(*self.sending)

    async def _alert(self, step: Step) -> None:
        name, self.count = step["strategy"], self.count + 1
        symbol = step["symbol"] + (".P" if STRATEGIES[name][0] == "linear" else "")
        moment = datetime.now(UTC) - timedelta(seconds=step.get("age", 0))  # noqa: TID251 a sender's clock
        body: dict[str, Any] = {
            "symbol": symbol,
            "action": step["action"],
            "id": f"{self.history.seed}-{self.count}",
            "time": moment.isoformat(),
        }
        if step["action"] in {"buy", "sell"}:
            body |= {"notional": step["notional"], "stop_loss": f"{step['stop']}%"}
            if step.get("target"):
                body["take_profit"] = f"{step['target']}%"
            if step.get("trailing"):
                body["trailing_percent"] = step["trailing"]
            if step.get("limit"):
                price = self._priced(step["symbol"], Decimal(step["limit"]))
                body |= {"order_type": "limit", "price": f"{price:f}"}
        url = self.webhooks[name]
        if step.get("secret"):
            url, _, body["secret"] = url.rpartition("/")
        await self._send(name, url, json.dumps(body))

    async def _repeat(self, step: Step) -> None:
        if self.sent:
            url, body = self.sent[-min(step["back"], len(self.sent))]
            await self._send("", url, body)

    async def _send(self, name: str, url: str, body: str) -> None:
        """The first attempt is awaited; those after it go on by themselves."""
        self.sent.append((url, body))
        if not await self._deliver(name, url, body):
            task = asyncio.create_task(self._send_again(name, url, body))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)

    async def _send_again(self, name: str, url: str, body: str) -> None:
        for _ in range(SENDS - 1):
            await asyncio.sleep(PAUSE_SECONDS)
            if await self._deliver(name, url, body):
                return

    async def _deliver(self, name: str, url: str, body: str) -> bool:
        """One attempt; False when TradingView would send again."""
        began, status, answer = now_ns(), 0, {}
        try:
            reply = await self.server.client.post(
                url,
                content=body,
                timeout=PATIENCE_SECONDS,
                headers={"Authorization": "", "Content-Type": "application/json"},
            )
            status, answer = reply.status_code, reply.json()
        except httpx.TimeoutException:
            status = 504  # it gives up without sending again
        except httpx.TransportError:
            status = 0
        finally:
            # Also when the story goes on without waiting for the answer: it was sent.
            self.history.deliveries.append(Delivery(name, body, began, now_ns(), status, answer))
        return 0 < status < 500 or status == 504

    async def _ensure_open(self, step: Step) -> None:
        if not self._open_positions(step["strategy"]):
            await self._ensure_flat(step)
            await self._alert(step)
            await _until(lambda: bool(self._open_positions(step["strategy"])))

    async def _ensure_flat(self, step: Step) -> None:
        """Nothing of any strategy stands in the way of an entry on that symbol."""
        market = STRATEGIES[step["strategy"]][0]
        for position in self._open_positions():
            if market_of(position.symbol) == (market, step["symbol"]):
                await self._command("POST", f"/positions/{position.id}/close", "close", position.id)
        await _until(
            lambda: all(
                market_of(one.symbol) != (market, step["symbol"]) for one in self._open_positions()
            )
        )

    async def _decide(self, step: Step) -> None:
        pending = [one for one in self._rows().signals if one.status == "pending"]
        if pending:
            signal: Signal = pending[step["pick"] % len(pending)]
            path = f"/signals/{signal.id}/{step['verdict']}"
            await self._command("POST", path, step["verdict"], signal.id)

    async def _close(self, step: Step) -> None:
        position = self._picked(step["pick"], step.get("strategy", ""))
        if position is None:
            return
        body = None
        if step.get("part"):
            body = {"quantity": f"{position.quantity * Decimal(step['part']):f}"}
        await self._command("POST", f"/positions/{position.id}/close", "close", position.id, body)

    async def _levels(self, step: Step) -> None:
        position = self._picked(step["pick"])
        if position is None:
            return
        symbol = market_of(position.symbol)[1]
        worse, better = -2 * position.sign, 3 * position.sign
        bodies: dict[str, dict[str, str | None]] = {
            "stop": {"stop_loss": f"{self._priced(symbol, Decimal(worse)):f}"},
            "target": {"take_profit": f"{self._priced(symbol, Decimal(better)):f}"},
            "trailing": {"trailing_percent": "1.5"},
            "none": {"take_profit": None},
        }
        body = bodies[step["level"]]
        await self._command("PATCH", f"/positions/{position.id}", "levels", position.id, body)

    async def _schedule(self, step: Step) -> None:
        """Have a position sold, or bought back, where the price soon may be."""
        position = self._picked(step["pick"])
        if position is None:
            return
        path, body = (
            f"/positions/{position.id}/schedule-sell",
            {"min_profit_percent": step["profit"]},
        )
        await self._command("POST", path, "schedule", position.id, body)

    async def _hit(self, step: Step) -> None:
        """Move the price to a level of a position, or past it."""
        held = [one for one in self._open_positions() if one.stop_loss is not None]
        if not held:
            return
        position = held[step["pick"] % len(held)]
        is_target = step["level"] == "target" and position.take_profit is not None
        level = position.take_profit if is_target else position.stop_loss
        assert level is not None
        sign = position.sign if is_target else -position.sign
        price = level * (ONE + sign * Decimal(step["past"]) * PERCENT)
        await self.venue.hold(market_of(position.symbol)[1], price.quantize(TICK))

    async def _move(self, step: Step) -> None:
        await self.venue.hold(
            step["symbol"], self._priced(step["symbol"], Decimal(step["percent"]))
        )

    async def _hands(self, step: Step) -> None:
        position = self._picked(step["pick"])
        if position is None:
            return
        market, symbol = market_of(position.symbol)
        body = {"verb": step["verb"], "market": market, "symbol": symbol}
        if step["verb"] == "user_add":
            body |= {"quantity": f"{position.quantity:f}", "side": "buy"}
        if step["verb"] == "leverage_changed":
            body["leverage"] = "7"
        await self._arm(body)

    async def _fault(self, step: Step) -> None:
        await self._arm({name: value for name, value in step.items() if name != "do"})

    async def _arm(self, body: dict[str, Any]) -> None:
        self.history.faults.append(body["verb"])
        # A hand finds nothing to close, or a fault is not for this market: then nothing happens.
        await self.venue.try_to_arm(body)

    async def _cancel(self, step: Step) -> None:
        resting = [
            one
            for one in self._rows().orders
            if one.is_entry and one.status in {"open", "partially_filled"}
        ]
        if resting:
            order = resting[step["pick"] % len(resting)]
            await self._command("DELETE", f"/orders/{order.id}", "cancel", order.id)

    async def _fund(self, step: Step) -> None:
        await self.venue.fund(step["symbol"], step["rate"])

    async def _wait(self, step: Step) -> None:
        await asyncio.sleep(step["seconds"])

    async def _command(
        self, method: str, path: str, kind: str, subject_id: str, body: Any = None
    ) -> None:
        status, _ = await self.server.ask(method, path, body)
        self.history.commands.append(Command(kind, subject_id, now_ns(), status))

    def _picked(self, pick: int, strategy: str = "") -> Position | None:
        held = self._open_positions(strategy)
        return held[pick % len(held)] if held else None

    def _open_positions(self, strategy: str = "") -> list[Position]:
        wanted = self.strategies.get(strategy)
        return [
            one
            for one in self._rows().positions
            if one.status == "open" and one.quantity and wanted in {None, one.strategy_id}
        ]

    def _rows(self) -> Rows:
        return read_rows(self.server.database)

    def _priced(self, symbol: str, percent: Decimal) -> Decimal:
        return (self.venue.prices[symbol] * (ONE + percent * PERCENT)).quantize(TICK)


async def _until(is_so: Callable[[], bool]) -> None:
    """Wait a while for something to be so."""
    deadline = time.monotonic() + OPEN_SECONDS
    while not is_so() and time.monotonic() < deadline:  # noqa: ASYNC110 it happens elsewhere
        await asyncio.sleep(0.03)
