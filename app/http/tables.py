"""Rows as CSV that no spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Final

from litestar import Response
from litestar.params import QueryParameter
from pydantic import BaseModel

from app.core.words import Word
from app.http.filters import choice
from app.http.schemas import Page

# The full-width forms too: spreadsheets of East Asia read them as the others.
FORMULA_STARTS: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)


class Format(Word):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"


FormatName = Annotated[str | None, QueryParameter(name="format", description="`json` or `csv`")]


def answer(
    rows: Sequence[BaseModel],
    shape: type[BaseModel],
    wanted: str | None,
    *,
    name: str,
    next_cursor: str | None = None,
) -> Response[Any]:
    """The rows as a page of JSON, or as a CSV file.

    Args:
        rows: all of `shape`.
        shape: names the columns, also when there is no row.
        wanted: `json`, `csv`, or None for JSON.
        name: of the file, without its ending.
        next_cursor: of the JSON page.

    Raises:
        Invalid: no such format.
    """
    if choice(Format, wanted, "format") is not Format.CSV:
        return Response(Page[Any](items=list(rows), next_cursor=next_cursor))
    return Response(
        csv_text(rows, shape),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def csv_text(rows: Sequence[BaseModel], shape: type[BaseModel]) -> str:
    """A header and one line for each row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = list(shape.model_fields)
    writer.writerow(names)
    for row in rows:
        shown = row.model_dump(mode="json")
        writer.writerow([_cell(getattr(row, name), shown[name]) for name in names])
    return out.getvalue()


def _cell(value: Any, shown: Any) -> Any:
    """A text that a spreadsheet would run is marked as text; numbers stay numbers."""
    is_text = type(value) is str
    return f"'{shown}" if is_text and shown.startswith(FORMULA_STARTS) else shown
