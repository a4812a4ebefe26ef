import base64
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.keys import KeyRing
from app.accounts.sealing.envelope import (
    Place,
    key_id_of,
    payload_of,
    prefix_of,
    rewrap,
    seal,
    unseal,
)
from app.core.errors import Unavailable

OLD, NEW = b"k" * 32, b"n" * 32
RING = KeyRing.of(OLD)
PLACE = Place("exchange_accounts", UUID(int=1), UUID(int=2), "credentials")
PLAIN = b"what nobody may read"
# PLAIN as version 1 would have sealed it in PLACE, under OLD.
OF_VERSION_1 = "v1:XWmAklWCCkdvzMETNVPhTRyJlGcjoaG9soX+ULNiJb3Mr/KBk3ex0aua9kv9ExHN"


def opens(sealed: str, ring: KeyRing = RING, place: Place = PLACE) -> bool:
    try:
        return unseal(ring, sealed, place) == PLAIN
    except Unavailable:
        return False


@given(st.binary(max_size=300))
def test_unseal_gives_back_what_was_sealed(plain: bytes) -> None:
    assert unseal(RING, seal(RING, plain, PLACE), PLACE) == plain


def test_version_1_opens_with_any_secret_on_the_ring() -> None:
    assert opens(OF_VERSION_1)
    assert opens(OF_VERSION_1, KeyRing.of(NEW, OLD))
    assert not opens(OF_VERSION_1, KeyRing.of(NEW))


@pytest.mark.parametrize(
    "place",
    [
        replace(PLACE, table="users"),
        replace(PLACE, row_id=UUID(int=3)),
        replace(PLACE, user_id=UUID(int=3)),
        replace(PLACE, row_id=PLACE.user_id, user_id=PLACE.row_id),
        replace(PLACE, field="password"),
    ],
    ids=["table", "row", "user", "row and user", "field"],
)
def test_security_31_a_sealed_text_opens_in_its_place_only(place: Place) -> None:
    sealed = seal(RING, PLAIN, PLACE)

    assert opens(sealed)
    assert not opens(sealed, place=place)
    assert not opens(OF_VERSION_1, place=place)


def test_security_31_the_wrapped_data_key_too_is_bound_to_its_place() -> None:
    other = replace(PLACE, row_id=UUID(int=3))
    mine, theirs = seal(RING, PLAIN, PLACE).split(":"), seal(RING, PLAIN, other).split(":")

    # Their data key with their secret, and each half alone, in my row.
    assert not opens(":".join(theirs))
    assert not opens(":".join([*mine[:2], theirs[2], mine[3]]))
    assert not opens(":".join([*mine[:3], theirs[3]]))
    with pytest.raises(Unavailable):
        rewrap(KeyRing.of(NEW, OLD), ":".join([*mine[:2], theirs[2], mine[3]]), PLACE)


@pytest.mark.parametrize("text", [seal(RING, PLAIN, PLACE), OF_VERSION_1], ids=["v2", "v1"])
def test_security_31_a_text_with_any_bit_of_any_byte_flipped_does_not_open(text: str) -> None:
    raw = text.encode()

    for at in range(len(raw)):
        for bit in range(7):
            turned = bytes([*raw[:at], raw[at] ^ 1 << bit, *raw[at + 1 :]]).decode()
            assert not opens(turned), f"byte {at}, bit {bit}"


