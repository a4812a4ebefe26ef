import type { Day } from "../../api/questions";
import { signOf, sum } from "../../format/decimal";
import { Money } from "../../ui/Money";
import style from "./Calendar.module.css";
import { daysOf, leading } from "./months";

const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

interface Properties {
  month: string;
  today: string;
  days: readonly Day[];
}

/** The month as weeks, each day with its result. */
export function Calendar({ month, today, days }: Properties) {
  return (
    <div className={style.calendar}>
      {WEEK.map((name) => (
        <span key={name} className={style.weekday}>
          {name}
        </span>
      ))}
      {Array.from({ length: leading(month) }, (_, at) => (
        <span key={at} />
      ))}
      {daysOf(month).map((date) => (
        <Cell key={date} date={date} isToday={date === today} days={days.filter((one) => one.date === date)} />
      ))}
    </div>
  );
}

interface CellProperties {
  date: string;
  isToday: boolean;
  days: readonly Day[];
}

function Cell({ date, isToday, days }: CellProperties) {
  const result = days.length === 0 ? null : sum(...days.map((one) => one.realized_pnl));
  const tone = result === null ? "none" : ["loss", "nothing", "gain"][signOf(result) + 1];
  return (
    <div className={style.cell} data-tone={tone} data-today={isToday}>
      <span className={style.number}>{Number(date.slice(8))}</span>
      {result !== null && <Money value={result} />}
    </div>
  );
}
