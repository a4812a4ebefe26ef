"""Tokens that nobody here has signed: none is let in, however it was made."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.accounts import tokens
from app.accounts.keys import KeyRing
from app.accounts.tokens import Access
from app.core.errors import Unauthenticated

RING = KeyRing.of(b"k" * 32)
KEYS = RING.current
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=10)
ACCESS = Access(
    user_id=UUID(int=1), epoch=3, login_id=UUID(int=2), scopes=None, expires_at=NOW + LIFETIME
)
ISSUED = tokens.issue(RING, ACCESS, now=NOW)
HEADER: dict[str, Any] = jwt.get_unverified_header(ISSUED)
CLAIMS: dict[str, Any] = jwt.decode(ISSUED, options={"verify_signature": False})

ALGORITHMS = ("none", "None", "nOnE", "NONE", "", "HS384", "HS512", "RS256", "ES256", "PS256")
KEY_IDS = (
    *("", "00000000", KEYS.key_id.upper(), f" {KEYS.key_id}", f"{KEYS.key_id}\x00", "*", "%"),
    *("../../etc/passwd", "/dev/null", "' OR 1=1 --", "file:///etc/passwd", "http://evil.example"),
    *([KEYS.key_id], {"kid": KEYS.key_id}, 0, 1.5, True, None),
)
EXTRAS: tuple[dict[str, Any], ...] = (
    {"jku": "https://evil.example/keys"},
    {"jwk": {"kty": "oct", "k": "AAAA"}},
    {"x5u": "https://evil.example/certificate"},
    {"x5c": ["AAAA"]},
    {"crit": ["exp"]},
    {"crit": []},
    {"b64": False},
    {"cty": "JWT"},
    {"typ": "at+jwt"},
    {"typ": "jwt"},
    {"zip": "DEF"},
)
WRONG: dict[str, tuple[Any, ...]] = {
    "aud": ("refresh", "ticket", "", None, ["access"], ["access", "refresh"], {"access": 1}, 1),
    "exp": (10**20, 1e300, "9999999999", True, None, -1, [9999999999], 9999999999.5),
    "iat": (int((NOW + timedelta(minutes=1)).timestamp()), "0", None, True, 1.5, []),
    "sub": ("ada", "", None, 1, True, [str(UUID(int=1))], {"id": str(UUID(int=1))}),
    "sid": ("x", "", None, 1, [], {}),
    "epoch": ("3", 3.0, None, True, [3], "3 OR 1=1"),
    "jti": (1, None, [], {}),
    "scopes": ("admin", [1], [None], {"admin": True}, True, 1),
}
ADDED: tuple[dict[str, Any], ...] = (
    {"role": "admin"},
    {"is_admin": True},
    {"nbf": 0},
    {"iss": "signalbox"},
    {"user_id": str(UUID(int=9))},
)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(claims: dict[str, Any], header: dict[str, Any], key: bytes = KEYS.signing) -> str:
    """Signed with HMAC-SHA256, whatever the header says."""
    body = f"{part(header)}.{part(claims)}"
    signature = jwt.get_algorithm_by_name("HS256").sign(body.encode(), key)
    return f"{body}.{part(signature)}"


def public_keys() -> Iterator[bytes]:
    """What a verifier of another algorithm might hold, and its mutations (CVE-2026-102268)."""
    for private in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())):
        public = private.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        yield from (pem, pem.strip(), b"\n" + pem, pem.replace(b"\n", b"\r\n"), pem + b" ")
        yield public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def forged() -> Iterator[str]:
    """Every forgery; each differs from what we issue in one thing, or is none at all."""
    signatures = ("", "AAAA", ISSUED.rpartition(".")[2])
    for algorithm, signature in product(ALGORITHMS, signatures):
        yield f"{part({**HEADER, 'alg': algorithm})}.{part(CLAIMS)}.{signature}"
        yield signed(CLAIMS, {**HEADER, "alg": algorithm})
    yield from (signed(CLAIMS, {**HEADER, "kid": kid}) for kid in KEY_IDS)
    yield from (signed(CLAIMS, {**HEADER, **extra}) for extra in EXTRAS)
    yield from (signed(CLAIMS, {k: v for k, v in HEADER.items() if k != name}) for name in HEADER)
    for name, values in WRONG.items():
        yield signed({k: v for k, v in CLAIMS.items() if k != name}, HEADER)
        yield from (signed({**CLAIMS, name: value}, HEADER) for value in values)
    yield from (signed({**CLAIMS, **added}, HEADER) for added in ADDED)
    known = (b"", b"\x00" * 32, b"secret" * 8, b"k" * 32, KEYS.vault, KEYS.wrapping)
    yield from (signed(CLAIMS, HEADER, key) for key in (*known, *public_keys()))
    yield from changed_in_one_place()
    yield from no_tokens()


def changed_in_one_place() -> Iterator[str]:
    # The last character of each part has bits that base64 ignores: they are left out.
    ends = {ISSUED.index(".") - 1, ISSUED.rindex(".") - 1, len(ISSUED) - 1}
    for at, char in enumerate(ISSUED):
        if at not in ends:
            yield ISSUED[:at] + ("A" if char != "A" else "B") + ISSUED[at + 1 :]


def no_tokens() -> Iterator[str]:
    header, claims, signature = ISSUED.split(".")
    yield from ("", ".", "..", "...", "a.b.c", "é.é.é", "null", "{}", "x" * 3000, "A" * 1_000_000)
    yield from (header, f"{header}.{claims}", f"{header}.{claims}.", f".{claims}.{signature}")
    yield from (f"{header}..{signature}", f"{ISSUED}.", f".{ISSUED}", f"{ISSUED}.{ISSUED}")
    yield from (f"{claims}.{header}.{signature}", f"{header}.{header}.{signature}")
    # A token in a token, twice the same claim, and what is JSON but no object.
    yield signed({**CLAIMS, "sub": ISSUED}, HEADER)
    twice = json.dumps(CLAIMS)[:-1] + f', "sub": "{UUID(int=9)}"' + "}"
    yield f"{header}.{part(twice.encode())}.{signature}"
    for value in (b"[]", b"null", b"1", b'"x"', b"{", b"\xff", b"{}"):
        yield f"{part(value)}.{claims}.{signature}"
        yield f"{header}.{part(value)}.{signature}"


def is_let_in(token: str) -> bool:
    try:
        tokens.read(RING, token, now=NOW)
    except Unauthenticated:
        return False
    return True


def test_security_06_no_forged_token_is_let_in(
    record_property: Callable[[str, object], None],
) -> None:
    corpus = set(forged()) - {ISSUED}
    record_property("forged tokens", len(corpus))

    assert is_let_in(ISSUED)
    assert is_let_in(signed(CLAIMS, HEADER)), "or the refusals below mean nothing"
    assert len(corpus) >= 500
    assert [token[:200] for token in corpus if is_let_in(token)] == []


@pytest.mark.parametrize("seconds", [-1, 0, 1, 599, 600, 601, 10**9])
def test_security_08_a_token_counts_from_its_issue_to_its_end(seconds: int) -> None:
    later = NOW + timedelta(seconds=seconds)

    try:
        tokens.read(RING, ISSUED, now=later)
        is_valid = True
    except Unauthenticated:
        is_valid = False

    # Two seconds of another machine's clock are allowed before, none after.
    assert is_valid is (-2 <= seconds < 600)
