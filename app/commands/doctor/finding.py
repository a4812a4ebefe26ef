"""What one check saw."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Attributes:
        name: what must hold, as a trader would say it.
        looked_at: how many things were compared.
        problems: a sentence for each that is not as it should be; empty is good.
    """

    name: str
    looked_at: int
    problems: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "name": self.name,
            "status": "ok" if self.is_ok else "broken",
            "looked_at": self.looked_at,
            "problems": list(self.problems),
        }