@pytest.mark.parametrize("text", [seal(RING, PLAIN, PLACE), OF_VERSION_1], ids=["v2", "v1"])
def test_security_31_a_text_cut_at_either_end_or_grown_does_not_open(text: str) -> None:
    for at in range(len(text)):
        assert not opens(text[:at]), f"the first {at}"
        assert not opens(text[at + 1 :]), f"without the first {at + 1}"
    for grown in (text + "=", text + "A", text + "AAAA", text + ":", text + "\n", " " + text):
        assert not opens(grown)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda of: ["v1", *of[1:]],
        lambda of: ["v3", *of[1:]],
        lambda of: ["", *of[1:]],
        lambda of: ["V2", *of[1:]],
        lambda of: ["v1", of[3]],
        lambda of: ["v1", of[2]],
        lambda of: [of[0], KeyRing.of(NEW).current.key_id, *of[2:]],
        lambda of: [of[0], "", *of[2:]],
        lambda of: [of[0], of[1].upper(), *of[2:]],
        lambda of: [of[0], "../secret.key", *of[2:]],
        lambda of: [of[0], of[1], of[3], of[2]],
        lambda of: [of[0], of[1], of[2], of[2]],
        lambda of: [of[0], of[1], of[2], ""],
        lambda of: [of[0], of[1], "", of[3]],
        lambda of: [*of, of[3]],
        lambda of: of[:3],
        lambda _: ["🔑"],
    ],
)
def test_security_31_another_version_another_key_id_and_mixed_parts_do_not_open(
    tamper: Callable[[list[str]], list[str]],
) -> None:
    changed = ":".join(tamper(seal(RING, PLAIN, PLACE).split(":")))

    assert not opens(changed)
    # Nor where both secrets are known: each text is bound to the one that it names.
    assert not opens(changed, KeyRing.of(NEW, OLD))


def opened_by_hand(sealed: str) -> tuple[bytes, bytes]:
    """The data key and the secret, by the letter of the format."""
    version, key_id, *texts = sealed.split(":")
    wrapped, payload = map(base64.b64decode, texts)
    place = f"exchange_accounts|{PLACE.row_id}|{PLACE.user_id}|credentials"
    data_key = AESGCM(RING.current.wrapping).decrypt(
        wrapped[:12], wrapped[12:], f"{version}|data key|{key_id}|{place}".encode()
    )
    plain = AESGCM(data_key).decrypt(
        payload[:12], payload[12:], f"{version}|payload|{place}".encode()
    )
    return data_key, plain


def test_security_31_both_layers_are_bound_and_no_nonce_and_no_data_key_comes_twice() -> None:
    sealed = [seal(RING, PLAIN, PLACE) for _ in range(2_000)]
    opened = [opened_by_hand(text) for text in sealed]
    nonces = [base64.b64decode(part)[:12] for text in sealed for part in text.split(":")[2:]]

    assert {plain for _, plain in opened} == {PLAIN}
    assert {len(data_key) for data_key, _ in opened} == {32}
    assert len({data_key for data_key, _ in opened}) == 2_000
    assert len(set(nonces)) == 4_000


def test_rewrap_puts_the_same_secret_under_the_new_key_and_leaves_it_otherwise() -> None:
    sealed = seal(RING, PLAIN, PLACE)
    both = KeyRing.of(NEW, OLD)

    new = rewrap(both, sealed, PLACE)

    assert payload_of(new) == payload_of(sealed)
    assert key_id_of(new) == both.current.key_id != key_id_of(sealed)
    assert new.startswith(prefix_of(both.current.key_id))
    assert opens(new, KeyRing.of(NEW))
    assert not opens(new, KeyRing.of(OLD))
    assert rewrap(both, new, PLACE) == new


def test_rewrap_gives_a_text_of_version_1_a_data_key() -> None:
    new = rewrap(KeyRing.of(NEW, OLD), OF_VERSION_1, PLACE)

    assert key_id_of(OF_VERSION_1) == ""
    assert key_id_of(new) == KeyRing.of(NEW).current.key_id
    assert opens(new, KeyRing.of(NEW))


@pytest.mark.parametrize("text", [seal(RING, PLAIN, PLACE), OF_VERSION_1, "", "nonsense"])
def test_rewrap_of_what_does_not_open_is_refused(text: str) -> None:
    with pytest.raises(Unavailable):
        rewrap(KeyRing.of(NEW), text, PLACE)


def test_rewrap_of_a_secret_that_is_damaged_under_a_good_data_key_is_refused() -> None:
    damaged = seal(RING, PLAIN, PLACE)[:-8] + "AAAAAAAA"

    with pytest.raises(Unavailable):
        rewrap(KeyRing.of(NEW, OLD), damaged, PLACE)


def test_payload_of_nothing_is_nothing() -> None:
    assert payload_of(None) is None
