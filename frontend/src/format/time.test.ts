import { describe, expect, it } from "vitest";

import { age, clock, dayIn, later, shareLeft, timeLeft } from "./time";

const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("time", () => {
  it("is told in the units that matter", () => {
    expect(plain(age(12_400))).toBe("12 s");
    expect(plain(age(4 * 60_000 + 59_000))).toBe("4 min");
    expect(plain(age(139 * 60_000))).toBe("2 h 19 min");
    expect(plain(age(76 * 3_600_000))).toBe("3 d 4 h");
    expect(plain(age(-5))).toBe("0 s");
  });

  it("left is a clock, and seconds in the last minute", () => {
    expect(timeLeft(287_000)).toBe("4:47");
    expect(plain(timeLeft(41_001))).toBe("42 s");
    expect(plain(timeLeft(-1))).toBe("0 s");
    expect(timeLeft(60_000)).toBe("1:00");
  });

  it("left as a share stays between nothing and all", () => {
    const [from, to] = ["2026-11-28T12:00:00Z", "2026-11-28T12:05:00Z"];
    expect(shareLeft(from, to, Date.parse("2026-11-28T12:04:00Z"))).toBeCloseTo(0.2);
    expect(shareLeft(from, to, Date.parse("2026-11-28T13:00:00Z"))).toBe(0);
    expect(shareLeft(to, from, 0)).toBe(0);
  });

  it("between two moments is told by how much later", () => {
    const from = "2026-11-28T12:00:00.000000Z";
    expect(plain(later(from, "2026-11-28T12:00:11.240000Z"))).toBe("+11.2 s");
    expect(plain(later(from, "2026-11-28T12:04:30.000000Z"))).toBe("+4 min");
  });

  it("is shown in the trader's zone", () => {
    expect(clock("2026-11-28T22:30:00Z", "Europe/Prague")).toBe("23:30:00");
    expect(dayIn(Date.parse("2026-11-28T23:30:00Z"), "Europe/Prague")).toBe("2026-11-29");
  });
});
