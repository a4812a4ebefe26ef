"""No input crashes a reader, and none is read in worse than linear time."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from time import process_time

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core.clock import iso
from app.core.decimals import plain
from app.pipeline.alarms.claims import claim_key
from app.pipeline.alarms.meaning import Meaning, Unreadable
from app.pipeline.alarms.reading import DIALECTS, find_secret, understand
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.service import Reading
from tests.hostile import EXAMPLES, NUMBERS, SIGNS, TIMES, bent

KIB = 1024
WINDOW = timedelta(seconds=90)
CODE = re.compile(r"[a-z][a-z0-9_]+")
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(body: bytes) -> None:
    """A body has a meaning that can be kept and shown, or a refusal that says why."""
    reading = Reading.of(body)
    find_secret(body)
    claim_key(body, reading.meaning, window=WINDOW)
    if reading.refusal is not None:
        is_a_refusal(body, reading.refusal)
    if reading.meaning is not None:
        can_be_kept(reading.meaning)
        can_be_shown(reading.meaning)


def is_a_refusal(body: bytes, refusal: Unreadable) -> None:
    problem = refusal.problem
    assert CODE.fullmatch(problem.code), problem
    assert 0 < len(problem.detail) < KIB, problem
    # A character or, of what is no text, a byte; the end is where something is missing.
    assert problem.position is None or 0 <= problem.position <= len(body), problem
    (problem.code + problem.detail).encode()


def can_be_kept(meaning: Meaning) -> None:
    """Every value fits its column: NUMERIC(38, 18), 120 characters of an id, a year of today."""
    assert meaning.intents
    assert max(map(len, (meaning.alert_id or "", meaning.order_id or ""))) <= 120
    for value in values_of(meaning):
        if isinstance(value, Decimal):
            assert value.is_finite(), value
            assert value == 0 or value.adjusted() < 20, value
            assert value.as_tuple().exponent >= -18, value  # type: ignore[operator]  # it is finite
        elif isinstance(value, datetime):
            assert 2001 <= value.year < 2100, value
        elif isinstance(value, str):
            value.encode()
            assert "\x00" not in value


def can_be_shown(meaning: Meaning) -> None:
    said = [sentence(intent) for intent in meaning.intents]
    assert all(said)
    assert len("".join(said)) < 64 * KIB
    for value in values_of(meaning):
        if isinstance(value, Decimal):
            assert len(plain(value)) < 64
        elif isinstance(value, datetime):
            assert len(iso(value)) == len("2026-03-02T12:00:00.000000Z")
    problems = [(each.code, each.detail) for each in meaning.problems]
    assert len(json.dumps(problems)) < 16 * KIB


def values_of(value: object) -> Iterator[object]:
    """Every value inside, of every dataclass and tuple."""
    if is_dataclass(value):
        for field in fields(value):
            yield from values_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from values_of(each)
    else:
        yield value


def test_there_is_an_example_of_every_dialect() -> None:
    read_by = {name: understand(text.encode()).dialect for name, text in EXAMPLES.items()}

    assert read_by == {dialect.name: dialect.name for dialect in DIALECTS}


@pytest.mark.parametrize("name", EXAMPLES)
@FUZZ
@given(chance=st.randoms(use_true_random=False))
def test_a_bent_alert_is_understood_or_refused(name: str, chance: Random) -> None:
    read(bent(EXAMPLES[name], chance))


@pytest.mark.parametrize("name", EXAMPLES)
def test_any_value_in_any_place_is_understood_or_refused(name: str) -> None:
    """Each value of an alert is once each of the values nobody thinks of."""
    text = EXAMPLES[name]
    for found in re.finditer(r"[^\s\"{}\[\]:;,=()|]+", text):
        for other in (*NUMBERS, *TIMES, *SIGNS):
            read((text[: found.start()] + other + text[found.end() :]).encode())


@FUZZ
@given(st.binary(max_size=400))
@example(b"\x00")
@example(b'"')
@example(b"[]")
@example(b"[[]]")
@example(b"null")
@example(b"\xed\xa0\x80")
@example(b"\xef\xbb\xbf")
def test_bytes_are_understood_or_refused(body: bytes) -> None:
    read(body)


@FUZZ
@given(st.text(max_size=400))
def test_text_is_understood_or_refused(text: str) -> None:
    read(text.encode())


ALERT_WORDS = """symbol ticker action buy sell close exit long short flat quantity stop_loss
takeProfit market_position order_type limit price BTCUSDT 0.01 -1 1e9 5% 2026-01-01T00:00:00Z time
order @ filled on New strategy position is . : = ; , { } [ ] " ' // {{ }} null true SIGNAL SYMBOL
VOLUME direction size side base quote amount code bot_uuid trade:a:long Entry: Target SL: TP1:
LONG #BTC/USDT risk= x3 300$"""
WORDS = st.sampled_from([*ALERT_WORDS.split(), "\n"])


