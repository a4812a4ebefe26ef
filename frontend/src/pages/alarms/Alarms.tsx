import { useState } from "react";

import { api, ask } from "../../api/client";
import { usePerson } from "../../api/login";
import { sentenceIn } from "../../api/problems";
import { type Alarm, useStrategies } from "../../api/questions";
import { dayAndClock } from "../../format/time";
import { useLive } from "../../live/live";
import { Answered, Empty, PageHead } from "../../ui/Page";
import style from "./Alarms.module.css";
import { AlarmSheet } from "./AlarmSheet";
import { Preview } from "./Preview";

const LATEST = 50;

export default function Alarms() {
  const alarms = useLive(["alarms"], async () => {
    return (await ask(api.GET("/alarms", { params: { query: { limit: LATEST } } }))).items;
  });
  const [shown, show] = useState<string | null>(null);
  return (
    <>
      <PageHead title="Alarms" aside="the latest 50, as they came" />
      <div className={style.page}>
        <Answered of={alarms}>
          {(all) =>
            all.length === 0 ? (
              <Empty title="No alarm yet">
                Everything that reaches a strategy's URL is kept here, with its bytes and what became of it.
              </Empty>
            ) : (
              <ul className={style.list}>
                {all.map((one) => (
                  <AlarmLine key={one.id} alarm={one} onShow={show} />
                ))}
              </ul>
            )
          }
        </Answered>
        <Preview />
      </div>
      {shown !== null && (
        <AlarmSheet
          id={shown}
          onClose={() => {
            show(null);
          }}
        />
      )}
    </>
  );
}

function AlarmLine({ alarm, onShow }: { alarm: Alarm; onShow: (id: string) => void }) {
  const zone = usePerson()?.timezone ?? "UTC";
  const strategy = useStrategies().data?.find((one) => one.id === alarm.strategy_id);
  const isTaken = alarm.status === "accepted";
  return (
    <li className={style.line} data-status={alarm.status}>
      <button
        type="button"
        className={style.open}
        onClick={() => {
          onShow(alarm.id);
        }}
      >
        <b>{alarm.sentence ?? alarm.ticker ?? "Not understood"}</b>
      </button>
      <span className={style.status}>{alarm.is_test ? `${alarm.status}, test` : alarm.status}</span>
      {!isTaken && alarm.reason !== null && <span className={style.why}>{sentenceIn(alarm.reason)}</span>}
      <span className={style.when}>
        {dayAndClock(alarm.received_at, zone)}
        {strategy && ` · ${strategy.name}`}
        {alarm.deliveries > 1 && ` · delivered ${alarm.deliveries} times`}
      </span>
    </li>
  );
}
