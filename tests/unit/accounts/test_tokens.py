import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from app.accounts import tokens
from app.accounts.keys import KeyRing
from app.accounts.tokens import Access
from app.core.errors import Unauthenticated

RING = KeyRing.of(b"k" * 32)
KEYS = RING.current
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
USER, SESSION = UUID(int=1), UUID(int=2)
LIFETIME = timedelta(minutes=10)
ACCESS = Access(
    user_id=USER, epoch=3, login_id=SESSION, scopes=("read",), expires_at=NOW + LIFETIME
)
CLAIMS: dict[str, Any] = {
    "sub": str(USER),
    "aud": "access",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + LIFETIME).timestamp()),
    "jti": "j",
    "epoch": 3,
    "sid": str(SESSION),
    "scopes": None,
}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(claims: dict[str, Any], headers: dict[str, Any] | None = None) -> str:
    extra = {"kid": KEYS.key_id} if headers is None else headers
    return jwt.encode(claims, KEYS.signing, algorithm="HS256", headers=extra)


def refused(token: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        tokens.read(RING, token, now=NOW)
    return refusal.value.code


def test_read_gives_back_what_was_issued() -> None:
    token = tokens.issue(RING, ACCESS, now=NOW)

    assert tokens.read(RING, token, now=NOW) == ACCESS


def test_claims_of_these_tests_are_accepted_so_that_the_refusals_mean_something() -> None:
    assert tokens.read(RING, signed(CLAIMS), now=NOW).scopes is None


@pytest.mark.parametrize(
    ("seconds", "is_valid"), [(0, True), (599.999, True), (600, False), (10**6, False)]
)
def test_read_at_the_end_of_the_lifetime(seconds: float, *, is_valid: bool) -> None:
    token = tokens.issue(RING, ACCESS, now=NOW)
    later = NOW + timedelta(seconds=seconds)

    if is_valid:
        assert tokens.read(RING, token, now=later) == ACCESS
    else:
        with pytest.raises(Unauthenticated) as refusal:
            tokens.read(RING, token, now=later)
        assert refusal.value.code == "token_expired"


@pytest.mark.parametrize("seconds", [2, 1])
def test_read_allows_another_machines_clock_to_be_ahead(seconds: int) -> None:
    token = tokens.issue(RING, ACCESS, now=NOW + timedelta(seconds=seconds))

    assert tokens.read(RING, token, now=NOW) == ACCESS


@pytest.mark.parametrize("claim", sorted(CLAIMS))
def test_read_without_one_of_the_claims_is_refused(claim: str) -> None:
    assert refused(signed({k: v for k, v in CLAIMS.items() if k != claim})) == "unauthenticated"


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "refresh"},
        {"aud": "ticket"},
        {"aud": ["access"]},
        {"aud": ["access", "refresh"]},
        {"aud": ""},
        {"exp": "99999999999"},
        {"exp": True},
        {"exp": 99999999999.5},
        {"exp": None},
        {"iat": "0"},
        {"iat": int((NOW + timedelta(seconds=60)).timestamp())},
        {"sub": "ada"},
        {"sub": None},
        {"sub": 1},
        {"sid": "x"},
        {"epoch": "3"},
        {"epoch": 3.0},
        {"epoch": True},
        {"jti": 1},
        {"scopes": "admin"},
        {"scopes": [1]},
        {"nbf": 1},
        {"role": "admin"},
    ],
)
def test_read_with_a_claim_that_is_not_ours_is_refused(change: dict[str, Any]) -> None:
    assert refused(signed({**CLAIMS, **change})) == "unauthenticated"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"kid": "00000000"},
        {"kid": ""},
        {"kid": KEYS.key_id.upper()},
        {"kid": f" {KEYS.key_id}"},
        {"kid": "secret.key"},
        {"kid": "secret.key.previous"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": KEYS.key_id + "\x00"},
        {"kid": KEYS.key_id, "jku": "https://evil.example/keys"},
        {"kid": KEYS.key_id, "x5u": "https://evil.example/cert"},
        {"kid": KEYS.key_id, "jwk": {"kty": "oct", "k": "AAAA"}},
        {"kid": KEYS.key_id, "crit": ["exp"]},
        {"kid": KEYS.key_id, "b64": False},
        {"kid": KEYS.key_id, "typ": "at+jwt"},
    ],
)
def test_security_07_a_token_with_another_header_is_refused(headers: dict[str, Any]) -> None:
    assert refused(signed(CLAIMS, headers)) == "unauthenticated"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", "", "HS512", "RS256"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_read_with_another_algorithm_is_refused(algorithm: str, signature: str) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": KEYS.key_id}

    assert refused(f"{part(header)}.{part(CLAIMS)}.{signature}") == "unauthenticated"


