/** Months and days as text, `2026-11` and `2026-11-28`: no zone can move them. */

export function monthOf(day: string): string {
  return day.slice(0, 7);
}

export function monthName(month: string): string {
  const format = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
  return format.format(new Date(`${month}-01T00:00:00Z`));
}

/** The month that many before or after. */
export function neighbour(month: string, step: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return new Date(Date.UTC(year, number - 1 + step, 1)).toISOString().slice(0, 7);
}

/** First and last day, both included. */
export function rangeOf(month: string): { from: string; to: string } {
  return { from: `${month}-01`, to: daysOf(month).at(-1) ?? `${month}-28` };
}

export function daysOf(month: string): string[] {
  const [year = 0, number = 1] = month.split("-").map(Number);
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return Array.from({ length }, (_, at) => `${month}-${String(at + 1).padStart(2, "0")}`);
}

/** How many places stay empty before the first, in weeks that begin on Monday. */
export function leading(month: string): number {
  return (new Date(`${month}-01T00:00:00Z`).getUTCDay() + 6) % 7;
}
