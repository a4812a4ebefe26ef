"""One examination: what an installation stands on, its rows, and each account's venue."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.keys import KeyRing, load_key_ring
from app.accounts.models import ExchangeAccount
from app.accounts.vault import Vault
from app.accounts.venues import AccountVenues
from app.audit.verifying import verify
from app.commands.doctor.checks import (
    alarms,
    days,
    decisions,
    fills,
    holdings,
    moves,
    orders,
    protection,
    results,
    scheduled,
    trail,
    wallet,
)
from app.commands.doctor.finding import Difference, Finding, Verdict, overall
from app.commands.doctor.rows import Rows, load_rows
from app.commands.doctor.surroundings import (
    check_database_file,
    check_folders,
    check_schema,
    check_secrets,
)
from app.commands.doctor.venues import Silence, VenueView, ask_venue, is_calm, traces
from app.core.clock import Clock, SystemClock
from app.core.errors import Invalid, NotFound
from app.db.session import Database, open_database
from app.exchanges.room import ExchangeRoom
from app.house import paper_url
from app.notifications import repository as notices
from app.pipeline.flow.tools import Venues
from app.settings import Settings

# While a server works, one look may see half of a step. What is wrong is still so a moment later.
SECOND_LOOK_SECONDS: Final = 2.0
CALM_TRIES: Final = 5
CALM_PAUSE_SECONDS: Final = 0.3

RowCheck = Callable[[Rows], Finding]
VenueCheck = Callable[[Rows, VenueView], Finding]

ROW_CHECKS: Final[tuple[RowCheck, ...]] = (
    orders.nobody_is_in_doubt,
    orders.endings_have_evidence,
    orders.ids_are_taken_once,
    fills.orders_are_their_fills,
    fills.positions_are_their_fills,
    results.results_follow_from_fills,
    results.closed_positions_are_trades,
    days.positions_have_their_bookings,
    days.funding_is_what_was_paid,
    days.closing_fills_are_on_their_day,
    protection.positions_are_protected,
    protection.exits_only_reduce,
    protection.closing_positions_have_exits,
    protection.flat_positions_have_no_exits,
    scheduled.scheduled_exits_keep_their_floor,
    moves.moves_are_allowed,
    decisions.openings_were_decided,
    decisions.signals_stay_within_approval,
    decisions.resting_entries_expire,
    alarms.accounts_are_reconciled,
)
# Over all of a trader's accounts, or over what belongs to none.
WHOLE_CHECKS: Final[tuple[RowCheck, ...]] = (
    alarms.alarms_are_decided,
    days.days_are_their_bookings,
    days.days_are_trades,
)
VENUE_CHECKS: Final[tuple[VenueCheck, ...]] = (
    orders.live_orders_are_at_the_venue,
    orders.venue_orders_are_known,
    fills.fills_are_the_venues,
    holdings.holdings_are_the_venues,
    holdings.leverage_is_as_set,
)


@dataclass(frozen=True, slots=True)
class Doctor:
    """What an examination works with: a database that is only read, and the venues."""

    database: Database
    venues: Venues
    vault: Vault | None
    clock: Clock
    second_look_seconds: float = SECOND_LOOK_SECONDS

    async def examine(self, account: str | None = None) -> list[Finding]:
        """Look; where something is wrong look again, and say what both looks saw.

        Args:
            account: only accounts of this name, and what is traded on them.

        Raises:
            NotFound: no account is called that.
        """
        found = await self._look(account)
        if overall(found) is not Verdict.OK:
            await asyncio.sleep(self.second_look_seconds)
            found = confirmed(found, await self._look(account))
        return await self._with_notices(found)

    async def _look(self, account: str | None) -> list[Finding]:
        rows = await self._rows()
        if account is not None:
            rows = rows.of_accounts(_named(rows, account))
        findings = check_rows(rows, self.vault)
        for found in rows.accounts.values():
            if found.credentials is not None:
                findings += await self._compare(rows.of_account(found.id), found)
        return findings

    async def _rows(self) -> Rows:
        async with one_moment(self.database) as session:
            return await load_rows(session, self.clock.now())

    async def _compare(self, rows: Rows, account: ExchangeAccount) -> list[Finding]:
        """Hold an account against its venue at a moment when nothing of it is on its way."""
        for _ in range(CALM_TRIES):
            answer = await ask_venue(self.venues, rows, account)
            after = (await self._rows()).of_account(account.id)
            if isinstance(answer, Silence) or (is_calm(rows) and traces(rows) == traces(after)):
                return check_venue(rows, answer)
            rows = after
            await asyncio.sleep(CALM_PAUSE_SECONDS)
        return check_venue(rows, Silence(account, "it trades while we look: try again"))

    async def _with_notices(self, findings: Sequence[Finding]) -> list[Finding]:
        wanted = {one.subject_id for finding in findings for one in finding.differences}
        said: dict[str, list[str]] = {}
        async with self.database.read() as session:
            for row in await notices.about(session, wanted - {""}):
                words = f"{row.last_at:%Y-%m-%d %H:%M:%S} {row.severity.value}: {row.text}"
                said.setdefault(row.subject_id, []).append(words)

        def told(one: Difference) -> Difference:
            return replace(one, notices=tuple(said.get(one.subject_id, ())))

        return [replace(one, differences=tuple(map(told, one.differences))) for one in findings]


def confirmed(first: Sequence[Finding], second: Sequence[Finding]) -> list[Finding]:
    """The second look, with the differences that the first one saw too."""
    before = {one.name: one for one in first}
    return [one.confirmed_by(before[one.name]) if one.name in before else one for one in second]


def check_rows(rows: Rows, vault: Vault | None) -> list[Finding]:
    """Every check that needs the database alone."""
    checks = ROW_CHECKS + (WHOLE_CHECKS if rows.is_whole else ())
    findings = [check(rows) for check in checks]
    if vault is not None:
        findings.append(alarms.keys_open(rows, vault))
    return findings


def check_venue(rows: Rows, answer: VenueView | Silence) -> list[Finding]:
    """Every check of one account against its venue; `rows` are the account's own."""
    if isinstance(answer, Silence):
        name = f"the venue could be asked ({answer.account.name})"
        return [Finding(name, 0, not_checked=answer.reason)]
    findings = [check(rows, answer) for check in VENUE_CHECKS]
    if wallet.is_ours_alone(rows, answer.account.id):
        findings.append(wallet.wallet_is_what_was_earned(rows, answer))
    return findings


