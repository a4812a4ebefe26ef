import { useCallback, useState } from "react";

import { api, ask } from "../../api/client";
import { type Signal, SIGNALS } from "../../api/questions";
import { useLive } from "../../live/live";
import { appended } from "./decisions";

/**
 * The cards in the order in which they came. One that is decided or has run out stays where it is
 * until it is dismissed: nothing moves under a finger.
 */
export function useCards(pending: readonly Signal[]): {
  cards: readonly Signal[];
  dismiss: (id: string) => void;
} {
  const [cards, setCards] = useState<readonly Signal[]>([]);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const next = appended(cards, pending);
  if (next !== cards) setCards(next);
  const dismiss = useCallback((id: string) => {
    setDismissed((before) => new Set(before).add(id));
  }, []);
  return { cards: next.filter((one) => !dismissed.has(one.id)), dismiss };
}

/** A signal that was pending a moment ago, as it is now. */
export function useDecided(id: string): Signal | undefined {
  return useLive([...SIGNALS, id], () =>
    ask(api.GET("/signals/{signal_id}", { params: { path: { signal_id: id } } })),
  ).data;
}
