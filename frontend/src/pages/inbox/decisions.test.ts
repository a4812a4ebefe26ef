import { describe, expect, it } from "vitest";

import type { Signal } from "../../api/questions";
import { actionOf, appended, outcomeOf, type Standing } from "./decisions";

const READY: Standing = { settledFor: 1_000, isInView: true, isApprovable: true };

const signal = (changes: Partial<Signal>): Signal => changes as Signal;

describe("a key", () => {
  it("does what it says", () => {
    expect(["a", "h", "r", "j", "k", "x"].map((key) => actionOf(key, READY))).toEqual([
      "approve",
      "half",
      "reject",
      "next",
      "previous",
      null,
    ]);
  });

  it("decides nothing in the first moments of a card, or about one out of view", () => {
    expect(actionOf("a", { ...READY, settledFor: 399 })).toBeNull();
    expect(actionOf("r", { ...READY, isInView: false })).toBeNull();
    expect(actionOf("j", { ...READY, settledFor: 0, isInView: false })).toBe("next");
  });

  it("approves nothing that a rule refuses, and rejects it all the same", () => {
    const refused = { ...READY, isApprovable: false };
    expect(actionOf("a", refused)).toBeNull();
    expect(actionOf("h", refused)).toBeNull();
    expect(actionOf("r", refused)).toBe("reject");
  });
});

describe("cards", () => {
  const known = signal({ id: "known", received_at: "2026-11-28T12:00:00Z" });
  const gone = signal({ id: "gone", received_at: "2026-11-28T12:00:03Z" });

  it("never move: new ones come behind, oldest first", () => {
    const late = signal({ id: "late", received_at: "2026-11-28T12:00:02Z" });
    const early = signal({ id: "early", received_at: "2026-11-28T12:00:01Z" });
    expect(appended([gone, known], [late, early, known])).toEqual([gone, known, early, late]);
  });

  it("are the same list while nothing changes, and show what has", () => {
    const before = [gone, known];
    expect(appended(before, [known])).toBe(before);
    const changed = { ...known, quantity: "2" };
    expect(appended(before, [changed])).toEqual([gone, changed]);
  });

  it("say who decided elsewhere, and that nothing was sent", () => {
    const rejected = signal({ status: "rejected", decided_by: "anna", reason: "x: News ahead" });
    expect(outcomeOf(rejected, "ada").words).toBe("Rejected by anna: News ahead. Nothing was sent.");
    expect(outcomeOf(signal({ status: "approved", decided_by: "ada" }), "ada").words).toContain("by you");
    expect(outcomeOf(signal({ status: "expired", reason: null }), "ada").words).toContain("nothing was sent");
  });
});
