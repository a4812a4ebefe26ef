import { describe, expect, it } from "vitest";

import { isLevel, resultAt, stepped } from "./levels";

const LONG = { entry_price: "61145", quantity: "0.051", position_side: "long", symbol: "BTC/USDT:USDT" } as const;

describe("levels", () => {
  it("tell the money at a price, either way round", () => {
    // (60025 - 61145) * 0.051
    expect(resultAt(LONG, "60025")).toBe("-57.120");
    expect(resultAt({ ...LONG, position_side: "short" }, "60025")).toBe("57.120");
  });

  it("tell nothing where contracts are not coins", () => {
    expect(resultAt({ ...LONG, symbol: "BTC/USD:BTC" }, "60025")).toBeNull();
  });

  it("are numbers above nothing, or empty", () => {
    expect(["61240.5", " 7 ", ""].every(isLevel)).toBe(true);
    expect(["0", "-1", "1e5", "61,240", "abc"].some(isLevel)).toBe(false);
  });

  it("step in their last place and stay above nothing", () => {
    expect(stepped("61240.5", 1)).toBe("61240.6");
    expect(stepped("61240", -1)).toBe("61239");
    expect(stepped("0.1", -1)).toBe("0.1");
  });
});
