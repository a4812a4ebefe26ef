"""How much one sender may ask for: so many in a minute, counted in the memory of this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

from app.core.errors import TooMany

MINUTE_SECONDS: Final = 60.0
MOST_KEYS: Final = 4_096


class Allowance:
    """So many in a minute for each key; all of them at once, if need be.

    Of each key it knows one number: when it would be even again, if each use took its share of a
    minute. Those that were used last are remembered; a key that is forgotten starts anew.

    Args:
        per_minute: uses of one key.
        sentence: what somebody hears who wants more.
        most_keys: how many are remembered.
        seconds: a clock that never goes back.
    """

    def __init__(
        self,
        per_minute: int,
        sentence: str,
        *,
        most_keys: int = MOST_KEYS,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = MINUTE_SECONDS / per_minute
        # Half a share on top: sums of shares are not exact.
        self._most_ahead = MINUTE_SECONDS - self._share / 2
        self._sentence = sentence
        self._most_keys = most_keys
        self._seconds = seconds
        self._even_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._even_at)

    def check(self, key: str) -> None:
        """See whether one more use of the key is allowed, without using it.

        Raises:
            TooMany: it is not; with the seconds until it will be.
        """
        ahead = self._even_at.get(key, 0.0) - self._seconds()
        if ahead > self._most_ahead:
            raise TooMany(self._sentence, retry_after_seconds=ceil(ahead - self._most_ahead))

    def use(self, key: str) -> None:
        """Count one use of the key."""
        even_at = self._even_at
        even_at[key] = max(even_at.get(key, 0.0), self._seconds()) + self._share
        even_at.move_to_end(key)
        if len(even_at) > self._most_keys:
            even_at.popitem(last=False)

    def take(self, key: str) -> None:
        """Use the key once.

        Raises:
            TooMany: it was used too often; with the seconds until it may be used again.
        """
        self.check(key)
        self.use(key)
