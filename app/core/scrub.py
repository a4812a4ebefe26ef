"""Take secrets and forged lines out of text that is about to be written down."""

import base64
import json
import re
from typing import Final
from urllib.parse import quote

REDACTED: Final = "<redacted>"
MAX_LENGTH: Final = 16_384
MIN_SECRET: Final = 6
HINT_FROM: Final = 16

_NAMES: Final = (
    r"passw(?:or)?d|passphrase|secret|api[_-]?key|private[_-]?key|listen[_-]?key|token"
    r"|authorization|signature|invite|ticket|cookie"
)
# Names that only look secret.
_HARMLESS: Final = re.compile(r"(?i)(?:_hint|_epoch|_type|_seconds|_at|_id|_count)$")
_SENSITIVE: Final = re.compile(rf"(?i){_NAMES}")
_WEBHOOK: Final = re.compile(r"(/webhooks/tradingview/)([^\s/?#\"'&<>]+)")
# A token is longer than any name or id in a path, and a mistyped path is logged, too.
_LONG: Final = re.compile(r"[\w%.~-]{40,}")
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_JWT: Final = re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*")
_NAMED: Final = re.compile(
    rf"(?i)(?P<name>(?:{_NAMES})[\w-]{{0,40}}\\{{0,3}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\\{1,3}[\"'].*?\\{1,3}[\"']"
    r"|[^\s,;&}\])\"'<]+)"
)
_CONTROLS: Final = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))},
    0x2028: "\\u2028",
    0x2029: "\\u2029",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    # These turn the reading direction around and make a line show something else.
    **{code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}


class _Known:
    """Secrets in use, in every form they may turn up in."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self.pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        raw = secret.encode()
        forms = {
            secret,
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
        if forms <= self._forms:
            return
        self._forms |= forms
        longest_first = sorted(self._forms, key=len, reverse=True)
        self.pattern = re.compile("|".join(re.escape(form) for form in longest_first))


_KNOWN: Final = _Known()


def register_secret(value: str) -> None:
    """From now on this value appears in no log line, however it is encoded.

    Args:
        value: a live secret; very short ones are ignored, they would eat ordinary words.
    """
    if len(value) >= MIN_SECRET:
        _KNOWN.add(value)


def scrub(text: str) -> str:
    """The text without secrets: known ones, and what looks like one."""
    if len(text) > MAX_LENGTH:
        # A secret cut in two would not be recognised: drop the word at the edge.
        text = text[:MAX_LENGTH].rpartition(" ")[0] + " …"
    text = _without_webhook(mask_known(text))
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _JWT.sub(REDACTED, text)
    return _NAMED.sub(_without_value, text)


def mask_known(text: str) -> str:
    """The text without the secrets that were registered."""
    return text if _KNOWN.pattern is None else _KNOWN.pattern.sub(REDACTED, text)


def redact_path(path: str) -> str:
    """The path with a webhook token, wherever it stands, cut to its last four characters."""
    return _LONG.sub(lambda found: _hint(found[0]), _without_webhook(path))


def one_line(text: str) -> str:
    """The text with line ends, escape sequences and other controls made visible."""
    return text.translate(_CONTROLS)


def is_sensitive(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _SENSITIVE.search(name) is not None and _HARMLESS.search(name) is None


def _without_webhook(text: str) -> str:
    return _WEBHOOK.sub(lambda found: found[1] + _hint(found[2]), text)


def _without_value(found: re.Match[str]) -> str:
    name = found["name"].rstrip().rstrip(":=").rstrip().strip("\"'\\")
    if _HARMLESS.search(name):
        return found[0]
    value = found["value"]
    mark = re.match(r"\\{0,3}[\"']", value)
    quoted = mark[0] if mark else ""
    return f"{found['name']}{quoted}{REDACTED}{quoted}"


def _hint(token: str) -> str:
    return f"<redacted:{token[-4:]}>" if len(token) >= HINT_FROM else REDACTED
