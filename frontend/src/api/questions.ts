/** The questions that more than one page asks, with the shapes of their answers. */

import type { UseQueryResult } from "@tanstack/react-query";

import { useLive, useSettled } from "../live/live";
import { api, ask } from "./client";
import type { paths } from "./schema";

type Get<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer T } } } };
}
  ? T
  : never;

export type Signal = Get<"/signals/{signal_id}">;
export type Preview = Get<"/signals/{signal_id}/preview">;
export type Position = Get<"/positions/{position_id}">;
export type PositionRow = Get<"/positions">["items"][number];
export type Strategy = Get<"/strategies/{strategy_id}">;
export type Account = Get<"/accounts/{account_id}">;
export type Alarm = Get<"/alarms">["items"][number];
export type Story = Get<"/alarms/{alarm_id}">;
export type Step = Story["timeline"][number];
export type RiskState = Get<"/risk/state">;
export type Day = Get<"/pnl/daily">["items"][number];
export type Candle = Get<"/candles">["items"][number];

export const SIGNALS = ["signals"] as const;
export const POSITIONS = ["positions"] as const;
export const STRATEGIES = ["strategies"] as const;
export const RISK = ["risk"] as const;
export const DAYS = ["days"] as const;

const MANY = 200;
const HELD = ["opening", "open", "closing"];

export function usePending(): UseQueryResult<Signal[]> {
  return useLive([...SIGNALS, "pending"], async () => {
    const query = { status: "pending", limit: MANY };
    return (await ask(api.GET("/signals", { params: { query } }))).items;
  });
}

export function useOpenPositions(): UseQueryResult<PositionRow[]> {
  return useLive([...POSITIONS, "open"], async () => {
    const pages = await Promise.all(
      HELD.map((status) => ask(api.GET("/positions", { params: { query: { status, limit: MANY } } }))),
    );
    return pages.flatMap((page) => page.items);
  });
}

export function useRisk(): UseQueryResult<RiskState> {
  return useLive(RISK, () => ask(api.GET("/risk/state")));
}

export function useCapital(): UseQueryResult<Get<"/capital/balance">> {
  return useLive(["capital"], () => ask(api.GET("/capital/balance")));
}

export function useStrategies(): UseQueryResult<Strategy[]> {
  return useSettled(STRATEGIES, async () => {
    return (await ask(api.GET("/strategies", { params: { query: { limit: MANY } } }))).items;
  });
}

export function useAccounts(): UseQueryResult<Account[]> {
  return useSettled(["accounts"], async () => {
    return (await ask(api.GET("/accounts", { params: { query: { limit: MANY } } }))).items;
  });
}
