"""Processes are watched for as long as a run takes, and leave nothing behind."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs.starting import Child

DESCRIPTORS = Path("/proc/self/fd")
# `select` knows none beyond.
MANY = 1_024


def in_use() -> int:
    return len(list(DESCRIPTORS.iterdir()))


@contextmanager
def waiting() -> Iterator[Child]:
    """A process that waits for a line that never comes."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield Child(process.pid)
        process.kill()


@contextmanager
def many_descriptors() -> Iterator[None]:
    """As in a run that has started a thousand processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * MANY), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(MANY)]
    yield
    for one in held:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_child_when_it_ends_then_its_descriptor_is_given_back() -> None:
    before = in_use()
    with waiting() as child:
        seen = [child.is_alive]
        child.send(signal.SIGKILL)
        seen.append(await child.ended(10))
        child.send(signal.SIGKILL)
        seen.append(child.is_alive)

    assert seen == [True, True, False]
    assert in_use() == before


async def test_a_child_when_a_thousand_descriptors_are_in_use_then_is_watched_all_the_same() -> (
    None
):
    with many_descriptors(), waiting() as child:
        seen = [child.is_alive]
        child.send(signal.SIGKILL)
        seen.append(await child.ended(10))

    assert seen == [True, True]
