"""What is said on a WebSocket of prices, in both directions."""

from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field, StringConstraints, ValidationError

from app.core.errors import AppError, Invalid, TooLarge
from app.http.schemas import In
from app.http.strict_json import refuse_ambiguous
from app.market.schemas import PriceOut
from app.trading.quote import Quote
from app.trading.tickers import MAX_LENGTH

MAX_BYTES: Final = 16_384
MOST_SYMBOLS: Final = 200

Ticker = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]


class Wish(In):
    """What a client asks for."""

    op: Literal["subscribe", "unsubscribe"]
    symbols: Annotated[list[Ticker], Field(min_length=1, max_length=MOST_SYMBOLS)]


def read_wish(text: str) -> Wish:
    """What a message asks for.

    Raises:
        TooLarge: it is over the limit.
        Invalid: it has no reading, or two.
    """
    body = text.encode(errors="surrogatepass")
    if len(body) > MAX_BYTES:
        raise TooLarge(f"A message has {MAX_BYTES} bytes at most.")
    refuse_ambiguous(body)
    try:
        return Wish.model_validate_json(body)
    except ValidationError as error:
        raise Invalid(_sentence(error)) from None


def price(quote: Quote, *, is_first: bool) -> str:
    """A price, as a client hears it."""
    kind = "snapshot" if is_first else "price"
    return _text({"type": kind, **PriceOut.of(quote).model_dump(mode="json")})


def refusal(error: AppError, symbol: str | None = None) -> str:
    """What was wrong with a message, or with one symbol of it, as it was spelt."""
    return _text({"type": "error", "symbol": symbol, "code": error.code, "detail": error.detail})


def _text(message: dict[str, str | None]) -> str:
    return msgspec.json.encode(message).decode()


def _sentence(error: ValidationError) -> str:
    # Without what was sent: it may be anything.
    parts = [
        f"{'.'.join(str(part) for part in item['loc']) or 'message'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    ]
    return "; ".join(parts[:3])
