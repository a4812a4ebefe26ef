"""The hash chain over the audit trail: which bytes are hashed, and in which order.

    digest(n) = SHA-256(digest(n - 1) followed by entry(n))

`digest(n - 1)` is 32 bytes, all of them zero before the first. `entry(n)` is the entry as one JSON
object in ASCII: every column by its name, keys in alphabetical order at every depth, no space
between the parts, whatever is not ASCII escaped as JSON does. Ids are text of 36 characters, times
UTC with six decimal places and a `Z`, what is empty is null. A column that is added to the table
later has to be left out where it is empty, so that older entries keep their bytes.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.core.clock import iso

BEFORE_THE_FIRST: Final = "0" * 64
COLUMNS: Final = (
    "id",
    "at",
    "user_id",
    "actor",
    "action",
    "subject_kind",
    "subject_id",
    "detail",
    "source",
    "request_id",
)


def canonical(entry: Mapping[Any, Any]) -> bytes:
    """The bytes of an entry, the same whichever database it was read from.

    Args:
        entry: values by column; others than those of an entry do not count.

    Raises:
        TypeError: a value is of no kind that an entry can have.
    """
    values = {name: _plain(entry[name]) for name in COLUMNS}
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode("ascii")


def digest_after(previous: str, entry: Mapping[Any, Any]) -> str:
    """The digest of an entry's seal, in hex.

    Args:
        previous: the digest of the seal before it, in hex.
        entry: values by column.

    Raises:
        ValueError: `previous` is no digest.
        TypeError: a value is of no kind that an entry can have.
    """
    before = bytes.fromhex(previous)
    if len(before) != hashlib.sha256().digest_size:
        raise ValueError(f"{previous!r} is no SHA-256 digest in hex")
    return hashlib.sha256(before + canonical(entry)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return iso(value) if isinstance(value, datetime) else value
