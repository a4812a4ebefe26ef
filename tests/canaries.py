"""Secrets that can be recognised, and the search for them in whatever was written down or said."""

import base64
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

# So much of a secret in a row gives it away; the last four characters may be shown.
PIECE = 12
SHOWN = 4
# Every run of PIECE characters has such a part at a place that is looked at.
GRAM = 8
STRIDE = PIECE - GRAM + 1
# Where text is taken apart: a secret that holds these must not be let through half.
AWKWARD = '"&,=%/'


def pieces_of(secret: str) -> list[str]:
    """The parts of a secret that are looked for: its beginning and its end, without signs."""
    words = [word for word in re.split(r"[^\w-]+", secret) if len(word) >= PIECE]
    found = {words[0][:PIECE], words[-1][:PIECE], words[-1][:-SHOWN][-PIECE:]}
    return [piece for piece in found if len(piece) == PIECE]


def forms_of(piece: str) -> Iterator[tuple[str, bytes]]:
    """Every way in which a piece may be written down, in lower case."""
    raw = piece.encode()
    percent = "".join(f"%{byte:02x}" for byte in raw)
    escaped = "".join(f"\\u{byte:04x}" for byte in raw)
    yield "raw", raw
    yield "reversed", raw[::-1]
    yield "hex", raw.hex().encode()
    yield "url", percent.encode()
    yield "url twice", percent.replace("%", "%25").encode()
    yield "json", escaped.encode()
    yield "json in json", escaped.replace("\\", "\\\\").encode()
    for shift in range(3):
        for kind, encode in (
            ("base64", base64.b64encode),
            ("base64url", base64.urlsafe_b64encode),
        ):
            # Only the characters that depend on nothing around the piece.
            whole = (shift + len(raw)) * 8 // 6
            yield f"{kind}+{shift}", encode(bytes(shift) + raw)[-(-shift * 8 // 6) : whole]


@dataclass
class Canaries:
    """The secrets of a test by what they are; a finding never repeats them."""

    _needles: dict[bytes, str] = field(default_factory=dict)
    _by_gram: dict[bytes, set[bytes]] = field(default_factory=dict)

    def make(self, name: str) -> str:
        """A secret for somebody to use, hard to take out of a text whole."""
        left, right = secrets.token_hex(10), secrets.token_hex(10)
        return self.keep(name, f"{left}{AWKWARD}{right}")

    def keep(self, name: str, secret: str) -> str:
        """Look for this secret from now on."""
        for piece in pieces_of(secret):
            for form, written in forms_of(piece):
                self._look_for(written.lower(), f"{name} ({form})")
        return secret

    def found_in(self, where: str, data: bytes) -> list[str]:
        """Where which secret is, and in which form."""
        # In any case: base64 in lower case is no accident at this length either.
        folded = data.lower()
        found = set()
        for at in range(0, len(folded) - GRAM + 1, STRIDE):
            for needle in self._by_gram.get(folded[at : at + GRAM], ()):
                if needle in folded[max(0, at - len(needle)) : at + len(needle)]:
                    found.add(needle)
        return sorted(f"{where}: {self._needles[needle]}" for needle in found)

    def _look_for(self, needle: bytes, what: str) -> None:
        self._needles.setdefault(needle, what)
        for at in range(len(needle) - GRAM + 1):
            self._by_gram.setdefault(needle[at : at + GRAM], set()).add(needle)
