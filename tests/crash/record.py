"""What a run has played so far, story by story, so that an end in between is no loss."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.crash.figures import Figures


@dataclass
class Record:
    """The figures of each story that was played, kept in a file."""

    file: Path
    seed: int
    stories: dict[int, Figures] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path, seed: int) -> Self:
        """What an earlier run has kept there; nothing when there is no file."""
        found = json.loads(file.read_text()) if file.exists() else {}
        return cls(file, seed, {int(story): Figures.of(kept) for story, kept in found.items()})

    @property
    def done(self) -> set[int]:
        """Stories in which everything held; the others are to be played again."""
        return {story for story, one in self.stories.items() if not one.violations}

    def add(self, story: int, figures: Figures) -> None:
        """Keep the figures of a story, in place of those of an earlier try."""
        self.stories[story] = figures
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps({name: one.kept() for name, one in self.stories.items()}))
        draft.replace(self.file)

    def summed(self) -> Figures:
        """All stories together."""
        total = Figures(seed=self.seed)
        for one in self.stories.values():
            total.add(one)
        return total
