import base64
from uuid import UUID

import pytest

from app.accounts.keys import derive_keys
from app.accounts.vault import Credentials, Vault
from app.core.errors import Unavailable

ACCOUNT, USER = UUID(int=1), UUID(int=2)
SECRETS = Credentials(api_key="the-key", api_secret="the-secret", password="the-phrase")


@pytest.fixture
def vault() -> Vault:
    return Vault(derive_keys(b"k" * 32).vault)


@pytest.mark.parametrize("credentials", [SECRETS, Credentials("a", "ü🔑")])
def test_unseal_gives_back_what_was_sealed(vault: Vault, credentials: Credentials) -> None:
    sealed = vault.seal(credentials, account_id=ACCOUNT, user_id=USER)

    assert vault.unseal(sealed, account_id=ACCOUNT, user_id=USER) == credentials


def test_seal_twice_looks_different_and_shows_nothing(vault: Vault) -> None:
    sealed = [vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER) for _ in range(2)]

    assert sealed[0] != sealed[1]
    assert "the-key" not in base64.b64decode(sealed[0].partition(":")[2]).decode("latin-1")


@pytest.mark.parametrize(("account", "user"), [(UUID(int=9), USER), (ACCOUNT, UUID(int=9))])
def test_unseal_in_another_row_or_for_another_user_is_refused(
    vault: Vault, account: UUID, user: UUID
) -> None:
    sealed = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER)

    with pytest.raises(Unavailable, match="does not open"):
        vault.unseal(sealed, account_id=account, user_id=user)


def test_unseal_with_another_secret_is_refused(vault: Vault) -> None:
    sealed = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER)

    with pytest.raises(Unavailable):
        Vault(derive_keys(b"j" * 32).vault).unseal(sealed, account_id=ACCOUNT, user_id=USER)


@pytest.mark.parametrize("damage", ["", "v1:", "v1:AAAA", "v1:!!!", "v2:{}", "{}"])
def test_unseal_of_something_damaged_is_refused(vault: Vault, damage: str) -> None:
    body = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER).removeprefix("v1:")

    with pytest.raises(Unavailable):
        vault.unseal(damage.replace("{}", body), account_id=ACCOUNT, user_id=USER)


def test_unseal_with_one_bit_turned_is_refused(vault: Vault) -> None:
    body = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER).removeprefix("v1:")
    raw = base64.b64decode(body)

    for at in range(len(raw)):
        turned = bytes([*raw[:at], raw[at] ^ 1, *raw[at + 1 :]])
        with pytest.raises(Unavailable):
            vault.unseal(
                f"v1:{base64.b64encode(turned).decode()}", account_id=ACCOUNT, user_id=USER
            )


def test_credentials_do_not_show_themselves() -> None:
    assert repr(SECRETS) == "Credentials()"
