import { useState } from "react";

import { api, ask } from "../../api/client";
import { type Position, POSITIONS } from "../../api/questions";
import { requestKey } from "../../api/requestKey";
import { compared } from "../../format/decimal";
import { marketOf } from "../../format/markets";
import { refresh } from "../../live/live";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Money } from "../../ui/Money";
import { Problem } from "../../ui/Page";
import style from "./Levels.module.css";
import { isLevel, resultAt, stepped } from "./levels";

const LEVELS = { ArrowUp: 1, ArrowDown: -1 } as const;

/** Stop, target and trailing distance, to be moved; what is there counts until the server says so. */
export function Levels({ position }: { position: Position }) {
  const [stop, setStop] = useState(position.stop_loss ?? "");
  const [target, setTarget] = useState(position.take_profit ?? "");
  const [trail, setTrail] = useState(position.trailing_percent ?? "");
  const [isMoving, setIsMoving] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const market = marketOf(position.symbol);
  // Several targets are moved by the alert that brought them, not here one by one.
  const hasSeveral = position.targets !== null;
  const changes = changesOf(position, { stop, target, trail });
  const isValid = [stop, target, trail].every(isLevel);

  const move = async (): Promise<void> => {
    setIsMoving(true);
    setProblem(null);
    const params = { path: { position_id: position.id }, header: { "Idempotency-Key": requestKey() } };
    try {
      await ask(api.PATCH("/positions/{position_id}", { params, body: changes }));
    } catch (refusal) {
      setProblem(refusal);
    }
    await refresh(POSITIONS);
    setIsMoving(false);
  };

  return (
    <form
      className={style.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) void move();
      }}
    >
      <div className={style.pair}>
        <LevelField label="Stop" value={stop} onChange={setStop} />
        {!hasSeveral && <LevelField label="Target" value={target} onChange={setTarget} />}
      </div>
      <LevelField label="Trail the stop by" value={trail} onChange={setTrail} unit="%" />
      <dl className={style.results}>
        <AtLevel position={position} level={stop} isStop currency={market.quote} />
        {!hasSeveral && <AtLevel position={position} level={target} isStop={false} currency={market.quote} />}
      </dl>
      {problem !== null && <Problem problem={problem} />}
      {Object.keys(changes).length > 0 && (
        <div className={style.foot}>
          <Button type="submit" kind="filled" isDisabled={!isValid || isMoving}>
            {isMoving ? "Moving" : "Move it"}
          </Button>
          <Button
            onPress={() => {
              setStop(position.stop_loss ?? "");
              setTarget(position.take_profit ?? "");
              setTrail(position.trailing_percent ?? "");
            }}
          >
            Put it back
          </Button>
        </div>
      )}
    </form>
  );
}

interface FieldProperties {
  label: string;
  value: string;
  onChange: (value: string) => void;
  unit?: string;
}

function LevelField({ label, value, onChange, unit }: FieldProperties) {
  return (
    <TextField
      label={label}
      value={value}
      onChange={onChange}
      inputMode="decimal"
      problem={isLevel(value) ? null : "A number above 0, as 61240.5; empty takes it away."}
      {...(unit === undefined ? {} : { unit })}
      onKey={(key) => {
        const step = LEVELS[key as keyof typeof LEVELS] as 1 | -1 | undefined;
        if (step === undefined || value === "" || !isLevel(value)) return false;
        onChange(stepped(value, step));
        return true;
      }}
    />
  );
}

interface AtProperties {
  position: Position;
  level: string;
  isStop: boolean;
  currency: string;
}

/** What it would earn or lose there, before fees. */
function AtLevel({ position, level, isStop, currency }: AtProperties) {
  const result = isLevel(level) && level !== "" ? resultAt(position, level) : null;
  const isGain = result !== null && compared(result, "0") > 0;
  const name = isStop ? (isGain ? "Locked in at stop" : "Loss at stop") : isGain ? "Profit at target" : "Loss at target";
  return (
    <div>
      <dt>{name}</dt>
      <dd>{result === null ? "—" : <Money value={result} currency={currency} />}</dd>
    </div>
  );
}

function changesOf(
  position: Position,
  typed: { stop: string; target: string; trail: string },
): { stop_loss?: string | null; take_profit?: string | null; trailing_percent?: string | null } {
  const before = [position.stop_loss, position.take_profit, position.trailing_percent];
  const [stop, target, trail] = [typed.stop, typed.target, typed.trail].map((one) => one.trim() || null);
  return {
    ...(stop === before[0] ? {} : { stop_loss: stop ?? null }),
    ...(target === before[1] ? {} : { take_profit: target ?? null }),
    ...(trail === before[2] ? {} : { trailing_percent: trail ?? null }),
  };
}
