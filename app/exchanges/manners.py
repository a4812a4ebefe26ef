"""How a ccxt client behaves at a venue's door: it waits for its turn, and listens.

Every request of ccxt goes through its `fetch2`, which signs and sends: what stands around it here
waits for room, reads what the venue says of its limits, and stays away when it is told to.
"""

import asyncio
import math
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from app.core.errors import AuthRefused, RateLimited
from app.exchanges.errors import Call, translate
from app.exchanges.pace import Budget, Claim, Turn
from app.exchanges.priority import Priority, priority_here
from app.exchanges.windows import Refusal, Window

LONGEST_BAN_SECONDS: Final = 3 * 24 * 3600.0
_OVERLOADED = re.compile(r'"code":\s*-1008\b')


@dataclass(frozen=True, slots=True)
class Plan:
    """A venue's limits, as far as ccxt does not know them.

    Attributes:
        weight: what one address may use in a minute.
        weight_per_cost: the venue's weight of one unit of ccxt's cost.
        orders: how many orders one account may send in ten seconds.
    """

    weight: float
    weight_per_cost: float
    orders: int | None = None


PLANS: Final[Mapping[str, Plan]] = {
    "binance": Plan(weight=6000, weight_per_cost=5, orders=100),
    "binanceusdm": Plan(weight=2400, weight_per_cost=1, orders=300),
    "binancecoinm": Plan(weight=2400, weight_per_cost=1),
}
WEIGHT_HEADER: Final = "x-mbx-used-weight-1m"
ORDERS_HEADER: Final = "x-mbx-order-count-10s"
ORDER_PATHS: Final = frozenset({"order", "orderList/oco", "algoOrder"})
# OKX counts in windows of two seconds, which ccxt does not say.
DEFAULT_WINDOW_SECONDS: Final = 2.0

_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


class Manners:
    """Stands between a ccxt client and the wire.

    Args:
        client: of ccxt; its `fetch2`, `throttle` and `on_rest_response` are replaced.
        budget: of the venue, shared by all its clients.
        patience_seconds: how long a request may wait for its turn.
    """

    def __init__(self, client: Any, budget: Budget, *, patience_seconds: float) -> None:
        self._client = client
        self._budget = budget
        self._patience_seconds = patience_seconds
        self._priority = Priority.TRADE if client.apiKey else Priority.DATA
        self._plan = PLANS.get(client.id)
        self._weight = self._weight_window()
        self._orders = self._order_window()
        self._fetch2, self._on_response = client.fetch2, client.on_rest_response
        self._resyncing = asyncio.Lock()
        self._resynced_at = -math.inf
        client.fetch2 = self.fetch2
        client.throttle = _already_waited
        client.on_rest_response = self._hear

    def _weight_window(self) -> Window:
        client, plan = self._client, self._plan
        if plan is not None:
            return self._budget.window(f"{client.id} weight", plan.weight, 60.0)
        seconds = client.rollingWindowSize / 1000 or DEFAULT_WINDOW_SECONDS
        limit = seconds * 1000 / client.rateLimit
        return self._budget.window(f"{client.id} weight", limit, seconds)

    def _order_window(self) -> Window | None:
        if self._plan is None or self._plan.orders is None or not self._client.apiKey:
            return None
        name = f"{self._client.id} orders"
        return self._budget.window(name, self._plan.orders, 10.0, account=self._client.apiKey)

    async def fetch2(self, *request: Any) -> Any:
        """What ccxt calls for every request: path, api, method, params, config.

        A time stamp that the venue refuses is mended and the request sent once more: a refusal
        for its time is a refusal, also of an order.
        """
        async with self._next_turn(request) as turn:
            try:
                return await self._send(turn, request)
            except Exception as error:
                if type(error).__name__ != "InvalidNonce":
                    raise
                late = error
        if not await self._resync(turn.sent_at):
            raise late
        async with self._next_turn(request) as turn:
            return await self._send(turn, request)

    def _next_turn(self, request: tuple[Any, ...]) -> Turn:
        return self._budget.turn(
            self._claims(request) if self._budget.is_limited else (),
            priority=priority_here(self._priority),
            patience_seconds=self._patience_seconds,
        )

    def _claims(self, request: tuple[Any, ...]) -> tuple[Claim, ...]:
        path, api, method, params, config = request
        if self._orders is not None and method == "POST" and path in ORDER_PATHS:
            # Orders are counted apart and weigh next to nothing; ccxt's cost spaces them instead.
            return (Claim(self._orders, 1), Claim(self._weight, 1))
        cost = self._client.calculate_rate_limiter_cost(api, method, path, params, config)
        scale = 1.0 if self._plan is None else self._plan.weight_per_cost
        return (Claim(self._weight, round(float(cost) * scale, 3)),)

    async def _send(self, turn: Turn, request: tuple[Any, ...]) -> Any:
        token = _turn.set(turn)
        try:
            answer = await self._fetch2(*request)
        except Exception as error:
            refusal = _refusal(turn.status, error)
            if refusal is not None:
                seconds = _retry_after(turn.headers)
                self._budget.refuse(turn, refusal, seconds=seconds)
            elif turn.status:
                self._budget.answered(turn)
            raise
        finally:
            _turn.reset(token)
        self._budget.answered(turn)
        return answer

    def _hear(self, status: int, *answer: Any) -> Any:
        """What ccxt calls with every answer: its reason, url, method, headers, body and more."""
        turn = _turn.get()
        if turn is not None:
            turn.status = status
            turn.headers = {name.lower(): value for name, value in answer[3].items()}
            self._learn(turn.headers, WEIGHT_HEADER, self._weight)
            self._learn(turn.headers, ORDERS_HEADER, self._orders)
        return self._on_response(status, *answer)

    def _learn(self, headers: Mapping[str, str], name: str, window: Window | None) -> None:
        told = headers.get(name, "")
        if window is not None and told.isdecimal():
            self._budget.learn(window, float(told))

    async def _resync(self, sent_at: float) -> bool:
        """Ask the venue for its time, unless somebody did since; whether we know it now."""
        async with self._resyncing:
            if self._resynced_at > sent_at:
                return True
            try:
                await self._client.load_time_difference()
            # What the caller has to hear of is the refusal, which says why we asked.
            except Exception:  # noqa: BLE001 any failure to ask is the same to it
                return False
            self._resynced_at = time.monotonic()
            return True


async def _already_waited(_cost: float | None = None) -> None:
    """In place of ccxt's own limiter, which knows neither priorities nor other clients."""


def _refusal(status: int, error: Exception) -> Refusal | None:
    """Whether the venue tells us to stay away, and why."""
    family = type(translate(error, Call.READ))
    if family is AuthRefused:
        return None
    # Binance's firewall answers 403, and bans like the venue.
    if status in {403, 418}:
        return Refusal.BANNED
    if status == 429 or family is RateLimited:
        return Refusal.TOO_MANY
    if any(kind.__name__ == "OnMaintenance" for kind in type(error).__mro__):
        return Refusal.MAINTENANCE
    return Refusal.OVERLOADED if _OVERLOADED.search(str(error)) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds the venue asks for; None where it does not say."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, LONGEST_BAN_SECONDS) if seconds >= 0 else None
