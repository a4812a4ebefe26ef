"""A secret as text that opens in its place only, under a data key of its own.

`v2:<key id>:<data key, wrapped>:<secret, under the data key>`. Another installation secret wraps
the data key anew and leaves the rest as it is. Both parts are AES-256-GCM with a random nonce,
bound to table, row, user, field and version. `v1:<secret>` was written before there were data keys.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.accounts.keys import KEY_BYTES, KeyRing
from app.core.errors import Unavailable

VERSION: Final = "v2"
NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed text belongs.

    Attributes:
        user_id: whose secret it is.
        field: the column, or what else tells two secrets of one row apart.
    """

    table: str
    row_id: UUID
    user_id: UUID
    field: str

    def __str__(self) -> str:
        return f"{self.table}|{self.row_id}|{self.user_id}|{self.field}"


def seal(ring: KeyRing, plain: bytes, place: Place) -> str:
    """The text to store in that place."""
    data_key = secrets.token_bytes(KEY_BYTES)
    payload = _encrypted(data_key, plain, _payload_of(place))
    return _wrapped(ring, data_key, payload, place)


def unseal(ring: KeyRing, sealed: str, place: Place) -> bytes:
    """The secret again.

    Raises:
        Unavailable: sealed under a key that is not on the ring, for another place, or damaged.
    """
    match sealed.split(":"):
        case ["v2", key_id, wrapped, payload]:
            data_key = _data_key(ring, key_id, wrapped, place)
            return _decrypted(data_key, payload, _payload_of(place))
        case ["v1", text]:
            return _of_version_1(ring, text, place)
        case _:
            raise _does_not_open()


def rewrap(ring: KeyRing, sealed: str, place: Place) -> str:
    """The same secret under the ring's current key; the text itself when it is there already.

    Raises:
        Unavailable: it does not open.
    """
    match sealed.split(":"):
        case ["v2", key_id, wrapped, payload]:
            if key_id == ring.current.key_id:
                return sealed
            data_key = _data_key(ring, key_id, wrapped, place)
            # What does not open is found while the key it names is still here.
            _decrypted(data_key, payload, _payload_of(place))
            return _wrapped(ring, data_key, payload, place)
        case _:
            return seal(ring, unseal(ring, sealed, place), place)


def key_id_of(sealed: str) -> str:
    """The id of the key that a text is sealed under; empty before version 2."""
    version, _, rest = sealed.partition(":")
    return rest.partition(":")[0] if version == VERSION else ""


def prefix_of(key_id: str) -> str:
    """What every text under that key begins with."""
    return f"{VERSION}:{key_id}:"


def payload_of(sealed: str | None) -> str | None:
    """The part that stays the same for as long as the secret does, whichever key wraps it."""
    return None if sealed is None else sealed.rpartition(":")[2]


def _wrapped(ring: KeyRing, data_key: bytes, payload: str, place: Place) -> str:
    keys = ring.current
    wrapped = _encrypted(keys.wrapping, data_key, _data_key_of(place, keys.key_id))
    return f"{prefix_of(keys.key_id)}{wrapped}:{payload}"


def _data_key(ring: KeyRing, key_id: str, wrapped: str, place: Place) -> bytes:
    keys = ring.named(key_id)
    if keys is None:
        raise _does_not_open()
    return _decrypted(keys.wrapping, wrapped, _data_key_of(place, key_id))


def _of_version_1(ring: KeyRing, text: str, place: Place) -> bytes:
    # It does not name its key.
    for keys in ring.all[:-1]:
        try:
            return _decrypted(keys.vault, text, str(place).encode())
        except Unavailable:
            continue
    return _decrypted(ring.all[-1].vault, text, str(place).encode())


def _data_key_of(place: Place, key_id: str) -> bytes:
    return f"{VERSION}|data key|{key_id}|{place}".encode()


def _payload_of(place: Place) -> bytes:
    return f"{VERSION}|payload|{place}".encode()


def _encrypted(key: bytes, plain: bytes, bound_to: bytes) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound_to)).decode()


def _decrypted(key: bytes, text: str, bound_to: bytes) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
        # One secret has one text: base64 itself would let the last character be another.
        if base64.b64encode(raw).decode() != text:
            raise _does_not_open()
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to)
    except (InvalidTag, binascii.Error, ValueError):
        raise _does_not_open() from None


def _does_not_open() -> Unavailable:
    return Unavailable(
        "What is stored sealed does not open with the keys of this installation.",
        code="sealed_unreadable",
    )
