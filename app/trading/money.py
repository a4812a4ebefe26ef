"""Money and quantities as they cross HTTP: strings in plain notation, never a float."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from app.core.decimals import plain

MAX_DIGITS = 38
FLOAT_DIGITS = 15


def parse_decimal(value: Any) -> Decimal:
    """A decimal from what JSON, text or a venue may hold.

    Args:
        value: a string, an int, a Decimal, or a float of at most 15 significant digits (what a
            double carries faithfully); a longer one has lost digits before it reached us.

    Raises:
        ValueError: not a number, not finite, or longer than any real price.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError('send a number as a string, for example "0.01"')  # noqa: TRY004 pydantic wants ValueError
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{str(value)[:40]!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{str(value)[:40]} is not a finite number")
    if isinstance(value, float) and len(number.as_tuple().digits) > FLOAT_DIGITS:
        raise ValueError('send a number this long as a string, for example "0.1234567890123456"')
    if len(number.as_tuple().digits) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("the number has too many digits")
    return number


Money = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "decimal", "examples": ["0.01"]}),
]
