"""Files of algorithms for tests, and what to run them over."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final

from app.own_algorithms.guard import Patience

# A slow machine is given its time, and what never ends is not waited for.
PATIENT: Final = Patience(60.0, 60.0, None, 120.0)
QUICK: Final = Patience(answer_seconds=2.0, load_seconds=30.0, start_seconds=120.0)
IDLE: Final = {"idle": "return []"}


def keep(folder: Path, name: str, source: str) -> Path:
    """Write a file of an algorithm."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(dedent(source), encoding="utf-8")
    return path


def with_ways(folder: Path, name: str, ways: Mapping[str, str] = IDLE) -> Path:
    """An algorithm whose parameter `way` says which of these lines it runs at each close."""
    functions = "\n".join(f"def {way}(self, bar):\n    {line}" for way, line in ways.items())
    source = (
        "from app.algorithms.writing import Definition, Intent, LONG, Move, Parameters\n"
        f"{functions}\n"
        "class Asked(Parameters):\n"
        f"    way: str = {next(iter(ways))!r}\n"
        "class Told:\n"
        "    lines = {}\n"
        "    outlook = None\n"
        "    def __init__(self, parameters):\n"
        "        self.way = globals()[parameters.way]\n"
        "    def on_close(self, bar, account):\n"
        "        return self.way(self, bar)\n"
        'OWN = Definition("any", 1, "Does as it is told.", Asked, Told, lambda chosen: 3)\n'
    )
    return keep(folder, name, source)
