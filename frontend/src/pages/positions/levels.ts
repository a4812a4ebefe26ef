/** What a level means for the money, and how it is stepped. */

import type { PositionRow } from "../../api/questions";
import { type DecimalText, difference, negated, placesOf, product, signOf, sum } from "../../format/decimal";
import { marketOf } from "../../format/markets";

const NUMBER = /^\d{1,20}(\.\d{1,18})?$/;

/** A price above 0, or nothing at all. */
export function isLevel(text: string): boolean {
  const typed = text.trim();
  return typed === "" || (NUMBER.test(typed) && signOf(typed) > 0);
}

type Held = Pick<PositionRow, "entry_price" | "quantity" | "position_side" | "symbol">;

/** Result at that price in quote, before fees; null where quantity times price is not money. */
export function resultAt(position: Held, level: DecimalText): DecimalText | null {
  if (position.entry_price === null || marketOf(position.symbol).kind === "inverse") return null;
  const gain = product(difference(level.trim(), position.entry_price), position.quantity);
  return position.position_side === "long" ? gain : negated(gain);
}

/** One up or down in its last place that counts. */
export function stepped(text: DecimalText, step: 1 | -1): DecimalText {
  const places = placesOf(text.trim());
  const unit = places === 0 ? "1" : `0.${"0".repeat(places - 1)}1`;
  const next = sum(text.trim(), step > 0 ? unit : negated(unit));
  return signOf(next) > 0 ? next : text;
}
