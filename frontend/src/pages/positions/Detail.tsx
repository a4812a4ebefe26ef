import { lazy, Suspense, useState } from "react";

import { api, ask } from "../../api/client";
import { sentenceOf } from "../../api/problems";
import { type Position, POSITIONS } from "../../api/questions";
import { requestKey } from "../../api/requestKey";
import { type DecimalText } from "../../format/decimal";
import { marketOf } from "../../format/markets";
import { exact, signed } from "../../format/numbers";
import { refresh, useLive } from "../../live/live";
import { Button } from "../../ui/Button";
import { type Level, LevelChart } from "../../ui/LevelChart";
import { Answered, Panel, Skeleton } from "../../ui/Page";
import { Side } from "../../ui/Side";
import style from "./Detail.module.css";
import { Guard } from "./Guard";
import { Levels } from "./Levels";
import { pricePlaces } from "./Row";
import { Story } from "./Story";

const CloseDialog = lazy(() => import("./CloseDialog"));

/** One position: where it stands, its levels to move, its way from the alert to now. */
export function Detail({ id }: { id: string }) {
  const position = useLive([...POSITIONS, id], () =>
    ask(api.GET("/positions/{position_id}", { params: { path: { position_id: id } } })),
  );
  return (
    <Answered of={position} skeleton={<Skeleton rows={1} height={320} />}>
      {(one) => (
        <div className={style.columns}>
          <Panel>
            <Head position={one} />
            {one.status === "closed" ? <Result position={one} /> : <Standing position={one} />}
          </Panel>
          {one.status !== "closed" && (
            <div className={style.side}>
              <Panel title="Protection">
                <Levels key={levelsOf(one)} position={one} />
              </Panel>
            </div>
          )}
          <Panel title="From alert to now">
            <Story position={one} />
          </Panel>
        </div>
      )}
    </Answered>
  );
}

function Head({ position }: { position: Position }) {
  const [isClosing, setIsClosing] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const market = marketOf(position.symbol);

  const close = async (): Promise<void> => {
    setIsClosing(false);
    setProblem(null);
    const params = { path: { position_id: position.id }, header: { "Idempotency-Key": requestKey() } };
    try {
      await ask(api.POST("/positions/{position_id}/close", { params, body: {} }));
    } catch (refusal) {
      setProblem(refusal);
    }
    await refresh(POSITIONS);
  };

  return (
    <header className={style.head}>
      <h2>{market.name}</h2>
      <Side side={position.position_side} />
      <span className={style.guard}>
        <Guard position={position} />
      </span>
      {(position.status === "open" || position.status === "opening") && (
        <Button
          onPress={() => {
            setIsClosing(true);
          }}
        >
          Close position
        </Button>
      )}
      {problem !== null && (
        <p className={style.problem} role="alert">
          {sentenceOf(problem)}
        </p>
      )}
      {isClosing && (
        <Suspense>
          <CloseDialog
            position={position}
            onClose={() => void close()}
            onKeep={() => {
              setIsClosing(false);
            }}
          />
        </Suspense>
      )}
    </header>
  );
}

/** Its levels with the price among them, as it moved since this was opened. */
function Standing({ position }: { position: Position }) {
  const [seen, setSeen] = useState<readonly DecimalText[]>([]);
  if (position.price !== null && seen.at(-1) !== position.price) setSeen([...seen, position.price]);
  const levels: Level[] = [];
  if (position.entry_price !== null) levels.push({ name: "Entry", price: position.entry_price, tone: "entry" });
  if (position.stop_loss !== null) levels.push({ name: "Stop", price: position.stop_loss, tone: "stop" });
  if (position.take_profit !== null) levels.push({ name: "Target", price: position.take_profit, tone: "target" });
  if (position.price !== null) levels.push({ name: "Price now", price: position.price, tone: "now" });
  return (
    <>
      {position.protection_note !== null && <p className="amber">{position.protection_note}</p>}
      <LevelChart prices={seen} levels={levels} places={pricePlaces(position)} height={200} />
      <ul className={style.legend}>
        {levels.map((one) => (
          <li key={one.name} data-tone={one.tone}>
            {one.name}
          </li>
        ))}
      </ul>
    </>
  );
}

const REASONS: Partial<Record<string, string>> = {
  stop_loss: "Stopped out",
  take_profit: "Target reached",
  trailing_stop: "Trailing stop reached",
  signal: "Closed by an alert",
  user_stopped: "Closed by you",
  scheduled: "Sold at your price",
  risk: "Closed to protect it",
  liquidated: "Liquidated by the exchange",
  external: "Closed outside of Signalbox",
};

function Result({ position }: { position: Position }) {
  const market = marketOf(position.symbol);
  return (
    <p>
      {REASONS[position.close_reason ?? ""] ?? "Closed"} at {exact(position.exit_price)}. Result with fees:{" "}
      <b>
        {signed(position.realized_pnl)} {market.quote}
      </b>
      .
    </p>
  );
}

function levelsOf(position: Position): string {
  return [position.stop_loss, position.take_profit, position.trailing_percent].join("|");
}
