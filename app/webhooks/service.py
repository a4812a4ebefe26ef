"""Whose alert it is, by its token."""

import hmac

from app.core.errors import NotFound
from app.http.errors import NOTHING_HERE
from app.pipeline.flow.intake import take_in
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.strategies.service import token_digest

__all__ = ["strategy_of_token", "take_in"]


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
