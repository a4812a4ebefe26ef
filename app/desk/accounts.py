"""`/accounts/{id}/…`: what the venue says about an account."""

from collections.abc import Awaitable
from decimal import Decimal
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.accounts import repository as accounts
from app.accounts.key_looks import note_permissions
from app.accounts.key_rights import KeyFault, warnings_of, why_barred
from app.accounts.models import ExchangeAccount
from app.core.decimals import plain
from app.core.errors import AppError
from app.exchanges.venue import BalanceReport, PositionReport
from app.http.caller import Caller, require_trader
from app.http.schemas import Moment, Out, Page
from app.pipeline.flow.tools import Tools
from app.trading.money import Money
from app.trading.words import PositionSide


class AssetOut(Out):
    """Coins of one asset; on contracts `total` is the margin balance, unrealised included."""

    asset: str
    free: Money
    locked: Money
    total: Money

    @classmethod
    def of(cls, row: BalanceReport) -> "AssetOut":
        """Shape what the venue said."""
        return cls(asset=row.asset, free=row.free, locked=row.locked, total=row.free + row.locked)


class VenuePositionOut(Out):
    """One net position as the venue has it, whoever made it; quantity in base units.

    `external_quantity` is the part that no strategy's book holds: yours, which nothing here guards
    or closes. Signed, negative for a short; 0 when all of it is in books.
    """

    symbol: str
    position_side: PositionSide
    quantity: Money
    entry_price: Money
    mark_price: Money | None
    liquidation_price: Money | None
    unrealized_pnl: Money
    leverage: int | None
    external_quantity: Money

    @classmethod
    def of(cls, row: PositionReport, external: Decimal) -> "VenuePositionOut":
        """Shape what the venue said, with what was found to be the trader's own."""
        facts = {name: getattr(row, name) for name in PositionReport.__slots__}
        return cls(**facts, external_quantity=external)


class FindingOut(Out):
    """One thing that was tried."""

    what: str
    ok: bool
    detail: str


class CheckOut(Out):
    """Whether the account can be traded on.

    Reached, keys taken that may trade and move nothing away, one position per symbol.
    """

    ok: bool
    at: Moment
    findings: list[FindingOut]


@get("/{account_id:uuid}/balance", operation_id="getAccountBalance", summary="Coins at the venue")
async def get_balance(
    account_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> Page[AssetOut]:
    """As the venue says, a few seconds old at most."""
    account = await _owned(tools, caller, account_id)
    return Page(items=[AssetOut.of(row) for row in await tools.venues.balances(account.id)])


@get(
    "/{account_id:uuid}/positions",
    operation_id="getAccountPositions",
    summary="Positions at the venue",
)
async def get_positions(
    account_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> Page[VenuePositionOut]:
    """As the venue says, now; none on spot."""
    account = await _owned(tools, caller, account_id)
    venue = await tools.venues.of(account.id)
    held = await venue.positions()
    async with tools.database.read() as session:
        external = await accounts.external_of(session, account.id)
    rows = [VenuePositionOut.of(row, external.get(row.symbol, Decimal(0))) for row in held]
    return Page(items=rows)


@post(
    "/{account_id:uuid}/check",
    operation_id="checkAccount",
    summary="See whether an account can be traded on",
    status_code=200,
    guards=[require_trader],
)
async def check_account(
    account_id: FromPath[UUID],
    caller: NamedDependency[Caller],
    tools: NamedDependency[Tools],
) -> CheckOut:
    """Asks the venue; orders nothing. What fails is a finding, not an error.

    What the venue says of the key is kept: a key that is mended there is mended here at once.
    """
    account = await _owned(tools, caller, account_id)
    findings = [
        await _finding("balance", _balance_words(tools, account)),
        await _finding("position_mode", _mode_words(tools, account)),
        await _finding("permissions", _key_words(tools, account, caller.username)),
    ]
    is_fine = all(one.ok for one in findings) and account.is_active
    if not account.is_active:
        findings.append(
            FindingOut(what="active", ok=False, detail="The account is switched off: no entries.")
        )
    return CheckOut(ok=is_fine, at=tools.now(), findings=findings)


async def _owned(tools: Tools, caller: Caller, account_id: UUID) -> ExchangeAccount:
    async with tools.database.read() as session:
        return await accounts.exchange_account(session, caller.user_id, account_id)


async def _finding(what: str, answer: Awaitable[tuple[bool, str]]) -> FindingOut:
    try:
        ok, detail = await answer
    except AppError as failure:
        return FindingOut(what=what, ok=False, detail=f"{failure.code}: {failure.detail}")
    return FindingOut(what=what, ok=ok, detail=detail)


async def _balance_words(tools: Tools, account: ExchangeAccount) -> tuple[bool, str]:
    venue = await tools.venues.of(account.id)
    rows = [row for row in await venue.balances() if row.free + row.locked != Decimal(0)]
    held = ", ".join(f"{plain(row.free + row.locked)} {row.asset}" for row in rows[:10])
    return True, f"The venue takes the keys; it holds {held or 'nothing'}."


async def _mode_words(tools: Tools, account: ExchangeAccount) -> tuple[bool, str]:
    venue = await tools.venues.of(account.id)
    if await venue.is_one_way():
        return True, "One position per symbol."
    return False, "The account keeps long and short apart: switch it to one-way at the venue."


async def _key_words(tools: Tools, account: ExchangeAccount, actor: str) -> tuple[bool, str]:
    asked = await tools.venues.permissions(account.id)
    async with tools.database.transaction() as session:
        noted = await note_permissions(session, account.id, asked, actor=actor, now=tools.now())
    if noted is None:
        return False, "The key was replaced meanwhile: check again."
    warnings = warnings_of(noted)
    is_fit = why_barred(noted) is None
    is_fit &= all(one.code is not KeyFault.CANNOT_TRADE for one in warnings)
    words = " ".join(f"{one.code}: {one.detail}" for one in warnings)
    return is_fit, words or "The key may trade, and moves nothing away."


router = Router(
    path="/accounts", tags=["accounts"], route_handlers=[get_balance, get_positions, check_account]
)
