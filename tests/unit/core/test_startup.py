import subprocess
import sys

PROGRAM = """
import resource
from app.core.startup import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_security_31_a_process_that_crashes_writes_no_memory_to_the_disk() -> None:
    said = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert said.stdout == "(0, 0)\n"
