"""What a venue's words about a key prove: only a boolean says yes or no."""

import pytest

from app.exchanges.errors import UnreadableReply
from app.exchanges.permissions import KeyPermissions, binance_permissions

SAFE = {
    "ipRestrict": True,
    "createTime": 1700000000000,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableFutures": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "permitsUniversalTransfer": False,
}


def test_security_every_right_of_a_harmless_key_is_read() -> None:
    assert binance_permissions(SAFE) == KeyPermissions(
        reading=True,
        spot_trading=True,
        contract_trading=True,
        withdrawals=False,
        transfers=False,
        is_address_bound=True,
    )


@pytest.mark.parametrize("said", [None, "true", "false", 0, 1, [], {}])
@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("enableReading", "reading"),
        ("enableSpotAndMarginTrading", "spot_trading"),
        ("enableFutures", "contract_trading"),
        ("enableWithdrawals", "withdrawals"),
        ("enableInternalTransfer", "transfers"),
        ("permitsUniversalTransfer", "transfers"),
        ("ipRestrict", "is_address_bound"),
    ],
)
def test_security_what_is_no_boolean_is_not_verified(name: str, right: str, said: object) -> None:
    assert getattr(binance_permissions({**SAFE, name: said}), right) is None
    without = {key: value for key, value in SAFE.items() if key != name}
    assert getattr(binance_permissions(without), right) is None


@pytest.mark.parametrize("name", ["enableInternalTransfer", "permitsUniversalTransfer"])
def test_security_one_kind_of_transfer_is_enough_whatever_the_other_is(name: str) -> None:
    told = binance_permissions({name: True})

    assert told.transfers is True
    assert told.moves_coins_away


@pytest.mark.parametrize("said", [[], "yes", None])
def test_security_an_answer_that_is_no_object_proves_nothing(said: object) -> None:
    with pytest.raises(UnreadableReply):
        binance_permissions(said)


def test_security_nothing_told_is_neither_verified_nor_a_right() -> None:
    told = binance_permissions({})

    assert told == KeyPermissions()
    assert (told.is_verified, told.moves_coins_away) == (False, False)
    assert not binance_permissions({"enableWithdrawals": False}).is_verified
    assert binance_permissions({"enableWithdrawals": True}).is_verified
