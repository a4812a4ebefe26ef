"""Compare what we understand with a corpus of real alerts: `check_alerts.py [FOLDER]`.

The folder holds payloads and a MANIFEST.tsv with their meaning. Placeholders are filled in from
`VALUES` first, except in `edge/`, which is sent as it is. Ends with 1 below 98 %.
"""

import csv
import re
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.core.decimals import plain
from app.core.errors import Invalid
from app.pipeline.alarms.meaning import Action, Intent, Level, Meaning, Size, SizeKind, Unreadable
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.sentences import sentence
from app.trading.tickers import Spelling, parse_ticker
from app.trading.words import PositionSide

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "alerts"
GOAL_PERCENT = 98

# What TradingView would have filled in: the first entry of a strategy that was flat.
VALUES = {
    "ticker": "BTCUSDT",
    "exchange": "BINANCE",
    "open": "59900",
    "high": "60500",
    "low": "59500",
    "close": "60000",
    "volume": "123.4",
    "interval": "60",
    "time": "2026-03-01T09:00:00Z",
    "timenow": "2026-03-01T09:30:05Z",
    "strategy.position_size": "0.01",
    "strategy.order.action": "buy",
    "strategy.order.contracts": "0.01",
    "strategy.order.price": "60000",
    "strategy.order.id": "Long",
    "strategy.order.comment": "Long",
    "strategy.order.alert_message": "buy",
    "strategy.market_position": "long",
    "strategy.market_position_size": "0.01",
    "strategy.prev_market_position": "flat",
    "strategy.prev_market_position_size": "0",
    "syminfo.currency": "USDT",
    "syminfo.basecurrency": "BTC",
    "plot_0": "60000",
    "plot_1": "64000",
    "plot_2": "58000",
    "plot_3": "3",
    "plot_4": "10",
    "plot_5": "5",
    'plot("sl")': "58000",
    'plot("tylemargin")': "3",
}
KINDS = {
    "base": SizeKind.QUANTITY,
    "units": SizeKind.QUANTITY,
    "contracts": SizeKind.QUANTITY,
    "quote": SizeKind.NOTIONAL,
    "pct": SizeKind.EQUITY_PERCENT,
    "pct_balance": SizeKind.EQUITY_PERCENT,
    "pct_available": SizeKind.EQUITY_PERCENT,
    "x_equity": SizeKind.EQUITY_PERCENT,
    "pct_position": SizeKind.POSITION_PERCENT,
    "risk_quote": SizeKind.RISK_QUOTE,
    "all": SizeKind.ALL,
}
NO_UNIT = {"lots", "risk/lots", "usd", "fraction"}
ACTIONS = re.compile("|".join(each for each in Action if each is not Action.IGNORE))
SIDES = {
    "buy": PositionSide.LONG,
    "long": PositionSide.LONG,
    "sell": PositionSide.SHORT,
    "short": PositionSide.SHORT,
}
NUMBER = re.compile(r"(?<![\w.])\d*\.?\d+")
Row = dict[str, str]


def rendered(text: str) -> str:
    """The text with every placeholder of `VALUES` filled in."""
    return re.sub(r"\{\{\s*(.*?)\s*\}\}", lambda found: VALUES.get(found[1], found[0]), text)


def differences(row: Row, meaning: Meaning) -> list[str]:
    """Where the meaning is not the manifest's; empty when it is right."""
    wanted = {name: rendered(cell or "") for name, cell in row.items()}
    trades = [each for each in meaning.intents if each.action is not Action.IGNORE]
    if wanted["action"].startswith(("REJECT", "IGNORE", "none")):
        return [] if not trades or "/" in wanted["action"] else ["should not trade"]
    if not trades:
        return ["should trade"]
    best = [_intent_differences(wanted, intent) for intent in trades]
    return min(best, key=len)


def _intent_differences(wanted: Row, intent: Intent) -> list[str]:
    found = {
        "ticker": _is_ticker(wanted["symbol"], intent.ticker),
        "action": _is_action(wanted, intent),
        "side": _is_side(wanted, intent),
        "size": intent.action is Action.CANCEL or _is_size(wanted, intent.size),
        "stop": _is_stop(wanted["sl"], intent.stop_loss or intent.trigger),
        "target": _are_targets(wanted["tp"], [each.level for each in intent.take_profits]),
    }
    return [name for name, is_right in found.items() if not is_right]


def _is_ticker(cell: str, ticker: str | None) -> bool:
    if cell in {"", "bot"} or cell.startswith("("):
        return True
    names = [each for name in cell.split("+") for each in _spellings(name)]
    return ticker is not None and any(_pair(name) == _pair(ticker) for name in names)


def _spellings(name: str) -> list[str]:
    """`XRP(USDT)` stands for XRP and XRPUSDT."""
    return [re.sub(r"[()]", "", name), re.sub(r"\(.*?\)", "", name)]


