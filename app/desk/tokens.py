"""`GET /strategies/{id}/tokens`: which webhook tokens open a strategy's door, and when last."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.http.caller import Caller
from app.http.schemas import Moment, Out
from app.pipeline.alarms import repository as alarms
from app.pipeline.flow.tools import Tools
from app.strategies import repository as strategies

# A token that nothing comes with is looked for in all alarms of that time.
LOOK_BACK: Final = timedelta(days=30)


class TokenOut(Out):
    """A webhook token, by its end.

    `valid_until` is null for the newest. `last_used_at` is of the newest alert that came with it,
    not counting repetitions; null when none did in thirty days.
    """

    token_hint: str
    valid_until: Moment | None
    last_used_at: Moment | None


class TokensOut(Out):
    """The newest token first; after a rotation with overlap also the one before it."""

    items: list[TokenOut]


@get(
    "/{strategy_id:uuid}/tokens",
    operation_id="listStrategyTokens",
    summary="Webhook tokens of a strategy",
)
async def list_tokens(
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> TokensOut:
    """Those that work now; when the old one is used no more, every alert has the new URL."""
    now = tools.now()
    async with tools.database.read() as session:
        strategy = await strategies.owned(session, strategy_id, caller.user_id)
        tokens: list[tuple[str, datetime | None]] = [(strategy.token_hint, None)]
        if strategy.previous_token_hint is not None and strategy.has_previous_token(now):
            tokens.append((strategy.previous_token_hint, strategy.previous_token_until))
        items = [
            TokenOut(
                token_hint=hint,
                valid_until=until,
                last_used_at=await alarms.last_use(
                    session, strategy.id, hint, since=now - LOOK_BACK
                ),
            )
            for hint, until in tokens
        ]
    return TokensOut(items=items)


router = Router(path="/strategies", tags=["strategies"], route_handlers=[list_tokens])
