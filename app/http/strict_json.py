"""JSON bodies with one reading only; what has two, or no end, is no request."""

import json
from collections.abc import Sequence
from typing import Any

from litestar import Request

from app.core.errors import Invalid


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is looked at before it is believed.

    The framework's decoder takes the last of two equal keys, and answers what is nested too deeply,
    or is no UTF-8, as if it were our own mistake.
    """

    async def json(self) -> Any:
        """The body as JSON.

        Raises:
            Invalid: a key is there twice, it is nested too deeply, or it is no UTF-8.
        """
        refuse_ambiguous(await self.body())
        return await super().json()


def refuse_ambiguous(body: bytes) -> None:
    """See whether JSON has one reading; whether it is JSON at all is for others to say.

    Raises:
        Invalid: a key is there twice, it is nested too deeply, or it is no UTF-8.
    """
    try:
        json.loads(body.decode(), object_pairs_hook=_once, parse_int=str, parse_float=str)
    except UnicodeDecodeError:
        raise Invalid("The body is no UTF-8.") from None
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    except json.JSONDecodeError:
        return


def _once(pairs: Sequence[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise Invalid("The body has a key twice in one object.")
