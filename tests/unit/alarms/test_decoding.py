import json
import time
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.pipeline.alarms.decoding import decode
from app.pipeline.alarms.meaning import Unreadable
from app.pipeline.alarms.reading import find_secret, understand
from app.pipeline.alarms.sentences import sentence

SIZE_LIMIT = 64 * 1024


@pytest.mark.parametrize(
    ("body", "code", "position"),
    [
        (b"", "empty_body", None),
        (b" \r\n ", "empty_body", None),
        (b"\xff\xfe{", "invalid_utf8", 0),
        (b'{"a":"\xe9"}', "invalid_utf8", 6),
        (b'{"a":"\x00"}', "invalid_text", 6),
        (b'{"a":"\\u0000"}', "invalid_text", 6),
        (b'{"a":"\\ud800"}', "invalid_text", 6),
        (b'{"a":1,}', "trailing_comma", 7),
        (b"[1,2,]", "trailing_comma", 5),
        ("{\u201ca\u201d:1}".encode(), "smart_quotes", 1),
        ('{"a":\u201cb\u201d}'.encode(), "smart_quotes", 5),
        (b"{'a':1}", "invalid_json", 1),
        (b'{"a":1', "invalid_json", 6),
        (b'{"a" 1}', "invalid_json", 5),
        (b'{"a":1} tail', "invalid_json", 8),
        (b'{"a":1,\n ...}', "invalid_json", 9),
        (b'{"a":NaN}', "not_finite", 5),
        (b'{"b":"NaN","a":-Infinity}', "not_finite", 15),
        (b'{"a":1e309}', "invalid_number", 5),
        (b'{"a":1' + b"0" * 200 + b"}", "invalid_number", 5),
        (b'{"a":1,"b":2,"a":3}', "duplicate_key", 13),
        (b'{"a":"{{ticker}}"}', "unrendered_placeholder", 6),
        (b"buy {{ticker}} now", "unrendered_placeholder", 4),
        (b"[" * 65 + b"]" * 65, "too_deep", 64),
        (b"[" * 60_000, "too_deep", 64),
        (b"{" + b",".join(b'"%d":1' % n for n in range(2_001)) + b"}", "too_many_keys", None),
    ],
)
def test_decode_refuses_with_the_position(body: bytes, code: str, position: int | None) -> None:
    with pytest.raises(Unreadable) as refused:
        decode(body)

    assert (refused.value.problem.code, refused.value.problem.position) == (code, position)
    assert refused.value.code == code


def test_decode_names_line_and_column_of_broken_json() -> None:
    with pytest.raises(Unreadable, match=r"line 2, column 3 \(character 10\)"):
        decode(b'{"a":1,\n  b:2}')


def test_decode_names_the_placeholder() -> None:
    with pytest.raises(Unreadable, match=r"\{\{strategy\.order\.action\}\}"):
        decode(b'{"action":"{{strategy.order.action}}"}')


def test_decode_keeps_every_digit() -> None:
    value = decode(b'{"price":12345678901234567.12345678,"size":1e-8}').value

    assert value == {"price": Decimal("12345678901234567.12345678"), "size": Decimal("1E-8")}


def test_decode_tolerates_byte_order_mark_line_ends_and_space() -> None:
    assert decode(b'\xef\xbb\xbf\r\n {"a":"b"}\r\n\r\n').value == {"a": "b"}
    assert decode(b"a=1\r\nb=2\r\n").text == "a=1\nb=2"


def test_decode_skips_comments_and_says_so() -> None:
    message = decode(b'{"a":1, // "b":2\n /* c */ "d":"http://x"}')

    assert message.value == {"a": Decimal(1), "d": "http://x"}
    assert [(each.code, each.position) for each in message.problems] == [("comment_skipped", 8)]


