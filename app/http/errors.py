"""The one table from what went wrong to an HTTP status, and the one shape of an error."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from loguru import logger
from pydantic import BaseModel

from app.core import errors
from app.db.down import database_down, is_down
from app.http.request_id import request_id_of

HTTP_STATUS: Final[Mapping[type[errors.AppError], int]] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.KeyReused: 422,
    errors.TooSlow: 408,
    errors.TooLarge: 413,
    errors.Denied: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
    errors.InsufficientFunds: 422,
    errors.OrderRefused: 422,
    errors.ExchangeError: 503,
    errors.AppError: 400,
}

CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "invalid",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many",
}


REPLAYED: Final = "Idempotent-Replayed"
NOTHING_HERE: Final = "Nothing is here."


class Replay(Exception):
    """Not an error: the request was answered before, and gets that answer again.

    It is raised so that the transaction which found it is rolled back.
    """

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class ErrorOut(BaseModel):
    """What every refusal looks like."""

    code: str
    detail: str
    request_id: str


def status_of(error: errors.AppError) -> int:
    """HTTP status of an error."""
    return status_of_kind(type(error))


def status_of_kind(kind: type[errors.AppError]) -> int:
    """HTTP status of the nearest ancestor in the table."""
    return next(HTTP_STATUS[one] for one in kind.__mro__ if one in HTTP_STATUS)


def on_app_error(request: Request[Any, Any, Any], error: errors.AppError) -> Response[ErrorOut]:
    """Answer an error raised on purpose."""
    answer = _answer(request, status_of(error), error.code, error.detail)
    seconds = getattr(error, "retry_after_seconds", None)
    if seconds is not None:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def on_replay(_: Request[Any, Any, Any], replay: Replay) -> Response[bytes]:
    """Give the answer that was kept, and say that it is an old one."""
    return Response(
        replay.body.encode(),
        status_code=replay.status,
        media_type=MediaType.JSON,
        headers={REPLAYED: "true"},
    )


def on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorOut]:
    """Answer an error that the framework raised: unknown path, malformed body, bad parameter."""
    code = CODE_OF_STATUS.get(error.status_code, "error")
    # An unknown path must look exactly like a webhook whose token or sender is wrong.
    detail = NOTHING_HERE if error.status_code == 404 else error.detail
    if isinstance(error, ValidationException):
        detail = _fields(error) or detail
    return _answer(request, error.status_code, code, detail)


def on_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorOut]:
    """Log what nobody foresaw, and tell the caller only where to find it."""
    if is_down(error):
        logger.opt(exception=error).error("request.no_database")
        return on_app_error(request, database_down())
    logger.opt(exception=error).error("request.crashed")
    detail = "Something went wrong here. It is in the log under this request id."
    return _answer(request, 500, "internal", detail)


EXCEPTION_HANDLERS: Final[dict[type[Exception] | int, Any]] = {
    errors.AppError: on_app_error,
    Replay: on_replay,
    HTTPException: on_http_exception,
    Exception: on_unforeseen,
}


def _answer(
    request: Request[Any, Any, Any], status: int, code: str, detail: str
) -> Response[ErrorOut]:
    body = ErrorOut(code=code, detail=detail, request_id=request_id_of(request.scope))
    # The rest of a body that came too slowly would keep the connection for ever.
    headers = {"Connection": "close"} if status == 408 else None
    return Response(body, status_code=status, headers=headers)


def _fields(error: ValidationException) -> str:
    """`field: what is wrong` for each field, without echoing what was sent."""
    extra = error.extra if isinstance(error.extra, list) else []
    parts = [
        f"{item['key']}: {item['message']}" if item.get("key") else str(item.get("message", ""))
        for item in extra
        if isinstance(item, dict)
    ]
    return "; ".join(part for part in parts if part)
