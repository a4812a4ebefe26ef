"""Alerts as a careless or hostile sender makes them: good ones of every format, bent at random."""

import re
from random import Random
from typing import Final

EXAMPLES: Final = {
    "native": '{"symbol":"BTCUSDT.P","action":"sell","quantity":"3","price":"60000.5","leverage":3,'
    '"stop_loss":"2%","take_profits":[{"price":"61000","portion_percent":40},{"percent":5}],'
    '"market_position":"long","market_position_size":"1","prev_market_position":"long",'
    '"prev_market_position_size":"3","order_id":"Exit","id":"n-1","time":"2026-03-02T11:59:30Z"}',
    "traderspost": '{"ticker":"BTCUSDT","action":"buy","quantityType":"risk_percent",'
    '"quantity":1.5,"orderType":"limit","limitPrice":59000.25,"stopLoss":{"type":"trailing_stop",'
    '"trailPercent":2},"takeProfit":{"percent":4},"time":1772452770}',
    "3commas": '{"secret":"s","bot_uuid":"b","tv_instrument":"BTCUSDT.P","action":"enter_long",'
    '"timestamp":"2026-03-02T11:59:30Z","max_lag":"300","trigger_price":"60000",'
    '"strategy_info":{"market_position":"long","prev_market_position":"flat"},'
    '"order":{"amount":"0.1","currency_type":"base"},"take_profit":{"enabled":true,'
    '"steps":[{"price_change_percent":"2","volume_percent":"50"}]},'
    '"stop_loss":{"enabled":true,"price_change_percent":"1"}}',
    "wundertrading": '{"code":"Enter-Long","pair":"BTCUSDT","amountPerTrade":0.1,'
    '"amountPerTradeType":"percents","stopLoss":{"priceDeviation":0.02},'
    '"takeProfits":[{"priceDeviation":0.03,"portfolio":0.5}],"reduceOnly":false}',
    "okx": '{"action":"ENTER_LONG","instrument":"BTCUSDT.P","signalToken":"t","maxLag":"60",'
    '"timestamp":"2026-03-02T11:59:30.000Z","investmentType":"base","amount":"0.1","id":"o-1",'
    '"marketPosition":"long","prevMarketPosition":"flat"}',
    "poabot": '{"password":"p","exchange":"BINANCE","base":"BTC","quote":"USDT.P",'
    '"side":"entry/buy","amount":0.1,"percent":"NaN","leverage":2,"stop_price":58000}',
    "openalgo": '{"apikey":"k","strategy":"s","symbol":"BTCUSDT","action":"BUY","quantity":"5",'
    '"position_size":"-2.5","pricetype":"LIMIT","price":"59000","product":"MIS"}',
    "tv_alerts_processor": '[{"stub":"a","symbol":"BTCUSDT.P","direction":"long","size":"5%"},'
    '{"stub":"a","symbol":"ETHUSDT.P","direction":"close","size":"50%"}]',
    "tradingview_text": "Rider (14): order sell @ 0.03 filled on BINANCE:BTCUSDT.P. "
    "New strategy position is \u22120.02",
    "octobot": "EXCHANGE=x;SYMBOL=BTCUSDT;SIGNAL=BUY;ORDER_TYPE=LIMIT;VOLUME=25a%;PRICE=59000;"
    "STOP_PRICE=-5%;TAKE_PROFIT_PRICE_1=5%;TAKE_PROFIT_PRICE_2=900d;"
    "TAKE_PROFIT_VOLUME_RATIO_1=1;TAKE_PROFIT_VOLUME_RATIO_2=2;LEVERAGE=3;TAG=t;TOKEN=k",
    "frostybot": "trade:me:leverage leverage=3\ntrade:me:long symbol=BTCUSDT base=0.1 price=59000\n"
    "trade:me:stoploss stoptrigger=58000",
    "alertatron": "Keys(BTCUSDT) { limit(side=buy, amount=25%, price=59000); "
    "trailingStop(offset=1.5%); } #bot",
    "pineconnector": "60123456789,buy,BTCUSD,sl_price=58000,tp_pct=4,vol_dollar=50",
    "autoview": "e=x a=y s=btcusdt c=position b=long | s=btcusdt b=short q=5% p=59000",
    "whook": "me BTC/USDT buy 300$ x3 limit:a:59000\nme ETH/USDT pos -1.5",
    "cornix": "LONG #BTC/USDT\nEntry: 60000\nTP1: 61000 - 60%\nTP2: 62000 - 40%\nSL: 58000\n"
    "Leverage: 5x",
    "generic": '{"pair":"BTCUSDT","side":"enter_long","qty":"0.5","type":"limit","price":60000,'
    '"sl":"58000","tp1":"61000","tp2":"4%","lev":"5x","timenow":"1772452770000","n":{"id":7}}',
}
NUMBERS: Final = (
    *("1e999", "1E+400", "1e-400", "NaN", "-Infinity", "-0", "0", "-1", "1e14", "1e15", "1e20"),
    *("0.1234567890123456789", "0.0000000000000000001", "33.333333333333333333333333333333"),
    *("9" * 39, "9" * 6_000, "1" * 90 + "x", "0x1f", "1_000", "1,5", "+5", ".5", "5.", "1e5"),
    *("\u0663\u0664", "\uff11\uff12", "\u00bd", "%", "%%", "150%", "5$", "3x", "a%", "1e999%"),
)
TIMES: Final = (
    *("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z"),
    *("2026-W10-1", "1772452770000000000", "253402300799", "-1772452770", "now"),
)
SIGNS: Final = (
    *(
        "{" * 70,
        "[" * 70,
        "}",
        "]",
        '"',
        "'",
        "\\",
        "\\ud800",
        "\\u0000",
        "\x00",
        "\ufeff",
        "\u202e",
    ),
    *(
        "\u200f",
        "\u201c",
        "\u2019",
        "/*",
        "*/",
        "//",
        "{{close}}",
        "{{",
        "...",
        ",",
        ",,",
        ":",
        "=",
    ),
    *(";", "|", "\n", "\r\n", "\t", "\u00a0", "\u0130", "\U0001f680", "null", "true", "x" * 5_000),
    *('"action":"sell",', '"symbol":null,', "(" * 90, "buy", "close", "=" * 300, " " * 3_000),
)
_TOKEN: Final = re.compile(r"\w+|\W")
_MOST: Final = 6


