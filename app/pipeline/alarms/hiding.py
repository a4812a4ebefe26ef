"""What is read of an alert has its token crossed out: no reason and no ticker may repeat it."""

import re
from collections.abc import Collection
from typing import Final

from app.strategies.service import token_digest

SHOWN: Final = 4
# As `new_token` makes them: 256 bits in 43 characters that are safe in an address.
_TOKEN: Final = re.compile(rb"(?<![\w-])[\w-]{43}(?![\w-])")


def hide_tokens(body: bytes, digests: Collection[str]) -> bytes:
    """The text with these tokens crossed out but for their last characters.

    It is as long as before, so that a refusal names the right position. Other words of that length
    stay: an alert's id may be one.

    Args:
        body: as received.
        digests: of the tokens.
    """

    def crossed_out(found: re.Match[bytes]) -> bytes:
        word = found[0]
        if token_digest(word.decode()) not in digests:
            return word
        return b"x" * (len(word) - SHOWN) + word[-SHOWN:]

    return _TOKEN.sub(crossed_out, body)
