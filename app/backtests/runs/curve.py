"""A stored curve, cut and thinned for whoever draws it."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from app.backtests.processes.packing import Line
from app.backtests.processes.recording import kept_points, micros


def thinned(
    lines: Sequence[Line], most: int, *, since: datetime | None, until: datetime | None
) -> list[Line]:
    """The points of a range, or those that it is drawn by.

    Args:
        lines: as `recording.equity_lines` wrote them, oldest first.
        most: how many points at most, 4 or more.
        since: inclusive.
        until: exclusive.
    """
    begin = None if since is None else micros(since)
    end = None if until is None else micros(until)
    within = [
        line
        for line in lines
        if (begin is None or line[0] >= begin) and (end is None or line[0] < end)
    ]
    values = np.array([float(line[1]) for line in within])
    return [within[index] for index in kept_points(values, most).tolist()]
