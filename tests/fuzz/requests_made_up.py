"""Requests that nobody would think of, made up from the OpenAPI document, and what is answered."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
TIMEOUT_SECONDS: Final = 20
Known = Mapping[str, list[str]]

# Routes that nothing is sent to, each with why. What would end the login that asks is not among
# them: it needs a secret that nobody makes up, and throttled routes see each request from another
# address.
LEFT_OUT: Final[Mapping[str, str]] = {"GET /events": "its answer has no end"}


@dataclass(frozen=True, slots=True)
class Asker:
    """Someone who sends requests.

    Attributes:
        headers: that say who it is; none for nobody.
        known: ids that exist, by the name that they have in paths, queries and bodies.
    """

    name: str
    headers: Mapping[str, str]
    known: Known


@dataclass(slots=True)
class Outcome:
    """What was found out: how often each status came, and what was not as documented."""

    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def operations(document: dict[str, Any]) -> dict[str, Any]:
    """Every operation of the document, by method and path."""
    schema = schemathesis.openapi.from_dict(document)
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {one.label: one for one in found}


def ask(
    operation: Any, asker: Asker, base: str, *, examples: int, outcome: Outcome, start: int = 0
) -> None:
    """Send so many made-up requests to one operation; the same ones each time."""

    @seed(start)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if examples > SHRUNK_FROM else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(case=_cases(operation, asker.known))
    def once(case: Any) -> None:
        answer = case.call(
            base_url=base, session=session, headers=_headers(asker), timeout=TIMEOUT_SECONDS
        )
        code = answer.status_code
        outcome.statuses[code] = outcome.statuses.get(code, 0) + 1
        case.validate_response(answer, checks=CHECKS)

    with requests.Session() as session, warnings.catch_warnings():
        # The site, which runs in this process too, draws random numbers meanwhile.
        warnings.filterwarnings("ignore", "Do not use the `random` module inside strategies")
        try:
            once()
        except (Failure, FailureGroup) as found:
            outcome.failures.append(f"{operation.label} as {asker.name}: {found}")


SHRUNK_FROM: Final = 20
_ADDRESSES = count(2)


def _headers(asker: Asker) -> dict[str, str]:
    # An address of its own for each: a guess from elsewhere does not wait for the one before.
    number = next(_ADDRESSES)
    address = f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {"X-Forwarded-For": address, "Sec-Fetch-Site": "same-origin", **asker.headers}


@st.composite
def _cases(draw: Callable[[Any], Any], operation: Any, known: Known) -> Any:
    """As the document wants it, or just not; with ids that exist, or that were made up."""
    mode = draw(st.sampled_from(list(schemathesis.GenerationMode)))
    case = draw(operation.as_strategy(generation_mode=mode))
    if draw(st.integers(0, 3)):
        for part in (case.path_parameters, case.query, case.body):
            for place, name in _ids_in(part, known):
                place[name] = draw(st.sampled_from(known[name]))
    return case


def _ids_in(part: Any, known: Known) -> Iterator[tuple[Any, str]]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name in known:
                yield part, name
            else:
                yield from _ids_in(value, known)
    elif isinstance(part, list):
        for value in part:
            yield from _ids_in(value, known)
