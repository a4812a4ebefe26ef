"""The figures for a reader at a terminal."""

from rich.console import Console
from rich.table import Column, Table

from tests.crash.figures import Figures
from tests.crash.points import BY_NAME, NOT_BUILT, TRIED


def print_figures(console: Console, figures: Figures) -> None:
    """Everything in four tables."""
    shown = figures.shown()
    head = Table("what", "count", title=f"seed {figures.seed}", title_justify="left")
    for name in ("stories", "kills", "starts", "alerts", "deliveries", "commands", "signals"):
        head.add_row(name, str(shown.get(name, 0)))
    for name in ("orders", "fills", "positions", "faults", "checks"):
        head.add_row(name, str(shown.get(name, 0)))
    console.print(head)
    console.print(_seconds(shown["seconds"]))
    for reason, count in figures.slow.most_common():
        console.print(f"{count} recoveries took more than 5 s: {reason}")
    console.print(_points(figures))
    console.print(_violations(shown["violations"]))


def _seconds(seconds: dict[str, dict[str, float]]) -> Table:
    table = Table("seconds", "count", "median", "p99", "max")
    for name, spread in seconds.items():
        figures = [f"{spread[key]:.2f}" for key in ("median", "p99", "max")]
        table.add_row(name, str(spread["count"]), *figures)
    return table


def _points(figures: Figures) -> Table:
    narrow = [Column(name, min_width=len(name)) for name in ("killed at", "times", "missed")]
    table = Table(*narrow, Column("which is", overflow="fold"))
    for name in (*TRIED, "random"):
        point = BY_NAME.get(name)
        says = point.says if point is not None else "Any moment."
        table.add_row(name, str(figures.kills[name]), str(figures.missed[name] or ""), says)
    for name in NOT_BUILT:
        table.add_row(name, "not built", "", BY_NAME[name].says)
    return table


def _violations(violations: dict[str, int]) -> Table:
    table = Table("invariant", "stories that broke it")
    for name, count in violations.items():
        table.add_row(name, str(count), style="red" if count else "")
    return table
