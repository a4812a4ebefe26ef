/** A market as the API names it, `BTC/USDT:USDT`, in its parts. */

export interface Market {
  /** As traders say it: `BTC/USDT`. */
  name: string;
  base: string;
  quote: string;
  kind: "spot" | "linear" | "inverse";
}

export function marketOf(symbol: string): Market {
  const [name = symbol, settle] = symbol.split(":");
  const [base = name, quote = ""] = name.split("/");
  const kind = settle === undefined ? "spot" : settle === quote ? "linear" : "inverse";
  return { name, base, quote, kind };
}
