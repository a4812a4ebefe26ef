"""`make fuzz`: many made-up requests to every route, as nobody, as a trader and as an admin."""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from loguru import logger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.db.migrate import upgrade
from app.db.session import open_database
from tests.fuzz.askers import asked_site
from tests.fuzz.requests_made_up import LEFT_OUT, Outcome, ask, operations


def main() -> int:
    """Ask; 1 when an answer was not as the document says."""
    wanted = _arguments()
    console = Console()
    with TemporaryDirectory(prefix="signalbox-fuzz-") as folder:
        outcome = asyncio.run(_run(Path(folder), wanted, console))
    counted = ", ".join(f"{code}: {times}" for code, times in sorted(outcome.statuses.items()))
    console.print(f"{sum(outcome.statuses.values())} answers ({counted})")
    for failure in outcome.failures:
        console.print(failure, markup=False)
    console.print(f"{len(outcome.failures)} not as documented")
    return 1 if outcome.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=50, help="requests per route and caller")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="routes that contain this")
    return parser.parse_args()


async def _run(folder: Path, wanted: argparse.Namespace, console: Console) -> Outcome:
    url = f"sqlite+aiosqlite:///{folder / 'fuzz.db'}"
    database = open_database(url)
    await upgrade(database)
    await database.close()
    logger.remove()
    outcome = Outcome()
    columns = (TextColumn("{task.description:40}"), BarColumn(), MofNCompleteColumn())
    async with asked_site(folder, url) as (site, askers):
        logger.remove()
        routes = operations(await site.get("/schema/openapi.json"))
        chosen = [one for one in routes if wanted.only in one and one not in LEFT_OUT]
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            bar = progress.add_task("", total=len(chosen) * len(askers))
            for asker in askers:
                for label in chosen:
                    progress.update(bar, description=f"{asker.name} {label}")
                    await asyncio.to_thread(
                        ask,
                        routes[label],
                        asker,
                        site.base,
                        examples=wanted.examples,
                        outcome=outcome,
                        start=wanted.seed,
                    )
                    progress.advance(bar)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
