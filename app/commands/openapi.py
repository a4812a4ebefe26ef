"""`openapi`: the API's document without a server, for whoever generates a client from it."""

import click
from litestar import Litestar
from litestar.serialization import encode_json, get_serializer

from app.accounts.providers import DEPENDENCIES
from app.commands.telling import telling
from app.desk.providers import TOOLS
from app.http.strict_json import StrictRequest
from app.main import ROUTERS, documents, plugins
from app.settings import Access


@click.command("openapi")
@telling
def openapi() -> None:
    """Print the OpenAPI document of this version."""
    click.echo(document())


def document() -> bytes:
    """The document as `/schema/openapi.json` gives it."""
    app = Litestar(
        ROUTERS,
        dependencies={**DEPENDENCIES, **TOOLS},
        request_class=StrictRequest,
        openapi_config=documents(Access.ANYONE),
        logging_config=None,
        plugins=plugins(),
    )
    return encode_json(app.openapi_schema.to_schema(), serializer=get_serializer(app.type_encoders))
