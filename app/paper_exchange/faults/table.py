"""The table of faults for the documentation: `python -m app.paper_exchange.faults.table`."""

import sys
from collections.abc import Iterator

from app.paper_exchange.faults.verbs import VERBS, Stage, Verb


def render() -> str:
    """Every verb as a Markdown table, by where it bites."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| verb | what happens | aimed at | count | seconds | fields |"
    yield "|---|---|---|---|---|---|"
    for stage in Stage:
        for name, verb in VERBS.items():
            if verb.stage is stage:
                yield _line(name, verb)


def _line(name: str, verb: Verb) -> str:
    route = f"`{verb.route}`" if verb.route else "none"
    count = "until cleared" if verb.count is None else str(verb.count)
    fields = " ".join(
        f"**{field}**" if field in verb.needs else field
        for field in dict.fromkeys((*verb.needs, *verb.options))
    )
    return f"| `{name}` | {verb.says} | {route} | {count} | {_seconds(verb)} | {fields} |"


def _seconds(verb: Verb) -> str:
    default = verb.seconds or ""
    if verb.lasts:
        return f"how long it stands {f'({default})' if default else ''}".strip()
    return default


if __name__ == "__main__":
    sys.stdout.write(render() + "\n")