def test_decode_reads_an_escaped_emoji() -> None:
    assert decode(b'{"a":"\\ud83d\\ude80"}').value == {"a": "\U0001f680"}


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (b'{"symbol":"X","token":"t-1"}', "t-1"),
        (b'{"token":"t-1","secret":"s-1"}', "s-1"),
        (b'{"passphrase" : "p-1", broken', "p-1"),
        (b'{"action":"{{strategy.order.action}}","secret":"s-1"}', "s-1"),
        (b"SYMBOL=BTCUSDT;TOKEN=t-1;SIGNAL=BUY", "t-1"),
        (b'{"mytoken":"t-1"}', None),
        (b"\xff\xfe", None),
    ],
)
def test_find_secret_even_in_what_is_refused(body: bytes, secret: str | None) -> None:
    assert find_secret(body) == secret


def test_understand_never_shows_the_secret() -> None:
    meaning = understand(b'{"symbol":"BTCUSDT","action":"buy","secret":"hunter2hunter2"}')

    assert meaning.secret == "hunter2hunter2"
    assert "hunter2" not in repr(meaning)


def understood(body: bytes) -> None:
    """Every body has a meaning or a refusal with a sentence, and never another exception."""
    try:
        said = [sentence(intent) for intent in understand(body).intents]
    except Unreadable as refused:
        said = [refused.problem.code, refused.problem.detail]
    assert said
    assert all(said)
    "".join(said).encode()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
@example(b"\x00")
@example(b'"')
@example(b"[]")
@example(b"[[]]")
@example(b"null")
def test_understand_never_crashes_on_bytes(body: bytes) -> None:
    understood(body)


ALERT_WORDS = """symbol ticker action buy sell close exit long short flat quantity stop_loss
takeProfit market_position order_type limit price BTCUSDT 0.01 -1 1e9 5% 2026-01-01T00:00:00Z time
order @ filled on New strategy position is . : = ; , { } [ ] " ' // {{ }} null true SIGNAL SYMBOL
VOLUME direction size side base quote amount code bot_uuid trade:a:long Entry: Target SL: TP1:
LONG #BTC/USDT risk= x3 300$"""
WORDS = st.sampled_from([*ALERT_WORDS.split(), "\n"])


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_understand_never_crashes_on_alert_like_text(text: str) -> None:
    understood(text.encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["buy", "BTCUSDT", "1", "", "-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=10))
def test_understand_never_crashes_on_objects(fields: dict[str, object]) -> None:
    fields.setdefault("action", "buy")
    understood(json.dumps(fields).encode())


WORST = [
    b'{"' + b'\\"' * 30_000,
    b"{" + b"/*" * 30_000,
    b"{" + b"//\n" * 20_000,
    b"{{" * 32_000,
    b"{{a" * 20_000,
    b'{"a":' * 12_000,
    b'["' + b"\\ud83d" * 10_000 + b'"]',
    b"order buy @ " * 5_000,
    b"order buy @ 1 filled on " * 2_500,
    b"token=" * 10_000,
    b"\n" * 60_000 + b"x",
    b"1" * 64_000,
    b"[" + b"1," * 30_000 + b"1]",
    b"a=" * 30_000,
    b"a=1 " * 15_000,
    b"a=1;" * 15_000,
    b"(" * 60_000,
    b"%" * 60_000,
    b"Keys(BTC) {" + b"a(" * 30_000,
    b"trade:a:buy symbol=X " + b"a=b " * 15_000,
    b"SYMBOL=X;SIGNAL=BUY;" + b"TAG=1;" * 10_000,
    b"token" + b" " * 60_000,
    b"LONG SL 1 " * 6_000,
    b"[" + b'{"symbol":"X","direction":"long"},' * 1_900 + b"{}]",
]


@pytest.mark.parametrize("body", WORST, ids=range(len(WORST)))
def test_understand_takes_linear_time(body: bytes) -> None:
    started = time.monotonic()

    understood(body[:SIZE_LIMIT])

    # Linear takes a tenth of a second; quadratic on 64 KiB would take minutes.
    assert time.monotonic() - started < 5
