import base64
from uuid import UUID

import pytest

from app.accounts.keys import KeyRing
from app.accounts.vault import Credentials, Vault
from app.core.errors import Unavailable

ACCOUNT, USER = UUID(int=1), UUID(int=2)
SECRETS = Credentials(api_key="the-key", api_secret="the-secret", password="the-phrase")
# SECRETS as version 1 had sealed them, under the secret of these tests.
OF_VERSION_1 = (
    "v1:jGumo3IDpvQSLPe+TtNYV/hJRTJblm5XFEmSBVAXB9p0fBqyiZ2PGgCQLv1k71WW4RaT35TjGjI5MthIW2oIaE35"
    "fyaewDrUCAfSDGBv3ZNq7Qz+J3rOL+0WDAYk8JQTCtRp4XAYzZ0="
)


@pytest.fixture
def vault() -> Vault:
    return Vault(KeyRing.of(b"k" * 32))


@pytest.mark.parametrize("credentials", [SECRETS, Credentials("a", "ü🔑")])
def test_unseal_gives_back_what_was_sealed(vault: Vault, credentials: Credentials) -> None:
    sealed = vault.seal(credentials, account_id=ACCOUNT, user_id=USER)

    assert vault.unseal(sealed, account_id=ACCOUNT, user_id=USER) == credentials


def test_unseal_opens_what_version_1_had_sealed(vault: Vault) -> None:
    assert vault.unseal(OF_VERSION_1, account_id=ACCOUNT, user_id=USER) == SECRETS


def test_seal_shows_nothing(vault: Vault) -> None:
    sealed = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER)

    shown = [base64.b64decode(part).decode("latin-1") for part in sealed.split(":")[2:]]
    assert all("the-" not in part for part in shown)


@pytest.mark.parametrize(("account", "user"), [(UUID(int=9), USER), (ACCOUNT, UUID(int=9))])
@pytest.mark.parametrize("version", [1, 2])
def test_security_31_unseal_in_another_row_or_for_another_user_is_refused(
    vault: Vault, account: UUID, user: UUID, version: int
) -> None:
    new = vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER)

    with pytest.raises(Unavailable, match="does not open") as refusal:
        vault.unseal(
            OF_VERSION_1 if version == 1 else new,
            account_id=account,
            user_id=user,
        )

    assert refusal.value.code == "credentials_unreadable"


@pytest.mark.parametrize("secret", [b"j" * 32, b"\x00" * 32])
def test_unseal_with_another_secret_is_refused(vault: Vault, secret: bytes) -> None:
    other = Vault(KeyRing.of(secret))

    for sealed in (OF_VERSION_1, vault.seal(SECRETS, account_id=ACCOUNT, user_id=USER)):
        with pytest.raises(Unavailable):
            other.unseal(sealed, account_id=ACCOUNT, user_id=USER)


def test_credentials_do_not_show_themselves() -> None:
    assert repr(SECRETS) == "Credentials()"
