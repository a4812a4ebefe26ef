"""Take secrets and forged lines out of text that is about to be written down."""

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

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
        # By their first characters, then by length, the longest first: a pattern of many secrets
        # would be tried one by one at every character of every line, and thousands of keys of one
        # venue may begin alike.
        self._forms: dict[str, dict[int, set[str]]] = {}

    def add(self, secret: str) -> None:
        for form in forms_of(secret):
            first, length = form[:MIN_SECRET], len(form)
            known = self._forms.setdefault(first, {})
            if length in known:
                known[length].add(form)
            else:
                self._forms[first] = dict(sorted({**known, length: {form}}.items(), reverse=True))

    def mask(self, text: str) -> str:
        if not self._may_hold_one(text):
            return text
        parts, kept, at = [], 0, 0
        while at <= len(text) - MIN_SECRET:
            form = self._at(text, at)
            if form is None:
                at += 1
                continue
            parts += [text[kept:at], REDACTED]
            kept = at = at + len(form)
        return "".join([*parts, text[kept:]])

    def _may_hold_one(self, text: str) -> bool:
        """Whether the first characters of a form are in it: in nearly every line they are not."""
        if len(self._forms) < len(text):
            return any(first in text for first in self._forms)
        places = range(len(text) - MIN_SECRET + 1)
        return not self._forms.keys().isdisjoint(text[at : at + MIN_SECRET] for at in places)

    def _at(self, text: str, at: int) -> str | None:
        known = self._forms.get(text[at : at + MIN_SECRET], {})
        return next((text[at : at + n] for n in known if text[at : at + n] in known[n]), None)


_KNOWN: Final = _Known()


def forms_of(secret: str) -> set[str]:
    """The secret in every form in which a program or a venue may repeat it.

    Args:
        secret: of `MIN_SECRET` characters or more; shorter ones have no form but their own.
    """
    raw = secret.encode()
    as_json = json.dumps(secret)[1:-1]
    forms = {
        *(secret, as_json, json.dumps(as_json)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]),
        *(quote(secret, safe=""), quote(secret), quote_plus(secret)),
        *(raw.hex(), raw.hex().upper()),
    }
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # Inside a longer text: only the characters that depend on nothing around it.
            whole = (shift + len(raw)) * 8 // 6
            forms.add(encode(bytes(shift) + raw).decode()[-(-shift * 8 // 6) : whole])
    return {secret, *(form for form in forms if len(form) >= MIN_SECRET)}


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
    return _KNOWN.mask(text)


def mask(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, of any length."""
    forms = {form for secret in secrets if secret for form in forms_of(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
    return text


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
