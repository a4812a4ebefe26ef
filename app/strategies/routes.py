"""`/strategies`: CRUD, activate, rotate the token, the alert template."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import exchange_accounts
from app.core.errors import Conflict, Duplicate, NotFound
from app.http.caller import Caller, require_proof, require_trader
from app.http.paging import Paging, page_of
from app.http.schemas import Page
from app.strategies import repository, service
from app.strategies.models import Strategy
from app.strategies.schemas import (
    ActivateIn,
    AlertTemplateOut,
    RotateIn,
    StrategyIn,
    StrategyOut,
    StrategyPatch,
    StrategyWithUrl,
)

WEBHOOK_PATH = "webhooks/tradingview"


def webhook_url(base_url: str, token: str) -> str:
    """Where TradingView sends the strategy's alerts."""
    return f"{base_url.rstrip('/')}/{WEBHOOK_PATH}/{token}"


@get("/", operation_id="listStrategies", summary="Your strategies")
async def list_strategies(
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    paging: NamedDependency[Paging],
) -> Page[StrategyOut]:
    """Newest first."""
    return await page_of(
        session,
        repository.listing(caller.user_id),
        paging,
        id_column=Strategy.id,
        time_column=Strategy.created_at,
        shape=StrategyOut.of,
    )


@post(
    "/",
    operation_id="createStrategy",
    opt={"raises": [Duplicate, NotFound]},
    summary="Make a strategy",
    guards=[require_trader],
)
async def create_strategy(
    request: Request[Any, Any, Any],
    data: JSONBody[StrategyIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> StrategyWithUrl:
    """The answer is the only one that shows the webhook URL."""
    account = await exchange_accounts.owned(session, caller, data.account_id)
    strategy, token = await service.create(
        session,
        user_id=caller.user_id,
        account_id=account.id,
        name=data.name,
        actor=caller.username,
        now=now,
        settings=data.model_dump(exclude={"name", "account_id"}, exclude_unset=True),
    )
    return StrategyWithUrl.with_url(strategy, webhook_url(str(request.base_url), token))


@get("/{strategy_id:uuid}", operation_id="getStrategy", summary="One strategy")
async def get_strategy(
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> StrategyOut:
    """One of your strategies."""
    return StrategyOut.of(await repository.owned(session, strategy_id, caller.user_id))


@patch(
    "/{strategy_id:uuid}",
    operation_id="changeStrategy",
    opt={"raises": [Duplicate]},
    summary="Change a strategy",
    guards=[require_trader],
)
async def change_strategy(
    strategy_id: FromPath[UUID],
    data: JSONBody[StrategyPatch],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> StrategyOut:
    """Only the fields that are sent change; alerts from now on follow them."""
    strategy = await repository.owned(session, strategy_id, caller.user_id)
    changes = data.model_dump(exclude_unset=True)
    return StrategyOut.of(
        await service.change(session, strategy, changes, actor=caller.username, now=now)
    )


@patch(
    "/{strategy_id:uuid}/activate",
    operation_id="activateStrategy",
    summary="Switch a strategy on or off",
    guards=[require_trader],
)
async def activate_strategy(
    strategy_id: FromPath[UUID],
    data: JSONBody[ActivateIn],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> StrategyOut:
    """Off means no new entries; its open positions stay guarded and its exits still count."""
    strategy = await repository.owned(session, strategy_id, caller.user_id)
    changes = {"is_active": data.is_active}
    return StrategyOut.of(
        await service.change(session, strategy, changes, actor=caller.username, now=now)
    )


@post(
    "/{strategy_id:uuid}/rotate-token",
    operation_id="rotateStrategyToken",
    summary="Give a strategy a new webhook URL",
    status_code=200,
    guards=[require_trader, require_proof],
)
async def rotate_token(
    request: Request[Any, Any, Any],
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    data: JSONBody[RotateIn | None] = None,
) -> StrategyWithUrl:
    """The old URL stops working at once, or after the overlap; one older than it in any case."""
    strategy = await repository.owned(session, strategy_id, caller.user_id)
    overlap = timedelta(seconds=data.overlap_seconds if data else 0)
    token = await service.rotate_token(
        session, strategy, overlap=overlap, actor=caller.username, now=now
    )
    return StrategyWithUrl.with_url(strategy, webhook_url(str(request.base_url), token))


@get(
    "/{strategy_id:uuid}/alert-template",
    operation_id="getAlertTemplate",
    summary="Text to paste into TradingView",
)
async def alert_template(
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
) -> AlertTemplateOut:
    """For a strategy's alerts and for an indicator's, with what applies to what they leave out."""
    return AlertTemplateOut.of(await repository.owned(session, strategy_id, caller.user_id))


@delete(
    "/{strategy_id:uuid}",
    operation_id="deleteStrategy",
    opt={"raises": [Conflict]},
    summary="Delete a strategy without history",
    guards=[require_trader],
)
async def delete_strategy(
    strategy_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> None:
    """Refused with 409 once it has received an alert or traded: switch it off instead."""
    strategy = await repository.owned(session, strategy_id, caller.user_id)
    await service.delete(session, strategy, actor=caller.username, now=now)


router = Router(
    path="/strategies",
    tags=["strategies"],
    route_handlers=[
        list_strategies,
        create_strategy,
        get_strategy,
        change_strategy,
        activate_strategy,
        rotate_token,
        alert_template,
        delete_strategy,
    ],
)
