import { describe, expect, it } from "vitest";

import { compared, difference, percentOf, placesOf, product, rounded, sum } from "./decimal";

describe("decimals as text", () => {
  it("add where floats would not", () => {
    expect(sum("0.1", "0.2")).toBe("0.3");
    expect(sum("12345678901234567.12345678", "0.00000001")).toBe("12345678901234567.12345679");
    expect(difference("0.05", "0.11")).toBe("-0.06");
  });

  it("round half away from zero", () => {
    expect(rounded("1.005", 2)).toBe("1.01");
    expect(rounded("-1.005", 2)).toBe("-1.01");
    expect(rounded("7", 2)).toBe("7.00");
    expect(rounded("0.004", 2)).toBe("0.00");
  });

  it("multiply and compare by value", () => {
    expect(product("0.041", "61240.5")).toBe("2510.8605");
    expect(compared("1.10", "1.1")).toBe(0);
    expect(compared("-2", "1")).toBe(-1);
  });

  it("give percent, and none of nothing", () => {
    expect(percentOf("42.87", "61240.5")).toBe("0.07");
    expect(percentOf("-1", "3")).toBe("-33.33");
    expect(percentOf("1", "0")).toBeNull();
  });

  it("know how many places count", () => {
    expect(placesOf("61240.50")).toBe(1);
    expect(placesOf("7")).toBe(0);
  });

  it("refuse what is no plain number", () => {
    expect(() => sum("1e5")).toThrow(RangeError);
    expect(() => sum("")).toThrow(RangeError);
  });
});
