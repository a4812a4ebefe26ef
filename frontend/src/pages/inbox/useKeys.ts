import { useEffect, useRef } from "react";

import { isForPage } from "../../shell/keys";
import { actionOf, type Verb } from "./decisions";

/** What a card tells a key: whether it may be decided, and how. */
export interface Handle {
  isApprovable: boolean;
  /** The foot with the buttons: in view, or nothing is decided. */
  foot: HTMLElement | null;
  head: HTMLElement | null;
  act: (verb: Verb) => void;
}

/** The cards that are on the page, by the signal's id. */
export const handles = new Map<string, Handle>();

let movedAt = 0;

/** Milliseconds since a card last came, went or changed its height. */
export function stoodStillFor(): number {
  return Date.now() - movedAt;
}

/** j and k move from card to card; a, h and r decide the chosen one. */
export function useKeys(
  waiting: readonly string[],
  chosen: string | null,
  choose: (id: string) => void,
): void {
  const chosenAt = useRef(0);
  const standing = waiting.join();
  useEffect(() => {
    movedAt = Date.now();
  }, [standing]);
  useEffect(() => {
    chosenAt.current = Date.now();
  }, [chosen]);
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const handle = chosen === null ? undefined : handles.get(chosen);
      if (!isForPage(event) || chosen === null || !handle) return;
      const action = actionOf(event.key, {
        settledFor: Date.now() - chosenAt.current,
        isInView: isInView(handle.foot),
        isApprovable: handle.isApprovable,
      });
      if (action === null) return;
      event.preventDefault();
      if (action === "next" || action === "previous") {
        const at = waiting.indexOf(chosen) + (action === "next" ? 1 : -1);
        const goal = waiting[Math.min(waiting.length - 1, Math.max(0, at))];
        if (goal !== undefined) choose(goal);
        if (goal !== undefined) handles.get(goal)?.head?.scrollIntoView({ block: "nearest" });
        if (goal !== undefined) handles.get(goal)?.foot?.scrollIntoView({ block: "nearest" });
      } else handle.act(action);
    };
    window.addEventListener("keydown", listen);
    return () => {
      window.removeEventListener("keydown", listen);
    };
  }, [waiting, chosen, choose]);
}

function isInView(element: HTMLElement | null): boolean {
  if (!element) return false;
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= window.innerHeight;
}
