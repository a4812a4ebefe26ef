/** The steps of an alert's story in a trader's words. */

import type { Stop } from "../../ui/Track";

const NAMES: Partial<Record<string, string>> = {
  "alarm.received": "Alert received",
  "alarm.accepted": "Understood",
  "alarm.refused": "Alert refused",
  "alarm.stale": "Alert too old",
  "alarm.ignored": "Alert ignored",
  "signal.approved": "Approved",
  "signal.rejected": "Rejected",
  "signal.denied": "Not allowed",
  "signal.expired": "Expired",
  "signal.sized": "Sized",
  "order.submitted": "Order sent",
  "order.open": "Rests at the exchange",
  "order.unknown": "No answer; asked the exchange",
  "order.rejected": "The exchange refused",
  "fill.executed": "Filled",
  "position.opened": "Position opened",
  "position.protected": "Stop live",
  "position.closed": "Position closed",
  "trade.booked": "Booked",
};

const QUIET = new Set([
  "alarm.stored",
  "alarm.understood",
  "signal.created",
  "signal.executing",
  "signal.executed",
  "order.created",
  "order.accepted",
  "order.filled",
  "order.cancel_requested",
]);

// Done by the program itself, which is the rule.
const HANDS = /\(by (system|worker|venue|rule:[a-z]+)\)/;

/** Whether a step says more than the one before it. */
export function isTold(step: string): boolean {
  return !QUIET.has(step);
}

export function nameOf(step: string): string {
  return NAMES[step] ?? step.replaceAll(/[._]/g, " ").replace(/^./, (letter) => letter.toUpperCase());
}

/** What the trail says of it, without the hand that wrote it down. */
export function detailOf(detail: string): string {
  const told = detail.replace(/ \(by [a-z]+(:[a-z]+)?\)$/, (by) => (HANDS.test(by) ? "" : by));
  return told.replace(/\b[a-z]+_[a-z_]+\b/g, (word) => word.replaceAll("_", " "));
}

export function markOf(step: string): Stop["mark"] {
  if (/unknown|naked|gap/.test(step)) return "twice";
  if (/expired|ignored|stale|superseded/.test(step)) return "nothing";
  return /refused|rejected|denied|failed/.test(step) ? "refused" : "done";
}
