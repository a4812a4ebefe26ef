import { useState } from "react";

import { api, ask } from "../../api/client";
import { type Preview, type Signal, useAccounts } from "../../api/questions";
import { type DecimalText } from "../../format/decimal";
import { useSettled } from "../../live/live";
import { type Level, LevelChart } from "../../ui/LevelChart";
import { placesIn } from "./places";

const CANDLES = 60;

interface Properties {
  signal: Signal;
  preview: Preview;
}

/** Entry, stop and target, over the last hour where its candles are kept, and since the card came. */
export function SignalChart({ signal, preview }: Properties) {
  const prices = usePrices(signal, preview);
  if (preview.entry_price == null) return null;
  const levels: Level[] = [{ name: "Price", price: preview.entry_price, tone: "entry" }];
  if (preview.stop_loss != null) levels.push({ name: "Stop", price: preview.stop_loss, tone: "stop" });
  if (preview.take_profit != null) levels.push({ name: "Target", price: preview.take_profit, tone: "target" });
  return <LevelChart prices={prices} levels={levels} places={placesIn(signal, preview)} />;
}

function usePrices(signal: Signal, preview: Preview): DecimalText[] {
  const account = useAccounts().data?.find((one) => one.id === signal.account_id);
  const query = { symbol: signal.symbol, timeframe: "1m", limit: CANDLES, exchange: account?.exchange ?? "" };
  const candles = useSettled(
    ["candles", query.exchange, signal.symbol],
    async () => (await ask(api.GET("/candles", { params: { query } }))).items,
    account !== undefined,
  ).data;
  const [seen, setSeen] = useState<readonly { at: string; price: DecimalText }[]>([]);
  const [at, price] = [preview.price_at, preview.entry_price];
  if (at != null && price != null && seen.at(-1)?.at !== at) setSeen([...seen, { at, price }]);
  return [...(candles ?? []).map((one) => one.close).reverse(), ...seen.map((one) => one.price)];
}
