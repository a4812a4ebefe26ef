import { describe, expect, it } from "vitest";

import { amount, exact, percent, signed, signedPercent, UNKNOWN } from "./numbers";

describe("numbers as a trader reads them", () => {
  it("money has two places, its sign and commas", () => {
    expect(signed("-49.8")).toBe("\u221249.80");
    expect(signed("1234567.005")).toBe("+1,234,567.01");
    expect(amount("2510.8605")).toBe("2,510.86");
  });

  it("below one cent four digits count", () => {
    expect(signed("-0.000123456")).toBe("\u22120.0001235");
    expect(amount("0.005")).toBe("0.005");
  });

  it("nothing has no sign, and what is not known is not nothing", () => {
    expect(signed("0")).toBe("0.00");
    expect(signed("-0.000")).toBe("0.00");
    expect(signed(null)).toBe(UNKNOWN);
    expect(exact(undefined)).toBe(UNKNOWN);
  });

  it("prices and quantities keep every digit", () => {
    expect(exact("61240.5")).toBe("61,240.5");
    expect(exact("0.11024")).toBe("0.11024");
    expect(exact("60025", 1)).toBe("60,025.0");
  });

  it("percent has two places", () => {
    expect(percent("0.5")).toBe("0.50\u00a0%");
    expect(signedPercent("0.07")).toBe("+0.07\u00a0%");
  });
});
