"""Every planted bug there is, in chapters."""

from typing import Final

from scripts.planted_bugs.counting import COUNTING
from scripts.planted_bugs.deciding import DECIDING
from scripts.planted_bugs.doors import DOORS
from scripts.planted_bugs.guarding import GUARDING
from scripts.planted_bugs.knowing import KNOWING
from scripts.planted_bugs.sending import SENDING

CHAPTERS: Final = (SENDING, KNOWING, GUARDING, COUNTING, DECIDING, DOORS)
BUGS: Final = tuple(bug for chapter in CHAPTERS for bug in chapter.bugs)
