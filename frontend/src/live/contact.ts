/** When the server was last heard, and what its clock says. */

import { useSyncExternalStore } from "react";

const STALE_AFTER = 5_000;
const TICK = 1_000;
// The header names whole seconds: less than that says nothing about this machine's clock.
const NOTICEABLE = 2_000;

export type Contact = "live" | "stale" | "offline";

const listeners = new Set<() => void>();
let heardAt = Date.now();
let isSilent = false;
let offset = 0;
let ticking: ReturnType<typeof setInterval> | undefined;
let tick = Date.now();

export function noteAnswer(answer: Response): void {
  heardAt = Date.now();
  isSilent = false;
  const said = Date.parse(answer.headers.get("date") ?? "");
  const apart = said - heardAt;
  if (!Number.isNaN(said)) offset = Math.abs(apart) > NOTICEABLE ? apart : 0;
}

export function noteSilence(): void {
  isSilent = true;
}

/** The moment it is at the server, in milliseconds. */
export function serverNow(): number {
  return Date.now() + offset;
}

/** The same, told once a second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => tick) + offset;
}

/** Whether what is shown can be believed. */
export function useContact(): Contact {
  return useSyncExternalStore(subscribe, contact);
}

export function heardLastAt(): number {
  return heardAt;
}

/** For how long nothing was heard, in milliseconds, told once a second. */
export function useSilence(): number {
  return Math.max(0, useSyncExternalStore(subscribe, () => tick) - heardAt);
}

/** Whether the last request was answered, and not too long ago. */
export function contactOf(silence: number, wasRefused: boolean): Contact {
  if (silence < STALE_AFTER) return "live";
  return wasRefused ? "offline" : "stale";
}

function contact(): Contact {
  return contactOf(tick - heardAt, isSilent);
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  ticking ??= setInterval(() => {
    tick = Date.now();
    for (const each of listeners) each();
  }, TICK);
  return () => {
    listeners.delete(tell);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}
