"""Whatever it is sent, the API answers as its OpenAPI document says."""

import asyncio
from pathlib import Path
from typing import Any

from tests.fuzz.askers import asked_site
from tests.fuzz.requests_made_up import LEFT_OUT, Outcome, ask, operations

# One each; `make fuzz` sends thousands.
EXAMPLES = 1
ERROR = {"$ref": "#/components/schemas/ErrorOut"}
# Refusals that are no error: what is not ready says so as it says that it is, and a page is HTML.
OTHER_SHAPES = {("/health/ready", "503"), ("/schema/{path}", "404")}


async def test_security_schemathesis_every_answer_is_as_documented(
    tmp_path: Path, sqlite_url: str
) -> None:
    outcome = Outcome()
    async with asked_site(tmp_path, sqlite_url) as (site, askers):
        document = await site.get("/schema/openapi.json")
        routes = operations(document)
        for asker in askers:
            for label, operation in routes.items():
                if label not in LEFT_OUT:
                    await asyncio.to_thread(
                        ask, operation, asker, site.base, examples=EXAMPLES, outcome=outcome
                    )

        # What these requests found first: it was a 500.
        strategy = f"/strategies/{askers[1].known['strategy_id'][0]}"
        removal = await site.client.delete(strategy, headers=dict(askers[1].headers))

    assert removal.status_code == 409, removal.text
    assert not outcome.failures, "\n".join(outcome.failures)
    assert sum(outcome.statuses.values()) >= len(askers) * (len(routes) - len(LEFT_OUT))
    assert {200, 400, 401, 403, 404} <= outcome.statuses.keys()
    # A route is asked or on the list, and the list names no route that is gone.
    assert set(routes) >= set(LEFT_OUT)
    assert set(routes) == set(_labels(document))
    _assert_refusals_look_alike(document)


def _labels(document: dict[str, Any]) -> list[str]:
    return [
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
    ]


def _assert_refusals_look_alike(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                if status < "400" or (path, status) in OTHER_SHAPES:
                    continue
                content = answer["content"]["application/json"]
                assert content["schema"] == ERROR, (path, status)
                assert content["examples"], (path, status)
                assert ("Retry-After" in answer.get("headers", {})) is (status in {"409", "429"})
