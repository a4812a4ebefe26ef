"""A planted bug: what is done to the code, where such a thing cost money, and who must see it."""

from dataclasses import dataclass


class NotThere(Exception):
    """The text that a bug replaces is not in its file exactly once; the code has moved on."""


@dataclass(frozen=True, slots=True)
class Swap:
    """One place of a file: `old` is there exactly once, `new` is the bug."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One mistake that somebody could make.

    Attributes:
        name: short, in snake case.
        wrong: what the code does with the bug in it, in one sentence.
        cost: where such a bug cost money, or would, in one sentence.
        file: what is changed, from the root of the repository.
        tests: pytest node ids of tests that must fail, the likeliest first.
    """

    name: str
    wrong: str
    cost: str
    file: str
    swaps: tuple[Swap, ...]
    tests: tuple[str, ...]

    def planted_in(self, source: str) -> str:
        """The file's text with the bug in it.

        Raises:
            NotThere: a text to be replaced is missing, or there several times.
        """
        for swap in self.swaps:
            found = source.count(swap.old)
            if found != 1:
                raise NotThere(f"{self.name}: found {found} times in {self.file}:\n{swap.old}")
            source = source.replace(swap.old, swap.new)
        return source


@dataclass(frozen=True, slots=True)
class Chapter:
    """Bugs of one kind, in the order in which they are shown."""

    title: str
    bugs: tuple[Bug, ...]


def tests_in(path: str, *names: str) -> tuple[str, ...]:
    """Node ids of tests of one file below `tests/`."""
    return tuple(f"tests/{path}.py::{name}" for name in names)
