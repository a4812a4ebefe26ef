"""The operator's folder of algorithms: which files count, and whether they are the operator's."""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from app.algorithms.registry import SHIPPED
from app.core.errors import Invalid

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
MOST_BYTES: Final = 256 * 1024
# What is different when a file is: its time, its size, what it is, and who may write it.
Stamp: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file is no algorithm.

    Attributes:
        file: its name, without the folder.
        detail: a sentence for everybody.
        cause: the line and the end of the traceback, for the operator; empty when there is none.
    """

    file: str
    code: str
    detail: str
    cause: str = ""


def files_in(folder: Path) -> list[Path]:
    """The files that are meant as algorithms, by name; what begins with `_` is not.

    Raises:
        Invalid: `folder_writable`, when anybody on this machine could have put them there.
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    if folder.stat().st_mode & stat.S_IWOTH:
        raise Invalid(
            "Everybody on this machine can write to ALGORITHMS_DIR, so nothing in it is run. Take "
            "that right away: chmod o-w.",
            code="folder_writable",
        )
    return sorted(path for path in folder.glob("[!_]*.py") if path.is_file())


def stamp_of(path: Path) -> Stamp:
    """What changes when the file does.

    Raises:
        OSError: it is gone.
    """
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def refusal_of(path: Path, stamp: Stamp) -> Fault | None:
    """Why a file is not even run."""
    return next(_refusals(path, stamp), None)


def _refusals(path: Path, stamp: Stamp) -> Iterator[Fault]:
    _, size, _, mode = stamp
    if NAME.fullmatch(path.stem) is None:
        detail = "A file is called as its algorithm: a to z, 0 to 9 and _, a letter first."
        yield Fault(path.name, "bad_name", detail)
    if path.stem in SHIPPED:
        detail = f"There is an algorithm {path.stem} already: call the file something else."
        yield Fault(path.name, "name_taken", detail)
    if mode & stat.S_IWOTH:
        detail = "Everybody on this machine can write to this file, so it is not run: chmod o-w."
        yield Fault(path.name, "file_writable", detail)
    if size > MOST_BYTES:
        yield Fault(path.name, "too_large", f"The file has more than {MOST_BYTES // 1024} KiB.")
