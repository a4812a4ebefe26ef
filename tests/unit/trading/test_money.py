from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.trading.money import Money, parse_decimal


class Bill(BaseModel):
    amount: Money


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0.01", "0.01"),
        (" 7 ", "7"),
        (3, "3"),
        (Decimal("1E-8"), "0.00000001"),
        ("-2", "-2"),
        (0.01, "0.01"),
    ],
)
def test_numbers_are_read_exactly(value: Any, number: str) -> None:
    assert parse_decimal(value) == Decimal(number)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.1234567890123456, "this long as a string"),
        (float("nan"), "not a finite number"),
        (True, "send a number as a string"),
        (None, "send a number as a string"),
        ("{{close}}", "is not a number"),
        ("1,5", "is not a number"),
        ("", "is not a number"),
        ("NaN", "not a finite number"),
        ("Infinity", "not a finite number"),
        ("1" * 39, "too many digits"),
        ("1e40", "too many digits"),
        ("1e-40", "too many digits"),
    ],
)
def test_what_is_no_price_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_decimal(value)


def test_money_crosses_json_as_a_plain_string() -> None:
    assert Bill(amount=Decimal("1E-8")).model_dump_json() == '{"amount":"0.00000001"}'
    assert Bill.model_validate_json('{"amount":"2.50"}').amount == Decimal("2.5")
    assert Bill.model_validate_json('{"amount":0.1}').amount == Decimal("0.1")
    with pytest.raises(ValidationError, match="this long as a string"):
        Bill.model_validate_json('{"amount":0.12345678901234567}')
