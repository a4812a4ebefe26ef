import { api, ask } from "../../api/client";
import { useSettled } from "../../live/live";
import { Copyable } from "../../ui/Copyable";
import { Answered, Skeleton } from "../../ui/Page";
import style from "./Strategies.module.css";

export function AlertText({ strategyId }: { strategyId: string }) {
  const path = { strategy_id: strategyId };
  const template = useSettled(["alert-template", strategyId], () =>
    ask(api.GET("/strategies/{strategy_id}/alert-template", { params: { path } })),
  );
  return (
    <section className={style.section}>
      <h3>2. Message, for TradingView's Message field</h3>
      <Answered of={template} skeleton={<Skeleton rows={1} height={80} />}>
        {(text) => (
          <>
            <p className="quiet">Of a strategy:</p>
            <Copyable label="Strategy's message" text={text.strategy_alert} />
            <p className="quiet">Of an indicator:</p>
            <Copyable label="Indicator's message" text={text.indicator_alert} />
            <ul className={style.notes}>
              {text.notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
            </ul>
          </>
        )}
      </Answered>
    </section>
  );
}
