"""20: JSON has one reading, or none: at the door with a reason, at the API with a 400."""

import pytest

from tests.integration.desk.front import USER, Front, new_webhook


@pytest.fixture
def front(sqlite_front: Front) -> Front:
    """How JSON is read depends on no database."""
    return sqlite_front


BUY = b'"symbol":"BTCUSDT.P","action":"buy","quantity":"0.1"'
ALERTS: dict[str, tuple[bytes, str]] = {
    "the same key twice": (b"{" + BUY + b',"quantity":"9"}', "duplicate_key"),
    "the same key twice, one escaped": (b"{" + BUY + b',"quantit\\u0079":"9"}', "duplicate_key"),
    "the same key twice, deep": (b"{" + BUY + b',"x":[{"a":1,"a":2}]}', "duplicate_key"),
    "no number": (b"{" + BUY + b',"price":NaN}', "not_finite"),
    "no end": (b"{" + BUY + b',"price":-Infinity}', "not_finite"),
    "a huge exponent": (b"{" + BUY + b',"price":1e999999999}', "invalid_number"),
    "a huge integer": (b"{" + BUY + b',"price":' + b"9" * 5_000 + b"}", "invalid_number"),
    "deep lists": (b"[" * 30_000 + b"]" * 30_000, "too_deep"),
    "deep objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    "many keys": (b"{" + b",".join(b'"%d":1' % n for n in range(5_000)) + b"}", "too_many_keys"),
    "half a character": (b"{" + BUY + b',"comment":"\\ud800"}', "invalid_text"),
    "half a character in a key": (b"{" + BUY + b',"\\udfff":1}', "invalid_text"),
    "no UTF-8": (b"{" + BUY + b',"comment":"\xed\xa0\x80"}', "invalid_utf8"),
    "too long a form of a character": (b"{" + BUY + b',"comment":"\xc0\xaf"}', "invalid_utf8"),
    "a NUL": (b"{" + BUY + b',"comment":"\\u0000"}', "invalid_text"),
    "something after the end": (b"{" + BUY + b"}{" + BUY + b"}", "invalid_json"),
    "UTF-16": (("{" + BUY.decode() + "}").encode("utf-16"), "invalid_utf8"),
}


@pytest.mark.parametrize("name", ALERTS)
async def test_security_20_an_alert_with_two_readings_or_none_is_refused(
    front: Front, name: str
) -> None:
    body, code = ALERTS[name]
    webhook = await new_webhook(front)

    answer = await front.client.post(webhook, content=body)
    await front.desk.process.settle()

    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["reason"].partition(":")[0]) == ("refused", code)
    assert await front.desk.signals() == []


async def test_security_20_a_byte_order_mark_changes_nothing(front: Front) -> None:
    webhook = await new_webhook(front)

    answer = await front.client.post(webhook, content=b"\xef\xbb\xbf{" + BUY + b"}")

    assert answer.json()["status"] == "accepted", answer.text


NAME = b'{"name":"renamed"'
REQUESTS: dict[str, bytes] = {
    "the same key twice": NAME + b',"name":"other"}',
    "the same key twice, one escaped": NAME + b',"nam\\u0065":"other"}',
    "the same key twice, deep": NAME + b',"ticker_map":{"A":"B","A":"C"}}',
    "no number": NAME + b',"leverage":NaN}',
    "no end": NAME + b',"leverage":Infinity}',
    "a huge exponent": NAME + b',"leverage":1e999}',
    "a huge integer": NAME + b',"leverage":' + b"9" * 5_000 + b"}",
    "deep lists": b"[" * 30_000 + b"]" * 30_000,
    "a deep value": NAME + b',"ticker_map":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "half a character": b'{"name":"\\ud800"}',
    "no UTF-8": b'{"name":"\xed\xa0\x80"}',
    "something after the end": NAME + b"}" + NAME + b"}",
    "UTF-16": (NAME.decode() + "}").encode("utf-16"),
    "a field that is not there": NAME + b',"is_admin":true}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_security_20_the_api_takes_no_json_that_is_none(front: Front, name: str) -> None:
    path = f"/strategies/{front.desk.strategy.id}"
    before = await front.get(path)
    headers = {USER: front.desk.user.username, "Content-Type": "application/json"}

    answer = await front.client.patch(path, content=REQUESTS[name], headers=headers)

    assert answer.status_code == 400, answer.text
    assert await front.get(path) == before
