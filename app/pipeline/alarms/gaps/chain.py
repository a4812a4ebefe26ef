"""The chain of TradingView's positions: what one alert leaves is what the next one begins with.

Where it is not, an alert between the two never arrived. Only alerts that say what TradingView's
position is are links of the chain; the others say nothing of it and leave it as it is.

    known: flat ── before: flat, after: long 2 ──▶ continues, known: long 2
    known: flat ── before: long 2, after: flat ──▶ gap: something made it long 2; known: flat
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from app.core.decimals import EXACT
from app.core.words import Word
from app.pipeline.alarms.meaning import HEARTBEAT, Intent, Placeholders
from app.trading.words import PositionSide

ZERO: Final = Decimal(0)
# TradingView's own sentence rounds sizes to six places, and of a flip two rounded ones are added.
SAME_WITHIN: Final = Decimal("0.000001")
# What the tables hold: no position is larger, and none is told more exactly.
LARGEST_SIZE: Final = Decimal("1e20")
SMALLEST_STEP: Final = Decimal("1e-18")


@dataclass(frozen=True, slots=True)
class Reported:
    """TradingView's position of one market, as an alert reports it.

    Attributes:
        side: None when flat.
        size: without sign, in TradingView's units; None where the alert does not say it.
        at: when the alert was made; when it arrived, where it carries no time.
    """

    side: PositionSide | None
    size: Decimal | None
    at: datetime

    def agrees_with(self, other: "Reported") -> bool:
        """Whether it is the same position; sizes count where both are known."""
        if self.side is not other.side:
            return False
        if self.side is None or self.size is None or other.size is None:
            return True
        return abs(self.size - other.size) <= SAME_WITHIN


@dataclass(frozen=True, slots=True)
class Link:
    """What one alert says of the chain.

    Attributes:
        before: the position before its order; None where it does not say. A heartbeat has no
            order, so its position is both before and after.
        after: the position after it.
        is_dated: whether its time is its own; else it is that of its arrival.
    """

    before: Reported | None
    after: Reported
    is_dated: bool = True
    is_heartbeat: bool = False

    def is_older_than(self, known: Reported) -> bool:
        """Whether the known position is newer, so that this one must not replace it.

        A heartbeat of the very second of an order may have been made before or after it.
        """
        is_same_second = self.is_heartbeat and self.after.at == known.at
        return self.after.at < known.at or is_same_second


@dataclass(frozen=True, slots=True)
class Missing:
    """What never arrived: the alerts that lead from one position to another.

    Attributes:
        expected: what the last alert that arrived had left.
        reported: what TradingView says it was when the next one came, at the time of that one.
    """

    expected: Reported
    reported: Reported

    @property
    def is_nothing(self) -> bool:
        """Whether all of it arrived in the end."""
        return self.expected.agrees_with(self.reported)

    def without(self, link: Link) -> "Missing | None":
        """What is still missing when this alert came late; None when it is no end of it."""
        before, after = link.before, link.after
        is_within = self.expected.at <= after.at <= self.reported.at
        if before is None or link.is_heartbeat or (link.is_dated and not is_within):
            return None
        if before.agrees_with(self.expected):
            return replace(self, expected=after)
        if after.agrees_with(self.reported):
            return replace(self, reported=before)
        return None


class Verdict(Word):
    """How an alert stands to the chain."""

    BEGINS = "begins"
    CONTINUES = "continues"
    GAP = "gap"
    UNKNOWN = "unknown"
    OLDER = "older"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of the chain.

    Attributes:
        known: TradingView's position from now on.
        missing: what a gap lacks: the new one, or with `late` what is left of an open one.
        gap: with `late`, which of the open gaps it belongs to.
    """

    verdict: Verdict
    known: Reported
    missing: Missing | None = None
    gap: int | None = None


def link_of(intent: Intent, at: datetime, *, is_dated: bool) -> Link | None:
    """What an alert's intent says of the chain; None when it does not say the position.

    Args:
        intent: as the alert was understood.
        at: when the alert was made, or when it arrived.
        is_dated: whether the time is the alert's own.
    """
    said = intent.placeholders
    if not said.is_known:
        return None
    after = _reported(said.market_position, said.market_position_size, at)
    if is_heartbeat(intent):
        return Link(after, after, is_dated=is_dated, is_heartbeat=True)
    return Link(_before(said, at), after, is_dated=is_dated)


def is_heartbeat(intent: Intent) -> bool:
    """Whether it only says that the strategy lives, and where it stands."""
    return intent.reason is not None and intent.reason.code == HEARTBEAT


def may_be_late(known: Reported | None, link: Link) -> bool:
    """Whether it may be one of the alerts that were missed, so that open gaps must be looked at.

    A dated alert shows it by its time. One without can only be told by what it says, and what
    continues the chain is taken for the newest.
    """
    if known is None or link.before is None or link.is_heartbeat:
        return False
    if link.is_dated:
        return link.after.at <= known.at
    return not link.before.agrees_with(known)


def follow(known: Reported | None, open_gaps: Sequence[Missing], link: Link) -> Followed:
    """Where one more alert leads.

    Args:
        known: TradingView's position as far as we know; None before the first alert.
        open_gaps: what is missing so far; asked for only when the alert may be late.
        link: what the alert says.
    """
    if known is None:
        return Followed(Verdict.BEGINS, link.after)
    if may_be_late(known, link):
        for gap, missing in enumerate(open_gaps):
            rest = missing.without(link)
            if rest is not None:
                return Followed(Verdict.LATE, known, rest, gap)
    if link.is_older_than(known):
        return Followed(Verdict.OLDER, known)
    if link.before is None:
        return Followed(Verdict.UNKNOWN, link.after)
    if link.before.agrees_with(known):
        return Followed(Verdict.CONTINUES, link.after)
    return Followed(Verdict.GAP, link.after, Missing(known, link.before))


def _before(said: Placeholders, at: datetime) -> Reported | None:
    if not said.is_previous_known:
        return None
    return _reported(said.prev_market_position, said.prev_market_position_size, at)


def _reported(side: PositionSide | None, size: Decimal | None, at: datetime) -> Reported:
    return Reported(side, ZERO if side is None else _kept(size), at)


def _kept(size: Decimal | None) -> Decimal | None:
    """A size as the tables keep it; one that no market has counts as not said."""
    if size is None or size >= LARGEST_SIZE:
        return None
    with localcontext(EXACT):
        return size.quantize(SMALLEST_STEP)
