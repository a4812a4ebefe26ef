import type { UseQueryResult } from "@tanstack/react-query";

import { api, ask } from "../../api/client";
import { type Preview, type Signal, SIGNALS } from "../../api/questions";
import { useLive } from "../../live/live";

/** What approving it now would do, asked again and again while the card is there. */
export function usePreview(signal: Signal): UseQueryResult<Preview> {
  const path = { signal_id: signal.id };
  return useLive([...SIGNALS, signal.id, "preview"], () =>
    ask(api.GET("/signals/{signal_id}/preview", { params: { path } })),
  );
}
