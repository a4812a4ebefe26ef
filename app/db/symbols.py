"""Rows of one market, named in either spelling."""

from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute

CONTRACT_MARK = ".P"


def symbol_is(column: InstrumentedAttribute[Any], name: str) -> ColumnElement[bool]:
    """Whether a column of ccxt symbols holds that market.

    Args:
        column: of symbols like `BTC/USDT` and `BTC/USDT:USDT`.
        name: such a symbol, or its ticker: `BTCUSDT`, `BTCUSDT.P`; in any case.
    """
    wanted = name.strip().upper()
    if "/" in wanted:
        return column == wanted
    together = func.replace(column, "/", "")
    if wanted.endswith(CONTRACT_MARK):
        pair = wanted.removesuffix(CONTRACT_MARK)
        return together.startswith(f"{pair}:", autoescape=True)
    return together == wanted
