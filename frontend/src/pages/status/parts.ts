/** The parts of the house, as the status tells them. */

export interface Part {
  name: string;
  status: string;
  details: Record<string, unknown>;
}

const NAMES: Partial<Record<string, string>> = {
  database: "Database",
  disk: "Disk",
  accounts: "Exchange accounts",
  trading: "Trading",
  monitor: "Guard of positions",
  lanes: "Work",
  prices: "Prices",
  bots: "Bots",
  limits: "Requests to exchanges",
};

const ADVICE: Partial<Record<string, string>> = {
  database: "Nothing can be kept. Look at the database and the disk; alerts are answered so that they are sent again.",
  disk: "Make room: without it alerts can no longer be kept.",
  accounts: "Check the keys of the account, and whether the exchange answers.",
  trading: "No new position is opened on that account until it agrees with the exchange. What is open stays guarded.",
  monitor: "A position waits for a price that is old. Stops at the exchange hold meanwhile.",
  bots: "A bot has stopped. Its page says why.",
};

/** Every part with a status of its own. */
export function partsOf(answer: object): Part[] {
  return Object.entries(answer).flatMap(([name, part]) => {
    if (typeof part !== "object" || part === null || !("status" in part)) return [];
    const { status, ...details } = part as Record<string, unknown>;
    return [{ name, status: String(status), details }];
  });
}

export function nameOf(name: string): string {
  return NAMES[name] ?? name;
}

/** What to do about a part that is not well; null where there is nothing to say. */
export function adviceFor(name: string): string | null {
  return ADVICE[name] ?? null;
}

/** The figures of a part in one line: only what a line can say. */
export function sayingOf(part: Part): string {
  return Object.entries(part.details)
    .flatMap(([name, value]) => {
      const words = name.replace(/_(seconds|ms|bytes|percent)$/, "").replaceAll("_", " ");
      const text = textOf(name, value);
      return text === null ? [] : [`${words} ${text}`];
    })
    .join(" · ");
}

function textOf(name: string, value: unknown): string | null {
  if (Array.isArray(value)) return value.length > 0 ? String(value.length) : null;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return value;
  if (typeof value !== "number") return null;
  if (name.endsWith("_seconds")) return `${value.toFixed(1)} s`;
  if (name.endsWith("_ms")) return `${value.toFixed(1)} ms`;
  if (name.endsWith("_bytes")) return `${(value / 1e9).toFixed(1)} GB`;
  return name.endsWith("_percent") ? `${value} %` : String(value);
}
