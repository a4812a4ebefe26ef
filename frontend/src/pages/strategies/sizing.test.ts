import { describe, expect, it } from "vitest";

import { exampleOf, isAmount } from "./sizing";

describe("sizing in the trader's money", () => {
  it("risk divides by the distance of the stop", () => {
    // 0.5 % of 10000 is 50; at 2 % that is 2500.
    const words = exampleOf({ mode: "risk_percent", value: "0.5", stop: "2", equity: "10000" });
    expect(words).toContain("worth 2,500.00 USDT of your 10,000.00");
    expect(words).toContain("you lose 50.00 USDT, 0.50 % of it");
  });

  it("says that a loss without a stop has no limit", () => {
    expect(exampleOf({ mode: "notional", value: "250", stop: "", equity: "10000" })).toContain("no limit");
  });

  it("says nothing while it cannot know", () => {
    expect(exampleOf({ mode: "risk_percent", value: "1", stop: "", equity: "10000" })).toBeNull();
    expect(exampleOf({ mode: "notional", value: "x", stop: "2", equity: "10000" })).toBeNull();
    expect(exampleOf({ mode: "quantity", value: "1", stop: "2", equity: "10000" })).toBeNull();
    expect(isAmount("0")).toBe(false);
  });
});
