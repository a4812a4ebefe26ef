"""The API as a page to read: written here, so that it needs no script and nobody else's server."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

Node = Mapping[str, Any]

METHODS: Final = ("get", "post", "put", "patch", "delete")
STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}
summary{cursor:pointer;padding:.25rem 0}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{overflow-x:auto;padding:.5rem;border:1px solid}
b{display:inline-block;min-width:4.5rem}
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ApiPage(OpenAPIRenderPlugin):
    """Serves the OpenAPI document as one page of HTML."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The whole page, in UTF-8."""
        return "".join(_page(openapi_schema, self.get_openapi_json_route(request))).encode()


def _page(document: Node, address: str) -> Iterator[str]:
    title = escape(document["info"]["title"])
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{title}: the API</title><style>{STYLE}</style><h1>{title}</h1>"
    yield f"<p>{escape(document['info'].get('description', ''))}</p>"
    yield f"<p>For programs: <a href='{escape(address)}'>{escape(address)}</a></p>"
    for tag, operations in _by_tag(document["paths"]).items():
        yield f"<h2>{escape(tag)}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield "</html>"


def _by_tag(paths: Node) -> dict[str, list[tuple[str, str, Node]]]:
    found: dict[str, list[tuple[str, str, Node]]] = {}
    for path in sorted(paths):
        for method in METHODS:
            operation = paths[path].get(method)
            if operation is not None:
                tag = next(iter(operation.get("tags") or ()), "other")
                found.setdefault(tag, []).append((method, path, operation))
    return dict(sorted(found.items()))


def _operation(method: str, path: str, operation: Node) -> Iterator[str]:
    yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
    yield f"{escape(operation.get('summary') or '')}</summary>"
    yield f"<p>{escape(operation.get('description') or '')}</p>"
    yield from _parameters(operation.get("parameters") or ())
    for media, body in (operation.get("requestBody") or {}).get("content", {}).items():
        yield f"<p>Body, <code>{escape(media)}</code>:</p>{_json(body.get('schema'))}"
        for example in (body.get("examples") or {}).values():
            yield f"<p>For example:</p>{_json(example.get('value'))}"
    yield "<ul>"
    for status, answer in sorted((operation.get("responses") or {}).items()):
        yield f"<li><b>{escape(status)}</b> {escape(answer.get('description') or '')}</li>"
    yield "</ul></details>"


def _parameters(parameters: Iterable[Node]) -> Iterator[str]:
    yield "<ul>"
    for one in parameters:
        need = ", required" if one.get("required") else ""
        yield f"<li><code>{escape(one['name'])}</code> ({escape(one['in'])}{need}) "
        yield f"{escape(one.get('description') or '')}</li>"
    yield "</ul>"


def _json(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, default=str))}</pre>"
