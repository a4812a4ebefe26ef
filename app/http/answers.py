"""What each route can answer, for the OpenAPI document: told from the route, not written down.

A route names in `opt={"raises": [Conflict]}` only what cannot be seen on it from outside.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar.di import Provide
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.utils.signature import ParsedSignature

from app.core import errors
from app.http.errors import ErrorOut, status_of_kind

Kinds = frozenset[type[errors.AppError]]

RAISES: Final = "raises"
BODY: Final = "data"
# What Litestar hands over without reading anything of the request.
NO_INPUT: Final = frozenset({"request", "scope", "state", "headers"})
USES_DATABASE: Final = frozenset({"session", "sessions", "tools"})

_EXAMPLES: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("Malformed", "invalid", "limit: Input should be less than or equal to 500"),
    401: ("Not logged in, or not proven", "unauthenticated", "Log in first."),
    403: ("Not allowed", "forbidden", "A viewer may look, not act."),
    404: ("Not there, or not yours", "not_found", "No such row."),
    408: ("Too slow", "too_slow", "The body did not arrive within 2 s."),
    409: ("Its state does not allow it", "conflict", "This signal was decided already."),
    413: ("Too large", "too_large", "The body is over the limit."),
    422: ("A rule says no", "denied", "This would be over your limit of open positions."),
    429: ("Too many", "too_many", "Too many attempts: wait a moment, then try again."),
    503: ("Not now", "unavailable", "The database cannot be reached; send it again."),
}
ALERT: Final = {"symbol": "BTCUSDT", "action": "buy", "quantity": "0.01"}
_RETRY_AFTER: Final = OpenAPIHeader(
    description="Seconds to wait.", schema=Schema(type=OpenAPIType.INTEGER, minimum=0)
)
_WITH_RETRY_AFTER: Final = ("409", "429")


@dataclass
class RefusingOperation(Operation):
    """Adds what Litestar's `responses` cannot say: the headers of a refusal."""

    def __post_init__(self) -> None:
        for status in _WITH_RETRY_AFTER:
            answer = (self.responses or {}).get(status)
            if isinstance(answer, OpenAPIResponse):
                answer.headers = {"Retry-After": _RETRY_AFTER}


@dataclass
class RawBodyOperation(RefusingOperation):
    """Describes a body that a route reads itself, whatever its content type."""

    def __post_init__(self) -> None:
        super().__post_init__()
        json_alert = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.OBJECT), examples={"alert": Example(value=ALERT)}
        )
        text_alert = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.STRING),
            examples={"alert": Example(value="order buy @ 0.01 filled on BTCUSDT")},
        )
        content = {MediaType.JSON.value: json_alert, MediaType.TEXT.value: text_alert}
        self.request_body = RequestBody(content, required=True)


@dataclass
class TableOperation(RefusingOperation):
    """Says that the answer can be had as CSV, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content is not None:
            answer.content["text/csv"] = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))


class Answers(ReceiveRoutePlugin):
    """Writes every refusal of a route into its part of the OpenAPI document."""

    def receive_route(self, route: BaseRoute) -> None:
        """Called by Litestar for each route, before the document is made."""
        if not isinstance(route, HTTPRoute):
            return
        for handler, _ in route.route_handler_map.values():
            kinds = refusals(handler, has_path=bool(route.path_parameters))
            specs = {status: _spec(status) for status in sorted(map(status_of_kind, kinds))}
            handler.responses = {**specs, **_pages(handler, specs), **(handler.responses or {})}
            if handler.operation_class is Operation:
                handler.operation_class = RefusingOperation


def refusals(handler: HTTPRouteHandler, *, has_path: bool) -> Kinds:
    """Every kind of error that the route may raise."""
    is_public = bool(handler.opt.get("public"))
    dependencies = handler.resolve_dependencies()
    names = frozenset(_names(handler.parsed_fn_signature, dependencies))
    found: set[type[errors.AppError]] = set(handler.opt.get(RAISES, ()))
    if not is_public:
        found |= {errors.Unauthenticated, errors.Forbidden}
    if handler.resolve_guards():
        found.add(errors.Forbidden)
    if has_path:
        found.add(errors.NotFound)
    if names - NO_INPUT - dependencies.keys():
        found.add(errors.Invalid)
    if BODY in names:
        found.add(errors.TooLarge)
    if "once" in names:
        found |= {errors.KeyInUse, errors.KeyReused}
    if not is_public or names & USES_DATABASE:
        found.add(errors.Unavailable)
    return frozenset(found)


def _names(signature: ParsedSignature, provided: Mapping[str, Provide]) -> Iterator[str]:
    """Names of everything that is asked for, by the route or by what it depends on."""
    for name in signature.parameters:
        yield name
        if name in provided:
            yield from _names(provided[name].parsed_fn_signature, provided)


def _pages(handler: HTTPRouteHandler, specs: Mapping[int, ResponseSpec]) -> dict[int, ResponseSpec]:
    """What Litestar's own pages answer, and do not say."""
    if handler.media_type == JsonRenderPlugin().media_type:
        return {
            200: ResponseSpec(
                dict[str, Any],
                generate_examples=False,
                description="This document",
                media_type=handler.media_type,
            )
        }
    if handler.media_type == MediaType.HTML and 404 in specs:
        page = ResponseSpec(
            str, generate_examples=False, description="No such page", media_type=MediaType.HTML
        )
        return {404: page}
    return {}


def _spec(status: int) -> ResponseSpec:
    description, code, detail = _EXAMPLES[status]
    value: dict[str, Any] = {"code": code, "detail": detail, "request_id": "019c1f6e4a527c31"}
    return ResponseSpec(
        ErrorOut, generate_examples=False, description=description, examples=[Example(value=value)]
    )
