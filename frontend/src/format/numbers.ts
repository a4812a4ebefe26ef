/** Numbers as a trader reads them. The minus is U+2212, as wide as the plus. */

import { type DecimalText, negated, placesOf, rounded, signOf } from "./decimal";

const MINUS = "\u2212";
/** What is not known is said to be so, never shown as 0. */
export const UNKNOWN = "—";

/** Thousands with commas. */
function grouped(text: DecimalText): string {
  const [whole = "", part] = text.replace("-", MINUS).split(".");
  const withCommas = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part === undefined ? withCommas : `${withCommas}.${part}`;
}

/** A price or a quantity: every digit that there is, and at least `places` of them. */
export function exact(text: DecimalText | null | undefined, places = 0): string {
  if (text == null) return UNKNOWN;
  return grouped(rounded(text, Math.max(places, placesOf(text))));
}

/** An amount of money without its sign: two places; below one cent four digits that count. */
export function amount(text: DecimalText | null | undefined): string {
  if (text == null) return UNKNOWN;
  return grouped(rounded(text, moneyPlaces(text)));
}

/** A gain or a loss with its sign; nothing has none. */
export function signed(text: DecimalText | null | undefined): string {
  return withSign(text, (one) => amount(one));
}

/** A share in percent, with its sign: `+0.07 %`. */
export function signedPercent(text: DecimalText | null | undefined): string {
  return withSign(text, percent);
}

/** A share in percent: `0.50 %`. */
export function percent(text: DecimalText | null | undefined): string {
  return text == null ? UNKNOWN : `${grouped(rounded(text, 2))}\u00a0%`;
}

function withSign(text: DecimalText | null | undefined, write: (one: DecimalText) => string): string {
  if (text == null) return UNKNOWN;
  const sign = signOf(rounded(text, moneyPlaces(text)));
  if (sign === 0) return write("0");
  return sign > 0 ? `+${write(text)}` : `${MINUS}${write(negated(text))}`;
}

function moneyPlaces(text: DecimalText): number {
  const part = /^-?0+\.(0*)[1-9]/.exec(text)?.[1];
  if (part === undefined || part.length < 2) return 2;
  return Math.min(part.length + 4, Math.max(2, placesOf(text)));
}
