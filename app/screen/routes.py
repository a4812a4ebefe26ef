"""`/app`: the screen's files, and `/`, which leads there."""

from pathlib import PurePosixPath
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Redirect

from app.core.errors import NotFound
from app.http.errors import NOTHING_HERE
from app.screen.files import File, Screen

PATH: Final = "/app"
API_PAGES: Final = "/schema"
# Scripts and styles out of our own files alone: text that an alert smuggles in stays text.
POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
FOR_EVER: Final = "public, max-age=31536000, immutable"
JSON: Final = "application/json"
NOT_BUILT: Final = "The screen is not built here: `make screen` builds it."


@get("/", opt={"public": True}, include_in_schema=False)
async def front_door(request: Request[Any, Any, Any]) -> Redirect:
    """Lead a visitor to the screen; to the API pages a program, or anybody where there is none."""
    screen: Screen = request.app.state.screen
    accepted = request.headers.get("accept", "")
    is_program = JSON in accepted and "*/*" not in accepted
    goal = PATH if screen.is_built and not is_program else API_PAGES
    return Redirect(goal, headers={"Vary": "Accept"})


@get(PATH, opt={"public": True}, include_in_schema=False)
async def screen_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The page that is the screen."""
    return _answer(request, "")


@get(PATH + "/{file:path}", opt={"public": True}, include_in_schema=False)
async def screen_file(
    request: Request[Any, Any, Any], file: FromPath[PurePosixPath]
) -> Response[bytes]:
    """A file of the screen; the page for the addresses that only the screen knows."""
    return _answer(request, file.as_posix())


def _answer(request: Request[Any, Any, Any], path: str) -> Response[bytes]:
    screen: Screen = request.app.state.screen
    if not screen.is_built:
        raise NotFound(NOT_BUILT, code="screen_not_built")
    found = screen.find(path)
    if found is None:
        raise NotFound(NOTHING_HERE)
    return _shaped(found, is_zipped="gzip" in request.headers.get("accept-encoding", ""))


def _shaped(file: File, *, is_zipped: bool) -> Response[bytes]:
    headers = {"Content-Security-Policy": POLICY, "Vary": "Accept-Encoding"}
    if file.is_lasting:
        headers["Cache-Control"] = FOR_EVER
    if file.zipped is None or not is_zipped:
        return Response(file.content, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.zipped, media_type=file.media_type, headers=headers)
