/** Durations and clocks. Moments are text with a zone, as the API gives them. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, or how long: `12 s`, `4 min`, `2 h 19 min`, `3 d 4 h`. */
export function age(milliseconds: number): string {
  const span = Math.max(0, milliseconds);
  if (span < MINUTE) return `${Math.floor(span / SECOND)}\u00a0s`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)}\u00a0min`;
  if (span < DAY) return pair(span, HOUR, "h", MINUTE, "min");
  return pair(span, DAY, "d", HOUR, "h");
}

/** Time that runs out: `4:47`, in the last minute `42 s`, `2 h 19 min` where there is plenty. */
export function timeLeft(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / SECOND));
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds >= 3600) return age(seconds * SECOND);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The share of a span that is left, 1 at its beginning and 0 at its end. */
export function shareLeft(from: string, to: string, now: number): number {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  if (end <= begin) return 0;
  return Math.min(1, Math.max(0, (end - now) / (end - begin)));
}

/** A clock in that zone: `02:14:05`. */
export function clock(moment: string | number, zone: string): string {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "medium" }).format(
    new Date(moment),
  );
}

/** A day and a clock in that zone: `28 Nov, 02:14:05`. */
export function dayAndClock(moment: string | number, zone: string): string {
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
  return `${day.format(new Date(moment))}, ${clock(moment, zone)}`;
}

/** How much later, to a tenth of a second while that matters: `+11.2 s`, `+4 min`. */
export function later(from: string, to: string): string {
  const span = Date.parse(to) - Date.parse(from);
  return span < MINUTE ? `+${(span / SECOND).toFixed(1)}\u00a0s` : `+${age(span)}`;
}

/** The day in that zone, as `2026-11-28`. */
export function dayIn(moment: number, zone: string): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(new Date(moment));
}

function pair(span: number, large: number, one: string, small: number, two: string): string {
  const [whole, rest] = [Math.floor(span / large), Math.floor((span % large) / small)];
  return rest ? `${whole}\u00a0${one} ${rest}\u00a0${two}` : `${whole}\u00a0${one}`;
}
