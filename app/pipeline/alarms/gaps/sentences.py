"""What is missing, in plain English, for a trader at three in the morning."""

from datetime import datetime

from app.core.decimals import plain
from app.pipeline.alarms.gaps.chain import Missing, Reported

WHAT_TO_DO = "Nothing was traded for it: adopt it, repair it with the alert's text, or ignore it."
LOOK = "Look at the alert in TradingView, and at the way from there to here."


def chain_broken(name: str, ticker: str, missing: Missing, *, is_heartbeat: bool) -> str:
    """TradingView's position is not the one that the last alert had left.

    Args:
        name: of the strategy.
        ticker: the market as the alert spells it.
        missing: what lies between the two.
        is_heartbeat: whether a heartbeat revealed it, which has no position before it.
    """
    expected, reported = missing.expected, missing.reported
    says = f"is {position(reported, ticker)}" if is_heartbeat else _was(reported, ticker)
    since, until = clock(expected.at, reported.at), clock(reported.at, expected.at)
    return (
        f"TradingView says {name} {says}; the last we had left it {position(expected)}. "
        f"At least one alert between {since} and {until} UTC never arrived, or could not be read."
    )


def silent(name: str, since: datetime, *, heartbeat_seconds: int, now: datetime) -> str:
    """No heartbeat came."""
    return (
        f"No alert of {name} has come since {clock(since, now)} UTC, "
        f"and one is due every {heartbeat_seconds} s."
    )


def confirmed(ticker: str, reported: Reported) -> str:
    """A heartbeat says what we know."""
    return f"TradingView says {position(reported, ticker)}, as its last alert left it."


def position(reported: Reported, ticker: str | None = None) -> str:
    """`long 2 BTCUSDT`, `flat in BTCUSDT`; without the market where it was named already."""
    if reported.side is None:
        return "flat" if ticker is None else f"flat in {ticker}"
    size = None if reported.size is None else plain(reported.size)
    return " ".join(part for part in (reported.side.value, size, ticker) if part)


def clock(moment: datetime, beside: datetime) -> str:
    """The time of day; with its day when the other moment is of another one."""
    is_same_day = moment.date() == beside.date()
    return f"{moment:%H:%M:%S}" if is_same_day else f"{moment:%Y-%m-%d %H:%M:%S}"


def _was(reported: Reported, ticker: str) -> str:
    return f"was {position(reported, ticker)} before its last alert"
