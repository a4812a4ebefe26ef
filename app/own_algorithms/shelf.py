"""Every algorithm by its name: those that come with the program, and those in the folder."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from loguru import logger

from app.algorithms.algorithm import Definition
from app.algorithms.registry import SHIPPED
from app.core.errors import Invalid
from app.own_algorithms.faults import AlgorithmFault
from app.own_algorithms.folder import Fault, Stamp, files_in, refusal_of, stamp_of
from app.own_algorithms.guard import BRIEF, Guarded, Patience
from app.own_algorithms.loading import Facts

# Of those that somebody waits for, so many at a time: each is a process.
PLACES: Final = 2


@dataclass(frozen=True, slots=True)
class Own:
    """A file that is an algorithm."""

    path: Path
    facts: Facts

    @property
    def name(self) -> str:
        """What strategies call it."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class Stock:
    """What the folder holds.

    Attributes:
        own: by name.
        faults: by file, each with its reason.
    """

    own: tuple[Own, ...] = ()
    faults: tuple[Fault, ...] = ()


class Shelf:
    """Looks into the folder whenever it is asked, and runs a file anew only when it has changed.

    Args:
        folder: ALGORITHMS_DIR; it need not be there.
        patience: with a file that is looked at, and with what somebody waits for.
    """

    def __init__(self, folder: Path, patience: Patience = BRIEF) -> None:
        self._folder = folder.absolute()
        self._patience = patience
        self._known: dict[Path, tuple[Stamp, Own | Fault]] = {}
        self._looking = Lock()
        self._places = asyncio.Semaphore(PLACES)

    async def look(self) -> Stock:
        """What there is now; beside the event loop, for a new file is run to see what it is."""
        return await asyncio.to_thread(self._look)

    @asynccontextmanager
    async def opened(
        self, name: str, patience: Patience | None = None
    ) -> AsyncIterator[Definition[Any]]:
        """The algorithm of that name, for as long as the block lasts.

        One of the program's own is simply that. One of the folder's has a process, which is killed
        with the block; whatever is asked of it, and of what it builds, waits for that process and
        may raise `AlgorithmFault`: ask beside the event loop.

        Args:
            name: as a strategy has it.
            patience: `LASTING` for what runs on and on; without it, it is for somebody who waits,
                and a few of those run at a time.

        Raises:
            Invalid: `unknown_algorithm`, with the names that there are; what is wrong with its
                file.
            AlgorithmFault: its file does not run.
        """
        if name in SHIPPED:
            yield SHIPPED[name]
            return
        own = self._found(name, await self.look())
        place: AbstractAsyncContextManager[Any] = nullcontext() if patience else self._places
        async with place:
            guarded = Guarded(own.path, patience or self._patience)
            try:
                facts = await asyncio.to_thread(guarded.start)
                yield guarded.definition(facts)
            finally:
                await asyncio.shield(asyncio.to_thread(guarded.end))

    def _found(self, name: str, stock: Stock) -> Own:
        for own in stock.own:
            if own.name == name:
                return own
        for fault in stock.faults:
            if fault.file == f"{name}.py":
                raise AlgorithmFault(
                    f"{fault.file}: {fault.detail}", code=fault.code, cause=fault.cause
                )
        known = ", ".join([*SHIPPED, *(own.name for own in stock.own)])
        raise Invalid(f"there is no algorithm {name!r}, but {known}", code="unknown_algorithm")

    def _look(self) -> Stock:
        with self._looking:
            try:
                files = files_in(self._folder)
            except (Invalid, OSError) as failure:
                return Stock(faults=(_of_folder(self._folder, failure),))
            found = [self._looked_at(path) for path in files]
            self._known = {path: self._known[path] for path in files if path in self._known}
        return Stock(
            own=tuple(one for one in found if isinstance(one, Own)),
            faults=tuple(one for one in found if isinstance(one, Fault)),
        )

    def _looked_at(self, path: Path) -> Own | Fault:
        try:
            stamp = stamp_of(path)
        except OSError as failure:
            return Fault(path.name, "unreadable", f"The file cannot be read: {failure.strerror}.")
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        found = refusal_of(path, stamp) or self._tried(path)
        self._known[path] = stamp, found
        _tell(path, found)
        return found

    def _tried(self, path: Path) -> Own | Fault:
        """Run the file in a process of its own, and see what it is."""
        guarded = Guarded(path, self._patience)
        try:
            return Own(path, guarded.start())
        except AlgorithmFault as fault:
            return Fault(path.name, fault.code, fault.detail, fault.cause)
        except Invalid as refusal:
            return Fault(path.name, refusal.code, refusal.detail)
        finally:
            guarded.end()


def _of_folder(folder: Path, failure: Invalid | OSError) -> Fault:
    if isinstance(failure, Invalid):
        return Fault(folder.name, failure.code, failure.detail)
    return Fault(folder.name, "unreadable", f"ALGORITHMS_DIR cannot be read: {failure.strerror}.")


def _tell(path: Path, found: Own | Fault) -> None:
    if isinstance(found, Own):
        logger.bind(file=path.name, version=found.facts.version).info("algorithm.loaded")
    else:
        logger.bind(file=path.name, code=found.code, cause=found.cause).warning("algorithm.unfit")
