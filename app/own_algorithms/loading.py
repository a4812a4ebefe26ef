"""Runs an algorithm's file, and sees whether it defines an algorithm."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from app.algorithms.algorithm import Definition, Parameters, Source
from app.core.errors import Invalid
from app.trading.timeframe import Timeframe

LENGTHS: Final = frozenset(one.length for one in Timeframe if one.length is not None)
MOST_WARM_UP: Final = 100_000
MOST_SUMMARY: Final = 300


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an algorithm without running it.

    Attributes:
        schema: of its parameters, as JSON Schema.
        source: its file, as it was when it was read.
    """

    version: int
    summary: str
    larger: tuple[timedelta, ...]
    schema: Mapping[str, Any]
    source: Source | None


def loaded(path: Path) -> Definition[Any]:
    """Run a file and take the algorithm that it defines; it is called as the file is.

    Whatever stands there is run, with the rights of this process and for as long as it takes: call
    it only where somebody ends the process that does not come back.

    Raises:
        Invalid: `algorithm_unfit`: it defines none, or several, or one that cannot be.
        OSError: it cannot be read.
        Exception: whatever the file raises, a `SyntaxError` for example.
    """
    module = ModuleType(f"own_algorithm_{path.stem}")
    module.__file__ = str(path)
    # Models look for the words of their annotations there.
    sys.modules[module.__name__] = module
    text = path.read_bytes()
    code = compile(text, str(path), "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 what the operator has put there is to be run
    # By identity: one algorithm may go by two names.
    found = {id(one): one for one in vars(module).values() if isinstance(one, Definition)}
    if len(found) != 1:
        how_many = len(found) or "no"
        raise _unfit(f"it defines {how_many} algorithms at its top level, and not one")
    source = Source(path, hashlib.sha256(text).hexdigest())
    definition = replace(*found.values(), name=path.stem, source=source)
    _check(definition)
    return definition


def warm_up_of(definition: Definition[Any], parameters: Parameters) -> int:
    """How many candles it has to have seen.

    Raises:
        Invalid: `algorithm_unfit`: it says no number, or one that nobody could feed.
    """
    count = definition.warm_up(parameters)
    if type(count) is not int or not 0 <= count <= MOST_WARM_UP:
        raise _unfit(f"its warm-up is a number of candles, {MOST_WARM_UP} at most")
    return count


def facts_of(definition: Definition[Any]) -> Facts:
    """What may be told of it."""
    return Facts(
        version=definition.version,
        summary=definition.summary,
        larger=definition.larger,
        # By way of text, so that nothing of the file's own comes along.
        schema=json.loads(json.dumps(definition.parameters.model_json_schema())),
        source=definition.source,
    )


def _check(definition: Definition[Any]) -> None:
    """Refuse what the rest of the program could not work with.

    Raises:
        Invalid: `algorithm_unfit`.
    """
    if type(definition.summary) is not str or not 0 < len(definition.summary) <= MOST_SUMMARY:
        raise _unfit(f"its summary is a sentence of {MOST_SUMMARY} characters at most")
    if type(definition.version) is not int or definition.version < 1:
        raise _unfit("its version is a whole number from 1 on")
    # What a file says is of any type.
    larger: Any = definition.larger
    if not isinstance(larger, tuple) or not LENGTHS.issuperset(larger):
        raise _unfit("its larger timeframes are lengths like timedelta(hours=1), in a tuple")
    try:
        usual = definition.validated({})
    except Invalid as fault:
        raise _unfit(f"each parameter has a default that is allowed ({fault.detail})") from None
    warm_up_of(definition, usual)


def _unfit(why: str) -> Invalid:
    return Invalid(f"That is no algorithm that can be run: {why}.", code="algorithm_unfit")
