import type { PositionRow } from "../../api/questions";
import { drawn } from "../../format/decimal";
import { age } from "../../format/time";
import { useNow } from "../../live/contact";
import { Icon } from "../../ui/Icon";
import style from "./Guard.module.css";

/** Who guards it at this moment; a position that nobody guards says for how long. */
export function Guard({ position }: { position: PositionRow }) {
  const now = useNow();
  if (position.status === "closing") return <Line tone="quiet" icon="half" words="Closing" />;
  if (position.status === "closed") return <Line tone="quiet" icon="check" words="Closed" />;
  if (position.naked_since !== null) {
    const before = drawn(position.naked_seconds) * 1_000;
    const span = before + now - Date.parse(position.naked_since);
    return (
      <span role="alert">
        <Line tone="down" icon="cross" words={`No stop for ${age(span)}`} />
      </span>
    );
  }
  if (position.protection === "venue") return <Line tone="up" icon="check" words="Stop at the exchange" />;
  if (position.protection === "monitor") return <Line tone="amber" icon="half" words="Guarded by us" />;
  const hasLevel = position.stop_loss !== null || position.take_profit !== null;
  return <Line tone="amber" icon="warning" words={hasLevel ? "Being placed" : "No stop, no target"} />;
}

interface Properties {
  tone: "up" | "down" | "amber" | "quiet";
  icon: "check" | "cross" | "half" | "warning";
  words: string;
}

function Line({ tone, icon, words }: Properties) {
  return (
    <span className={style.guard}>
      <span className={tone}>
        <Icon name={icon} size={15} />
      </span>
      <span className={tone === "up" ? "" : tone}>{words}</span>
    </span>
  );
}
