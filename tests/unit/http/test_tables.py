import csv
import io
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.http.schemas import Out
from app.http.tables import csv_text
from app.trading.money import Money

MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9))


class Cell(Out):
    text: str
    amount: Money | None
    count: int


def test_security_18_a_spreadsheet_runs_no_text_and_negative_numbers_stay_numbers() -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "plain", 'a "b", c']
    rows = [Cell(text=text, amount=Decimal("-1.50"), count=-2) for text in texts]

    lines = csv_text(rows, Cell).split("\r\n")

    assert lines[:5] == [
        "text,amount,count",
        "'=1+1,-1.5,-2",
        "'+1,-1.5,-2",
        "'-1,-1.5,-2",
        "'@SUM(A1),-1.5,-2",
    ]
    assert lines[5] == "'\tx,-1.5,-2"
    assert lines[6] == '"\'\rx",-1.5,-2'
    assert lines[7:9] == ["plain,-1.5,-2", '"a ""b"", c",-1.5,-2']


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff20a",
)


@given(
    start=st.sampled_from(FORMULAS), rest=st.text(st.characters(exclude_categories=["Cs"])), n=MONEY
)
def test_security_18_no_text_that_is_read_back_begins_like_a_formula(
    start: str, rest: str, n: Decimal
) -> None:
    table = csv_text([Cell(text=start + rest, amount=n, count=-1)], Cell)

    _, [shown, amount, count] = csv.reader(io.StringIO(table, newline=""))
    assert shown == f"'{start}{rest}"
    assert (Decimal(amount), count) == (n, "-1")


def test_no_rows_are_a_header() -> None:
    assert csv_text([], Cell) == "text,amount,count\r\n"
