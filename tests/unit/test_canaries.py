"""A search that finds nothing proves something only if it would find what is there."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.canaries import Canaries

AROUND = ("", "a", "ab")


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


def every_form(secret: str) -> dict[str, str]:
    """What programs make of a text, by their own functions rather than the search's."""
    whole = {
        "as it is": secret,
        "other case": secret.swapcase(),
        "backwards": secret[::-1],
        "quoted": quote(secret, safe=""),
        "each byte quoted": "".join(f"%{byte:02X}" for byte in secret.encode()),
        "quoted twice": quote("".join(f"%{byte:02X}" for byte in secret.encode())),
        "in json": json.dumps({"secret": secret}),
        "escaped": "".join(f"\\u{ord(one):04X}" for one in secret),
        "escaped in json": json.dumps("".join(f"\\u{ord(one):04x}" for one in secret)),
        "in json in json": json.dumps(json.dumps(secret)),
        "hex": secret.encode().hex().upper(),
        "cut in front": secret[-len(secret) // 2 :],
        "cut at the end": secret[: len(secret) // 2],
    }
    shifted = {
        f"{encode.__name__} after {len(before)} bytes": encode(
            f"{before}{secret} ".encode()
        ).decode()
        for before in AROUND
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
    }
    return whole | shifted


FORMS = tuple(every_form("x" * 30))


@pytest.mark.parametrize("form", FORMS)
def test_a_planted_secret_is_found_in_every_form(canaries: Canaries, form: str) -> None:
    made = canaries.make("made")
    given = canaries.keep("given", "Zq3T-w9XbLkPz_7RmVdYcH2sJfNg4uEa8oKtQi1BxW0")

    for name, secret in (("made", made), ("given", given)):
        line = f"before {every_form(secret)[form]} after".encode()
        [first, *_] = canaries.found_in("log", line)
        assert first.startswith(f"log: {name} (")


def test_what_is_not_there_is_not_found_and_the_end_may_be_shown(canaries: Canaries) -> None:
    secret = canaries.make("made")

    assert canaries.found_in("log", f"<redacted:{secret[-4:]}>".encode()) == []
    assert canaries.found_in("log", b"\x00\xff nothing") == []


def test_a_finding_does_not_repeat_the_secret(canaries: Canaries) -> None:
    secret = canaries.make("made")

    found = canaries.found_in("log", secret.encode())

    assert found
    assert Canaries().found_in("", "".join(found).encode()) == []
    assert canaries.found_in("", "".join(found).encode()) == []