def _pair(name: str) -> str:
    try:
        spelling: Spelling = parse_ticker(name)
    except Invalid:
        return name
    if spelling.base is None or spelling.quote is None:
        return spelling.pair
    return spelling.base + spelling.quote


def _is_action(wanted: Row, intent: Intent) -> bool:
    cell = wanted["action"]
    if "stop order" in cell:
        return intent.trigger is not None
    actions = set(ACTIONS.findall(cell))
    if cell.startswith("by "):
        actions = {"open"}
    if wanted["size"].startswith("target"):
        actions |= {"target"}
    if wanted["size_kind"] == "pct_position" and wanted["size"] not in {"", "100"}:
        actions |= {"reduce"}
    return intent.action in actions


def _is_side(wanted: Row, intent: Intent) -> bool:
    side = SIDES.get(wanted["side"].lower())
    if side is None or intent.position_side is None or intent.action is Action.CANCEL:
        return True
    if intent.action.only_reduces:
        is_order_side = wanted["side"].lower() in {"buy", "sell"}
        return intent.position_side is (side.opposite if is_order_side else side)
    return intent.position_side is side


def _is_size(wanted: Row, size: Size) -> bool:
    kind = KINDS.get(wanted["size_kind"])
    if kind is None:
        return size.kind in {SizeKind.DEFAULT, SizeKind.ALL}
    if size.kind is SizeKind.ALL:
        return kind is SizeKind.ALL or wanted["size"].startswith("100")
    number = NUMBER.search(wanted["size"])
    value = None if number is None else Decimal(number[0])
    if value is not None and wanted["size_kind"] == "x_equity":
        value *= 100
    is_target = size.kind is SizeKind.TARGET_QUANTITY and kind is SizeKind.QUANTITY
    return (size.kind is kind or is_target) and value == size.value


def _is_stop(cell: str, level: Level | None) -> bool:
    number = NUMBER.search(cell.rpartition("=")[2])
    if number is None:
        return True
    return level is not None and level.value == Decimal(number[0])


def _are_targets(cell: str, levels: list[Level]) -> bool:
    shares = re.sub(r"\(.*?\)|x\s*\d+%|ratios.*|equal.*", "", cell)
    if "none" in cell:
        return not levels
    if "levels" in cell:
        return len(levels) == int(cell[0])
    if " " in cell and all("/" in part for part in shares.split()):
        shares = re.sub(r"/\S+", "", shares)
    wanted = [Decimal(number) for number in NUMBER.findall(shares)]
    return not wanted or [level.value for level in levels][: len(wanted)] == wanted[: len(levels)]


def verdict(folder: Path, row: Row) -> tuple[bool, str]:
    """Whether one payload is understood as the manifest says, and what we made of it."""
    body = (folder / row["file"]).read_bytes()
    is_edge = row["product"] == "edge"
    text = body.decode("utf-8", errors="surrogateescape")
    sent = body if is_edge else rendered(text).encode("utf-8", errors="surrogateescape")
    if sent != body and not _is_refused_unrendered(body):
        return False, "the template itself was not refused as unrendered"
    try:
        meaning = understand(sent)
    except Unreadable as refused:
        shown = f"refused {refused.code}: {refused.detail}"
        return _may_refuse(row, refused), shown
    wrong = differences(row, meaning)
    shown = " / ".join(map(sentence, meaning.intents))
    return not wrong, f"[{meaning.dialect}] {shown}" + (f"  <- {', '.join(wrong)}" if wrong else "")


def _is_refused_unrendered(body: bytes) -> bool:
    try:
        understand(body)
    except Unreadable as refused:
        return refused.code == "unrendered_placeholder"
    return False


def _may_refuse(row: Row, refused: Unreadable) -> bool:
    if row["action"].startswith(("REJECT", "IGNORE", "none")) or "REJECT" in row["action"]:
        return True
    doubts = row["sl"] + row["tp"] + row["note"]
    if (
        row["size_kind"] in NO_UNIT
        or "unclear" in doubts
        or "not verified" in doubts
        or "pips" in doubts
    ):
        return refused.code in {"unit_unknown", "invalid_size"}
    return False


def main() -> int:
    """Print the table and the share that is right."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    manifest = folder / "MANIFEST.tsv"
    if not manifest.exists():
        print(f"no corpus at {folder}: nothing to check")
        return 0
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    right: Counter[str] = Counter()
    every: Counter[str] = Counter()
    for row in rows:
        is_right, shown = verdict(folder, row)
        every[row["product"]] += 1
        right[row["product"]] += is_right
        print(f"{'ok   ' if is_right else 'WRONG'} {row['file']:<30} {shown}".replace("\n", " "))
    print()
    for product in sorted(every):
        print(f"{product:<22}{right[product]:>4} of {every[product]}")
    share = Decimal(right.total()) * 100 / Decimal(every.total())
    print(f"\n{right.total()} of {every.total()} right: {plain(round(share, 1))} %")
    return 0 if share >= GOAL_PERCENT else 1


if __name__ == "__main__":
    sys.exit(main())
