import { useRef, useState } from "react";

import { api, ask } from "../../api/client";
import { POSITIONS, RISK, SIGNALS } from "../../api/questions";
import { requestKey } from "../../api/requestKey";
import { refresh } from "../../live/live";
import type { Verb } from "./decisions";

const HALF = "0.5";

export interface Deciding {
  /** What was sent and has no answer yet. */
  sending: Verb | null;
  problem: unknown;
  decide: (verb: Verb, reason?: string) => Promise<void>;
}

/** Send a decision about one signal. The same one sent again is the same request to the server. */
export function useDeciding(id: string): Deciding {
  const [sending, setSending] = useState<Verb | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const keys = useRef(new Map<string, string>());

  const decide = async (verb: Verb, reason?: string): Promise<void> => {
    if (sending) return;
    setSending(verb);
    setProblem(null);
    const name = `${verb} ${reason ?? ""}`;
    const key = keys.current.get(name) ?? requestKey();
    keys.current.set(name, key);
    try {
      await send(id, verb, reason, key);
    } catch (refusal) {
      setProblem(refusal);
    }
    await refresh(SIGNALS, POSITIONS, RISK);
    setSending(null);
  };
  return { sending, problem, decide };
}

async function send(id: string, verb: Verb, reason: string | undefined, key: string): Promise<void> {
  const params = { path: { signal_id: id }, header: { "Idempotency-Key": key } };
  if (verb === "reject") {
    await ask(api.POST("/signals/{signal_id}/reject", { params, body: { reason: reason ?? null } }));
    return;
  }
  const fraction = verb === "half" ? HALF : null;
  await ask(api.POST("/signals/{signal_id}/approve", { params, body: { fraction } }));
}
