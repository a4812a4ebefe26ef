/**
 * What keeps pages fresh: each question is asked again while its page is open. Pages know this
 * module alone and not how it does so.
 */

import { keepPreviousData, QueryClient, useQuery, type UseQueryResult } from "@tanstack/react-query";

import { ApiProblem } from "../api/problems";

export const EVERY = 2_000;
const SELDOM = 30_000;

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      // The next turn asks again anyway; what is refused is refused.
      retry: (count, problem) => count < 1 && !(problem instanceof ApiProblem),
      staleTime: 1_000,
      gcTime: 60_000,
    },
    mutations: { retry: false },
  },
});

type Key = readonly unknown[];

/** What changes by itself: prices, signals, positions. */
export function useLive<T>(key: Key, question: () => Promise<T>, isWanted = true): UseQueryResult<T> {
  return useQuery({
    queryKey: key,
    queryFn: question,
    enabled: isWanted,
    refetchInterval: EVERY,
    // A trader looks at the chart in the other window: what is shown here still has to be true.
    refetchIntervalInBackground: true,
    placeholderData: keepPreviousData,
  });
}

/** What changes when somebody changes it: strategies, accounts. */
export function useSettled<T>(key: Key, question: () => Promise<T>, isWanted = true): UseQueryResult<T> {
  return useQuery({
    queryKey: key,
    queryFn: question,
    enabled: isWanted,
    refetchInterval: SELDOM,
  });
}

/** Resolves once nothing is being asked, or after two seconds. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < 40 && cache.isFetching() > 0; turns += 1) {
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

/** Ask everything below that key again now, after something was done about it. */
export async function refresh(...keys: Key[]): Promise<void> {
  await Promise.all(keys.map((queryKey) => cache.invalidateQueries({ queryKey })));
}
