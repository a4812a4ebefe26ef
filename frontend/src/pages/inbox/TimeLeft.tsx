import type { Signal } from "../../api/questions";
import { age, shareLeft, timeLeft } from "../../format/time";
import { useNow } from "../../live/contact";
import style from "./TimeLeft.module.css";

const HURRY = 30_000;

export function TimeLeft({ signal }: { signal: Signal }) {
  const now = useNow();
  const left = Date.parse(signal.expires_at) - now;
  return (
    <span className={style.time}>
      <b className={left < HURRY ? "amber" : ""}>{timeLeft(left)}</b> left
      <span className={style.age}> · {age(now - Date.parse(signal.received_at))} old</span>
    </span>
  );
}

/** Shrinks with the time that is left, a step a second. */
export function TimeBar({ signal }: { signal: Signal }) {
  const now = useNow();
  const share = shareLeft(signal.received_at, signal.expires_at, now);
  const isUrgent = Date.parse(signal.expires_at) - now < HURRY;
  return (
    <div className={style.bar} data-urgent={isUrgent} aria-hidden="true">
      <i style={{ transform: `scaleX(${share.toFixed(4)})` }} />
    </div>
  );
}
