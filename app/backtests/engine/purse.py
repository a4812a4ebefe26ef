"""One account's money and everything open on it, seen by every strategy that trades there."""

from app.backtests.engine.terms import Means


class Purse:
    """The wallet of an account, and the day of its trader.

    Several simulators may share one: then they share the money, the limits and the daily loss, and
    books of one symbol oppose each other as on a netted account (TRADING 1).

    Args:
        means: what it begins with, and what is allowed.

    Attributes:
        balance: capital, plus what closing fills and funding have booked, less entry fees that
            were paid and not booked yet; settle currency.
    """

    def __init__(self, means: Means) -> None:
        raise NotImplementedError
