"""Read and write a trader's limits: every reader asks here what counts at its moment."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.core.decimals import plain
from app.pipeline.risk.loosening import NO_LIMITS, TraderLimits
from app.pipeline.risk.models import RiskProfile


def limits_at(profile: RiskProfile | None, *, now: datetime) -> TraderLimits:
    """What is in force at a moment, and what waits.

    What waited is in force as soon as its moment has come: nobody has to move it there, so it is
    not late after a restart either.

    Args:
        profile: the stored row; None while the trader never set any.
        now: the moment.
    """
    if profile is None:
        return TraderLimits()
    values = {name: getattr(profile, name) for name in NO_LIMITS}
    pending = _read(profile.pending or {})
    if profile.pending_from is None or profile.pending_from <= now:
        return TraderLimits({**values, **pending}, updated_at=profile.updated_at)
    return TraderLimits(values, pending, profile.pending_from, profile.updated_at)


def store(profile: RiskProfile, limits: TraderLimits) -> None:
    """Put limits into their row."""
    for name, value in limits.values.items():
        setattr(profile, name, value)
    profile.pending = _written(limits.pending) or None
    profile.pending_from = limits.pending_from


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """For JSON, which has no decimals: they become text, as nothing else among limits is."""
    return {
        name: plain(value) if isinstance(value, Decimal) else value
        for name, value in values.items()
    }


def _read(written: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if isinstance(value, str) else value for name, value in written.items()
    }
