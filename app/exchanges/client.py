"""Making ccxt clients that never guess: strings for numbers, no retries, only real answers."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import localcontext
from typing import Any

from aiohttp import ClientSession

from app.core.errors import AppError
from app.exchanges.errors import Call, UnreadableReply, translate
from app.exchanges.manners import Manners
from app.exchanges.pace import Budget
from app.exchanges.venues import VenueSpec


@dataclass(frozen=True, slots=True)
class Credentials:
    """A venue's API key. `password` is the passphrase of the venues that have one."""

    api_key: str
    secret: str = field(repr=False)
    password: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The words that no message may contain."""
        return (self.api_key, self.secret, self.password)


async def load_ccxt() -> Any:
    """The ccxt package with WebSocket support, imported once, off the event loop.

    The import costs seconds and a hundred megabytes: the server answers before it is done.
    """
    return await asyncio.to_thread(importlib.import_module, "ccxt.pro")


def build_client(
    ccxt: Any,
    spec: VenueSpec,
    *,
    timeout_seconds: float,
    credentials: Credentials | None = None,
    session: ClientSession | None = None,
    is_rate_limited: bool = True,
    budget: Budget | None = None,
) -> Any:
    """A ccxt client of one market.

    Args:
        ccxt: the package, from `load_ccxt`.
        spec: which class, and with which options.
        timeout_seconds: how long the venue may take to answer.
        credentials: the account's key; None for public data.
        session: where requests go instead of to the venue; its maker closes it.
        is_rate_limited: False only where the venue has no limits, as in a benchmark.
        budget: of the venue, in place of ccxt's own limiter, which would hold back messages only.
    """
    config: dict[str, Any] = {
        "timeout": int(timeout_seconds * 1000),
        "enableRateLimit": is_rate_limited,
        # The default bucket spaces messages by 50 ms and more; the venues count per window.
        "rateLimiterAlgorithm": "rollingWindow",
        "maxRetriesOnFailure": 0,
        # ccxt merges into nested options, so each client needs its own copy.
        "options": {**spec.options, "maxRetriesOnFailure": 0},
    }
    if session is not None:
        config["session"] = session
    if credentials is not None:
        config |= {"apiKey": credentials.api_key, "secret": credentials.secret}
        config |= {"password": credentials.password} if spec.needs_password else {}
    client = getattr(ccxt, spec.ccxt_id)(config)
    # `Decimal` would send quantities unrounded, `float` would lose digits.
    client.number = str
    client.has["fetchCurrencies"] = False
    client.fetch = _answers_only(client.fetch)
    client.timeout_on_exit = 0
    if budget is not None:
        Manners(client, budget, patience_seconds=timeout_seconds)
    return client


def _answers_only(fetch: Any) -> Any:
    """Refuse what is not JSON, or an empty object: ccxt would read either as "you have nothing"."""

    async def fetch_answer(*args: Any, **kwargs: Any) -> Any:
        answer = await fetch(*args, **kwargs)
        if not isinstance(answer, list | dict) or answer == {}:
            raise UnreadableReply("the venue's answer is not the JSON it promises")
        return answer

    return fetch_answer


@asynccontextmanager
async def speaking(call: Call, secrets: Iterable[str] = ()) -> AsyncIterator[None]:
    """Around every use of ccxt: its failures become ours, its decimal context stays inside.

    Raises:
        ExchangeError: the family that says what the failure proves about `call`.
    """
    with localcontext():
        try:
            yield
        except AppError:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled us: it is one of ccxt's own futures that died.
            raise translate(error, call, secrets=secrets) from None
        # Any failure to read an answer is an answer we do not know; and without its cause, whose
        # text carries the signed address.
        except Exception as error:  # noqa: BLE001 ccxt lets whatever its parsers meet through
            raise translate(error, call, secrets=secrets) from None
