"""What a change of limits does, and when: less is allowed at once, more from the next day on.

More is a thief's first step, or a gambler's in the middle of a bad day. A day is the trader's own.
Limits are here by column, as they are stored and as a trader sets them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from app.core.clock import iso
from app.core.decimals import plain
from app.pipeline.risk.exposure import DEFAULT_MIN_NOTIONAL, Limits

PERCENT: Final = Decimal("0.01")
# More of it allows more; None allows everything.
CAPS: Final = (
    "max_daily_loss",
    "max_open_positions",
    "max_notional_per_symbol",
    "max_notional_total",
    "max_leverage",
    "max_orders_per_minute",
    "max_price_drift_percent",
    "second_approval_above",
)
SYMBOLS: Final = "allowed_symbols"
APPROVER: Final = "second_approver_id"
NO_LIMITS: Final[Mapping[str, Any]] = {
    **dict.fromkeys((*CAPS, SYMBOLS, APPROVER)),
    "min_notional": DEFAULT_MIN_NOTIONAL,
}


@dataclass(frozen=True, slots=True)
class TraderLimits:
    """A trader's limits at a moment.

    Attributes:
        values: what is in force, by column; None is no limit.
        pending: what some of them become at `pending_from`; empty when nothing waits.
        pending_from: the end of the trader's day; None when nothing waits.
        updated_at: when they were set; None when they never were.
    """

    values: Mapping[str, Any] = field(default_factory=lambda: NO_LIMITS)
    pending: Mapping[str, Any] = field(default_factory=dict)
    pending_from: datetime | None = None
    updated_at: datetime | None = None

    @property
    def agreed(self) -> Mapping[str, Any]:
        """What they will be if nobody sets any again."""
        return {**self.values, **self.pending}

    @property
    def approver(self) -> UUID | None:
        """Who has to consent to large entries; None while none needs it."""
        found: UUID | None = self.values[APPROVER]
        return None if self.values["second_approval_above"] is None else found

    @property
    def in_force(self) -> Limits:
        """As the rules read them."""
        values = self.values
        drift, leverage = values["max_price_drift_percent"], values["max_leverage"]
        allowed = values[SYMBOLS]
        return Limits(
            max_daily_loss=values["max_daily_loss"],
            max_open_positions=values["max_open_positions"],
            max_notional_per_symbol=values["max_notional_per_symbol"],
            max_notional_total=values["max_notional_total"],
            max_leverage=None if leverage is None else Decimal(leverage),
            max_orders_per_minute=values["max_orders_per_minute"],
            min_notional=values["min_notional"],
            allowed_symbols=None if allowed is None else frozenset(allowed),
            max_price_drift=None if drift is None else drift * PERCENT,
            second_approval_above=values["second_approval_above"],
        )

    def told(self, name: str) -> str:
        """One of them in words, with what becomes of it."""
        now = _said(self.values[name])
        if self.pending_from is None or name not in self.pending:
            return now
        return f"{now} until {iso(self.pending_from)}, then {_said(self.pending[name])}"


def loosened(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the limits that allow more than they did; none when all are as tight or tighter.

    `min_notional` is none of them: it spares the trader fees, not losses.
    """
    names = [name for name in CAPS if _allows_more(before[name], after[name])]
    if _adds(before[SYMBOLS], after[SYMBOLS]):
        names.append(SYMBOLS)
    return tuple(names)


def names_another(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether somebody else is to consent from now on: it could be one who always does."""
    return after[APPROVER] is not None and before[APPROVER] not in {None, after[APPROVER]}


def changed(
    held: TraderLimits, wanted: Mapping[str, Any], *, now: datetime, midnight: datetime
) -> TraderLimits:
    """The limits after a trader has set these.

    What allows more than is in force waits; all else holds at once. Whatever waited before and is
    not wanted any more is dropped.

    Args:
        held: as they are now.
        wanted: every limit, by column.
        now: time of the change.
        midnight: when the trader's day ends.

    Returns:
        With the moment that was there before, when nothing waits that allows more than waited.
    """
    more = loosened(held.values, wanted)
    is_new = bool(loosened(held.agreed, wanted))
    meanwhile = {name: held.values[name] for name in more if name in CAPS}
    if SYMBOLS in more:
        meanwhile[SYMBOLS] = _shared(held.values[SYMBOLS], wanted[SYMBOLS])
    # Until midnight somebody has to be there who can consent to what is above the limit.
    approver = wanted[APPROVER] or held.values[APPROVER]
    return TraderLimits(
        values={**wanted, **meanwhile, APPROVER: approver},
        pending={name: wanted[name] for name in more},
        pending_from=(midnight if is_new else held.pending_from) if more else None,
        updated_at=now,
    )


def differences(before: TraderLimits, after: TraderLimits) -> dict[str, str]:
    """What a change did to each limit that it touched, in words."""
    told = {name: (before.told(name), after.told(name)) for name in NO_LIMITS}
    return {name: f"{now}; was {was}" for name, (was, now) in told.items() if was != now}


def _allows_more(before: Decimal | int | None, after: Decimal | int | None) -> bool:
    if before is None:
        return False
    return after is None or after > before


def _adds(before: list[str] | None, after: list[str] | None) -> bool:
    return before is not None and (after is None or not set(after) <= set(before))


def _shared(before: list[str], after: list[str] | None) -> list[str]:
    return before if after is None else [name for name in after if name in before]


def _said(value: Decimal | int | UUID | list[str] | None) -> str:
    if isinstance(value, UUID):
        return str(value)
    if value is None:
        return "no limit"
    if isinstance(value, list):
        return " ".join(value) or "none"
    return plain(Decimal(value))
