/** What may be decided about a card, and when a key may do it. */

import type { Signal } from "../../api/questions";
import { sentenceIn } from "../../api/problems";

export type Verb = "approve" | "half" | "reject";
export type Move = "next" | "previous";

export const REASONS = [
  "Price ran away",
  "Too much open already",
  "News ahead",
  "I do not trust this alert",
  "Just a test",
] as const;

const KEYS: Partial<Record<string, Verb | Move>> = {
  a: "approve",
  h: "half",
  r: "reject",
  j: "next",
  k: "previous",
};
// A card that has just come up, or was just chosen, is not what the finger was meant for.
const SETTLING = 400;

/** Whether the cards have stood still for long enough that a press is meant for what it hits. */
export function isSettled(settledFor: number): boolean {
  return settledFor >= SETTLING;
}

export interface Standing {
  /** Milliseconds since the card appeared or was chosen. */
  settledFor: number;
  isInView: boolean;
  /** Whether the figures are of now and the rules allow it. */
  isApprovable: boolean;
}

/** What a key does now; null for nothing. */
export function actionOf(key: string, standing: Standing): Verb | Move | null {
  const action = KEYS[key];
  if (action === undefined) return null;
  if (action === "next" || action === "previous") return action;
  if (!isSettled(standing.settledFor) || !standing.isInView) return null;
  return action === "reject" || standing.isApprovable ? action : null;
}

/**
 * Those that were there stay where they are, as they are now or were last; new ones come behind
 * them, oldest first. The same list when nothing has changed.
 */
export function appended(before: readonly Signal[], pending: readonly Signal[]): readonly Signal[] {
  const now = new Map(pending.map((one) => [one.id, one]));
  const known = new Set(before.map((one) => one.id));
  const fresh = pending.filter((one) => !known.has(one.id));
  fresh.sort((one, other) => one.received_at.localeCompare(other.received_at));
  const kept = before.map((one) => now.get(one.id) ?? one);
  const isSame = fresh.length === 0 && kept.every((one, at) => one === before[at]);
  return isSame ? before : [...kept, ...fresh];
}

/** What became of a signal, as its card says it. */
export function outcomeOf(signal: Signal, me: string): { tone: "good" | "bad" | "none"; words: string } {
  const why = sentenceIn(signal.reason).replace(/\.$/, "");
  switch (signal.status) {
    case "approved":
    case "executing":
      return { tone: "good", words: `Approved ${by(signal, me)}. The order is on its way.` };
    case "executed":
      return { tone: "good", words: "Filled. It is a position now." };
    case "rejected":
      return { tone: "bad", words: `Rejected ${by(signal, me)}${why ? `: ${why}` : ""}. Nothing was sent.` };
    case "denied":
      return { tone: "bad", words: `Not allowed: ${why || "a risk rule says no"}. Nothing was sent.` };
    case "expired":
      return { tone: "none", words: why ? `${why}.` : "Expired. Nobody decided, nothing was sent." };
    case "superseded":
      return { tone: "none", words: why ? `${why}.` : "A newer alert took its place. Nothing was sent." };
    case "failed":
      return { tone: "bad", words: why ? `${why}.` : "It came to nothing: there was no fill." };
    default:
      return { tone: "none", words: "Waits for you." };
  }
}

function by(signal: Signal, me: string): string {
  return signal.decided_by === me || !signal.decided_by ? "by you" : `by ${signal.decided_by}`;
}
