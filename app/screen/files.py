"""The built screen as it lies on the disk, read once and compressed once."""

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

PAGE: Final = "index.html"
ASSETS: Final = "assets"
# A server must not depend on what the machine's own table says of these.
TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# What is compressed already grows when it is compressed again.
COMPRESSED: Final = frozenset({".png", ".woff2"})


def is_built(folder: Path) -> bool:
    """Whether a build left its page in that folder."""
    return (folder / PAGE).is_file()


@dataclass(frozen=True, slots=True)
class File:
    """One file of the screen.

    Attributes:
        content: its bytes.
        zipped: the same by gzip; None where that gains nothing.
        media_type: what a browser is told it is.
        is_lasting: its name changes with its content, so that it may be kept for ever.
    """

    content: bytes
    zipped: bytes | None
    media_type: str
    is_lasting: bool

    @classmethod
    def read(cls, path: Path, *, is_lasting: bool) -> Self:
        """Read one, and compress it."""
        content = path.read_bytes()
        zipped = None
        if path.suffix not in COMPRESSED:
            zipped = gzip.compress(content, mtime=0)
        found = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        return cls(content, zipped, found or "application/octet-stream", is_lasting)


@dataclass(frozen=True, slots=True)
class Screen:
    """All files by their path below `/app`; none when the screen was not built."""

    files: Mapping[str, File]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what the build left in that folder.

        Everything is in memory from then on: a path out of a request is looked up and never
        opened, and a build meanwhile cannot mix two versions.
        """
        if not is_built(folder):
            return cls({})
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        names = {path: path.relative_to(folder) for path in paths}
        return cls(
            {
                name.as_posix(): File.read(path, is_lasting=name.parts[0] == ASSETS)
                for path, name in names.items()
                if not any(part.startswith(".") for part in name.parts)
            }
        )

    @property
    def is_built(self) -> bool:
        """Whether there is a screen."""
        return PAGE in self.files

    def find(self, path: str) -> File | None:
        """The file of that path; the page for every address that only the screen knows.

        An asset that is gone is gone: its place must not be taken by a page.
        """
        name = path.strip("/")
        if name in self.files:
            return self.files[name]
        return None if name.split("/")[0] == ASSETS else self.files.get(PAGE)
