"""The bytes of an entry: worked out by hand once, and never the same for two entries."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.audit.chain import BEFORE_THE_FIRST, COLUMNS, canonical, digest_after
from app.audit.models import AuditEntry

ENTRY: Final[Mapping[str, Any]] = {
    "id": UUID("019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11"),
    "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "user_id": None,
    "actor": "ada",
    "action": "signal.approved",
    "subject_kind": "signal",
    "subject_id": "7",
    "detail": {"reason": "größer", "fraction": "0.5"},
    "source": "127.0.0.1",
    "request_id": None,
}
BYTES: Final = (
    b'{"action":"signal.approved","actor":"ada","at":"2026-01-31T12:00:00.000000Z",'
    b'"detail":{"fraction":"0.5","reason":"gr\\u00f6\\u00dfer"},'
    b'"id":"019c1f6e-4a52-7c31-9d0e-3f0f5b1b6a11","request_id":null,"source":"127.0.0.1",'
    b'"subject_id":"7","subject_kind":"signal","user_id":null}'
)

words = st.text(max_size=20)
entries = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "at": st.datetimes(timezones=st.just(UTC)),
        "user_id": st.none() | st.uuids(),
        "actor": words,
        "action": words,
        "subject_kind": words,
        "subject_id": words,
        "detail": st.dictionaries(words, words, max_size=3),
        "source": st.none() | words,
        "request_id": st.none() | words,
    }
)


def test_security_38_the_bytes_of_an_entry_are_as_written_down() -> None:
    assert canonical(ENTRY) == BYTES
    assert digest_after(BEFORE_THE_FIRST, ENTRY) == hashlib.sha256(bytes(32) + BYTES).hexdigest()


def test_security_38_every_column_of_an_entry_is_sealed() -> None:
    assert set(COLUMNS) == {column.name for column in AuditEntry.__table__.columns}


@settings(max_examples=50)
@given(entry=entries)
def test_security_38_an_entry_can_be_read_back_from_its_bytes(entry: dict[str, Any]) -> None:
    read = json.loads(canonical(entry))

    # Whatever can be read back from its bytes shares them with nothing else.
    read["id"] = UUID(read["id"])
    read["user_id"] = read["user_id"] and UUID(read["user_id"])
    assert read.pop("at") == entry["at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert read == {name: value for name, value in entry.items() if name != "at"}


@given(entry=entries, other=entries, name=st.sampled_from(COLUMNS))
def test_security_38_two_entries_that_differ_in_one_column_have_other_bytes(
    entry: dict[str, Any], other: dict[str, Any], name: str
) -> None:
    assume(entry[name] != other[name])

    changed = {**entry, name: other[name]}

    assert canonical(changed) != canonical(entry)
    assert digest_after("ab" * 32, changed) != digest_after("ab" * 32, entry)


@given(left=words, middle=words, right=words)
def test_security_38_no_letter_can_move_from_one_column_to_the_next(
    left: str, middle: str, right: str
) -> None:
    assume(middle)

    one = {**ENTRY, "action": left + middle, "actor": right}
    two = {**ENTRY, "action": left, "actor": middle + right}

    assert canonical(one) != canonical(two)


def test_what_is_empty_is_not_what_says_nothing() -> None:
    assert canonical({**ENTRY, "source": None}) != canonical({**ENTRY, "source": ""})
    assert canonical({**ENTRY, "source": "null"}) != canonical({**ENTRY, "source": None})


def test_a_moment_is_the_same_in_every_zone_and_in_any_order_of_keys() -> None:
    elsewhere = ENTRY["at"].astimezone(timezone(timedelta(hours=5, minutes=30)))
    turned = dict(reversed(ENTRY["detail"].items()))

    assert canonical({**ENTRY, "at": elsewhere, "detail": turned}) == BYTES


@pytest.mark.parametrize("previous", ["", "ab", "xy" * 32, "0" * 65])
def test_what_is_no_digest_has_no_follower(previous: str) -> None:
    with pytest.raises(ValueError, match="hex"):
        digest_after(previous, ENTRY)


def test_a_value_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical({**ENTRY, "actor": b"ada"})