async def examine(settings: Settings, account: str | None = None) -> list[Finding]:
    """Every check that can be made; later ones are left out where an earlier one rules them out."""
    findings = [check_folders(settings), check_secrets(settings), check_database_file(settings)]
    if findings[-1].differences:
        return findings
    database = open_database(settings.resolved_database_url, is_read_only=True)
    try:
        findings.append(await check_schema(database))
        if not findings[-1].differences:
            findings.append(await check_trail(database))
            async with opened_doctor(settings, database) as doctor:
                findings += await doctor.examine(account)
    finally:
        await database.close()
    return findings


async def check_trail(database: Database) -> Finding:
    """The whole audit trail against its seals."""
    async with database.read() as session:
        found = await verify(session)
    return trail.trail_is_as_sealed(found, SystemClock().now())


@asynccontextmanager
async def opened_doctor(settings: Settings, database: Database) -> AsyncIterator[Doctor]:
    """The venues of every account, opened with the installation's own keys."""
    vault, clock = _vault(settings), SystemClock()
    room = ExchangeRoom(
        clock=clock,
        paper_url=lambda: paper_url(settings),
        timeout_seconds=settings.exchange_timeout_seconds,
    )
    # Without the installation's key none of the stored ones opens, and each account says so.
    venues = AccountVenues(database, room, vault or Vault(KeyRing.of(token_bytes(32))), clock)
    try:
        yield Doctor(database, venues, vault, clock)
    finally:
        await venues.close()
        await room.close()


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[AsyncSession]:
    """A session whose every query sees the same moment, while a server goes on writing."""
    async with database.read() as session:
        if not database.is_sqlite:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            await session.connection(execution_options=options)
        yield session


def _named(rows: Rows, name: str) -> set[UUID]:
    found = {one.id for one in rows.accounts.values() if one.name.lower() == name.strip().lower()}
    if not found:
        known = ", ".join(sorted({one.name for one in rows.accounts.values()})) or "none"
        raise NotFound(f"There is no account {name!r}; there is: {known}.")
    return found


def _vault(settings: Settings) -> Vault | None:
    """The vault, without making a key where there is none."""
    try:
        return Vault(load_key_ring(settings, may_make=False))
    except Invalid:
        return None  # said already by the check of the secrets
