"""Alarms come to an end, and sealed keys open."""

from datetime import timedelta
from typing import Final

from app.accounts.exchange_accounts import credentials_of
from app.accounts.vault import Vault
from app.commands.doctor.finding import Difference, Finding
from app.commands.doctor.rows import Rows
from app.core.errors import Unavailable

PATIENCE: Final = timedelta(seconds=30)


def alarms_are_decided(rows: Rows) -> Finding:
    """No alarm waits for longer than a moment (I5)."""
    late = [one for one in rows.waiting if rows.now - one.received_at > PATIENCE]
    differences = tuple(
        Difference(
            where=f"alarm {one.id}",
            what="nobody has decided it",
            expected="a decision within seconds",
            found=f"it waits since {int((rows.now - one.received_at).total_seconds())} s",
            todo="A server that runs decides it: start it; an old one is then refused as stale.",
            subject_id=str(one.id),
        )
        for one in late
    )
    return Finding("alarms are decided", len(rows.waiting), differences)


def keys_open(rows: Rows, vault: Vault) -> Finding:
    """Every stored exchange key can be used."""
    sealed = [one for one in rows.accounts.values() if one.credentials is not None]
    differences = []
    for account in sealed:
        try:
            credentials_of(vault, account)
        except Unavailable as refusal:
            differences.append(
                Difference(
                    where=f"account {rows.account_name(account.id)}",
                    what="its key does not open",
                    expected="a key sealed with this installation's SECRET_KEY",
                    found=refusal.code,
                    todo=refusal.detail,
                    subject_id=str(account.id),
                )
            )
    return Finding("sealed exchange keys open", len(sealed), tuple(differences))


def accounts_are_reconciled(rows: Rows) -> Finding:
    """The server itself says of no account that it cannot compare it with its venue."""
    differences = tuple(
        Difference(
            where=f"account {rows.account_name(one.account_id)}",
            what="the server cannot compare it with its venue, and opens nothing on it",
            expected="compared every minute",
            found=f"failing since {one.failing_since:%Y-%m-%d %H:%M:%S} UTC",
            todo=one.reason or "The log says why.",
            subject_id=str(one.account_id),
        )
        for one in rows.states
        if one.failing_since is not None
    )
    return Finding("the server could compare each account", len(rows.states), differences)
