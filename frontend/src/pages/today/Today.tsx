import { useState } from "react";

import { api, ask } from "../../api/client";
import { usePerson } from "../../api/login";
import { DAYS, type Day, useRisk } from "../../api/questions";
import { sum } from "../../format/decimal";
import { amount, exact } from "../../format/numbers";
import { dayIn } from "../../format/time";
import { useNow } from "../../live/contact";
import { useLive } from "../../live/live";
import { Button } from "../../ui/Button";
import { Money } from "../../ui/Money";
import { Answered, PageHead, Panel } from "../../ui/Page";
import { Calendar } from "./Calendar";
import { DayBars } from "./DayBars";
import { monthName, monthOf, neighbour, rangeOf } from "./months";
import style from "./Today.module.css";

export default function Today() {
  const zone = usePerson()?.timezone ?? "UTC";
  const today = dayIn(useNow(), zone);
  const [month, setMonth] = useState(() => monthOf(today));
  const isPaper = !(useRisk().data?.days.some((day) => !day.is_paper) ?? false);
  const range = rangeOf(month);
  const days = useLive([...DAYS, month], async () => {
    const query = { from: range.from, to: range.to };
    return (await ask(api.GET("/pnl/daily", { params: { query } }))).items;
  });
  return (
    <>
      <PageHead title="Today" aside={`days of ${zone}`}>
        <Button
          label="The month before"
          onPress={() => {
            setMonth(neighbour(month, -1));
          }}
        >
          ‹
        </Button>
        <span className={style.month}>{monthName(month)}</span>
        <Button
          label="The month after"
          isDisabled={month >= monthOf(today)}
          onPress={() => {
            setMonth(neighbour(month, 1));
          }}
        >
          ›
        </Button>
      </PageHead>
      <Answered of={days}>
        {(all) => {
          const shown = all.filter((one) => one.is_paper === isPaper);
          return (
            <div className={style.page}>
              <Headline day={shown.find((one) => one.date === today)} />
              <Panel title={monthName(month)}>
                <Whole days={shown} />
                <Calendar month={month} today={today} days={shown} />
              </Panel>
              <Panel title="Day by day">
                <DayBars days={shown} />
              </Panel>
            </div>
          );
        }}
      </Answered>
    </>
  );
}

function Headline({ day }: { day: Day | undefined }) {
  return (
    <Panel>
      <p className={style.headline}>
        <Money value={day?.realized_pnl ?? "0"} currency={day?.currency ?? "USDT"} hasArrow />
      </p>
      <p className="quiet">
        {day
          ? `${day.trades} closed, ${day.wins} won, ${day.losses} lost · fees ${amount(day.fees)} · funding ${exact(day.funding)}`
          : "No position was closed today."}
      </p>
    </Panel>
  );
}

function Whole({ days }: { days: readonly Day[] }) {
  const [trades, wins] = [count(days, "trades"), count(days, "wins")];
  return (
    <p className={style.whole}>
      <Money value={sum("0", ...days.map((day) => day.realized_pnl))} currency={days[0]?.currency ?? "USDT"} hasArrow />
      <span className="quiet">
        net · fees {amount(sum("0", ...days.map((day) => day.fees)))}
        {trades > 0 && ` · won ${wins} of ${trades}`}
      </span>
    </p>
  );
}

function count(days: readonly Day[], name: "trades" | "wins"): number {
  return days.reduce((all, day) => all + day[name], 0);
}
