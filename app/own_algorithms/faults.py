"""What is wrong with an algorithm of one's own."""

import traceback
from pathlib import Path
from typing import Final

from app.core.errors import Invalid

STUCK: Final = "algorithm_stuck"
MOST_WORDS: Final = 300


class AlgorithmFault(Invalid):
    """It raised something, gave no answer in time, or said what makes no sense.

    Args:
        detail: a sentence for whoever uses it.
        code: `algorithm_failed` when left out, or `algorithm_stuck`.
        cause: for whoever wrote it: the line, and the end of the traceback; empty when unknown.
    """

    code = "algorithm_failed"

    def __init__(self, detail: str, *, code: str | None = None, cause: str = "") -> None:
        super().__init__(detail, code=code)
        self.cause = cause

    def in_full(self) -> Invalid:
        """The same with its cause, for the operator."""
        return Invalid(" ".join(filter(None, (self.detail, self.cause))), code=self.code)


def cause_of(failure: BaseException, path: Path) -> str:
    """`line 7: ValueError: the end of the traceback`; the line is the file's own."""
    frames = traceback.extract_tb(failure.__traceback__)
    lines = [one.lineno for one in frames if one.filename == str(path)]
    line = failure.lineno if isinstance(failure, SyntaxError) else lines[-1] if lines else None
    last = traceback.format_exception_only(failure)[-1].strip()
    return (last if line is None else f"line {line}: {last}")[:MOST_WORDS]
