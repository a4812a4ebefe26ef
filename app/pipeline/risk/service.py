"""Set limits, throw switches, latch the day."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import repository as accounts
from app.audit.service import record
from app.core.decimals import plain
from app.core.errors import Invalid, NotFound
from app.market.instruments import InstrumentBook
from app.pipeline.risk import repository
from app.pipeline.risk.in_force import limits_at, store
from app.pipeline.risk.loosening import (
    NO_LIMITS,
    TraderLimits,
    changed,
    differences,
    loosened,
    names_another,
)
from app.pipeline.risk.models import DailyFreeze, KillSwitch, RiskProfile, SwitchScope
from app.pipeline.wakeups import Work, wake
from app.strategies import repository as strategies
from app.trading.days import next_midnight
from app.trading.tickers import to_ticker


async def set_limits(
    session: AsyncSession,
    user_id: UUID,
    values: Mapping[str, Any],
    *,
    zone: ZoneInfo,
    actor: str,
    now: datetime,
    before_loosening: Callable[[], None] = lambda: None,
) -> TraderLimits:
    """Replace the trader's limits by these: at once, but for what allows more than before.

    Args:
        session: the caller's transaction.
        user_id: whose.
        values: by column; what is missing or null is no limit, but for `min_notional`.
        zone: of the trader: what allows more waits for the end of their day.
        actor: a username.
        now: time of the change.
        before_loosening: called when one of them allows more than is in force, or waits to be;
            raises to refuse.
    """
    profile = await repository.profile_to_change(session, user_id)
    held, wanted = limits_at(profile, now=now), {**NO_LIMITS, **values}
    if loosened(held.agreed, wanted) or names_another(held.agreed, wanted):
        before_loosening()
    limits = changed(held, wanted, now=now, midnight=next_midnight(now, zone=zone))
    if profile is None:
        profile = RiskProfile(user_id=user_id)
        session.add(profile)
    store(profile, limits)
    profile.updated_at = now
    await record(
        session,
        now=now,
        actor=actor,
        action="risk.limits_set",
        subject_kind="risk",
        subject_id=str(user_id),
        user_id=user_id,
        detail=differences(held, limits),
    )
    return limits


async def listed_symbols(
    session: AsyncSession,
    instruments: InstrumentBook,
    user_id: UUID,
    names: Iterable[str] | None,
) -> Sequence[str] | None:
    """The ccxt symbols that an allow-list means on the markets of the trader's accounts.

    A plain ticker means the spot market alone, `BTCUSDT.P` the contract; a ccxt symbol is taken
    as it is, for it cannot mean two things.

    Raises:
        Invalid: a ticker that none of those markets lists.
    """
    if names is None:
        return None
    rows = await session.scalars(accounts.exchange_accounts_of(user_id))
    markets = {(row.exchange, row.market_type) for row in rows}
    listed = {
        to_ticker(symbol): symbol for market in markets for symbol in instruments.all(*market)
    }
    found = [_listed(name.strip().upper(), listed) for name in names]
    return list(dict.fromkeys(found))


def _listed(name: str, listed: Mapping[str, str]) -> str:
    if "/" in name:
        return name
    if name not in listed:
        detail = f"allowed_symbols: none of your accounts' venues lists {name}"
        raise Invalid(detail, code="unknown_symbol")
    return listed[name]


async def approver_named(session: AsyncSession, user_id: UUID, name: str | None) -> UUID | None:
    """The person that a trader names to consent to their large entries.

    Whoever is named already stays, switched off or not: else no other limit could be tightened.

    Raises:
        Invalid: `unknown_approver`: nobody of that name may trade; `same_person`: the trader.
    """
    if name is None:
        return None
    person = await accounts.user_named(session, name)
    known = await repository.profile(session, user_id)
    if person is not None and known is not None and known.second_approver_id == person.id:
        return person.id
    if person is None or person.why_no_entries is not None:
        detail = "second_approver: nobody of that name may trade here."
        raise Invalid(detail, code="unknown_approver")
    if person.id == user_id:
        raise Invalid("second_approver: name somebody else than yourself.", code="same_person")
    return person.id


async def owned_scope(
    session: AsyncSession, user_id: UUID, scope: SwitchScope, scope_id: UUID | None
) -> UUID:
    """What a switch of the trader stands for, checked to be theirs.

    Raises:
        NotFound: there is no such account or strategy, or it is somebody else's.
    """
    if scope is SwitchScope.ACCOUNT and scope_id is not None:
        return (await accounts.exchange_account(session, user_id, scope_id)).id
    if scope is SwitchScope.STRATEGY and scope_id is not None:
        return (await strategies.owned(session, scope_id, user_id)).id
    if scope_id not in {None, user_id}:
        raise NotFound(f"There is no user {scope_id}.")
    return user_id


async def set_kill_switch(
    session: AsyncSession,
    user_id: UUID,
    *,
    scope: SwitchScope,
    scope_id: UUID,
    is_on: bool,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> KillSwitch:
    """Throw or release a switch. On: entries are denied and resting ones cancelled; exits work.

    Releasing revives nothing.
    """
    switch = await session.get(KillSwitch, (user_id, scope, scope_id))
    if switch is None:
        switch = KillSwitch(user_id=user_id, scope=scope, scope_id=scope_id)
        session.add(switch)
    switch.is_on, switch.reason, switch.changed_at = is_on, reason, now
    await record(
        session,
        now=now,
        actor=actor,
        action="risk.kill_switch_on" if is_on else "risk.kill_switch_off",
        subject_kind=scope.value,
        subject_id=str(scope_id),
        user_id=user_id,
        detail={"reason": reason or ""},
    )
    if is_on:
        wake(session, Work.RISK, user_id, now=now)
    return switch


async def latch_daily_loss(
    session: AsyncSession,
    user_id: UUID,
    *,
    day: date,
    currency: str,
    is_paper: bool,
    loss: Decimal,
    now: datetime,
) -> bool:
    """Freeze new entries for the rest of the trader's day; True when it was not frozen yet."""
    if await repository.freeze(session, user_id, day, currency, is_paper=is_paper) is not None:
        return False
    session.add(
        DailyFreeze(
            user_id=user_id,
            is_paper=is_paper,
            currency=currency,
            day=day,
            loss=loss,
            frozen_at=now,
        )
    )
    await record(
        session,
        now=now,
        actor="rule:max_daily_loss",
        action="risk.daily_loss_frozen",
        subject_kind="risk",
        subject_id=str(user_id),
        user_id=user_id,
        detail={"loss": f"{plain(loss)} {currency}", "day": day.isoformat()},
    )
    wake(session, Work.RISK, user_id, now=now)
    return True


def first_switch(
    switches: Mapping[tuple[SwitchScope, UUID], KillSwitch],
    *,
    user_id: UUID,
    account_id: UUID,
    strategy_id: UUID,
) -> str | None:
    """The widest switch that stops entries of this strategy: user, account or strategy."""
    for scope, scope_id in (
        (SwitchScope.USER, user_id),
        (SwitchScope.ACCOUNT, account_id),
        (SwitchScope.STRATEGY, strategy_id),
    ):
        if (scope, scope_id) in switches:
            return scope.value
    return None