@FUZZ
@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_words_of_alerts_are_understood_or_refused(text: str) -> None:
    read(text.encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["buy", "BTCUSDT", *NUMBERS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@FUZZ
@given(st.dictionaries(WORDS, VALUES, max_size=10))
def test_objects_are_understood_or_refused(given_fields: dict[str, object]) -> None:
    given_fields.setdefault("action", "buy")
    read(json.dumps(given_fields).encode())


# Each grows a head by a part, again and again, and ends it.
WORST: dict[str, tuple[str, str, str]] = {
    "escaped quotes": ('{"', '\\"', ""),
    "quotes": ("{", '"', ""),
    "backslashes": ('{"', "\\", ""),
    "comment openings": ("{", "/*", ""),
    "comments in one line": ("{", "//", ""),
    "comments in many lines": ("{", "//\n", ""),
    "comments without a slash": ("{/*", "*", ""),
    "placeholder openings": ("", "{{", ""),
    "placeholders without an end": ("", "{{a", ""),
    "placeholders too long": ("", "{{" + "a" * 199, ""),
    "objects in objects": ("", '{"a":', ""),
    "lists in lists": ("", "[", ""),
    "closing brackets": ("[", "]", ""),
    "lists side by side": ("[", "[],", "0]"),
    "colons": ("{", ":", ""),
    "colons in a string": ('{"', ":", '"}'),
    "surrogates": ('["', "\\ud83d", '"]'),
    "typographic quotes": ("{", "\u201c", ""),
    "commas": ("[1", ",", ""),
    "trailing spaces": ("[1,", " ", "]"),
    "equal fields": ('{"action":"buy"', ',"a":1', "}"),
    "numbers": ("[", "1,", "1]"),
    "digits": ("", "1", ""),
    "digits of a number": ('{"symbol":"BTCUSDT","action":"buy","quantity":', "1", "}"),
    "digits of text": ('{"symbol":"BTCUSDT","action":"buy","quantity":"', "1", 'x"}'),
    "digits behind the point": ('{"symbol":"BTCUSDT","action":"buy","quantity":"1.', "1", 'x"}'),
    "exponents": ('{"symbol":"BTCUSDT","action":"buy","quantity":"1e', "1", 'x"}'),
    "digits of a stop": ('{"pair":"BTCUSDT","side":"buy","sl":"', "0", '"}'),
    "digits of a time": ('{"symbol":"BTCUSDT","action":"buy","time":"', "1", '"}'),
    "spaces of a number": ('{"symbol":"BTCUSDT","action":"buy","quantity":"', " ", '"}'),
    "a long symbol": ('{"action":"buy","symbol":"', "A", '"}'),
    "a long verb": ('{"symbol":"BTCUSDT","action":"', "-", '"}'),
    "unknown fields": ('{"symbol":"BTCUSDT","action":"buy"', ',"f_%d":1', "}"),
    "targets": ('{"symbol":"BTCUSDT","action":"buy","take_profits":[', '{"price":1},', '"x"]}'),
    "many orders": ("[", '{"symbol":"X","direction":"long"},', "{}]"),
    "secrets": ("", "token=", ""),
    "secrets with spaces": ("token", " ", ""),
    "secrets without a value": ("token=", " ", ""),
    "secret names": ("", "secret passphrase token ", ""),
    "empty lines": ("", "\n", "x"),
    "carriage returns": ("", "\r", "x"),
    "words": ("", "a ", ""),
    "letters": ("", "a", ""),
    "assignments": ("", "a=", ""),
    "pairs": ("", "a=1 ", ""),
    "pairs by semicolon": ("", "a=1;", ""),
    "equal signs": ("a", "=", ""),
    "semicolons": ("a=1", ";", ""),
    "percent signs": ("", "%", ""),
    "sentence beginnings": ("", "order buy @ ", ""),
    "half sentences": ("", "order buy @ 1 filled on ", ""),
    "a sentence of spaces": ("order buy @ 1 filled on X.", " ", ""),
    "sentences": ("", "order buy @ 1 filled on X. New strategy position is 1 ", ""),
    "script brackets": ("Keys(BTC) {", "a(", ""),
    "script commands": ("Keys(BTCUSDT) {", "market(side=buy, amount=1);", "}"),
    "script spaces": ("Keys(BTCUSDT) {market(side", " ", "=buy);}"),
    "script words": ("Keys(BTCUSDT) {", "a" * 41, ""),
    "frostybot pairs": ("trade:a:buy symbol=X ", "a=b ", ""),
    "frostybot spaces": ("trade:a:buy symbol", " ", "=X"),
    "frostybot lines": ("", "trade:a:buy symbol=X\n", ""),
    "octobot fields": ("SYMBOL=X;SIGNAL=BUY;", "TAG=1;", ""),
    "octobot escapes": ("SYMBOL=X\\nSIGNAL=BUY", "\\r", ""),
    "octobot digits": ("SYMBOL=X;SIGNAL=BUY;VOLUME=", "1", ""),
    "whook words": ("me BTC/USDT buy ", "x ", ""),
    "whook lines": ("", "me BTC/USDT buy 1$\n", ""),
    "autoview commands": ("", "s=x b=long|", ""),
    "signal words": ("", "LONG SL 1 ", ""),
    "signal targets": ("LONG BTC SL 1 ", "TP 1 ", ""),
    "pineconnector": ("60123456789,buy,BTCUSD,", "a=1,", ""),
    "wundertrading": ("ENTER-LONG_", "a", ""),
    "key and value lines": ("", "action: buy\n", ""),
}


def grown(case: tuple[str, str, str], size: int) -> bytes:
    head, part, end = (each.encode() for each in case)
    room = size - len(head) - len(end)
    if b"%d" in part:
        parts = b"".join(part % number for number in range(room // len(part)))
    else:
        parts = part * (room // len(part))
    return head + parts[:room] + end


def seconds_to_read(body: bytes) -> float:
    """Processor time, the best of three: what else the machine does is not ours."""
    return min(_timed(lambda: read(body)) for _ in range(3))


def _timed(work: Callable[[], None]) -> float:
    began = process_time()
    work()
    return process_time() - began


# Below this a growth is noise; quadratic on 64 KiB takes a second at least.
NOISE_SECONDS = 0.03
CAP_SECONDS = 5.0


@pytest.mark.parametrize("name", WORST)
def test_the_worst_of_a_kind_is_read_in_linear_time(name: str) -> None:
    case = WORST[name]
    largest = seconds_to_read(grown(case, 64 * KIB))
    if largest < NOISE_SECONDS:
        return

    quarter = seconds_to_read(grown(case, 16 * KIB))
    half = seconds_to_read(grown(case, 32 * KIB))

    # Linear: 4 times the quarter, twice the half; quadratic: 16 and 4 times.
    assert largest < 8 * quarter or largest < 3 * half, (quarter, half, largest)
    assert largest < CAP_SECONDS
