"""What one step means to its customers: user events, in the order Binance sends them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.paper_exchange.engine.journal import Journal
from app.paper_exchange.engine.models import Account
from app.paper_exchange.protocol.shapes import Json
from app.paper_exchange.users import linear_events, spot_events
from app.trading.words import MarketType

Body = Mapping[str, Any]

SPOT, LINEAR = MarketType.SPOT, MarketType.LINEAR
_REASONS = {
    "funding": "FUNDING_FEE",
    "deposit": "DEPOSIT",
    "insurance_fund": "INSURANCE_CLEAR",
    "liquidation_fee": "INSURANCE_CLEAR",
}


@dataclass(frozen=True, slots=True)
class UserEvent:
    """One event for one customer.

    Attributes:
        names: what a fault can be aimed at: its Binance name, and its execution type if any.
        client_ids: of the order it is about.
    """

    account_id: int
    market: MarketType
    symbol: str
    names: tuple[str, ...]
    client_ids: tuple[str, ...]
    frame: Json


def events_of(
    journal: Journal,
    accounts: Mapping[int, Account],
    marks: Mapping[str, Decimal],
    at: int,
) -> list[UserEvent]:
    """The events of a step for `accounts`, those that listen; `at` in milliseconds."""
    found: list[UserEvent] = []
    for kind, body in journal.entries:
        if body.get("account_id") in accounts:
            found += _about(kind, body, at)
    for account in accounts.values():
        found += _holdings(journal, account, marks, at)
    return found


def _about(kind: str, body: Body, at: int) -> Iterator[UserEvent]:
    is_spot = body.get("market") == SPOT.value
    if kind == "order":
        frame = (spot_events if is_spot else linear_events).order_event(body, at)
        yield _event(body, frame, str(body["client_order_id"]))
    elif kind == "fill":
        frame = (spot_events if is_spot else linear_events).fill_event(body, at)
        yield _event(body, frame, str(body["client_order_id"]))
    elif kind == "algo":
        frame = linear_events.algo_event(body, at)
        yield _event(body, frame, str(body["client_algo_id"]))
    elif kind == "event" and body["event"] == "account_config":
        body = {**body, "market": LINEAR.value}
        yield _event(body, linear_events.config_event(body, at), "")


def _holdings(
    journal: Journal, account: Account, marks: Mapping[str, Decimal], at: int
) -> Iterator[UserEvent]:
    spot = {a for i, market, a in journal.balances if i == account.id and market is SPOT}
    if spot:
        body = {"account_id": account.id, "market": SPOT.value, "symbol": ""}
        yield _event(body, spot_events.balance_event(account, spot, at), "")
    wallet = [a for i, market, a in journal.balances if i == account.id and market is LINEAR]
    symbols = [symbol for i, symbol in journal.positions if i == account.id]
    if wallet or symbols:
        body = {"account_id": account.id, "market": LINEAR.value, "symbol": ""}
        reason = _reason(journal, account)
        frame = linear_events.account_event(account, symbols, reason, marks, at)
        yield _event(body, frame, "")


def _reason(journal: Journal, account: Account) -> str:
    for kind, body in journal.entries:
        if kind == "balance" and body["account_id"] == account.id:
            reason = _REASONS.get(str(body["reason"]))
            if reason is not None:
                return reason
    return "ORDER"


def _event(body: Body, frame: Json, client_id: str) -> UserEvent:
    inner = frame.get("o")
    execution = inner.get("x") if isinstance(inner, dict) else frame.get("x")
    return UserEvent(
        account_id=int(body["account_id"]),
        market=MarketType(str(body["market"])),
        symbol=str(body.get("symbol", "")),
        names=tuple(str(name) for name in (frame["e"], execution) if name),
        client_ids=(client_id,) if client_id else (),
        frame=frame,
    )
