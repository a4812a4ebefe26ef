"""The alert text a trader pastes into TradingView for one strategy."""

STRATEGY_ALERT = """{
  "symbol": "{{ticker}}",
  "action": "{{strategy.order.action}}",
  "quantity": "{{strategy.order.contracts}}",
  "market_position": "{{strategy.market_position}}",
  "prev_market_position": "{{strategy.prev_market_position}}",
  "market_position_size": "{{strategy.market_position_size}}",
  "prev_market_position_size": "{{strategy.prev_market_position_size}}",
  "order_id": "{{strategy.order.id}}",
  "price": "{{strategy.order.price}}",
  "time": "{{timenow}}"
}"""

INDICATOR_ALERT = """{
  "symbol": "{{ticker}}",
  "action": "buy",
  "price": "{{close}}",
  "time": "{{timenow}}"
}"""

NOTES = [
    "Paste the text into the alert's Message field and the webhook URL into Notifications.",
    "An indicator alert says buy or sell itself: change the word for each alert.",
    "Without a size in the alert, the strategy's own sizing decides.",
]
