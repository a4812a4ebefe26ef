import { api, ask } from "../../api/client";
import { usePerson } from "../../api/login";
import { type Signal, SIGNALS, useRisk } from "../../api/questions";
import { compared, drawn } from "../../format/decimal";
import { marketOf } from "../../format/markets";
import { amount } from "../../format/numbers";
import { clock } from "../../format/time";
import { useLive } from "../../live/live";
import { type Stop, Track } from "../../ui/Track";
import style from "./Aside.module.css";
import { outcomeOf } from "./decisions";

const LATEST = 12;
const SHOWN = 5;

/** What may still be lost today, and what was decided a moment ago. */
export function Aside() {
  return (
    <aside className={style.aside}>
      <Room />
      <Decided />
      <p className={style.keys}>
        <kbd>J</kbd> <kbd>K</kbd> move · <kbd>A</kbd> approve · <kbd>H</kbd> half · <kbd>R</kbd> reject ·{" "}
        <kbd>G</kbd> <kbd>P</kbd> positions
      </p>
    </aside>
  );
}

function Room() {
  const risk = useRisk().data;
  const day = risk?.days.find((one) => !one.is_paper) ?? risk?.days[0];
  const limit = risk?.limits.max_daily_loss;
  if (!day) return null;
  if (limit == null || day.left == null) {
    return (
      <section className={style.section}>
        <h3 className="quiet">Room left today</h3>
        <div className={style.room}>
          <p>You have set no limit for the day's loss.</p>
        </div>
      </section>
    );
  }
  const used = Math.min(1, Math.max(0, drawn(day.loss) / drawn(limit)));
  const isSpent = compared(day.left, "0") <= 0;
  return (
    <section className={style.section}>
      <h3 className="quiet">Room left today</h3>
      <div className={style.room}>
        <p>
          <b className={style.left}>{amount(day.left)}</b> {day.currency}
        </p>
        <div className={style.bar}>
          <i style={{ transform: `scaleX(${used.toFixed(3)})` }} />
        </div>
        <p className={style.small}>
          {isSpent
            ? `${amount(day.loss)} lost today: entries are off until your midnight. Stops and closes still work.`
            : `${amount(day.loss)} of ${amount(limit)} lost. At ${amount(limit)}, entries stop until your midnight.`}
        </p>
      </div>
    </section>
  );
}

function Decided() {
  const person = usePerson();
  const latest = useLive([...SIGNALS, "latest"], async () => {
    return (await ask(api.GET("/signals", { params: { query: { limit: LATEST } } }))).items;
  }).data;
  const decided = (latest ?? []).filter((one) => one.status !== "pending" && !one.is_test).slice(0, SHOWN);
  if (!person || decided.length === 0) return null;
  return (
    <section className={style.section}>
      <h3 className="quiet">Just decided</h3>
      <Track stops={decided.map((one) => stopOf(one, person.username, person.timezone))} />
    </section>
  );
}

function stopOf(signal: Signal, me: string, zone: string): Stop {
  const outcome = outcomeOf(signal, me);
  const mark = { good: "done", bad: "refused", none: "nothing" } as const;
  return {
    key: signal.id,
    mark: mark[outcome.tone],
    when: clock(signal.decided_at ?? signal.received_at, zone),
    what: (
      <>
        <b>
          {marketOf(signal.symbol).name} {signal.position_side}
        </b>{" "}
        {outcome.words}
      </>
    ),
  };
}
