"""What the desk's routes are given."""

from typing import Any, Final

from litestar import Request
from litestar.di import Provide

from app.pipeline.flow.tools import Tools


def tools_of(request: Request[Any, Any, Any]) -> Tools:
    """The flow's tools that this app was built with."""
    tools: Tools = request.app.state.tools
    return tools


TOOLS: Final = {"tools": Provide(tools_of, sync_to_thread=False)}
