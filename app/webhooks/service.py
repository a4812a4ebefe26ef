"""Whose alert it is, by its token."""

import hmac
from dataclasses import dataclass

from app.core.errors import NotFound
from app.http.errors import NOTHING_HERE
from app.pipeline.alarms.models import TEST_SOURCE
from app.pipeline.flow.intake import take_in
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.strategies.service import token_digest

__all__ = ["admit", "strategy_of_token", "take_in"]

MAX_SOURCE = 64


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whose alert it is, and what is kept as its source."""

    strategy: Strategy
    source: str


async def admit(tools: Tools, token: str, *, sender: str) -> Admitted:
    """Let in an alert with a strategy's token, or a test with the pass of this process.

    Raises:
        NotFound: neither.
    """
    test = tools.passes.take(token, now=tools.now())
    if test is None:
        return Admitted(await strategy_of_token(tools, token), sender)
    async with tools.database.read() as session:
        strategy = await strategies.get(session, test.strategy_id)
    return Admitted(strategy, f"{TEST_SOURCE}{test.username}"[:MAX_SOURCE])


async def strategy_of_token(tools: Tools, token: str) -> Strategy:
    """The strategy a webhook token belongs to.

    Raises:
        NotFound: none; it looks like any path that does not exist.
    """
    digest = token_digest(token)
    async with tools.database.read() as session:
        strategy = await strategies.by_token_digest(session, digest)
    if strategy is None or not hmac.compare_digest(strategy.token_digest, digest):
        raise NotFound(NOTHING_HERE)
    return strategy
