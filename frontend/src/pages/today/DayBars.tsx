import type { Day } from "../../api/questions";
import { drawn } from "../../format/decimal";
import { Money } from "../../ui/Money";
import style from "./DayBars.module.css";

/** Days with a result, newest first, as bars about nothing. */
export function DayBars({ days }: { days: readonly Day[] }) {
  const most = Math.max(...days.map((day) => Math.abs(drawn(day.realized_pnl))), 0.01);
  if (days.length === 0) return <p className="quiet">No position was closed in this month.</p>;
  return (
    <ul className={style.bars}>
      {days.map((day) => {
        const share = drawn(day.realized_pnl) / most;
        return (
          <li key={`${day.date} ${day.currency}`}>
            <span>{day.date.slice(8)}.</span>
            <span className={style.plot} aria-hidden="true">
              <i data-sign={Math.sign(share)} style={{ transform: `scaleX(${share.toFixed(3)})` }} />
            </span>
            <Money value={day.realized_pnl} currency={day.currency} />
          </li>
        );
      })}
    </ul>
  );
}
