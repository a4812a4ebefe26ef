import { Link } from "@tanstack/react-router";

import type { Signal } from "../../api/questions";
import { marketOf } from "../../format/markets";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { Side } from "../../ui/Side";
import { outcomeOf } from "./decisions";
import style from "./GoneCard.module.css";
import { useDecided } from "./useCards";

interface Properties {
  before: Signal;
  me: string;
  onDismiss: (id: string) => void;
}

/** A card that is decided or has run out: it says what became of it, and stays until dismissed. */
export function GoneCard({ before, me, onDismiss }: Properties) {
  const signal = useDecided(before.id);
  const outcome = signal ? outcomeOf(signal, me) : null;
  return (
    <article className={style.gone} data-tone={outcome?.tone ?? "none"}>
      <Side side={before.position_side} />
      <b>{marketOf(before.symbol).name}</b>
      <span className={style.words} role="status">
        {outcome?.words ?? "Asking what became of it."}{" "}
        {signal?.status === "executed" && <Link to="/positions">See the position</Link>}
      </span>
      <Button
        kind="bare"
        label="Dismiss"
        onPress={() => {
          onDismiss(before.id);
        }}
      >
        <Icon name="cross" size={16} />
      </Button>
    </article>
  );
}
