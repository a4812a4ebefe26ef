/** A browser's login. Its tokens are cookies that no script can read; all that is known here is whether there is one. */

import { useSyncExternalStore } from "react";

import { rememberLogin, wasLoggedIn } from "../remembered";

export interface Person {
  id: string;
  username: string;
  role: string;
  timezone: string;
}

const SESSION = "/auth/session";
const LOCK = "signalbox.refresh";

const listeners = new Set<() => void>();
let person: Person | null = null;
let refreshing: Promise<boolean> | null = null;

export function currentPerson(): Person | null {
  return person;
}

export function usePerson(): Person | null {
  return useSyncExternalStore(watchPerson, currentPerson);
}

/** Be told when somebody else is logged in, or nobody. */
export function watchPerson(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** Who is logged in here, from an earlier visit perhaps; null for nobody. */
export async function findPerson(): Promise<Person | null> {
  if (person || !wasLoggedIn()) return person;
  // Asked first, so that a login that goes on is not carried on once more by every tab.
  if ((await whoever()) || (await refreshLogin())) return person;
  return null;
}

/** Ask who is logged in now, and keep it. */
export async function whoever(): Promise<Person | null> {
  // Open to everybody, and tells parts only to those who are logged in: no error on the way.
  const status = (await (await fetch("/status-server")).json()) as Record<string, unknown>;
  if (!("version" in status)) return null;
  const answer = await fetch("/auth/me");
  if (!answer.ok) return null;
  setPerson((await answer.json()) as Person);
  return person;
}

/** Carry the login on; false when it has ended. One tab does it for all. */
export function refreshLogin(): Promise<boolean> {
  refreshing ??= alone(refreshed).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

/**
 * End the login here. The pages are left first: what they still ask would be refused afterwards.
 *
 * `quiet` waits until nothing is being asked any more.
 */
export async function logOut(quiet: () => Promise<void>): Promise<void> {
  forget();
  await quiet();
  await fetch(SESSION, { method: "DELETE" }).catch(() => null);
}

/** As if nobody had ever logged in: the pages show the way to the login. */
export function forget(): void {
  rememberLogin(false);
  setPerson(null);
}

async function refreshed(): Promise<boolean> {
  const isOn = await whoever().catch(() => null);
  if (isOn) return true;
  const answer = await fetch(`${SESSION}/refresh`, { method: "POST" }).catch(() => null);
  if (answer?.ok) return (await whoever()) !== null;
  // Only a clear no ends a login; a server that is away ends nothing.
  if (answer?.status === 401) forget();
  return false;
}

// A refresh token is good for one use: two tabs that use the same one would end the login.
async function alone(work: () => Promise<boolean>): Promise<boolean> {
  if (!("locks" in navigator)) return work();
  return navigator.locks.request(LOCK, work);
}

function setPerson(next: Person | null): void {
  if (JSON.stringify(next) === JSON.stringify(person)) return;
  person = next;
  if (next) rememberLogin(true);
  for (const tell of listeners) tell();
}
