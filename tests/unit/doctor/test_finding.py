"""Findings, two looks, and what belongs to one account."""

from dataclasses import replace

from app.accounts.keys import KeyRing
from app.accounts.vault import Vault
from app.commands.doctor.checks import alarms, fills
from app.core.ids import new_id
from tests.builders import d
from tests.unit.doctor.ward import a_ward, words


def test_only_what_is_on_the_account_is_looked_at() -> None:
    ward = a_ward()

    rows = ward.rows.of_accounts({new_id()})

    assert (rows.accounts, rows.orders, rows.positions, rows.fills) == ({}, [], [], [])
    assert not rows.is_whole


def test_a_key_of_another_installation_does_not_open() -> None:
    ward = a_ward()

    assert "its key does not open" in words(
        alarms.keys_open(ward.rows, Vault(KeyRing.of(bytes(32))))
    )
    ward.account.credentials = None
    assert alarms.keys_open(ward.rows, Vault(KeyRing.of(bytes(32)))).looked_at == 0


def test_a_difference_that_the_second_look_does_not_see_is_none() -> None:
    ward = a_ward()
    ward.held.quantity = d("0.25")
    first = fills.positions_are_their_fills(ward.rows)
    ward.held.quantity = d("0.3")
    still = fills.positions_are_their_fills(ward.rows)
    ward.held.quantity = d("0.2")
    gone = fills.positions_are_their_fills(ward.rows)

    assert len(first.confirmed_by(still).problems) == 1
    assert first.confirmed_by(gone).problems == ()
    assert replace(first, not_checked="?").confirmed_by(gone).not_checked == "?"
