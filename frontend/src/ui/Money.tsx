import { type DecimalText, rounded, signOf } from "../format/decimal";
import { signed } from "../format/numbers";
import style from "./Money.module.css";

interface Properties {
  value: DecimalText | null | undefined;
  currency?: string;
  /** With an arrow, so that colour is not all that says it. */
  hasArrow?: boolean;
}

/** A gain or a loss, in its colour and with its sign. Nothing has neither. */
export function Money({ value, currency, hasArrow = false }: Properties) {
  const sign = value == null ? 0 : signOf(rounded(value, 8));
  const tone = sign > 0 ? "up" : sign < 0 ? "down" : "";
  return (
    <span className={`${tone} ${style.money}`}>
      {hasArrow && sign !== 0 && (
        <svg className={style.arrow} viewBox="0 0 10 8" aria-hidden="true">
          <path d={sign > 0 ? "M5 0 10 8H0z" : "M5 8 0 0h10z"} fill="currentColor" />
        </svg>
      )}
      {signed(value)}
      {currency !== undefined && <span className={style.currency}> {currency}</span>}
    </span>
  );
}
