import { describe, expect, it } from "vitest";

import { daysOf, leading, monthName, neighbour, rangeOf } from "./months";

describe("months", () => {
  it("have their days, leap years included", () => {
    expect(daysOf("2028-02")).toHaveLength(29);
    expect(rangeOf("2026-11")).toEqual({ from: "2026-11-01", to: "2026-11-30" });
  });

  it("follow each other over the year's end", () => {
    expect(neighbour("2026-12", 1)).toBe("2027-01");
    expect(neighbour("2026-01", -1)).toBe("2025-12");
  });

  it("begin on their weekday", () => {
    // 1 November 2026 is a Sunday, 1 June 2026 a Monday.
    expect([leading("2026-11"), leading("2026-06")]).toEqual([6, 0]);
    expect(monthName("2026-11")).toBe("November 2026");
  });
});
