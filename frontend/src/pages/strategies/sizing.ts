/** How large an entry is, in words, and what that comes to. */

import type { DecimalText } from "../../format/decimal";
import { drawn, percentOf, product, rounded } from "../../format/decimal";
import { amount, exact } from "../../format/numbers";

export type Mode = "risk_percent" | "notional" | "equity_percent" | "quantity" | "from_alert";

export const MODES = [
  ["risk_percent", "Percent of equity lost at the stop"],
  ["notional", "The same amount each time"],
  ["equity_percent", "Percent of equity"],
  ["quantity", "The same quantity each time"],
  ["from_alert", "What the alert says"],
] as const satisfies readonly (readonly [Mode, string])[];

export const UNITS: Record<Mode, string> = {
  risk_percent: "%",
  notional: "USDT",
  equity_percent: "%",
  quantity: "coins",
  from_alert: "USDT",
};

export function sizingWords(sizing: { mode: string; value?: string | null | undefined }): string {
  const value = sizing.value == null ? "" : exact(sizing.value);
  switch (sizing.mode) {
    case "risk_percent":
      return `risks ${value} % of equity`;
    case "notional":
      return `${value} USDT each`;
    case "equity_percent":
      return `${value} % of equity each`;
    case "quantity":
      return `${value} coins each`;
    default:
      return value ? `size from the alert, else ${value} USDT` : "size from the alert";
  }
}

/** A number above 0 as it is typed. */
export function isAmount(text: string): boolean {
  return /^\d{1,12}(\.\d{1,12})?$/.test(text.trim()) && drawn(text) > 0;
}

interface Example {
  mode: Mode;
  value: string;
  /** Distance of the stop in percent of the price; empty for none. */
  stop: string;
  equity: DecimalText;
}

/** What the settings mean in this trader's own money; null while they are not complete. */
export function exampleOf({ mode, value, stop, equity }: Example): string | null {
  if (!isAmount(value)) return null;
  const notional = notionalOf({ mode, value, stop, equity });
  if (notional === null) return null;
  const size = `Each entry is worth ${amount(notional)} USDT of your ${amount(equity)}`;
  if (!isAmount(stop)) return `${size}. Without a stop the loss has no limit.`;
  const loss = rounded(product(notional, product(stop, "0.01")), 2);
  const share = percentOf(loss, equity);
  return `${size}. At a stop ${stop} % away you lose ${amount(loss)} USDT${share === null ? "" : `, ${share} % of it`}, and fees.`;
}

function notionalOf({ mode, value, stop, equity }: Example): DecimalText | null {
  switch (mode) {
    case "notional":
      return value;
    case "equity_percent":
      return rounded(product(equity, product(value, "0.01")), 2);
    case "risk_percent":
      // What is lost at the stop is value % of equity, so the entry is that divided by the distance.
      return isAmount(stop) ? percentOf(product(equity, product(value, "0.01")), stop) : null;
    default:
      return null;
  }
}
