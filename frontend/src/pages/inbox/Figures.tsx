import type { Preview, Signal } from "../../api/questions";
import { compared, difference, drawn, negated, percentOf } from "../../format/decimal";
import { marketOf } from "../../format/markets";
import { amount, exact, percent, signed, signedPercent, UNKNOWN } from "../../format/numbers";
import style from "./Figures.module.css";
import { placesIn } from "./places";

interface Properties {
  signal: Signal;
  preview: Preview;
}

/** What it costs when it goes wrong, first and largest; then price and size. */
export function Figures({ signal, preview }: Properties) {
  const market = marketOf(signal.symbol);
  const places = placesIn(signal, preview);
  return (
    <dl className={style.figures}>
      <div className={style.loss}>
        <dt>Loss at stop</dt>
        <dd>
          <span className={style.large}>{lossWords(preview)}</span>
          {preview.loss_at_stop != null && ` ${market.quote}`}
        </dd>
        <dd className={style.more}>{riskWords(preview)}</dd>
      </div>
      <div>
        <dt>Price now</dt>
        <dd className={style.main}>{exact(preview.entry_price, places)}</dd>
        <dd className={style.more}>{driftWords(signal, preview, places)}</dd>
      </div>
      <div>
        <dt>Size</dt>
        <dd className={style.main}>
          {exact(preview.quantity)} {market.base}
        </dd>
        <dd className={style.more}>
          {amount(preview.notional)} {market.quote} · fee {amount(preview.fee)}
        </dd>
      </div>
    </dl>
  );
}

function lossWords(preview: Preview): string {
  if (preview.loss_at_stop == null) return UNKNOWN;
  // A stop beyond the entry keeps a gain: the server counts a loss, so that is below nothing.
  return signed(negated(preview.loss_at_stop));
}

function riskWords(preview: Preview): string {
  // It closes: there is nothing new to lose.
  if (preview.entry_price == null) return "";
  if (preview.stop_loss == null) return "No stop: the loss has no limit.";
  const share = preview.loss_at_stop_percent;
  const parts = share == null ? [] : [`${percent(share)} of equity`];
  const reward = rewardOf(preview);
  if (reward !== null) parts.push(`reward 1 : ${reward}`);
  return parts.join(" · ");
}

function rewardOf({ entry_price, stop_loss, take_profit }: Preview): string | null {
  if (entry_price == null || stop_loss == null || take_profit == null) return null;
  const risk = Math.abs(drawn(difference(entry_price, stop_loss)));
  return risk === 0 ? null : (Math.abs(drawn(difference(take_profit, entry_price))) / risk).toFixed(1);
}

function driftWords(signal: Signal, preview: Preview, places: number): string {
  const [then, now] = [signal.reference_price, preview.entry_price];
  if (then == null || now == null) return "";
  const drift = percentOf(difference(now, then), then);
  if (compared(now, then) === 0) return "as at the alert";
  return `${signedPercent(drift)} since ${exact(then, places)}`;
}
