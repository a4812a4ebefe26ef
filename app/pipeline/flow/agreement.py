"""What this process knows of how its accounts agree with their venues: asked for every entry."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

Lane = tuple[UUID, str]
HEARD_KEPT: Final = 10_000
NOT_YET: Final = "not_reconciled: This account has not been compared with its venue yet."


def _nobody(account_id: UUID) -> None:
    del account_id


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A difference between books and venue, and since when it has been seen unchanged."""

    net: Decimal
    ours: Decimal
    since: datetime


class Agreement:
    """Kept by the worker of a process and read by its steps; in memory, nothing here is asked for.

    A process without a worker keeps none: nothing waits there, and nothing is known.

    Attributes:
        is_kept: whether a worker keeps it.
        on_stranger: hears of accounts that somebody wants to enter and that were never compared.
    """

    def __init__(self) -> None:
        self.is_kept = False
        self.on_stranger: Callable[[UUID], None] = _nobody
        self._agreed: set[UUID] = set()
        self._failing: dict[UUID, str] = {}
        self._holds: dict[Lane, str] = {}
        self._external: dict[Lane, Decimal] = {}
        self._mismatches: dict[Lane, Mismatch] = {}
        self._accounted: dict[Lane, set[str]] = {}
        self._lags: dict[UUID, timedelta] = {}
        self._makers: dict[tuple[UUID, str], str] = {}
        self._heard: dict[str, str | None] = {}
        self._told: set[tuple[str, UUID]] = set()

    def why_wait(self, account_id: UUID) -> str | None:
        """Why entries on the account wait, as `code: sentence`; None when they do not."""
        if not self.is_kept or account_id in self._agreed:
            return None
        self.on_stranger(account_id)
        return self._failing.get(account_id, NOT_YET)

    def agree(self, account_id: UUID) -> bool:
        """The account was compared; True when that was not so before."""
        is_news = account_id not in self._agreed
        self._agreed.add(account_id)
        self._failing.pop(account_id, None)
        return is_news

    def fail(self, account_id: UUID, reason: str) -> None:
        """The account cannot be compared: entries wait, everything else goes on."""
        self._agreed.discard(account_id)
        self._failing[account_id] = reason

    def hold_of(self, lane: Lane) -> str | None:
        """Why a symbol of an account takes no entries, as a sentence; None when it does."""
        return self._holds.get(lane)

    def hold(self, lane: Lane, reason: str) -> None:
        """Take no entries on the symbol until what is there is explained."""
        self._holds[lane] = reason

    def external(self, lane: Lane) -> Decimal:
        """Signed quantity at the venue that is no book of ours, as last compared."""
        return self._external.get(lane, Decimal(0))

    def knows(self, lane: Lane) -> bool:
        """Whether anything is known of what there is not ours on the symbol."""
        return lane in self._external

    def know_external(self, lane: Lane, quantity: Decimal) -> None:
        """What is stored of other hands' quantity."""
        self._external[lane] = quantity

    def compared(self, lane: Lane, external: Decimal) -> None:
        """Books and venue agree on the symbol."""
        self._external[lane] = external
        self._holds.pop(lane, None)
        self._mismatches.pop(lane, None)

    def differ(self, lane: Lane, *, net: Decimal, ours: Decimal, now: datetime) -> timedelta:
        """Books and venue differ; for how long the very same difference has been seen."""
        seen = self._mismatches.get(lane)
        if seen is None or (seen.net, seen.ours) != (net, ours):
            seen = self._mismatches[lane] = Mismatch(net, ours, now)
        return now - seen.since

    def forget_mismatch(self, lane: Lane) -> None:
        """Something moved: what was seen of the symbol counts for nothing."""
        self._mismatches.pop(lane, None)

    def accounted(self, lane: Lane) -> set[str]:
        """Executions of other hands, by the venue's id, that what was compared had in it."""
        return self._accounted.get(lane, set())

    def account_for(self, lane: Lane, trade_ids: set[str]) -> None:
        """These executions of other hands are in what was just compared; older ones are history."""
        self._accounted[lane] = trade_ids

    def lag_of(self, account_id: UUID) -> timedelta:
        """How late the venue has been seen to know an order that it had accepted."""
        return self._lags.get(account_id, timedelta(0))

    def saw_late(self, account_id: UUID, lag: timedelta) -> None:
        """The venue knows an order so long after it was sent, and had denied it before."""
        self._lags[account_id] = max(lag, self.lag_of(account_id))

    def hear_of(self, client_order_id: str, exchange_order_id: str | None = None) -> None:
        """The venue's own stream names an order of ours: it was accepted, whatever else is said.

        Args:
            client_order_id: ours.
            exchange_order_id: the venue's number of it, where its executions carry that.
        """
        self._heard[client_order_id] = exchange_order_id or self._heard.get(client_order_id)
        if len(self._heard) > HEARD_KEPT:
            del self._heard[next(iter(self._heard))]

    def has_heard_of(self, client_order_id: str) -> bool:
        """Whether the stream ever named the order."""
        return client_order_id in self._heard

    def number_of(self, client_order_id: str) -> str | None:
        """The venue's number of the order, where the stream has said it."""
        return self._heard.get(client_order_id)

    def maker_of(self, account_id: UUID, exchange_order_id: str) -> str | None:
        """The client id of somebody else's order, where the venue has told it before."""
        return self._makers.get((account_id, exchange_order_id))

    def know_maker(self, account_id: UUID, exchange_order_id: str, client_order_id: str) -> None:
        """Whose an order is never changes: the venue need not be asked again."""
        self._makers[account_id, exchange_order_id] = client_order_id
        if len(self._makers) > HEARD_KEPT:
            del self._makers[next(iter(self._makers))]

    def is_new(self, code: str, subject_id: UUID) -> bool:
        """Whether this has not been told in this run; asking counts as telling."""
        is_first = (code, subject_id) not in self._told
        self._told.add((code, subject_id))
        return is_first

    def is_over(self, code: str, subject_id: UUID) -> None:
        """It may be told again when it comes again."""
        self._told.discard((code, subject_id))
