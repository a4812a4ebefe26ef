import pytest

from app.accounts import passwords
from app.accounts.authentication import role_with_scopes
from app.accounts.service import valid_timezone, valid_username
from app.core.errors import Forbidden, Invalid
from app.http.caller import Role


@pytest.mark.parametrize(
    ("given", "stored"),
    [("Ada", "ada"), (" ada@example.com ", "ada@example.com"), ("a-b_c.9", "a-b_c.9")],
)
def test_valid_username_is_stored_in_lower_case(given: str, stored: str) -> None:
    assert valid_username(given) == stored


@pytest.mark.parametrize("name", ["", "ab", "a" * 65, "a b c", "ädä", "ada/../x", "\u0430da"])
def test_valid_username_refuses(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        valid_username(name)
    assert refusal.value.code == "username_invalid"


def test_valid_timezone_knows_iana_names() -> None:
    assert valid_timezone("Europe/Berlin") == "Europe/Berlin"


@pytest.mark.parametrize(
    "zone", ["", "Berlin", "../../etc/passwd", "/etc/localtime", "a\x00b", "x" * 500]
)
def test_valid_timezone_refuses(zone: str) -> None:
    with pytest.raises(Invalid) as refusal:
        valid_timezone(zone)
    assert refusal.value.code == "timezone_unknown"


@pytest.mark.parametrize(
    ("length", "minimum", "fits"),
    [
        (12, 12, True),
        (11, 12, False),
        (8, 8, True),
        (7, 8, False),
        (1024, 12, True),
        (1025, 12, False),
    ],
)
def test_check_strength_by_length(length: int, minimum: int, *, fits: bool) -> None:
    if fits:
        passwords.check_strength("x" * length, minimum=minimum)
    else:
        with pytest.raises(Invalid):
            passwords.check_strength("x" * length, minimum=minimum)


async def test_passwords_are_stored_as_argon2id_above_the_floor() -> None:
    stored = await passwords.hash_password("correct horse battery")

    kind, parameters = stored.split("$")[1], stored.split("$")[3]
    figures = dict(part.split("=") for part in parameters.split(","))
    assert kind == "argon2id"
    assert int(figures["m"]) >= 19 * 1024
    assert int(figures["t"]) >= 2
    assert await passwords.is_correct(stored, "correct horse battery")
    assert not await passwords.is_correct(stored, "correct horse batterz")
    assert not await passwords.is_correct(None, "nobody has this password")
    assert not await passwords.is_correct("not a hash", "x")


A, T, V = Role.ADMIN, Role.TRADER, Role.VIEWER


@pytest.mark.parametrize(
    ("role", "scopes", "needed", "left"),
    [
        (A, None, None, A),
        (A, ["admin"], None, A),
        (T, ["admin"], None, T),
        (A, ["read", "trade"], None, T),
        (T, ["trade"], None, T),
        (V, ["trade"], None, V),
        (A, ["read"], None, V),
        (T, ["read", "signals:write"], None, V),
        (T, ["signals:write"], "signals:write", T),
        (A, ["signals:write"], "signals:write", T),
        (V, ["signals:write"], "signals:write", V),
    ],
)
def test_role_with_scopes_narrows_and_never_widens(
    role: Role, scopes: list[str] | None, needed: str | None, left: Role
) -> None:
    assert role_with_scopes(role, scopes, needed) is left


@pytest.mark.parametrize(
    ("scopes", "needed"), [([], None), (["signals:write"], None), (["bogus"], "x")]
)
def test_role_with_scopes_that_allow_nothing_is_refused(
    scopes: list[str], needed: str | None
) -> None:
    with pytest.raises(Forbidden) as refusal:
        role_with_scopes(Role.ADMIN, scopes, needed)
    assert refusal.value.code == "scope_missing"
