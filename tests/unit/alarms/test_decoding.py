from decimal import Decimal

import pytest

from app.pipeline.alarms.decoding import decode
from app.pipeline.alarms.meaning import Unreadable
from app.pipeline.alarms.reading import find_secret, understand


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
        (b"{" + b",".join(b'"%d":1' % n for n in range(2_001)) + b"}", "too_many_keys", 16_897),
        (b'{"a":"1e999","b":1e999}', "invalid_number", 17),
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
