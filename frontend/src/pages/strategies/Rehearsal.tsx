import { useMutation } from "@tanstack/react-query";

import { api, ask } from "../../api/client";
import { Button } from "../../ui/Button";
import { Problem } from "../../ui/Page";
import { Track } from "../../ui/Track";
import style from "./Strategies.module.css";

interface Tried {
  step: string;
  ok: boolean;
  detail: string;
}

/** Every step, but the risk rules that passed as one. */
function worthTelling(steps: readonly Tried[]): Tried[] {
  const isQuiet = (one: Tried): boolean => one.ok && one.step.startsWith("risk.");
  const passed = steps.filter(isQuiet).length;
  const told = steps.filter((one) => !isQuiet(one));
  if (passed === 0) return told;
  const rules = { step: "risk", ok: true, detail: `${passed} risk rules passed.` };
  return [...told.slice(0, -1), rules, ...told.slice(-1)];
}

/** A test alert through the real door, with every step of its way; it cannot trade. */
export function Rehearsal({ strategyId }: { strategyId: string }) {
  const path = { strategy_id: strategyId };
  const test = useMutation({
    mutationFn: () => ask(api.POST("/strategies/{strategy_id}/test-alarm", { params: { path }, body: {} })),
  });
  return (
    <section className={style.section}>
      <h3>3. Try it, without trading</h3>
      <div className={style.foot}>
        <Button
          isDisabled={test.isPending}
          onPress={() => {
            test.mutate();
          }}
        >
          {test.isPending ? "Sending" : "Send a test alarm"}
        </Button>
      </div>
      {test.isError && <Problem problem={test.error} />}
      {test.data && (
        <Track
          stops={worthTelling(test.data.steps).map((step, at) => ({
            key: `${at} ${step.step}`,
            mark: step.ok ? "done" : "refused",
            when: step.step.replaceAll(/[._]/g, " "),
            what: step.detail,
          }))}
        />
      )}
    </section>
  );
}
