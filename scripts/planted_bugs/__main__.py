"""Try every planted bug, side by side; 1 when one is not caught."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scripts.planted_bugs.bug import Bug, NotThere
from scripts.planted_bugs.catalogue import BUGS, CHAPTERS
from scripts.planted_bugs.page import PATH, page
from scripts.planted_bugs.trying import Outcome, Verdict, copy_of_tree, run_clean, try_out

COLOURS = {Verdict.CAUGHT: "green", Verdict.SURVIVED: "bold red", Verdict.BROKEN: "bold yellow"}


@click.command()
@click.option("--jobs", default=2, show_default=True, help="How many are tried at once.")
@click.option("--only", multiple=True, metavar="NAME", help="Try these alone.")
@click.option("--write", is_flag=True, help="Write docs/planted-bugs.md when all are caught.")
def bugs(*, jobs: int, only: tuple[str, ...], write: bool) -> None:
    """Plant each bug in a copy of the code and run the tests that should catch it."""
    unknown = set(only) - {bug.name for bug in BUGS}
    if unknown:
        raise click.BadParameter(f"no such bug: {', '.join(sorted(unknown))}")
    if write and only:
        raise click.UsageError("--write needs all of them")
    wanted = [bug for bug in BUGS if not only or bug.name in only]
    console = Console()
    outcomes = _try_all(console, wanted, jobs)
    missed = [one for one in outcomes if one.verdict is not Verdict.CAUGHT]
    console.print(f"{len(outcomes) - len(missed)} of {len(wanted)} planted bugs were caught")
    if missed or len(outcomes) < len(wanted):
        sys.exit(1)
    if write:
        PATH.write_text(page(CHAPTERS, {one.bug.name: one for one in outcomes}))


def _try_all(console: Console, wanted: Sequence[Bug], jobs: int) -> list[Outcome]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        TemporaryDirectory(prefix="signalbox-bugs-") as name,
        Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar,
        ThreadPoolExecutor(jobs) as pool,
    ):
        folder = Path(name)
        task = bar.add_task("without a bug", total=len(wanted))
        tree = copy_of_tree(folder / "clean")
        said = run_clean(tree, wanted, jobs=jobs)
        if said:
            console.print(said, markup=False, highlight=False)
            console.print("these tests fail without any bug: nothing was tried", style="bold red")
            return []
        bar.update(task, description="planted")
        futures = [pool.submit(try_out, bug, tree=tree, folder=folder / bug.name) for bug in wanted]
        outcomes = []
        for future in as_completed(futures):
            bar.advance(task)
            try:
                outcome = future.result()
            except NotThere as gone:
                console.print(f"does not apply: {gone}", style="bold yellow", markup=False)
                continue
            _show(console, outcome)
            outcomes.append(outcome)
        return outcomes


def _show(console: Console, outcome: Outcome) -> None:
    line = f"{outcome.verdict:10} {outcome.bug.name} ({outcome.seconds:.0f} s) {outcome.by}"
    console.print(
        line, style=COLOURS[outcome.verdict], markup=False, highlight=False, soft_wrap=True
    )
    if outcome.said:
        console.print(outcome.said, markup=False, highlight=False)


if __name__ == "__main__":
    bugs()
