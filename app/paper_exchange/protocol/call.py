"""One request and one answer, and the reading of Binance's parameters."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl

from app.paper_exchange.catalog import Catalog
from app.paper_exchange.engine import refusals
from app.paper_exchange.engine.models import Account
from app.paper_exchange.engine.refusals import Refusal, refuse
from app.paper_exchange.symbols import Listing
from app.trading.words import MarketType

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER = re.compile(r"-?[0-9]{1,18}")


@dataclass(slots=True)
class Call:
    """What a client asked.

    Attributes:
        path: Binance's own, without the host's prefix.
        query: as it stood in the address, still encoded.
        body: as it was sent, still encoded.
        headers: by lower-case name.
        at: arrival, in milliseconds of the venue's clock.
        arrival: which request of this process it is, counted from 1.
        arrived_ns: arrival on the machine's monotonic clock, in nanoseconds.
        account: whose request it is, once the key is known.
        catalog: what is listed.
        view: shows the account as a look-up sees it, when that is not as it is.
        not_after: what is newer than these milliseconds is hidden; None when nothing is.
    """

    method: str
    path: str
    query: str
    body: str
    headers: Mapping[str, str]
    at: int
    arrival: int = 0
    arrived_ns: int = 0
    account: Account | None = None
    catalog: Catalog = field(default_factory=Catalog)
    view: Callable[[Account], Account] | None = None
    not_after: int | None = None
    params: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Query and body together, as Binance takes them."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        if not self.body.startswith("{"):
            pairs += parse_qsl(self.body, keep_blank_values=True)
        self.params = dict(pairs)

    @property
    def customer(self) -> Account:
        """The account of a signed request."""
        if self.account is None:
            raise refuse(refusals.KEY_UNKNOWN, status=401)
        return self.account

    def can_see(self, at: int) -> bool:
        """Whether something of this time is not hidden by a lag."""
        return self.not_after is None or at <= self.not_after

    def until(self, wanted: int | None) -> int | None:
        """The end of a time window, when a lag does not end it earlier."""
        ends = [end for end in (wanted, self.not_after) if end is not None]
        return min(ends, default=None)

    def text(self, name: str) -> str:
        """A mandatory parameter."""
        value = self.params.get(name, "")
        if not value:
            raise refusals.missing(name)
        return value

    def number(self, name: str, default: Decimal | None = None) -> Decimal:
        """A decimal parameter, mandatory when it has no default."""
        value = self.params.get(name, "")
        if not value and default is not None:
            return default
        if not _NUMBER.fullmatch(self.text(name)):
            raise refusals.illegal(name)
        return Decimal(value)

    def integer(self, name: str) -> int | None:
        """A whole number, None when it was not sent."""
        value = self.params.get(name, "")
        if not value:
            return None
        if not _INTEGER.fullmatch(value):
            raise refusals.illegal(name)
        return int(value)

    def limit(self, default: int, largest: int) -> int:
        """How many rows are wanted."""
        wanted = self.integer("limit")
        return default if wanted is None else max(1, min(wanted, largest))

    def flag(self, name: str) -> bool:
        """A boolean, false when it was not sent."""
        return self.params.get(name, "").lower() == "true"

    def listing(self, market: MarketType) -> Listing:
        """The symbol that is asked about."""
        listing = self.catalog.find(market, self.text("symbol"))
        if listing is None:
            raise refuse(refusals.INVALID_SYMBOL)
        return listing

    def optional_listing(self, market: MarketType) -> Listing | None:
        """The symbol that is asked about, None for all of them."""
        return self.listing(market) if self.params.get("symbol") else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a JSON value, or text as it stands, a page unless it says otherwise."""

    status: int
    body: object
    code: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "text/html; charset=utf-8"


def refused(refusal: Refusal) -> Answer:
    """A refusal in Binance's form."""
    body = {"code": refusal.code, "msg": refusal.message}
    return Answer(refusal.status, body, refusal.code)
