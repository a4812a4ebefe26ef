"""What accounts looked like some seconds ago, kept only while a lag is armed."""

from collections import deque
from collections.abc import Iterable
from copy import deepcopy

from app.paper_exchange.engine.models import Account

_KEPT = 2000


class Past:
    """Copies of accounts by the time they were true from."""

    def __init__(self) -> None:
        self._views: dict[int, deque[tuple[int, Account]]] = {}
        self.is_kept = False

    def begin(self, accounts: Iterable[Account], at: int) -> None:
        """Remember from now on."""
        self.is_kept = True
        for account in accounts:
            self.remember(account, at)

    def end(self) -> None:
        """Forget everything."""
        self.is_kept = False
        self._views.clear()

    def remember(self, account: Account, at: int) -> None:
        """An account as it is from now on."""
        views = self._views.setdefault(account.id, deque(maxlen=_KEPT))
        views.append((at, deepcopy(account)))

    def view(self, account: Account, at: int) -> Account:
        """An account as it was then, or as it was when the lag was armed if that is later."""
        views = self._views.get(account.id)
        if not views:
            return account
        older = [view for since, view in views if since <= at]
        return older[-1] if older else views[0][1]
