"""Logs: readable for people, JSON for programs, and never a secret in either.

Write `logger.bind(alarm_id=…, symbol=…).info("alarm.accepted")`: the message names the event, the
figures go beside it. `logger.contextualize(alarm_id=…)` puts an id on every line of a block.
"""

import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from app.core.clock import iso
from app.core.errors import Invalid
from app.core.scrub import (
    REDACTED,
    is_sensitive,
    mask_known,
    one_line,
    register_secret,
    scrub,
)
from app.settings import Settings

if TYPE_CHECKING:
    from loguru import Record

TEXT_FILE: Final = "app.log"
JSON_FILE: Final = "events.jsonl"
ROTATION: Final = "10 MB"
RETENTION: Final = "14 days"

# Whoever sets up handlers of its own is stripped of them: everything goes through the root.
_STDLIB: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "sqlalchemy", "asyncio")
_QUIET: Final = (
    "alembic",
    "uvicorn.access",
    "uvicorn.error",
    "sqlalchemy.engine",
    "aiosqlite",
    "asyncio",
    "ccxt",
    "httpx",  # it would log every knock of a test with its address
)
_OWN_KEYS: Final = ("_text", "_json")


def configure_logging(settings: Settings, *, process: str = "all") -> None:
    """Send every log line of this process to stderr, `app.log` and `events.jsonl`.

    Args:
        settings: where to, and from which level on.
        process: name of this process on its lines, as `worker`.

    Raises:
        Invalid: the folder cannot be written to.
    """
    _check_writable(settings.log_dir)
    for secret in (
        settings.secret_key,
        settings.secret_key_previous,
        settings.admin_password,
    ):
        register_secret(secret.get_secret_value())
    level = settings.log_level.upper()
    logger.remove()
    logger.configure(extra={"process": process}, patcher=_clean)
    logger.add(sys.stderr, level=level, format=_coloured, catch=True)
    for name, shape in ((TEXT_FILE, _readable), (JSON_FILE, _as_json)):
        logger.add(
            settings.log_dir / name,
            level=level,
            format=shape,
            rotation=ROTATION,
            retention=RETENTION,
            compression="gz",
            encoding="utf-8",
            opener=_private,
            watch=True,  # another process may have rotated it away
        )
    _intercept_stdlib()


class _Intercept(logging.Handler):
    """Hands records of the standard library's logging to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        def name_it(target: "Record") -> None:
            target["name"] = record.name

        named = logger.patch(name_it)
        named.opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def _intercept_stdlib() -> None:
    logging.basicConfig(handlers=[_Intercept()], level=logging.INFO, force=True)
    for name in _STDLIB:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _clean(record: "Record") -> None:
    """The last line of defence, for whatever anybody logs: no secrets, no forged lines."""
    record["message"] = one_line(scrub(record["message"]))
    for key, value in record["extra"].items():
        record["extra"][key] = _clean_value(key, value)


def _clean_value(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return REDACTED if is_sensitive(key) else one_line(scrub(str(value)))


def _coloured(record: "Record") -> str:
    record["extra"]["_text"] = _text(record)
    return "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <8}</level> {extra[_text]}\n"


def _readable(record: "Record") -> str:
    record["extra"]["_text"] = _text(record)
    return "{time:YYYY-MM-DD HH:mm:ss.SSS!UTC}Z {level: <8} {extra[_text]}\n"


def _as_json(record: "Record") -> str:
    line = {
        "at": iso(record["time"]),
        "level": record["level"].name.lower(),
        "logger": record["name"],
        "event": record["message"],
        **_fields(record),
    }
    if (trace := _trace(record)) is not None:
        line["exception"] = trace
    record["extra"]["_json"] = mask_known(json.dumps(line, ensure_ascii=False))
    return "{extra[_json]}\n"


def _text(record: "Record") -> str:
    fields = "".join(f" {key}={value}" for key, value in _fields(record).items())
    trace = _trace(record)
    # Indented and barred, so that no line of it can pass for an entry of its own.
    indented = "".join(f"\n    | {one_line(line)}" for line in (trace or "").splitlines())
    return f"{record['name']} {record['message']}{fields}{indented}"


def _fields(record: "Record") -> dict[str, Any]:
    return {key: value for key, value in record["extra"].items() if key not in _OWN_KEYS}


def _trace(record: "Record") -> str | None:
    """The traceback as text, without the values of variables."""
    exception = record["exception"]
    if exception is None or exception.type is None:
        return None
    parts = traceback.format_exception(exception.type, exception.value, exception.traceback)
    return scrub("".join(parts))


def _check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (TEXT_FILE, JSON_FILE):
            os.close(_private(str(folder / name), os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    except OSError as error:
        raise Invalid(
            f"LOG_DIR: {folder} cannot be written to: {error.strerror}", code="log_dir_unwritable"
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
