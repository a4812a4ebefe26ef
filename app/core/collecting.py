"""How often Python looks for garbage in a process that serves."""

import gc
from typing import Final

# The collector looks after so many; Python's own number is 700.
NEW_OBJECTS: Final = 50_000


def spare_the_collector() -> None:
    """Have the garbage collector look at what is new only, and less often.

    What is built by now stays for good. Under load the collector went through all of it every few
    hundred alerts, for nothing: a sixth of the processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
