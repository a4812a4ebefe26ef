import { describe, expect, it } from "vitest";

import { partsOf, sayingOf } from "./parts";

describe("status", () => {
  const answer = {
    status: "degraded",
    version: "0.1.0",
    database: { status: "ok", latency_ms: 0.42, kind: "sqlite" },
    monitor: { status: "degraded", last_tick_age_seconds: 4.21, stale_symbols: ["BTC/USDT"], last: null },
  };

  it("is told part by part", () => {
    expect(partsOf(answer).map((part) => [part.name, part.status])).toEqual([
      ["database", "ok"],
      ["monitor", "degraded"],
    ]);
  });

  it("says figures with their units, and leaves out what is not there", () => {
    expect(partsOf(answer).map(sayingOf)).toEqual([
      "latency 0.4 ms · kind sqlite",
      "last tick age 4.2 s · stale symbols 1",
    ]);
  });
});