@pytest.mark.parametrize("key", [b"k" * 32, KEYS.vault, b"\x00" * 32, b"secret" * 8])
def test_read_of_a_token_signed_with_another_key_is_refused(key: bytes) -> None:
    forged = jwt.encode(CLAIMS, key, algorithm="HS256", headers={"kid": KEYS.key_id})

    assert refused(forged) == "unauthenticated"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "x" * 3000,
        f"{part(b'[]')}.{part(CLAIMS)}.AAAA",
        f"{part(b'null')}.{part(b'null')}.",
        part({"alg": "HS256"}) + "." + "A" * 1_000_000 + ".AAAA",
    ],
)
def test_read_of_what_is_no_token_is_refused(token: str) -> None:
    assert refused(token) == "unauthenticated"


def test_read_of_a_token_with_any_one_character_changed_is_refused() -> None:
    token = tokens.issue(RING, ACCESS, now=NOW)
    # The last character of each part has bits that base64 ignores: they are left out.
    ends = {token.index(".") - 1, token.rindex(".") - 1, len(token) - 1}
    places = [at for at, char in enumerate(token) if char != "." and at not in ends]

    for at in places:
        other = "A" if token[at] != "A" else "B"
        assert refused(token[:at] + other + token[at + 1 :]) == "unauthenticated"


OLD, NEW = b"k" * 32, b"n" * 32


def test_security_31_a_token_of_the_previous_secret_is_read_and_new_ones_bear_the_new_kid() -> None:
    before = tokens.issue(KeyRing.of(OLD), ACCESS, now=NOW)
    ring = KeyRing.of(NEW, OLD)

    after = tokens.issue(ring, ACCESS, now=NOW)

    assert tokens.read(ring, before, now=NOW) == ACCESS
    assert tokens.read(ring, after, now=NOW) == ACCESS
    assert jwt.get_unverified_header(after)["kid"] == KeyRing.of(NEW).current.key_id


def test_security_31_a_token_of_a_dropped_secret_is_refused() -> None:
    before = tokens.issue(KeyRing.of(OLD), ACCESS, now=NOW)

    with pytest.raises(Unauthenticated) as refusal:
        tokens.read(KeyRing.of(NEW), before, now=NOW)

    assert refusal.value.code == "unauthenticated"


def test_security_31_the_previous_secrets_tokens_are_checked_as_strictly() -> None:
    ring, old = KeyRing.of(NEW, OLD), KeyRing.of(OLD).current
    forged = [
        jwt.encode(CLAIMS, old.signing, algorithm="HS256", headers={"kid": ring.current.key_id}),
        jwt.encode(CLAIMS, NEW, algorithm="HS256", headers={"kid": old.key_id}),
        jwt.encode(CLAIMS, old.wrapping, algorithm="HS256", headers={"kid": old.key_id}),
        jwt.encode(CLAIMS, old.signing, algorithm="HS256", headers={"kid": old.key_id, "jku": "x"}),
        jwt.encode(
            {**CLAIMS, "aud": "refresh"},
            old.signing,
            algorithm="HS256",
            headers={"kid": old.key_id},
        ),
    ]

    for token in forged:
        with pytest.raises(Unauthenticated):
            tokens.read(ring, token, now=NOW)