def bent(text: str, chance: Random) -> bytes:
    """The text after a few mishaps: pieces deleted, doubled, swapped, replaced and put in."""
    for _ in range(chance.randint(1, _MOST)):
        text = _MISHAPS[chance.randrange(len(_MISHAPS))](text, chance)
    # Half a character can only come as bytes: the strict decoder must refuse it.
    return text.encode("utf-8", errors="surrogatepass")


def _without(text: str, chance: Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + text[end:]


def _doubled(text: str, chance: Random) -> str:
    start, end = _span(text, chance)
    return text[:end] + text[start:]


def _swapped(text: str, chance: Random) -> str:
    tokens = _TOKEN.findall(text) or [""]
    one, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


def _replaced(text: str, chance: Random) -> str:
    tokens = _TOKEN.findall(text) or [""]
    tokens[chance.randrange(len(tokens))] = _spice(chance)
    return "".join(tokens)


def _recounted(text: str, chance: Random) -> str:
    """One of its numbers is another one."""
    numbers = list(re.finditer(r"\d[\d.:TZ-]*", text))
    if not numbers:
        return text
    found = numbers[chance.randrange(len(numbers))]
    others = NUMBERS + TIMES
    return text[: found.start()] + others[chance.randrange(len(others))] + text[found.end() :]


def _enriched(text: str, chance: Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + _spice(chance) + text[at:]


def _halved(text: str, chance: Random) -> str:
    at = chance.randint(0, len(text))
    return text[:at] + "\ud800" + text[at:]


_MISHAPS: Final = (
    _without,
    _doubled,
    _swapped,
    _replaced,
    _recounted,
    _recounted,
    _enriched,
    _halved,
)


def _spice(chance: Random) -> str:
    spices = NUMBERS + TIMES + SIGNS
    return spices[chance.randrange(len(spices))]


def _span(text: str, chance: Random) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.randint(0, 12))
