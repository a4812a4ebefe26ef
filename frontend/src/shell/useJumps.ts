import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

import { isForPage } from "./keys";

const PLACES = { i: "/", p: "/positions", t: "/today", s: "/strategies" } as const;
const PATIENCE = 1_000;

/** `g` and a letter lead to a page, from everywhere. */
export function useJumps(): void {
  const navigate = useNavigate();
  useEffect(() => {
    let begunAt = 0;
    const listen = (event: KeyboardEvent): void => {
      if (!isForPage(event)) return;
      const place = PLACES[event.key as keyof typeof PLACES] as string | undefined;
      if (place !== undefined && Date.now() - begunAt < PATIENCE) {
        event.preventDefault();
        event.stopImmediatePropagation();
        void navigate({ to: place });
      }
      begunAt = event.key === "g" ? Date.now() : 0;
    };
    window.addEventListener("keydown", listen, { capture: true });
    return () => {
      window.removeEventListener("keydown", listen, { capture: true });
    };
  }, [navigate]);
}
