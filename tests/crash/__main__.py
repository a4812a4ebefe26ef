"""`make crash`: kill the server many times, and say what did not hold.

KILLS, SEED and JOBS say how much, `--resume` goes on where the last run stopped and adds its
figures up (stories in which something did not hold are played again), `--story FILE` plays one.
"""

import argparse
import json
import queue
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import Manager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tests.crash.figures import Figures, violation_lines
from tests.crash.playing import play, shortest, stories
from tests.crash.record import Record
from tests.crash.report import print_figures
from tests.crash.story import Story

STATE: Final = Path(".crash")
POLL_SECONDS: Final = 0.2
SHOWN: Final = 300

Result = tuple[int, dict[str, Any] | None, list[str], list[str]]


def main() -> int:
    """Run; 1 when an invariant did not hold."""
    wanted = _arguments()
    console = Console()
    if wanted.story:
        return _replay(console, Path(wanted.story))
    STATE.mkdir(exist_ok=True)
    state = STATE / f"seed-{wanted.seed}.json"
    record = Record.read(state, wanted.seed) if wanted.resume else Record(state, wanted.seed)
    todo = [one for one in stories(wanted.seed, wanted.kills) if one.seed not in record.done]
    broken = _play_all(console, todo, record, wanted)
    figures = record.summed()
    _show(console, figures)
    for story, invariants in broken[: wanted.shrink]:
        _shorten(console, story, invariants)
    return 1 if figures.violations or not figures.stories else 0


def _play_all(
    console: Console, todo: list[Story], record: Record, wanted: Any
) -> list[tuple[Story, list[str]]]:
    """Side by side, each with a venue of its own; what is done is kept at once."""
    broken = []
    bar = Progress(
        TextColumn("kills"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/min"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=console,
    )
    with Manager() as manager, ProcessPoolExecutor(wanted.jobs) as pool, bar:
        kills = manager.Queue()
        total = sum(len(one.cycles) for one in todo)
        task = bar.add_task("kills", total=total, rate="-")
        running = {pool.submit(_work, one, kills): one for one in todo}
        began = time.monotonic()
        waiting = set(running)
        while waiting:
            done = {one for one in waiting if one.done()}
            waiting -= done
            _advance(bar, task, kills, began)
            for future in as_completed(done):
                seed, taken, lines, invariants = future.result()
                story = running[future]
                if taken is None:
                    text = f"story {seed} was not played: {lines[0][-SHOWN:]}"
                    console.print(text, style="yellow", markup=False)
                    continue
                record.add(seed, Figures.of(taken))
                for line in lines:
                    console.print(f"story {seed}: {line}", style="red", markup=False)
                if invariants:
                    story.saved(STATE / f"story-{seed}.json")
                    broken.append((story, invariants))
            time.sleep(POLL_SECONDS)
    return broken


def _advance(bar: Progress, task: Any, kills: Any, began: float) -> None:
    try:
        while True:
            kills.get_nowait()
            bar.advance(task)
    except queue.Empty:
        minutes = (time.monotonic() - began) / 60
        done = bar.tasks[0].completed
        bar.update(task, rate=f"{done / minutes:.0f}" if minutes > 0.05 else "-")


def _work(story: Story, kills: Any) -> Result:
    """One story in a process of its own; its figures, and what did not hold."""
    began = time.monotonic()
    try:
        outcome = play(story, keep=STATE / f"data-{story.seed}", on_kill=lambda: kills.put(1))
    except Exception as failed:  # noqa: BLE001 the harness itself broke: the run goes on
        return story.seed, None, [repr(failed)], []
    figures = Figures()
    figures.take(outcome)
    figures.wall_seconds = time.monotonic() - began
    invariants = sorted({one.invariant for one in outcome.violations})
    return story.seed, figures.kept(), violation_lines(outcome.violations), invariants


def _shorten(console: Console, story: Story, invariants: list[str]) -> None:
    console.print(f"shortening story {story.seed}, which breaks {', '.join(invariants)} …")
    short = shortest(story, invariants, say=lambda line: console.print(f"  {line}"))
    file = short.saved(STATE / f"shortest-{story.seed}.json")
    for cycle in short.cycles:
        console.print(f"  armed {cycle.failpoint or 'nothing'}", markup=False)
        for step in cycle.steps:
            console.print(f"    {json.dumps(dict(step))}", markup=False)
        console.print(f"    end: {cycle.end}", markup=False)
    console.print(f"again: make crash STORY={file}", style="bold")


def _show(console: Console, figures: Figures) -> None:
    print_figures(console, figures)
    STATE.mkdir(exist_ok=True)
    (STATE / "figures.json").write_text(json.dumps(figures.shown(), indent=1) + "\n")
    console.print(f"as JSON: {STATE / 'figures.json'}", style="dim")


def _replay(console: Console, file: Path) -> int:
    story = Story.loaded(file)
    outcome = play(story, keep=STATE / f"data-{story.seed}")
    figures = Figures(seed=story.seed)
    figures.take(outcome)
    _show(console, figures)
    for line in violation_lines(outcome.violations):
        console.print(line, style="red", markup=False)
    return 1 if outcome.violations else 0


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="pairs of server and venue at once")
    parser.add_argument("--resume", action="store_true", help="go on, figures add up")
    parser.add_argument("--shrink", type=int, default=1, help="stories to shorten")
    parser.add_argument("--story", default="", help="play this file instead")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
