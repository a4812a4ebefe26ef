/** Risk rules as a card shows them: what refuses first, then what a trader asks about most. */

export interface RuleLine {
  rule: string;
  ok: boolean;
  detail: string;
}

const NAMES: Partial<Record<string, string>> = {
  owner_may_not_trade: "Your rights",
  kill_switch: "Kill switch",
  entries_on_hold: "Entries on hold",
  daily_loss_frozen: "Day's loss reached",
  market_halted: "Market",
  symbol_not_allowed: "Symbol",
  spot_cannot_short: "Spot",
  side_not_allowed: "Side",
  opposite_exposure: "Opposite position",
  already_in_position: "Already held",
  stale_price: "Price age",
  price_drift: "Drift",
  past_stop: "Past the stop",
  past_target: "Past the target",
  liquidation_before_stop: "Liquidation",
  leverage_in_use: "Leverage in use",
  max_leverage: "Leverage",
  min_notional: "Smallest size",
  max_open_positions: "Open positions",
  max_notional_per_symbol: "Size per symbol",
  max_notional_total: "Size in all",
  daily_loss_would_exceed: "Daily loss",
  max_orders_per_minute: "Orders per minute",
  insufficient_funds: "Funds",
  second_approval: "Second person",
};

const FIRST = [
  "daily_loss_would_exceed",
  "max_open_positions",
  "max_notional_per_symbol",
  "price_drift",
  "liquidation_before_stop",
  "insufficient_funds",
];

export function nameOf(rule: string): string {
  return NAMES[rule] ?? rule.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
}

/** Those to show, refusals first, and how many more have passed. */
export function shownRules(rules: readonly RuleLine[]): { shown: RuleLine[]; passed: RuleLine[] } {
  const refused = rules.filter((one) => !one.ok);
  const asked = FIRST.flatMap((name) => rules.filter((one) => one.ok && one.rule === name));
  const shown = [...refused, ...asked];
  return { shown, passed: rules.filter((one) => !shown.includes(one)) };
}
