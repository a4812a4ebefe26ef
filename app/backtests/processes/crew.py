"""Starts processes that run backtests, hears what they say, and ends them at once when told to."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from loguru import logger

import app
from app.backtests.processes.frames import framed, receive
from app.backtests.processes.messages import Answer, Case, Ground, Progress, Refused
from app.core.errors import AppError

ROOT: Final = Path(app.__file__).resolve().parents[1]
COMMAND: Final = (sys.executable, "-m", "app.backtests.processes.child")
# It speaks every hundredth of the way: who is silent for so long is caught in one candle.
SILENCE_SECONDS: Final = 120.0
# Of what it wrote to its standard error: the end of a traceback.
TAIL_BYTES: Final = 4_000
# Each process computes on its own: they are as many as there are processors for them.
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "PYTHONPATH": str(ROOT),
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}

Heard = Callable[[float], Awaitable[None]]


class ProcessEnded(AppError):
    """A process that ran a backtest ended in the middle of it, or had to be ended."""

    code = "process_ended"


async def unheard(_: float) -> None:
    """Nobody watches."""


class Child:
    """One process that runs cases, one after the other; made by `Crew.one`."""

    def __init__(self, process: asyncio.subprocess.Process, silence_seconds: float) -> None:
        self._process = process
        self._silence_seconds = silence_seconds
        self._causes: set[str] = set()
        self._tail = b""
        self._listening = asyncio.create_task(self._listen(), name="backtest errors")

    async def send(self, message: Ground | Case) -> None:
        """Hand over the ground, first, or a case.

        Raises:
            ProcessEnded: nobody takes it.
        """
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 it was opened as a pipe
        try:
            pipe.write(framed(message))
            await pipe.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._ended() from None

    async def run(self, case: Case, heard: Heard = unheard) -> Answer:
        """Run a case.

        Args:
            case: which.
            heard: told now and then how much is done, 0 to 1.

        Raises:
            ProcessEnded: it died meanwhile, or was silent for too long.
        """
        await self.send(case)
        while isinstance(message := await self._next(), Progress):
            await heard(message.fraction)
        if isinstance(message, Refused):
            self._note(message)
        return message

    def _note(self, refusal: Refused) -> None:
        """For whoever wrote the algorithm; each once, for a sweep may hear it a thousand times."""
        if refusal.cause and refusal.cause not in self._causes:
            self._causes.add(refusal.cause)
            logger.bind(code=refusal.code, cause=refusal.cause).warning("algorithm.failed")

    async def _next(self) -> Progress | Answer:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 it was opened as a pipe
        try:
            async with asyncio.timeout(self._silence_seconds):
                message: Progress | Answer = await receive(pipe)
        except TimeoutError:
            raise ProcessEnded(
                f"Nothing was heard for {self._silence_seconds:.0f} s: the algorithm does not come "
                "to an end on one of these candles.",
                code="algorithm_stuck",
            ) from None
        except EOFError:
            raise await self._ended() from None
        return message

    async def _ended(self) -> ProcessEnded:
        status = await self._process.wait()
        await self._listening
        said = self._tail.decode(errors="replace")
        logger.bind(status=status, said=said).error("backtest.process_ended")
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        cause = ": there was not enough memory, or somebody ended it" if status < 0 else ""
        words = said.splitlines()[-1:]
        last = f" It said: {words[0][:200]}" if words else ""
        return ProcessEnded(f"The process that ran it {how}{cause}.{last}")

    async def _listen(self) -> None:
        """Keep the end of what it says: a pipe that nobody empties would stop it."""
        pipe = self._process.stderr
        assert pipe is not None  # noqa: S101 it was opened as a pipe
        while some := await pipe.read(TAIL_BYTES):
            self._tail = (self._tail + some)[-TAIL_BYTES:]

    async def end(self) -> None:
        """End it at once, whatever it is at."""
        with suppress(ProcessLookupError):
            self._process.kill()
        # What it had said and nobody heard: a full pipe keeps it from being seen off.
        if self._process.stdout is not None:
            await self._process.stdout.read()
        await self._process.wait()
        await self._listening


class Crew:
    """Runs backtests outside this process.

    Args:
        processes: how many a sweep may keep busy at a time.
        command: starts one.
        silence_seconds: how long one may say nothing.
    """

    def __init__(
        self,
        processes: int,
        *,
        command: Sequence[str] = COMMAND,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._processes = processes
        self._command = command
        self._silence_seconds = silence_seconds

    @asynccontextmanager
    async def one(self, ground: Ground) -> AsyncIterator[Child]:
        """A process with its ground; however the block is left, it is ended."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
            # Ctrl-C is for the server, which ends it in order.
            start_new_session=True,
        )
        child = Child(process, self._silence_seconds)
        try:
            await child.send(ground)
            yield child
        finally:
            await asyncio.shield(child.end())

    async def run(self, ground: Ground, case: Case, heard: Heard = unheard) -> Answer:
        """Run one case in a process of its own.

        Raises:
            ProcessEnded: as `Child.run`.
        """
        async with self.one(ground) as child:
            return await child.run(case, heard)

    async def run_all(
        self, ground: Ground, cases: Sequence[Case], answered: Callable[[Answer], Awaitable[None]]
    ) -> None:
        """Run many cases over several processes.

        Args:
            ground: the same for all.
            cases: which; they are answered in about this order.
            answered: hears each answer; never twice at a time.

        Raises:
            ProcessEnded: one of them died, or was silent for too long; the others are ended.
        """
        waiting, hearing = iter(cases), asyncio.Lock()

        async def work() -> None:
            async with self.one(ground) as child:
                for case in waiting:
                    answer = await child.run(case)
                    async with hearing:
                        await answered(answer)

        await _first_failure(work() for _ in range(min(self._processes, len(cases))))


async def _first_failure(works: Iterable[Awaitable[None]]) -> None:
    """All of them at a time; when one fails the others are cancelled, and its failure is raised."""
    tasks = [asyncio.ensure_future(one) for one in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
