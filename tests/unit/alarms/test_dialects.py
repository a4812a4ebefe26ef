import pytest

from app.pipeline.alarms.meaning import Unreadable
from app.pipeline.alarms.reading import understand
from app.pipeline.alarms.sentences import sentence

BTC = "BTCUSDT.P"
COMMAS = '{"bot_uuid":"u","tv_instrument":"BTCUSDT.P","timestamp":"2026-03-01T09:30:05Z",'
POSITIONS = (
    '"action":"sell","strategy_info":{"market_position":"short","market_position_size":"1",'
    '"prev_market_position":"long","prev_market_position_size":"2"},'
    '"order":{"amount":"3","currency_type":"base"}}'
)
OKX = '{"instrument":"BTCUSDT.P","signalToken":"t","investmentType":"base","amount":"2",'
SIGNAL_TEXT = "LONG ETHUSDT\nEntry: 2000\nTP1: 2100 - 60%\nTP2: 2200 - 40%\nSL: 1900\nLeverage: 5x"


@pytest.mark.parametrize(
    ("body", "dialect", "said"),
    [
        (
            COMMAS + POSITIONS,
            "3commas",
            f"Turn {BTC} short: close, then open 1 {BTC} at market.",
        ),
        (
            COMMAS + '"action":"exit_long"}',
            "3commas",
            f"Close the {BTC} long at market.",
        ),
        (
            COMMAS + '"action":"enter_long","order":{"amount":"50","currency_type":"quote"},'
            '"stop_loss":{"enabled":true,"price_change_percent":"2"}}',
            "3commas",
            f"Buy {BTC} for 50 USDT at market to open a long, stop 2 % from entry.",
        ),
        (
            OKX + '"action":"buy","marketPosition":"flat","prevMarketPosition":"short"}',
            "okx",
            f"Close the {BTC} short at market.",
        ),
        (
            OKX + '"action":"ENTER_SHORT"}',
            "okx",
            f"Sell 2 {BTC} at market to open a short.",
        ),
        (
            '{"base":"ETH","quote":"USDT","side":"sell","percent":"40","amount":"NaN"}',
            "poabot",
            "Close 40 % of the ETHUSDT long at market.",
        ),
        (
            '{"base":"ETH","quote":"USDT.P","side":"entry/sell","amount":0.5,"leverage":3}',
            "poabot",
            "Sell 0.5 ETHUSDT.P at market to open a short, leverage 3x.",
        ),
        (
            '{"symbol":"ETHUSDT","action":"SELL","position_size":"-2","quantity":"5"}',
            "openalgo",
            "Bring the ETHUSDT position to 2 short at market.",
        ),
        (
            '{"symbol":"ETHUSDT","action":"BUY","pricetype":"LIMIT","price":"1900","quantity":"5"}',
            "openalgo",
            "Buy 5 ETHUSDT at limit 1900.",
        ),
        (
            '{"code":"Enter-Short","pair":"ETHUSDT","amountPerTrade":0.1,'
            '"amountPerTradeType":"percents","stopLoss":{"priceDeviation":0.02},'
            '"takeProfits":[{"priceDeviation":0.03,"portfolio":0.5}]}',
            "wundertrading",
            "Sell ETHUSDT for 10 % of equity at market to open a short, stop 2 % from entry, "
            "target 3 % from entry (50 %).",
        ),
        ("EXIT-ALL_abc123", "wundertrading", "Close the strategy's position at market."),
        (
            '{"symbol":"ETH-PERP","direction":"short","size":"70","mode":"reverse"}',
            "tv_alerts_processor",
            "Turn ETH-PERP short: close, then open ETH-PERP for 70 in quote at market.",
        ),
        (
            "SYMBOL=ETHUSDC\nSIGNAL=SELL\nVOLUME=2\nREDUCE_ONLY=true",
            "octobot",
            "Close 2 of the ETHUSDC long at market.",
        ),
        (
            "SYMBOL=ETHUSDT;SIGNAL=BUY;TAKE_PROFIT_PRICE_1=5%;TAKE_PROFIT_PRICE_2=9%;"
            "TAKE_PROFIT_VOLUME_RATIO_1=1;TAKE_PROFIT_VOLUME_RATIO_2=3",
            "octobot",
            "Buy ETHUSDT in the strategy's size at market, "
            "targets 5 % from entry (25 %) and 9 % from entry (75 %).",
        ),
        (
            "trade:me:short symbol=ETH-PERP size=2x",
            "frostybot",
            "Bring the ETH-PERP position to ETH-PERP for 200 % of equity short at market.",
        ),
        ("me ETHUSDT pos -1.5", "whook", "Bring the ETHUSDT position to 1.5 short at market."),
        ("me ETHUSDT close 30%", "whook", "Close 30 % of the ETHUSDT position at market."),
        (
            "s=ethusdt c=position | s=ethusdt b=short q=5%",
            "autoview",
            "Turn ETHUSDT short: close, then open ETHUSDT for 5 % of equity at market.",
        ),
        (
            "s=ethusdt b=long d=1",
            "autoview",
            "Nothing to do: d=1 switches this command off.",
        ),
        (
            "Keys(ETHUSDT) { market(side=sell, amount=2); trailingStop(offset=3%); }",
            "alertatron",
            "Sell 2 ETHUSDT at market, stop trailing by 3 %.",
        ),
        (
            "777777777,closeshort,ETHUSD",
            "pineconnector",
            "Close the ETHUSD short at market.",
        ),
        (
            SIGNAL_TEXT,
            "cornix",
            "Buy ETHUSDT in the strategy's size at market to open a long, stop 1900, "
            "targets 2100 (60 %) and 2200 (40 %), leverage 5x.",
        ),
        (
            "#ETH/USDT Closed at trailing stoploss",
            "cornix",
            "Nothing to do: a status message of a signal channel, not a signal.",
        ),
        (
            '{"pair":"ETHUSDT","side":"CloseLong","amount":"%50"}',
            "generic",
            "Close 50 % of the ETHUSDT long at market.",
        ),
        (
            "type: open\npair: ETH-USDT-SWAP\nside: long",
            "generic",
            "Buy ETH-USDT-SWAP in the strategy's size at market to open a long.",
        ),
        ("hunter2\nshort ETHUSDT q=0.2", "generic", "Sell 0.2 ETHUSDT at market to open a short."),
        (
            '{"ticker":"ETHUSDT","side":"buy","qty":"1","tp1":"2100","tp2":"2200","sl":"0"}',
            "generic",
            "Buy 1 ETHUSDT at market, targets 2100 and 2200.",
        ),
    ],
)
def test_dialect(body: str, dialect: str, said: str) -> None:
    meaning = understand(body.encode())

    assert (meaning.dialect, " ".join(map(sentence, meaning.intents))) == (dialect, said)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (COMMAS + '"action":"enter_long","stop_loss":{"enabled":true}}', "invalid_level"),
        (COMMAS + '"action":"enter_long","order":{"amount":"1"}}', "unit_unknown"),
        (COMMAS + '"action":"stop_bot"}', "unknown_action"),
        (OKX.replace("base", "margin") + '"action":"buy"}', "unit_unknown"),
        ('{"base":"ETH","quote":"USDT","side":"hold"}', "unknown_action"),
        ('{"symbol":"X","action":"BUY","pricetype":"SL-M"}', "unsupported_order_type"),
        ('{"code":"Enter-Long","amountPerTrade":1}', "unit_unknown"),
        ('{"symbol":"X","direction":"close","size":"150%"}', "invalid_size"),
        ("SYMBOL=X;SIGNAL=HOLD", "unknown_action"),
        ("SYMBOL=X;SIGNAL=BUY;ORDER_TYPE=LIMIT", "no_limit_price"),
        ("SYMBOL=X;SIGNAL=BUY;VOLUME=1/2", "invalid_size"),
        ("trade:me:buy symbol=ETH/BTC usd=100", "unit_unknown"),
        ("trade:me:dance symbol=ETH/BTC", "unknown_action"),
        ("me ETHUSDT buy lots", "invalid_field"),
        ("s=ethusdt b=long sl=2", "unit_unknown"),
        ("Keys(ETHUSDT) { waterfall(side=buy, amount=2); }", "not_supported"),
        ("Keys(ETHUSDT) { continue(if=x); market(side=buy, amount=2); }", "not_supported"),
        ("777777777,buy,EURUSD,vol_lots=0.5", "unit_unknown"),
        ('{"symbol":"ETHUSDT","side":"buy","size":5}', "unit_unknown"),
        ('{"symbol":"ETHUSDT","side":"buy","qty":1,"price":2000,"sl":150}', "unit_unknown"),
        ('{"symbol":"ETHUSDT","side":"buy","s":{"long":{"stopLoss":1}}}', "invalid_level"),
        ('{"message":"hello"}', "unknown_action"),
    ],
)
def test_dialect_refuses_what_it_cannot_know(body: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        understand(body.encode())

    assert refused.value.code == code
