"""What comes before anything runs; what can go wrong is said in lines a person can act on."""

import resource

from pydantic import ValidationError

from app.core.errors import Invalid
from app.settings import Settings


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        Invalid: some make no sense; `detail` has one line for each and echoes no value.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            _line(str(item["loc"][0]) if item["loc"] else "", item["msg"])
            for item in error.errors()
        ]
        raise Invalid("\n".join(lines), code="bad_settings") from None


def forbid_core_dumps() -> None:
    """A crash must not write the keys that are in memory to a disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _line(name: str, message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    return f"{name.upper()}: {sentence}" if name else sentence
