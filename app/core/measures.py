"""What is counted while it happens, for Prometheus; the rest is looked up when it asks."""

from typing import Final

from prometheus_client import Histogram

NAKED_SECONDS: Final = Histogram(
    "signalbox_naked_seconds",
    "Seconds for which a position with a stop had nothing resting at the venue, each time",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
