"""What is wrong with an algorithm of one's own."""

from app.core.errors import Invalid


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
