/**
 * Exact arithmetic on numbers as the API writes them: text such as "-0.00012345", never a float.
 */

export type DecimalText = string;

interface Scaled {
  /** The number times ten to the power of `scale`. */
  digits: bigint;
  scale: number;
}

const PLAIN = /^(-?)(\d+)(?:\.(\d+))?$/;

function parse(text: DecimalText): Scaled {
  const found = PLAIN.exec(text);
  if (!found) throw new RangeError(`not a plain number: ${text}`);
  const [, minus = "", whole = "0", part = ""] = found;
  const digits = BigInt(whole + part);
  return { digits: minus ? -digits : digits, scale: part.length };
}

function write({ digits, scale }: Scaled): DecimalText {
  const isNegative = digits < 0n;
  const text = (isNegative ? -digits : digits).toString().padStart(scale + 1, "0");
  const whole = text.slice(0, text.length - scale);
  return (isNegative ? "-" : "") + (scale ? `${whole}.${text.slice(-scale)}` : whole);
}

function atScale(number: Scaled, scale: number): bigint {
  return number.digits * 10n ** BigInt(scale - number.scale);
}

/** -1, 0 or 1. */
export function signOf(text: DecimalText): -1 | 0 | 1 {
  const { digits } = parse(text);
  return digits < 0n ? -1 : digits > 0n ? 1 : 0;
}

export function negated(text: DecimalText): DecimalText {
  const { digits, scale } = parse(text);
  return write({ digits: -digits, scale });
}

export function sum(...terms: DecimalText[]): DecimalText {
  const numbers = terms.map(parse);
  const scale = Math.max(0, ...numbers.map((one) => one.scale));
  return write({ digits: numbers.reduce((all, one) => all + atScale(one, scale), 0n), scale });
}

export function difference(one: DecimalText, other: DecimalText): DecimalText {
  return sum(one, negated(other));
}

export function product(one: DecimalText, other: DecimalText): DecimalText {
  const [a, b] = [parse(one), parse(other)];
  return write({ digits: a.digits * b.digits, scale: a.scale + b.scale });
}

/** Less than, equal or more: -1, 0, 1. */
export function compared(one: DecimalText, other: DecimalText): -1 | 0 | 1 {
  return signOf(difference(one, other));
}

/** Half away from zero, to exactly that many places. */
export function rounded(text: DecimalText, places: number): DecimalText {
  const { digits, scale } = parse(text);
  if (scale <= places) return write({ digits: digits * 10n ** BigInt(places - scale), scale: places });
  return write({ digits: divided(digits, 10n ** BigInt(scale - places)), scale: places });
}

/** One as percent of the other, to that many places; null for a percentage of nothing. */
export function percentOf(part: DecimalText, whole: DecimalText, places = 2): DecimalText | null {
  const [a, b] = [parse(part), parse(whole)];
  if (b.digits === 0n) return null;
  const scale = Math.max(a.scale, b.scale);
  const numerator = atScale(a, scale) * 100n * 10n ** BigInt(places);
  return write({ digits: divided(numerator, atScale(b, scale)), scale: places });
}

/** The number of digits after the point that say something. */
export function placesOf(text: DecimalText): number {
  const { digits, scale } = parse(text);
  let [left, places] = [digits, scale];
  while (places > 0 && left % 10n === 0n) {
    left /= 10n;
    places -= 1;
  }
  return places;
}

/** For drawing alone: a coordinate may be a float, an amount may not. */
export function drawn(text: DecimalText): number {
  return Number(text);
}

function divided(numerator: bigint, denominator: bigint): bigint {
  const isNegative = numerator < 0n !== denominator < 0n;
  const [n, d] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  const quotient = (2n * n + d) / (2n * d);
  return isNegative ? -quotient : quotient;
}
